#include "second_process.h"

#include "must.h"

#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <stdexcept>
#include <system_error>
#include <vector>

namespace squid_mesh::bench {

second_process::second_process(const std::string& database, const working& how) {
  std::array<int, 2> ends{};
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    throw std::system_error(errno, std::generic_category(), "no pair of sockets");
  }
  socket_ = ends[0];
  std::vector<std::string> words{"w5_bench", "--work", database, "--concurrency", std::to_string(how.concurrency)};
  if (!how.batching) words.emplace_back("--no-batching");
  std::vector<char*> arguments;
  arguments.reserve(words.size() + 1);
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);

  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_adddup2(&files, ends[1], STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&files, ends[1], STDOUT_FILENO);
  const int code = posix_spawn(&pid_, "/proc/self/exe", &files, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&files);
  close(ends[1]);
  if (code != 0) {
    close(socket_);
    throw std::system_error(code, std::generic_category(), "no second process");
  }
  // It answers when it works.
  static_cast<void>(write_transactions());
}

second_process::~second_process() {
  close(socket_);
  waitpid(pid_, nullptr, 0);
}

std::uint64_t second_process::write_transactions() const {
  std::uint64_t count = 0;
  if (write(socket_, "?", 1) != 1 || recv(socket_, &count, sizeof count, MSG_WAITALL) != sizeof count) {
    throw std::runtime_error("the second process has ended");
  }
  return count;
}

void be_second_process(const std::string& database, const working& how) {
  mesh worker = open_w5(database);
  must(worker.start(options_of(how)));
  char question = 0;
  while (read(STDIN_FILENO, &question, 1) == 1) {
    const std::uint64_t count = worker.write_transactions();
    if (write(STDOUT_FILENO, &count, sizeof count) != sizeof count) return;
  }
}

}  // namespace squid_mesh::bench
