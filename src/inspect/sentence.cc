#include "inspect/sentence.h"

namespace squid_mesh::inline v1 {

std::string in_quotes(std::string_view name) { return '"' + std::string(name) + '"'; }

std::string instant_text(time_point at) {
  std::string text = to_string(at).substr(0, 19);
  text[10] = ' ';
  return text + " UTC";
}

std::string list_text(const std::vector<std::string>& names) {
  std::string text;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (i > 0) text += i + 1 == names.size() ? " and " : ", ";
    text += in_quotes(names[i]);
  }
  return text;
}

std::string count_text(std::size_t count, std::string_view noun) {
  return std::to_string(count) + " " + std::string(noun) + (count == 1 ? "" : "s");
}

std::string message_text(const json& error) {
  std::string text = "unknown error";
  if (error.is_object() && error.contains("message") && error["message"].is_string()) text = error["message"];
  if (text.ends_with('.')) text.pop_back();
  return text;
}

}  // namespace squid_mesh::inline v1
