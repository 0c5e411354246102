// Reading the keys of one JSON object, and noticing those that nobody asked for.
#pragma once

#include "definition/problems.h"

#include <squid_mesh/json.hpp>
#include <squid_mesh/time.hpp>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace squid_mesh::inline v1 {

enum class presence { required, defaulted };

/// What the readers of one document share.
struct reader_state {
  problem_list& problems;
  bool is_complete = true;  ///< see `reading::is_complete`

  /// Reports that something can't be read.
  void unreadable(std::string_view rule, const detail::place& where, std::string_view message,
                  std::string_view culprit = {});
};

/// Each read leaves its target alone where the key is left out or its value can't be read; the latter is reported.
class object_reader {
 public:
  object_reader(const json& value, const detail::place& where, reader_state& state);

  void text(std::string_view key, presence need, std::string& into);
  void boolean(std::string_view key, bool& into);
  void number(std::string_view key, double& into);
  void duration(std::string_view key, presence need, milliseconds& into);
  template <class Integer>
  void integer(std::string_view key, presence need, Integer& into);
  /// One of some words, which stand for the enumerators in their order.
  template <class Enum>
  void word(std::string_view key, presence need, std::span<const std::string_view> words, Enum& into);
  /// A list, each element read by `read(element, place)`.
  template <class T, class Read>
  void list(std::string_view key, presence need, std::vector<T>& into, const Read& read);
  /// The value of a key; nullptr where it is left out or null.
  const json* value(std::string_view key, presence need = presence::defaulted);

  /// Reports the keys that nothing above has read. Call it last.
  void no_other_keys();

  [[nodiscard]] const detail::place& where() const { return where_; }
  /// Reports that the value of a key can't be read.
  void unreadable(std::string_view rule, std::string_view key, std::string_view message, std::string_view culprit = {});

 private:
  [[nodiscard]] const json* of_type(std::string_view key, presence need, bool (json::*has_type)() const noexcept,
                                    std::string_view type_name);
  std::optional<std::int64_t> whole_number(std::string_view key, presence need, std::int64_t min, std::int64_t max);
  std::optional<std::size_t> word_index(std::string_view key, presence need, std::span<const std::string_view> words);
  const json::array_t* elements(std::string_view key, presence need);

  const json* object_ = nullptr;  ///< nullptr: the value is no object, which has been reported
  const detail::place& where_;
  reader_state& state_;
  std::vector<std::string_view> known_;
};

template <class Integer>
void object_reader::integer(std::string_view key, presence need, Integer& into) {
  using limits = std::numeric_limits<Integer>;
  if (const auto number = whole_number(key, need, limits::min(), limits::max())) into = static_cast<Integer>(*number);
}

template <class Enum>
void object_reader::word(std::string_view key, presence need, std::span<const std::string_view> words, Enum& into) {
  if (const auto index = word_index(key, need, words)) into = static_cast<Enum>(*index);
}

template <class T, class Read>
void object_reader::list(std::string_view key, presence need, std::vector<T>& into, const Read& read) {
  const json::array_t* found = elements(key, need);
  if (found == nullptr) return;
  for (std::size_t i = 0; i < found->size(); ++i) into.push_back(read((*found)[i], detail::place{&where_, key, i}));
}

}  // namespace squid_mesh::inline v1
