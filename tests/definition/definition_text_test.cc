// The syntaxes that the compiler checks too: JSON, UTF-8, paths.
#include <squid_mesh/detail/json_path.hpp>
#include <squid_mesh/detail/json_text.hpp>
#include <squid_mesh/json.hpp>

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace squid_mesh::inline v1 {
namespace {

TEST(definition_text, json_is_what_the_json_library_reads) {
  for (const std::string_view text : {"",
                                      " ",
                                      "null",
                                      "true",
                                      "false",
                                      "nul",
                                      "truex",
                                      "0",
                                      "-0",
                                      "01",
                                      "-",
                                      "+1",
                                      "1.",
                                      ".5",
                                      "1.5e-3",
                                      "1e",
                                      "1E+5",
                                      R"("")",
                                      R"("a)",
                                      R"("\n\u00e9\"")",
                                      R"("\x")",
                                      R"("\u12")",
                                      R"("\u12g4")",
                                      R"("\ud83d\ude00")",
                                      R"("\ud83d")",
                                      R"("\ud83dx")",
                                      R"("\ude00")",
                                      R"("\ud83d\ud83d")",
                                      "\"\t\"",
                                      "\"caf\xC3\xA9\"",
                                      "\"caf\xE9\"",
                                      "[]",
                                      "[ ]",
                                      "[1,2]",
                                      "[1,]",
                                      "[,1]",
                                      "[1 2]",
                                      "[1",
                                      "]",
                                      "{}",
                                      "{ }",
                                      R"({"a":1})",
                                      R"( { "a" : [ { } ] } )",
                                      R"({"a"})",
                                      R"({"a":})",
                                      R"({a:1})",
                                      R"({"a":1,})",
                                      R"({"a":1 "b":2})",
                                      R"({"a":1}})",
                                      "[]x",
                                      "// no",
                                      "\xEF\xBB\xBF[",
                                      "'a'"}) {
    EXPECT_EQ(detail::is_json_text(text), json::accept(text)) << text;
  }
  EXPECT_FALSE(detail::is_json_text(std::string_view("\"\0\"", 3)));
}

TEST(definition_text, json_is_not_nested_without_end) {
  const auto nested = [](std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); };
  EXPECT_TRUE(detail::is_json_text(nested(64)));
  EXPECT_FALSE(detail::is_json_text(nested(65)));
  EXPECT_FALSE(detail::is_json_text(std::string(1'000'000, '[')));
}

TEST(definition_text, utf8_has_one_form_for_each_character) {
  for (const std::string_view text : {"", "abc", "\xC2\x80", "\xDF\xBF", "\xE0\xA0\x80", "\xED\x9F\xBF", "\xEE\x80\x80",
                                      "\xF0\x90\x80\x80", "\xF4\x8F\xBF\xBF", "a\xC3\xA9z"}) {
    EXPECT_TRUE(detail::is_utf8(text)) << text;
  }
  for (const std::string_view text :
       {"\x80", "\xC1\xBF", "\xC3", "\xC3(", "\xE0\x9F\xBF", "\xED\xA0\x80", "\xE2\x82", "\xF0\x8F\xBF\xBF",
        "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xFF", "ok\xE2\x28\xA1"}) {
    EXPECT_FALSE(detail::is_utf8(text)) << json(text).dump(-1, ' ', true, json::error_handler_t::replace);
  }
}

TEST(definition_text, paths_are_keys_and_indexes) {
  for (const std::string_view path : {"a", "a.b", "a[0]", "a[0][12].b", "a.b[123456789]", "a b.c-d"}) {
    EXPECT_TRUE(detail::is_json_path(path)) << path;
    EXPECT_EQ(detail::json_path_head(path), path.substr(0, path.starts_with("a b") ? 3 : 1)) << path;
  }
  for (const std::string_view path : {"", ".", ".a", "a.", "a..b", "[0]", "a[]", "a[x]", "a[0", "a[0]b", "a]", "a.[0]",
                                      "a[-1]", "a[1234567890]", "a[", "a[0]]"}) {
    EXPECT_FALSE(detail::is_json_path(path)) << path;
  }
}

}  // namespace
}  // namespace squid_mesh::inline v1
