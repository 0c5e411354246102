#include "storage/postgres/listener.h"

#include "storage/postgres/commit_text.h"

#include <squid_mesh/json.hpp>

#include <algorithm>
#include <random>
#include <thread>
#include <utility>

namespace squid_mesh::storage::postgres {
namespace {

/// A notification that takes longer doesn't arrive.
constexpr std::chrono::seconds test_time{3};
/// A pooler stays where it is, mostly.
constexpr std::chrono::seconds deaf_pause{60};
constexpr std::chrono::seconds lost_pause{1};

/// Whether a notification may be about one of these queues. Payloads that are no plain JSON are: some clients compress
/// theirs, and looking once too often does no harm.
bool concerns(const json& payload, std::span<const std::string> queues) {
  if (!payload.is_object()) return true;
  const auto queue = payload.find("queue");
  return queue != payload.end() && queue->is_string() &&
         std::ranges::find(queues, queue->get_ref<const std::string&>()) != queues.end();
}

}  // namespace

listener::listener(std::string url, const schema& tables, std::function<void(const std::string&)> tell)
    : link_(std::move(url), purpose::queries),
      channel_(insert_channel(tables)),
      listen_("LISTEN \"" + channel_ + '"'),
      tell_(std::move(tell)) {}

bool listener::heard(std::span<const std::string> queues) {
  try {
    if (!listening_) {
      if (clock::now() < next_try_) return false;
      begin();
      return true;
    }
    const bool changed = take(queues);
    if (!token_.empty() && clock::now() > test_until_) {
      state_ = hearing::polling;
      give_up(deaf_pause);
    }
    return changed;
  } catch (const failure&) {
    state_ = hearing::polling;
    give_up(lost_pause);
    return true;
  }
}

void listener::begin() {
  link_.get().run(listen_);
  listening_ = true;
  token_ = std::to_string(std::random_device{}());
  test_until_ = clock::now() + test_time;
  tell_(json{{"squid_mesh_test", token_}}.dump());
}

bool listener::take(std::span<const std::string> queues) {
  bool changed = false;
  for (const std::string& text : link_.get().take_notifications()) {
    const json payload = json::parse(text, nullptr, false);
    if (!token_.empty() && payload.is_object() && payload.value("squid_mesh_test", "") == token_) {
      token_.clear();
      state_ = hearing::notified;
    }
    changed = changed || concerns(payload, queues);
  }
  return changed;
}

void listener::give_up(clock::duration pause) {
  listening_ = false;
  token_.clear();
  next_try_ = clock::now() + pause;
}

hearing try_to_hear(const std::string& url, const schema& tables, std::function<void(const std::string&)> tell) {
  listener ears(url, tables, std::move(tell));
  while (ears.state() == hearing::unknown) {
    ears.heard({});
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return ears.state();
}

}  // namespace squid_mesh::storage::postgres
