#include "postgres/chaos_crew.h"

#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>
#include <utility>

namespace squid_mesh::testing::chaos {
namespace {

using namespace std::chrono_literals;

/// For what has to happen soon, on a machine that may be very slow.
constexpr milliseconds patience = 120s;

std::string end_of(const std::string& text) { return text.size() > 4000 ? text.substr(text.size() - 4000) : text; }

}  // namespace

crew::crew(std::string url, std::size_t seats, milliseconds lease, std::mt19937_64& dice)
    : url_(std::move(url)), lease_(lease), dice_(dice), seats_(seats) {
  tend();
}

void crew::tend() {
  for (seat& each : seats_) {
    if (clock::now() < each.due) continue;
    if (!each.worker) fill(each);
    if (each.stopped) wake(each);
  }
}

bool crew::kill() {
  seat* const victim = pick([](const seat& s) { return s.worker != nullptr; });
  if (victim == nullptr) return false;
  expect_alive(*victim);
  victim->worker->kill();
  victim->worker.reset();
  victim->stopped = false;
  victim->due = in(50ms, 1s);
  return true;
}

bool crew::stop() {
  seat* const victim = pick([](const seat& s) { return s.worker && !s.stopped; });
  if (victim == nullptr) return false;
  ::kill(victim->worker->pid(), SIGSTOP);
  victim->stopped = true;
  victim->due = in(lease_ * 3 / 2, lease_ * 4);
  return true;
}

bool crew::dismiss() {
  seat* const victim = pick([](const seat& s) { return s.worker && !s.stopped; });
  if (victim == nullptr) return false;
  ::kill(victim->worker->pid(), SIGTERM);
  leaving_.push_back(std::exchange(*victim, seat{}));
  fill(*victim);
  return true;
}

void crew::recover() {
  for (seat& each : seats_) {
    if (!each.worker) fill(each);
    if (each.stopped) wake(each);
  }
}

void crew::go_home() {
  recover();
  for (seat& each : seats_) {
    ::kill(each.worker->pid(), SIGTERM);
    leaving_.push_back(std::exchange(each, seat{}));
  }
  for (const seat& each : leaving_) {
    EXPECT_EQ(each.worker->wait_for(patience), 0) << each.name << ": " << end_of(read_text(log_of(each.name)));
  }
  leaving_.clear();
  for (int i = 1; i <= hired_; ++i) {
    const std::string log = read_text(log_of("worker-" + std::to_string(i)));
    for (const char* words : {"Sanitizer", "runtime error:"}) {
      if (const auto at = log.find(words); at != std::string::npos) ADD_FAILURE() << log.substr(at, 8000);
    }
  }
}

std::string crew::last_words() const {
  std::string text;
  for (const seat& each : seats_) text += each.name + ":\n" + end_of(read_text(log_of(each.name))) + "\n";
  return text;
}

void crew::fill(seat& empty) {
  empty.name = "worker-" + std::to_string(++hired_);
  // Inherited: a worker may be dismissed before it can say that it wants to hear of it.
  sigset_t termination;
  sigset_t before;
  sigemptyset(&termination);
  sigaddset(&termination, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &termination, &before);
  empty.worker = std::make_unique<child_process>(
      std::vector<std::string>{CHAOS_WORKER, url_, empty.name, std::to_string(lease_.count())}, log_of(empty.name));
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

void crew::wake(seat& stopped) {
  ::kill(stopped.worker->pid(), SIGCONT);
  stopped.stopped = false;
}

crew::seat* crew::pick(const std::function<bool(const seat&)>& fits) {
  std::vector<seat*> fitting;
  for (seat& each : seats_) {
    if (fits(each)) fitting.push_back(&each);
  }
  return fitting.empty() ? nullptr : fitting[dice_() % fitting.size()];
}

crew::clock::time_point crew::in(milliseconds least, milliseconds most) {
  return clock::now() + std::uniform_int_distribution(least.count(), most.count())(dice_) * 1ms;
}

void crew::expect_alive(const seat& taken) const {
  const auto ended = taken.worker->wait_for(0ms);
  EXPECT_FALSE(ended) << taken.name << " has ended by itself, with " << *ended << ": "
                      << end_of(read_text(log_of(taken.name)));
}

}  // namespace squid_mesh::testing::chaos
