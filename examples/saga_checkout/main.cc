// An order whose payment can't be captured: what was reserved and authorised for it is made good, the last thing first.
// The bank can't be reached when the authorisation is to be given back, so an operator sees to that.
#include <squid_mesh/squid_mesh.hpp>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <string>
#include <thread>

namespace {

namespace sm = squid_mesh;
using namespace std::chrono_literals;

/// The shop's stock and its bank, as far as this order sees them.
struct outside_world {
  std::atomic<bool> bank_is_open = false;
};

void say(const std::string& what) { std::cout << what << "\n" << std::flush; }

sm::json reserve_stock(const sm::json& input) {
  say("reserved " + input.at("sku").get<std::string>());
  return {{"reservation", "R-1"}};
}

void release_stock(const sm::compensation_input& what) {
  say("released reservation " + what.output.at("reservation").get<std::string>());
}

sm::json authorise_payment(const sm::json& input) {
  say("authorised " + std::to_string(input.at("amount").get<int>()));
  return {{"authorisation", "A-1"}};
}

sm::result<void> void_authorisation(const sm::compensation_input& what, sm::step_context& context) {
  if (!context.host<outside_world>().bank_is_open) {
    say("the bank does not answer");
    return std::unexpected(sm::retryable("the bank does not answer"));
  }
  say("voided authorisation " + what.output.at("authorisation").get<std::string>() + ", because " +
      what.failure.at("message").get<std::string>());
  return {};
}

sm::result<sm::json> capture_payment(const sm::json& /*input*/) {
  return std::unexpected(sm::permanent("the card has expired"));
}

constexpr auto checkout = sm::workflow({
    .name = "shop.checkout",
    .triggers = {{.name = "order", .payload = {{"sku", sm::type::string}, {"amount", sm::type::integer}}}},
    .steps = {{"reserve_stock",
               sm::action<reserve_stock>,
               {.input = {"sku"}, .output = "stock", .compensate = sm::action<release_stock>}},
              {"authorise_payment",
               sm::action<authorise_payment>,
               {.input = {"amount"},
                .output = "payment",
                .compensate = sm::compensation(sm::action<void_authorisation>,
                                               {.retry = {.max_attempts = 2, .backoff = sm::constant(20ms)}})}},
              {"capture_payment", sm::action<capture_payment>, {.input = {"payment"}}}},
    .transitions = {{"reserve_stock", sm::on::ok, "authorise_payment"},
                    {"authorise_payment", sm::on::ok, "capture_payment"},
                    {"capture_payment", sm::on::ok, sm::complete}},
});

/// Waits until somebody is needed, and says what the explanation says.
sm::result<void> wait_for_trouble(sm::mesh& mesh, const sm::run_id& run) {
  while (true) {
    const auto why = mesh.explain_run(run);
    if (!why) return std::unexpected(why.error());
    if (why->reason == sm::run_reason::compensation_failed) {
      for (const sm::next_action& each : why->next_actions) say("operator could: " + each.description);
      return {};
    }
    std::this_thread::sleep_for(10ms);
  }
}

sm::result<void> order(sm::mesh& mesh, outside_world& world) {
  const auto run = mesh.start_run(checkout, {{"sku", "SQUID-7"}, {"amount", 42}});
  if (!run) return std::unexpected(run.error());
  if (auto trouble = wait_for_trouble(mesh, run->id); !trouble) return trouble;
  world.bank_is_open = true;
  const auto retried = mesh.retry_compensation(run->id, {.actor = "olga", .reason = "the bank is open again"});
  if (!retried) return std::unexpected(retried.error());
  if (const auto ended = mesh.await_run(run->id, 60s); !ended) return std::unexpected(ended.error());
  const auto why = mesh.explain_run(run->id);
  if (!why) return std::unexpected(why.error());
  say(why->summary);
  return {};
}

sm::result<void> play(const std::string& database) {
  auto mesh = sm::mesh::open({.database = database});
  if (!mesh) return std::unexpected(mesh.error());
  outside_world world;
  mesh->provide(world);
  if (auto added = mesh->add(checkout); !added) return added;
  if (auto started = mesh->start(); !started) return started;
  return order(*mesh, world);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const auto played = play(argc > 1 ? argv[1] : "sqlite:saga_checkout.db");
    if (played) return EXIT_SUCCESS;
    std::cerr << to_string(played.error()) << '\n';
  } catch (const std::exception& e) {
    std::cerr << e.what() << '\n';
  }
  return EXIT_FAILURE;
}
