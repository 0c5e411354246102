// The signals that end commands which otherwise go on for ever.
#pragma once

#include <csignal>

namespace squid_mesh::cli {

/// Keeps SIGINT and SIGTERM from the process, from its making on, so that one thread can wait for them: to be made
/// before there are other threads, which inherit that.
class stop_signal {
 public:
  stop_signal() {
    sigemptyset(&signals_);
    sigaddset(&signals_, SIGINT);
    sigaddset(&signals_, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &signals_, nullptr);
  }

  /// Waits for one of them.
  void wait() const {
    int signal = 0;
    sigwait(&signals_, &signal);
  }

 private:
  sigset_t signals_{};
};

}  // namespace squid_mesh::cli
