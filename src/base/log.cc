#include <squid_mesh/log.hpp>

#include <array>

namespace squid_mesh::inline v1 {

std::string_view to_string(level severity) {
  constexpr std::array<std::string_view, 4> names{"debug", "info", "warning", "error"};
  return names.at(static_cast<std::size_t>(severity));
}

std::string to_text(const log_record& line) {
  std::string text;
  if (!line.step.empty()) {
    if (!line.workflow.empty()) text += std::string(line.workflow) + " ";
    if (line.run) text += to_string(*line.run) + " ";
    text += line.step;
    if (line.element) text += "[" + std::to_string(*line.element) + "]";
    if (line.attempt > 0) text += " #" + std::to_string(line.attempt);
    text += ": ";
  } else if (line.run) {
    text += "run " + to_string(*line.run) + ": ";
  }
  return text.append(line.message);
}

}  // namespace squid_mesh::inline v1
