// Working on runs, in a host's program.
#include "commands.h"
#include "filters.h"

#include <csignal>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace squid_mesh::cli {
namespace {

/// The signals that stop a worker, kept from all threads so that one of them can wait for them.
sigset_t stop_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  return signals;
}

/// `NAME`, `NAME=LIMIT`, `NAME=LIMIT/EVERYWHERE`.
queue_limit read_queue(const std::string& text) {
  queue_limit queue{.queue = text.substr(0, text.find('='))};
  const auto number = [&](const std::string& digits) {
    std::size_t value = 0;
    if (digits.empty() || digits.size() > 6 || !CLI::detail::lexical_cast(digits, value) || value == 0) {
      refuse("--queue: \"" + text + "\" is not NAME, NAME=LIMIT or NAME=LIMIT/EVERYWHERE");
    }
    return value;
  };
  if (const std::size_t equals = text.find('='); equals != std::string::npos) {
    const std::size_t slash = text.find('/', equals);
    queue.limit = number(text.substr(equals + 1, slash == std::string::npos ? slash : slash - equals - 1));
    if (slash != std::string::npos) queue.everywhere = number(text.substr(slash + 1));
  }
  return queue;
}

void work(context& with, const std::vector<std::string>& queues) {
  const sigset_t signals = stop_signals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);  // Before there are other threads, which inherit it.
  work_options how = with.host().working;
  if (!queues.empty()) how.queues.clear();
  for (const std::string& each : queues) how.queues.push_back(read_queue(each));
  mesh& host = with.database_of_host();
  must(host.start(std::move(how)));
  with.note("Working. SIGINT or SIGTERM stops it.");
  int signal = 0;
  sigwait(&signals, &signal);
  with.note("Stopping: what runs may end.");
  host.stop();
}

}  // namespace

void add_work(CLI::App& app, context& with) {
  CLI::App& command = *app.add_subcommand("work", "Work on runs until SIGINT or SIGTERM");
  auto queues = std::make_shared<std::vector<std::string>>();
  command.add_option("--queue", *queues, "NAME, NAME=LIMIT or NAME=LIMIT/EVERYWHERE; may be repeated");
  command.callback([&with, queues] { work(with, *queues); });
}

}  // namespace squid_mesh::cli
