// How definitions differ, from the command line.
#include "cli/cli_world.h"
#include "support/child_process.h"
#include "support/temporary_directory.h"

#include <fstream>

namespace squid_mesh::testing {
namespace {

class definitions : public commands {
 protected:
  static inline constexpr auto later_order = workflow({
      .name = "shop.order",
      .version = "2",
      .triggers = {{.name = "manual", .payload = {{"item", type::string}, {"key", type::string, secret}}}},
      .steps = {{"reserve", bound_action, {.retry = {.max_attempts = 3}, .timeout = 30s}},
                {"release", approval{}},
                {"pack", bound_action},
                {"ship", bound_action}},
      .transitions = {{"reserve", on::ok, "release"},
                      {"release", on::ok, "pack"},
                      {"release", on::error, complete},
                      {"pack", on::ok, "ship"},
                      {"ship", on::ok, complete}},
  });

  static inline constexpr auto both = R"(before: shop.order F1 (version 1)
after:  shop.order F2 (version 2)
~ workflow
    version: 1 → 2
~ step reserve
    attempts: none → 3
    timeout: none → 30 s
- step refuse (action)
+ step pack (action)
~ transition release on ok to ship
    leads to: ship → pack
~ transition release on error to refuse
    leads to: refuse → complete
- transition refuse on ok to complete
+ transition pack on ok to ship
)";

  /// Adds both, and keeps the beginnings of their fingerprints.
  void add_both() {
    mesh host = working();
    host.stop();
    first_ = must(definition::from(order)).fingerprint().substr(0, 12);
    must(host.add(later_order, {{"reserve", note()}, {"pack", note()}, {"ship", note()}}));
    second_ = must(definition::from(later_order)).fingerprint().substr(0, 12);
  }
  /// The lines of the difference, with the fingerprints in them.
  [[nodiscard]] std::string expected() const {
    std::string text = both;
    text.replace(text.find("F1"), 2, first_);
    return text.replace(text.find("F2"), 2, second_);
  }

  std::string first_;
  std::string second_;
};

TEST_P(definitions, differ_from_those_before) {
  add_both();
  EXPECT_EQ(run({"definitions", "diff", "shop.order"}).out, expected());
  EXPECT_EQ(run({"definitions", "diff", second_}).out, expected());
  EXPECT_EQ(run({"definitions", "diff", first_, second_}).out, expected());
  const said back = run({"definitions", "diff", second_, first_});
  EXPECT_TRUE(back.says("timeout: 30 s → none")) << back.out;
  EXPECT_TRUE(run({"definitions", "diff", second_, "shop.order"}).says("They are the same"));
  const said none = run({"definitions", "diff", first_});
  EXPECT_EQ(none.code, static_cast<int>(exit_code::not_found));
  EXPECT_TRUE(none.warns("no definition of shop.order was there before " + first_)) << none.err;
  EXPECT_EQ(run({"definitions", "diff", "nobody's"}).code, static_cast<int>(exit_code::not_found));
}

TEST_P(definitions, differ_from_a_file) {
  add_both();
  const temporary_directory files;
  const std::string file = files / "order.json";
  std::ofstream(file) << must(definition::from(later_order)).to_json();
  EXPECT_EQ(run({"definitions", "diff", first_, "@" + file}).out, expected());
  EXPECT_TRUE(run({"definitions", "diff", "shop.order", "-"}, read_text(file)).says("They are the same"));
  EXPECT_EQ(run({"definitions", "diff", "@" + file}).code, static_cast<int>(exit_code::usage)) << "with what?";
  EXPECT_TRUE(run({"definitions", "diff", first_, "-"}, R"({"name": "x"})").warns("steps"));
}

TEST_P(definitions, differ_in_json_and_in_colours) {
  add_both();
  const json told_diff = told({"definitions", "diff", "shop.order"});
  EXPECT_TRUE(told_diff.at("before").get<std::string>().starts_with(first_));
  const json& timeout = told_diff.at("changes").at(2);
  EXPECT_EQ(timeout.at("setting"), "timeout_ms");
  EXPECT_EQ(timeout.at("after"), 30'000);
  const said coloured = run({"definitions", "diff", "shop.order"}, {}, {.has_colours = true});
  EXPECT_TRUE(coloured.says("\x1b[32m+ step pack (action)\x1b[0m")) << coloured.out;
  EXPECT_TRUE(coloured.says("\x1b[31m- step refuse (action)\x1b[0m"));
  EXPECT_TRUE(coloured.says("\x1b[33m~ step reserve\x1b[0m"));
}

INSTANTIATE_TEST_SUITE_P(on, definitions, both_databases(), database_name);

}  // namespace
}  // namespace squid_mesh::testing
