#include "actions.h"

#include "digest.h"

#include <squid_mesh/http.hpp>

#include <fstream>

namespace daily_digest {

namespace http = squid_mesh::http;
using squid_mesh::json;

squid_mesh::result<feed> fetch_feed(const fetch_input& input, squid_mesh::step_context& context) {
  const auto page = http::send({.url = input.feed_url, .stop = context.stop()});
  if (!page) return std::unexpected(page.error());
  return parse_feed(page->body);
}

json build_digest(const build_input& input) { return build_digest_message(input.feed, input.posted_on); }

squid_mesh::result<json> post_to_discord(const post_input& input, squid_mesh::step_context& context) {
  const auto answer = http::send(
      {.method = "POST", .url = input.discord_webhook_url, .json_body = input.digest, .stop = context.stop()});
  if (!answer) return std::unexpected(answer.error());
  return json{{"status", answer->status}};
}

squid_mesh::result<void> record_failed_delivery(const record_input& input, squid_mesh::step_context& context) {
  // A step may run more than once; whoever reads the file recognises a repetition by the key.
  return context.host<failed_deliveries>().add({{"key", context.idempotency_key()},
                                                {"run", to_string(context.run())},
                                                {"posted_on", input.posted_on},
                                                {"digest", input.digest}});
}

squid_mesh::result<void> failed_deliveries::add(const json& entry) {
  const std::scoped_lock lock(mutex_);
  std::ofstream out(file_, std::ios::app);
  out << entry.dump() << '\n' << std::flush;
  if (out.good()) return {};
  return std::unexpected(squid_mesh::retryable("can't write to " + file_.string()));
}

}  // namespace daily_digest
