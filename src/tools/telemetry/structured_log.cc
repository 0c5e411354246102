#include <squid_mesh/json.hpp>
#include <squid_mesh/structured_log.hpp>
#include <squid_mesh/time.hpp>

#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/rotating_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <array>
#include <chrono>
#include <utility>

namespace squid_mesh::inline v1 {
namespace {

spdlog::level::level_enum level_of(level severity) {
  constexpr std::array levels{spdlog::level::debug, spdlog::level::info, spdlog::level::warn, spdlog::level::err};
  return levels.at(static_cast<std::size_t>(severity));
}

std::string json_line(const log_record& line) {
  const auto now = std::chrono::time_point_cast<microseconds>(std::chrono::system_clock::now());
  json out = {{"time", to_string(now)}, {"level", to_string(line.severity)}, {"message", line.message}};
  if (line.run) out["run_id"] = to_string(*line.run);
  if (!line.workflow.empty()) out["workflow"] = line.workflow;
  if (!line.step.empty()) out["step"] = line.step;
  if (line.attempt > 0) out["attempt"] = line.attempt;
  if (line.element) out["element"] = *line.element;
  if (line.details != nullptr) out["details"] = *line.details;
  return out.dump(-1, ' ', false, json::error_handler_t::replace);
}

/// Nobody can write more lines into a log than it has.
std::string one_line(std::string text) {
  for (char& c : text) {
    if (c == '\n' || c == '\r') c = ' ';
  }
  return text;
}

result<spdlog::sink_ptr> sink_for(const log_options& options) {
  if (options.max_bytes > 0 && options.file.empty()) {
    return std::unexpected(error{.code = errc::invalid_argument, .message = "max_bytes is for a log file"});
  }
  if (options.max_files < 1 || options.max_files > 1'000) {
    return std::unexpected(error{.code = errc::invalid_argument, .message = "max_files has to be 1 to 1,000"});
  }
  try {
    if (options.file.empty()) return std::make_shared<spdlog::sinks::stderr_sink_mt>();
    if (options.max_bytes == 0) return std::make_shared<spdlog::sinks::basic_file_sink_mt>(options.file);
    return std::make_shared<spdlog::sinks::rotating_file_sink_mt>(options.file, options.max_bytes, options.max_files);
  } catch (const spdlog::spdlog_ex& e) {
    return std::unexpected(
        error{.code = errc::unavailable, .message = "the log file " + options.file + " can't be opened: " + e.what()});
  }
}

}  // namespace

result<log_sink> open_log(const log_options& options) {
  auto sink = sink_for(options);
  if (!sink) return std::unexpected(std::move(sink).error());
  auto logger = std::make_shared<spdlog::logger>("squid_mesh", *std::move(sink));
  logger->set_level(level_of(options.minimum));
  logger->flush_on(spdlog::level::debug);
  logger->set_error_handler([](const std::string&) {});
  const bool as_json = options.format == log_format::jsonl;
  // The JSON has its own time. Levels are called as elsewhere in the library, which spdlog's pattern doesn't do.
  logger->set_pattern(as_json ? "%v" : "%Y-%m-%d %H:%M:%S.%e %v");
  return log_sink([logger, as_json](const log_record& line) {
    const auto severity = level_of(line.severity);
    if (!logger->should_log(severity)) return;
    const std::string text =
        as_json ? json_line(line) : std::string(to_string(line.severity)) + " " + one_line(to_text(line));
    logger->log(severity, "{}", text);
  });
}

}  // namespace squid_mesh::inline v1
