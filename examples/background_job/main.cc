// Plain background jobs, without any workflow: e-mails that are "sent" to a file.
#include <squid_mesh/jobs.hpp>

#include <chrono>
#include <exception>
#include <fstream>
#include <iostream>
#include <mutex>
#include <string>
#include <thread>

namespace {

namespace jobs = squid_mesh::jobs;
using namespace std::chrono_literals;

/// Takes e-mails down in a file, once it has got over its first refusal of a `flaky` one.
class mail_server {
 public:
  jobs::outcome send(const jobs::job& work) {
    const std::string to = work.args.at("to");
    const std::scoped_lock lock(mutex_);  // handlers are called from many threads
    if (work.args.value("flaky", false) && work.attempt == 1) {
      std::cout << "to " << to << ": the server is busy, again in a moment\n";
      return jobs::failed("the mail server is busy", 200ms);
    }
    std::ofstream("sent.txt", std::ios::app) << to << ": " << work.args.at("text").get<std::string>() << '\n';
    std::cout << "to " << to << ": sent at attempt " << work.attempt << '\n';
    return jobs::done();
  }

 private:
  std::mutex mutex_;
};

bool all_ended(const jobs::engine& engine) {
  using enum jobs::state;
  const auto open = engine.list({.states = {available, scheduled, executing, retryable}, .limit = 1});
  return open && open->empty();
}

squid_mesh::result<void> send_mails() {
  auto opened = jobs::engine::open({.database = "sqlite:background_jobs.db"});
  if (!opened) return std::unexpected(opened.error());
  jobs::engine& engine = *opened;
  mail_server server;
  engine.handle("send_mail", [&server](const jobs::job& work, std::stop_token) { return server.send(work); });
  if (auto started = engine.start(); !started) return started;

  // All three are on the disk when this returns: whoever starts the program after a crash finds them.
  const auto enqueued = engine.enqueue_all({
      {.worker = "send_mail", .args = {{"to", "ada"}, {"text", "Your report is ready."}}},
      {.worker = "send_mail", .args = {{"to", "grace"}, {"text", "Welcome!"}, {"flaky", true}}},
      {.worker = "send_mail",
       .args = {{"to", "edsger"}, {"text", "This was sent later."}},
       .scheduled_at =
           std::chrono::time_point_cast<squid_mesh::microseconds>(std::chrono::system_clock::now() + 500ms)},
  });
  if (!enqueued) return std::unexpected(enqueued.error());
  std::cout << "enqueued " << enqueued->size() << " jobs\n";

  while (!all_ended(engine)) std::this_thread::sleep_for(20ms);
  engine.stop();
  std::cout << "all jobs have ended\n";
  return {};
}

}  // namespace

int main() {
  try {
    const auto sent = send_mails();
    if (sent) return 0;
    std::cerr << to_string(sent.error()) << '\n';
  } catch (const std::exception& e) {
    std::cerr << e.what() << '\n';
  }
  return 1;
}
