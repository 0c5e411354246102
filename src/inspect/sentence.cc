#include "inspect/sentence.h"

#include <algorithm>
#include <array>
#include <chrono>

namespace squid_mesh::inline v1 {
namespace {

std::string join(const json& conditions, std::string_view word) {
  std::string text;
  for (const json& each : conditions) {
    if (!text.empty()) text += " " + std::string(word) + " ";
    text += condition_text(each);
  }
  return "(" + text + ")";
}

}  // namespace

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

std::string duration_text(microseconds length) {
  using namespace std::chrono_literals;
  const auto in = [length](microseconds unit, const char* name) { return std::to_string(length / unit) + " " + name; };
  if (length < 1s) return in(1ms, "ms");
  if (length < 1min) return in(1s, "s");
  if (length < 1h) return in(1min, "min");
  return length < 48h ? in(1h, "h") : in(24h, "days");
}

std::string shell_word(const std::string& text) {
  const auto is_plain = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           std::string_view("_-./:@%+,").contains(c);
  };
  if (!text.empty() && text.front() != '-' && std::ranges::all_of(text, is_plain)) return text;
  std::string quoted = "'";
  for (const char c : text) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + "'";
}

std::string condition_text(const json& condition) {
  if (condition.contains("all")) return join(condition["all"], "and");
  if (condition.contains("any")) return join(condition["any"], "or");
  if (condition.contains("not")) return "not " + condition_text(condition["not"]);
  const std::string path = condition.value("path", std::string());
  if (condition.contains("exists")) return path + " exists";
  constexpr std::array<std::array<std::string_view, 2>, 5> signs{
      {{"equals", "="}, {"not_equals", "!="}, {"greater_than", ">"}, {"less_than", "<"}, {"in", "in"}}};
  for (const auto& [key, sign] : signs) {
    if (const auto found = condition.find(key); found != condition.end()) {
      return path + " " + std::string(sign) + " " + found->dump();
    }
  }
  return condition.dump();
}

}  // namespace squid_mesh::inline v1
