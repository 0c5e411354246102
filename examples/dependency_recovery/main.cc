// An order is checked by several services side by side. One of them is down: the run fails, keeps what the others have
// found out, and goes on from there when somebody has it tried again.
#include <squid_mesh/squid_mesh.hpp>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <string>

namespace {

namespace sm = squid_mesh;
using namespace std::chrono_literals;

struct services {
  std::atomic<bool> credit_is_up = false;
  std::atomic<int> stock_questions = 0;
};

sm::json check_stock(const sm::json& input, sm::step_context& context) {
  ++context.host<services>().stock_questions;
  return {{"warehouse", {{"name", "north"}, {"free", input.at("pieces").get<int>() + 3}}}};
}

sm::result<sm::json> check_credit(const sm::json& /*input*/, sm::step_context& context) {
  if (!context.host<services>().credit_is_up) return std::unexpected(sm::permanent("the credit service is down"));
  return sm::json{{"rating", "A"}};
}

sm::json find_carrier(const sm::json& input) { return {{"carrier", "from " + input.at("city").get<std::string>()}}; }

sm::json confirm(const sm::json& input) {
  std::cout << "confirmed: warehouse " << input.at("warehouse").get<std::string>() << ", rating "
            << input.at("rating").get<std::string>() << ", carrier " << input.at("carrier").get<std::string>() << '\n';
  return sm::json::object();
}

constexpr auto check_order = sm::workflow({
    .name = "orders.check",
    .triggers = {{.name = "received",
                  .payload = {{"pieces", sm::type::integer}, {"city", sm::type::string, sm::value("Bergen")}}}},
    .steps = {{"check_stock", sm::action<check_stock>, {.input = {"pieces"}, .output = "stock"}},
              {"check_credit", sm::action<check_credit>, {.output = "credit"}},
              {"find_carrier",
               sm::action<find_carrier>,
               {.input = {"city"}, .output = "transport", .after = {"check_stock"}}},
              // Paths pick what the step needs out of what others have returned, under names of its own.
              {"confirm",
               sm::action<confirm>,
               {.input = {{"warehouse", "stock.warehouse.name"},
                          {"rating", "credit.rating"},
                          {"carrier", "transport.carrier"}},
                .after = {"check_credit", "find_carrier"}}}},
});

sm::result<void> check(sm::mesh& mesh, services& outside) {
  const auto run = mesh.start_run(check_order, {{"pieces", 2}});
  if (!run) return std::unexpected(run.error());
  auto ended = mesh.await_run(run->id, 60s);
  if (!ended) return std::unexpected(ended.error());
  const auto why = mesh.explain_run(run->id);
  if (!why) return std::unexpected(why.error());
  std::cout << why->summary << '\n';

  outside.credit_is_up = true;
  const auto retried = mesh.retry_run(run->id, {{.actor = "ada", .reason = "the credit service is back"}});
  if (!retried) return std::unexpected(retried.error());
  ended = mesh.await_run(run->id, 60s);
  if (!ended) return std::unexpected(ended.error());
  std::cout << "the run is " << to_string(ended->status) << "; the stock was asked for " << outside.stock_questions
            << " time(s)\n";
  const auto graph = mesh.inspect_graph(run->id);
  if (!graph) return std::unexpected(graph.error());
  std::cout << to_mermaid(*graph);
  return {};
}

sm::result<void> run(const std::string& database) {
  auto mesh = sm::mesh::open({.database = database});
  if (!mesh) return std::unexpected(mesh.error());
  services outside;
  mesh->provide(outside);
  if (auto added = mesh->add(check_order); !added) return added;
  if (auto started = mesh->start(); !started) return started;
  return check(*mesh, outside);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const auto checked = run(argc > 1 ? argv[1] : "sqlite:dependency_recovery.db");
    if (checked) return EXIT_SUCCESS;
    std::cerr << to_string(checked.error()) << '\n';
  } catch (const std::exception& e) {
    std::cerr << e.what() << '\n';
  }
  return EXIT_FAILURE;
}
