// Declarations that must compile: small ones, and one that fills its lists.
#include <squid_mesh/workflow.hpp>

namespace sm = squid_mesh;
using namespace std::chrono_literals;

sm::json fetch(const sm::json& input);

namespace {

constexpr auto every_feature = sm::workflow({
    .name = "demo.every_feature",
    .version = "7",
    .triggers = {{.name = "by_hand",
                  .timezone = "Europe/Berlin",
                  .payload = {{"url", sm::type::string, sm::value("https://example.com")},
                              {"limit", sm::type::integer, sm::value(10)},
                              {"ratio", sm::type::floating, sm::value(1)},
                              {"share", sm::type::floating, sm::value(0.5)},
                              {"dry_run", sm::type::boolean, sm::value(false)},
                              {"options", sm::type::object, sm::json_value(R"({"a": [1, -2.5e3, "\u00e9", null]})")},
                              {"ids", sm::type::list, sm::json_value("[]")},
                              {"day", sm::type::string, sm::today},
                              {"token", sm::type::string, sm::secret, sm::optional}}},
                 {.name = "nightly", .schedule = sm::cron{"30 2 1,15 JAN-DEC/2 MON-FRI", "Asia/Tokyo"}}},
    .steps = {{"fetch",
               sm::action<fetch>,
               {.input = {"url", {"first", "options.a[0]"}},
                .output = "page",
                .retry = {.max_attempts = 5, .backoff = sm::exponential(1s, 1min, 0.5)},
                .timeout = 30s}},
              {"say", sm::log{"Fetched", sm::level::warning}},
              {"rest", sm::wait{1h}},
              {"store", sm::bound_action, {.input = {{"body", "page.body"}}}},
              {"give_up", sm::bound_action, {.input = {"url"}}}},
    .transitions = {{"fetch", sm::on::ok, "say"},
                    {"fetch", sm::on::error, "give_up"},
                    {"say", sm::on::ok, "rest"},
                    {"rest", sm::on::ok, "store"},
                    {"store", sm::on::ok, sm::complete},
                    {"give_up", sm::on::ok, sm::complete}},
});
static_assert(every_feature.steps.size() == 5);

// An action that names no output may produce any key.
constexpr auto unknown_keys = sm::workflow({
    .name = "demo.unknown_keys",
    .triggers = {{.name = "manual"}},
    .steps = {{"first", sm::bound_action}, {"second", sm::bound_action, {.input = {"anything"}}}},
    .transitions = {{"first", sm::on::ok, "second"}, {"second", sm::on::ok, sm::complete}},
});
static_assert(unknown_keys.name == "demo.unknown_keys");

// Conditions of every kind, gates, an event that may be late, and transitions that lead back.
constexpr auto every_flow = sm::workflow({
    .name = "demo.every_flow",
    .queue = "reviews",
    .triggers = {{.name = "nightly",
                  .schedule = sm::cron{.expression = "0 3 * * *",
                                       .timezone = "Europe/Oslo",
                                       .missed = sm::missed_ticks::run_all,
                                       .missed_limit = 5,
                                       .overlap = sm::overlap::cancel_previous},
                  .payload = {{"country", sm::type::string, sm::value("NO")}}}},
    .steps = {{"score", sm::action<fetch>, {.output = "risk", .queue = "models"}},
              {"approve",
               sm::approval{.quorum = 2, .expires_in = 24h, .on_expiry = sm::expiry::error},
               {.output = "review"}},
              {"rework", sm::bound_action, {.input = {{"why", "review.reason"}, "schedule"}, .output = "draft"}},
              {"hold", sm::pause{.expires_in = 1h}},
              {"paid", sm::await_event{.name = "payment.received", .timeout = 1min}},
              {"remind", sm::log{"Please pay"}, {.queue = "texts"}},
              {"ship", sm::bound_action, {.input = {{"receipt", "paid.id"}, {"by", "hold.by"}, "draft"}}}},
    .transitions = {{"score", sm::on::ok, "approve",
                     sm::any({sm::greater_than("risk.score", 70),
                              sm::all({sm::in("country", {"NO", "SE"}), sm::negate(sm::exists("risk.waiver"))}),
                              sm::not_equals("risk.levels[0]", "low"), sm::less_than("risk.ratio", 0.5)})},
                    {"score", sm::on::ok, "hold", sm::equals("risk.is_unclear", true), 2},
                    {"score", sm::on::ok, "paid"},
                    {"approve", sm::on::ok, "hold"},
                    {.from = "approve", .on = sm::on::error, .to = "rework", .at_most = 3},
                    {"approve", sm::on::error, sm::complete},
                    {.from = "rework", .to = "score", .at_most = 3},
                    {"rework", sm::on::ok, sm::complete},
                    {"hold", sm::on::ok, "paid"},
                    {"paid", sm::on::ok, "ship"},
                    {.from = "paid", .on = sm::on::timeout, .to = "remind", .at_most = 2},
                    {"paid", sm::on::timeout, sm::complete},
                    {"remind", sm::on::ok, "paid"},
                    {"ship", sm::on::ok, sm::complete}},
});
static_assert(every_flow.transitions[0].when.terms.size() == 10);

// Steps side by side, and joins of them.
constexpr auto every_dependency = sm::workflow({
    .name = "demo.every_dependency",
    .triggers = {{.name = "manual", .payload = {{"url", sm::type::string}}}},
    .steps = {{"fetch", sm::action<fetch>, {.input = {"url"}, .output = "page"}},
              {"prices", sm::bound_action, {.output = "prices"}},
              {"check", sm::approval{}, {.after = {"fetch"}}},
              {"merge",
               sm::bound_action,
               {.input = {"page", "prices", "check"}, .output = "page", .after = {"prices", "check"}}},
              {"arrived", sm::await_event{"truck.arrived"}, {.after = {"prices"}}},
              {"tell", sm::log{"Done"}, {.after = {"merge", "arrived"}}}},
});
static_assert(every_dependency.steps[3].after.size() == 2);

// As many steps and transitions as there can be, within the compilers' default limits for constant evaluation.
#define STEP(n)                                                                                               \
  {                                                                                                           \
    "restock_the_warehouse_" #n, sm::action<fetch>, {                                                         \
      .input = {"warehouse_identity", "opened_on", {"title", "settings.title"}}, .output = "stock_after_" #n, \
      .retry = {                                                                                              \
        .max_attempts = 3,                                                                                    \
        .backoff = sm::exponential(1s, 1min)                                                                  \
      }                                                                                                       \
    }                                                                                                         \
  }
// Conditions have as many terms as there can be, too.
#define LINK(from, to)                                                                                   \
  {"restock_the_warehouse_" #from, sm::on::ok, "restock_the_warehouse_" #to,                             \
   sm::any({sm::greater_than("stock_after_" #from ".pallets[0].boxes", 70),                              \
            sm::in("stock_after_" #from ".country", {"NO", "SE", "DK"}),                                 \
            sm::all({sm::exists("settings.title"), sm::equals("stock_after_" #from ".season", "summer"), \
                     sm::negate(sm::exists("settings.waiver"))})})},                                     \
  {                                                                                                      \
    "restock_the_warehouse_" #from, sm::on::ok, "restock_the_warehouse_" #to                             \
  }
constexpr auto full = sm::workflow({
    .name = "demo.full",
    .triggers = {{.name = "manual",
                  .payload = {{"warehouse_identity", sm::type::string},
                              {"opened_on", sm::type::string, sm::today},
                              {"settings", sm::type::object}}}},
    .steps = {STEP(00), STEP(01), STEP(02), STEP(03), STEP(04), STEP(05), STEP(06), STEP(07), STEP(08), STEP(09),
              STEP(10), STEP(11), STEP(12), STEP(13), STEP(14), STEP(15), STEP(16), STEP(17), STEP(18), STEP(19),
              STEP(20), STEP(21), STEP(22), STEP(23), STEP(24), STEP(25), STEP(26), STEP(27), STEP(28), STEP(29),
              STEP(30), STEP(31), STEP(32), STEP(33), STEP(34), STEP(35), STEP(36), STEP(37), STEP(38), STEP(39),
              STEP(40), STEP(41), STEP(42), STEP(43), STEP(44), STEP(45), STEP(46), STEP(47), STEP(48), STEP(49),
              STEP(50), STEP(51), STEP(52), STEP(53), STEP(54), STEP(55), STEP(56), STEP(57), STEP(58), STEP(59),
              STEP(60), STEP(61), STEP(62), STEP(63)},
    .transitions = {LINK(00, 01),
                    LINK(01, 02),
                    LINK(02, 03),
                    LINK(03, 04),
                    LINK(04, 05),
                    LINK(05, 06),
                    LINK(06, 07),
                    LINK(07, 08),
                    LINK(08, 09),
                    LINK(09, 10),
                    LINK(10, 11),
                    LINK(11, 12),
                    LINK(12, 13),
                    LINK(13, 14),
                    LINK(14, 15),
                    LINK(15, 16),
                    LINK(16, 17),
                    LINK(17, 18),
                    LINK(18, 19),
                    LINK(19, 20),
                    LINK(20, 21),
                    LINK(21, 22),
                    LINK(22, 23),
                    LINK(23, 24),
                    LINK(24, 25),
                    LINK(25, 26),
                    LINK(26, 27),
                    LINK(27, 28),
                    LINK(28, 29),
                    LINK(29, 30),
                    LINK(30, 31),
                    LINK(31, 32),
                    LINK(32, 33),
                    LINK(33, 34),
                    LINK(34, 35),
                    LINK(35, 36),
                    LINK(36, 37),
                    LINK(37, 38),
                    LINK(38, 39),
                    LINK(39, 40),
                    LINK(40, 41),
                    LINK(41, 42),
                    LINK(42, 43),
                    LINK(43, 44),
                    LINK(44, 45),
                    LINK(45, 46),
                    LINK(46, 47),
                    LINK(47, 48),
                    LINK(48, 49),
                    LINK(49, 50),
                    LINK(50, 51),
                    LINK(51, 52),
                    LINK(52, 53),
                    LINK(53, 54),
                    LINK(54, 55),
                    LINK(55, 56),
                    LINK(56, 57),
                    LINK(57, 58),
                    LINK(58, 59),
                    LINK(59, 60),
                    LINK(60, 61),
                    LINK(61, 62),
                    LINK(62, 63),
                    {"restock_the_warehouse_63", sm::on::ok, sm::complete},
                    {"restock_the_warehouse_63", sm::on::error, "restock_the_warehouse_00", {}, 3}},
});
static_assert(full.steps.size() == 64 && full.transitions.size() == 128);
static_assert(full.transitions[0].when.terms.size() == sm::condition::max_terms - 1);

}  // namespace
