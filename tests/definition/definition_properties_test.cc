// Documents of any shape are accepted or refused, and nothing else happens.
#include "sample.h"

#include <squid_mesh/definition.hpp>

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

namespace squid_mesh::inline v1 {
namespace {

/// Values that a careless or hostile author could put anywhere.
json any_value() {
  static const std::vector<json> values{nullptr,
                                        true,
                                        0,
                                        1,
                                        -1,
                                        7.5,
                                        std::numeric_limits<std::int64_t>::min(),
                                        std::numeric_limits<std::uint64_t>::max(),
                                        std::numeric_limits<double>::infinity(),
                                        std::numeric_limits<double>::quiet_NaN(),
                                        "",
                                        "complete",
                                        "fetch",
                                        "ok",
                                        "action",
                                        "wait",
                                        "today",
                                        "approval",
                                        "await_event",
                                        "timeout",
                                        "score",
                                        "merge",
                                        "schedule",
                                        "* * * * *",
                                        "a.b[0]",
                                        "a..b",
                                        "caf\xE9",
                                        std::string(1, '\0'),
                                        std::string(500, 'x'),
                                        json::array(),
                                        json::object(),
                                        json::array({1, "x"}),
                                        json{{"name", "x"}},
                                        json::array({"fetch", "prices"}),
                                        json{{"path", "risk"}, {"exists", true}},
                                        json{{"not", {{"path", "risk"}, {"equals", 1}}}},
                                        json{{"all", json::array()}},
                                        json::binary({0xFF}),
                                        json(json::value_t::discarded)};
  return *rc::gen::elementOf(values);
}

/// The pointers to every value of a document.
void collect_pointers(const json& value, const json::json_pointer& at, std::vector<json::json_pointer>& into) {
  into.push_back(at);
  if (value.is_object()) {
    for (const auto& [key, element] : value.items()) collect_pointers(element, at / key, into);
  } else if (value.is_array()) {
    for (std::size_t i = 0; i < value.size(); ++i) collect_pointers(value[i], at / i, into);
  }
}

/// Replaces, removes, adds or copies something somewhere.
void mutate(json& document) {
  std::vector<json::json_pointer> pointers;
  collect_pointers(document, json::json_pointer(), pointers);
  json& target = document[*rc::gen::elementOf(pointers)];
  switch (*rc::gen::inRange(0, 4)) {
    case 0:
      target = any_value();
      break;
    case 1:
      if (!target.empty() && target.is_structured()) target.erase(target.begin());
      break;
    case 2:
      if (target.is_object())
        target[*rc::gen::element<std::string>("name", "kind", "retry", "x", "\xFF", "after", "queue", "when", "at_most",
                                              "on", "missed", "overlap", "pause", "approval", "await_event", "equals",
                                              "in", "all", "not", "output")] = any_value();
      if (target.is_array()) target.push_back(any_value());
      break;
    default:
      target = json(document[*rc::gen::elementOf(pointers)]);
      break;
  }
}

/// What every definition that was accepted keeps.
void check_links(const definition& d) {
  RC_ASSERT(!d.entries().empty());
  RC_ASSERT(d.has_dependencies() || d.entries().size() == 1);
  for (std::size_t i = 0; i < d.steps().size(); ++i) {
    if (const auto done = d.compensated_by(i)) {
      RC_ASSERT(d.compensation_of(*done) == i);
      RC_ASSERT(d.routes(i, on::ok).empty());
      continue;
    }
    RC_ASSERT(d.has_dependencies() == d.routes(i, on::ok).empty());
    if (!d.has_dependencies()) {
      const definition::route& last = d.routes(i, on::ok).back();
      RC_ASSERT(d.transitions()[last.transition].when.terms.empty());
      RC_ASSERT(d.transitions()[last.transition].at_most == 0);
    }
    for (const std::size_t before : d.dependencies(i)) {
      RC_ASSERT(before != i);
      RC_ASSERT(std::ranges::count(d.dependents(before), i) == 1);
    }
  }
}

void read_or_refused(const json& sample) {
  json document = sample;
  const int mutations = *rc::gen::inRange(1, 6);
  for (int i = 0; i < mutations; ++i) mutate(document);

  const auto read = definition::from_json(document);
  RC_CLASSIFY(read.has_value());
  if (read) {
    const auto again = definition::from_json(json::parse(read->to_json().dump()));
    RC_ASSERT(again.has_value());
    RC_ASSERT(again->fingerprint() == read->fingerprint());
    check_links(*read);
  } else {
    RC_ASSERT(read.error().code == errc::invalid_definition);
    RC_ASSERT(!read.error().problems.empty());
    to_json(read.error()).dump();  // Throws where a message is not UTF-8.
  }
}

TEST(definition_properties, a_mutated_document_is_read_or_refused) {
  EXPECT_TRUE(rc::check("of steps and payloads", [] { read_or_refused(sample_document()); }));
  EXPECT_TRUE(rc::check("of conditions and loops", [] { read_or_refused(flow_document()); }));
  EXPECT_TRUE(rc::check("of dependencies", [] { read_or_refused(joined_document()); }));
}

}  // namespace
}  // namespace squid_mesh::inline v1
