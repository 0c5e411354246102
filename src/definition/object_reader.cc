#include "definition/object_reader.h"

#include <algorithm>
#include <cmath>

namespace squid_mesh::inline v1 {
namespace {

/// What the rules keep of each step is as long as the list of all steps.
constexpr std::size_t longest_list = 5000;

}  // namespace

void reader_state::unreadable(std::string_view rule, const detail::place& where, std::string_view message,
                              std::string_view culprit) {
  problems.add(rule, where, message, culprit);
  is_complete = false;
}

object_reader::object_reader(const json& value, const detail::place& where, reader_state& state)
    : where_(where), state_(state) {
  if (value.is_object()) {
    object_ = &value;
  } else {
    unreadable("json_has_the_wrong_type", "", "this must be an object");
  }
}

void object_reader::unreadable(std::string_view rule, std::string_view key, std::string_view message,
                               std::string_view culprit) {
  state_.unreadable(rule, {&where_, key}, message, culprit);
}

const json* object_reader::value(std::string_view key, presence need) {
  if (object_ == nullptr) return nullptr;
  known_.push_back(key);
  const auto found = object_->find(key);
  if (found != object_->end() && !found->is_null()) return &*found;
  if (need == presence::required) unreadable("json_key_is_missing", key, "the key is missing");
  return nullptr;
}

const json* object_reader::of_type(std::string_view key, presence need, bool (json::*has_type)() const noexcept,
                                   std::string_view type_name) {
  const json* found = value(key, need);
  if (found == nullptr || (found->*has_type)()) return found;
  unreadable("json_has_the_wrong_type", key, "this must be " + std::string(type_name));
  return nullptr;
}

void object_reader::text(std::string_view key, presence need, std::string& into) {
  if (const json* found = of_type(key, need, &json::is_string, "a string")) into = found->get_ref<const std::string&>();
}

void object_reader::boolean(std::string_view key, bool& into) {
  if (const json* found = of_type(key, presence::defaulted, &json::is_boolean, "a boolean")) into = found->get<bool>();
}

void object_reader::number(std::string_view key, double& into) {
  if (const json* found = of_type(key, presence::defaulted, &json::is_number, "a number")) into = found->get<double>();
}

void object_reader::duration(std::string_view key, presence need, milliseconds& into) {
  milliseconds::rep count = into.count();
  integer(key, need, count);
  into = milliseconds(count);
}

std::optional<std::int64_t> object_reader::whole_number(std::string_view key, presence need, std::int64_t min,
                                                        std::int64_t max) {
  const json* found = of_type(key, need, &json::is_number_integer, "an integer");
  if (found == nullptr) return std::nullopt;
  const bool too_large = found->is_number_unsigned() && found->get<std::uint64_t>() > static_cast<std::uint64_t>(max);
  if (too_large || found->get<std::int64_t>() < min || found->get<std::int64_t>() > max) {
    unreadable("json_number_is_out_of_range", key, "the number is out of range");
    return std::nullopt;
  }
  return found->get<std::int64_t>();
}

std::optional<std::size_t> object_reader::word_index(std::string_view key, presence need,
                                                     std::span<const std::string_view> words) {
  const json* found = of_type(key, need, &json::is_string, "a string");
  if (found == nullptr) return std::nullopt;
  const auto& text = found->get_ref<const std::string&>();
  const auto word = std::ranges::find(words, text);
  if (word != words.end()) return static_cast<std::size_t>(word - words.begin());
  std::string message = "this must be one of";
  for (const std::string_view w : words) message += ' ' + std::string(w);
  unreadable("json_word_is_unknown", key, message, text);
  return std::nullopt;
}

const json::array_t* object_reader::elements(std::string_view key, presence need) {
  const json* found = of_type(key, need, &json::is_array, "a list");
  if (found == nullptr) return nullptr;
  if (found->size() > longest_list) {
    unreadable("json_list_is_longer_than_5000", key, "the list is too long");
    return nullptr;
  }
  return found->get_ptr<const json::array_t*>();
}

void object_reader::no_other_keys() {
  if (object_ == nullptr) return;
  for (const auto& [key, value] : object_->items()) {
    if (std::ranges::find(known_, key) == known_.end()) {
      state_.problems.add("json_key_is_unknown", where_, "the key is unknown", key);
    }
  }
}

}  // namespace squid_mesh::inline v1
