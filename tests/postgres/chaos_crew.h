// The worker processes of the chaos test, and what is done to them.
#pragma once

#include "support/child_process.h"
#include "support/temporary_directory.h"

#include <squid_mesh/time.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <vector>

namespace squid_mesh::testing::chaos {

/// Some seats, each with a worker most of the time. For one thread, which has to live as long as the workers. What a
/// worker shouldn't have done is a failure of the test.
class crew {
 public:
  crew(std::string url, std::size_t seats, milliseconds lease, std::mt19937_64& dice);

  /// What is due by now: empty seats are filled, and who was stopped goes on.
  void tend();

  /// SIGKILL, whatever the worker is doing; another comes a little later. False: there is nobody.
  bool kill();
  /// SIGSTOP, and SIGCONT when the lease is over. False: nobody runs.
  bool stop();
  /// SIGTERM; another comes at once. False: nobody runs.
  bool dismiss();

  /// All seats are filled with workers that run.
  void recover();
  /// Everybody goes home. Each has to end in good order, and none may have been found fault with by a sanitizer.
  void go_home();

  /// What the workers that were at work last have logged.
  [[nodiscard]] std::string last_words() const;

 private:
  using clock = std::chrono::steady_clock;
  struct seat {
    std::unique_ptr<child_process> worker;
    std::string name;
    bool stopped = false;
    clock::time_point due{};  ///< when an empty seat is filled, or a stopped worker goes on
  };

  void fill(seat& empty);
  static void wake(seat& stopped);
  /// Any seat for which it holds, or null.
  seat* pick(const std::function<bool(const seat&)>& fits);
  [[nodiscard]] clock::time_point in(milliseconds least, milliseconds most);
  [[nodiscard]] std::filesystem::path log_of(const std::string& name) const { return files_ / (name + ".log"); }
  void expect_alive(const seat& taken) const;

  const std::string url_;
  const milliseconds lease_;
  std::mt19937_64& dice_;
  temporary_directory files_;
  int hired_ = 0;
  std::vector<seat> seats_;
  std::vector<seat> leaving_;
};

}  // namespace squid_mesh::testing::chaos
