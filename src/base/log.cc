#include <squid_mesh/log.hpp>

#include <array>

namespace squid_mesh::inline v1 {

std::string_view to_string(level severity) {
  constexpr std::array<std::string_view, 4> names{"debug", "info", "warning", "error"};
  return names.at(static_cast<std::size_t>(severity));
}

std::string to_text(const log_record& line) {
  std::string about(line.workflow);
  const auto add = [&](const std::string& part) { about += (about.empty() ? "" : " ") + part; };
  if (line.run) add(about.empty() ? "run " + to_string(*line.run) : to_string(*line.run));
  if (!line.step.empty()) add(std::string(line.step));
  if (line.element) about += "[" + std::to_string(*line.element) + "]";
  if (line.attempt > 0) about += " #" + std::to_string(line.attempt);
  if (!about.empty()) about += ": ";
  return about.append(line.message);
}

}  // namespace squid_mesh::inline v1
