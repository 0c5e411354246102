// A payment that didn't go through: ask the gateway again, and when that is of no use, give the customer credit. What
// has been told to the customer can't be taken back, so it is the last thing that happens.
#include <squid_mesh/squid_mesh.hpp>

#include <chrono>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <string>

namespace {

namespace sm = squid_mesh;
using namespace std::chrono_literals;

/// A gateway that is busy for the first questions, and never finds the payment of account "lost".
class payment_gateway {
 public:
  sm::result<sm::json> status_of(const std::string& account) {
    if (++questions_ <= 2) return std::unexpected(sm::retryable("the gateway is busy", 50ms));
    if (account == "lost") return std::unexpected(sm::permanent("the gateway knows no such payment"));
    return sm::json{{"state", "settled"}, {"status_code", 200}};
  }

 private:
  int questions_ = 0;
};

sm::json load_invoice(const sm::json& input) {
  return {{"number", "INV-7"}, {"account", input.at("account_id")}, {"amount", 42}};
}

sm::result<sm::json> check_gateway_status(const sm::json& input, sm::step_context& context) {
  // The gateway would use the key to recognise a question that it has answered already.
  context.log(sm::level::info, "asking the gateway, with key " + context.idempotency_key());
  return context.host<payment_gateway>().status_of(input.at("account"));
}

sm::json issue_credit(const sm::json& input) { return {{"credit", input.at("amount")}}; }

/// Can't be undone: an idempotent mailer is told the key, so that a repeated attempt sends nothing twice.
sm::json notify_customer(const sm::json& input, sm::step_context& context) {
  std::cout << "to the customer of " << input.at("invoice").at("number").get<std::string>() << " (key "
            << context.idempotency_key().substr(37)
            << "): " << (input.contains("credit") ? "we have credited your account" : "your payment has arrived")
            << '\n';
  return sm::json::object();
}

constexpr auto payment_recovery = sm::workflow({
    .name = "billing.payment_recovery",
    .triggers = {{.name = "payment_failed", .payload = {{"account_id", sm::type::string}}}},
    .steps = {{"load_invoice", sm::action<load_invoice>, {.input = {"account_id"}, .output = "invoice"}},
              {"wait_for_settlement", sm::wait{200ms}},
              {"check_gateway_status",
               sm::action<check_gateway_status>,
               {.input = {{"account", "invoice.account"}},
                .output = "gateway_check",
                .retry = {.max_attempts = 5, .backoff = sm::exponential(20ms, 1s)}}},
              {"issue_gateway_credit", sm::action<issue_credit>, {.input = {{"amount", "invoice.amount"}}}},
              {"notify_customer", sm::action<notify_customer>, {.retry = {.max_attempts = 1}, .irreversible = true}},
              {"park_for_support", sm::log{"The gateway gave no final answer", sm::level::warning}}},
    .transitions = {{"load_invoice", sm::on::ok, "wait_for_settlement"},
                    {"wait_for_settlement", sm::on::ok, "check_gateway_status"},
                    {"check_gateway_status", sm::on::ok, "notify_customer",
                     sm::equals("gateway_check.state", "settled")},
                    {"check_gateway_status", sm::on::ok, "park_for_support"},
                    {.from = "check_gateway_status",
                     .on = sm::on::error,
                     .to = "issue_gateway_credit",
                     .recovery = sm::recovery::compensation},
                    {"issue_gateway_credit", sm::on::ok, "notify_customer"},
                    {"notify_customer", sm::on::ok, sm::complete},
                    {"park_for_support", sm::on::ok, sm::complete}},
});

sm::result<void> recover(sm::mesh& mesh, const std::string& account) {
  // One recovery for each account, however often the failure is reported.
  const auto run = mesh.start_run(payment_recovery, {{"account_id", account}}, {.idempotency_key = account});
  if (!run) return std::unexpected(run.error());
  const auto ended = mesh.await_run(run->id, 60s);
  if (!ended) return std::unexpected(ended.error());
  std::cout << account << ": " << to_string(ended->status);
  for (const sm::step_view& step : ended->steps) {
    if (!step.attempts.empty()) std::cout << ", " << step.name << " x" << step.attempts.size();
  }
  std::cout << '\n';
  return {};
}

sm::result<void> recover_all(const std::string& database) {
  auto mesh = sm::mesh::open({.database = database});
  if (!mesh) return std::unexpected(mesh.error());
  payment_gateway gateway;
  mesh->provide(gateway);
  if (auto added = mesh->add(payment_recovery); !added) return added;
  if (auto started = mesh->start({.queues = {{"squid_mesh", 1}}}); !started) return started;
  for (const char* account : {"late", "lost"}) {
    if (auto recovered = recover(*mesh, account); !recovered) return recovered;
  }
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const auto recovered = recover_all(argc > 1 ? argv[1] : "sqlite:payment_recovery.db");
    if (recovered) return EXIT_SUCCESS;
    std::cerr << to_string(recovered.error()) << '\n';
  } catch (const std::exception& e) {
    std::cerr << e.what() << '\n';
  }
  return EXIT_FAILURE;
}
