// Another process that works on the same database: this program again, with `--work`.
#pragma once

#include "w5.h"

#include <sys/types.h>

#include <cstdint>
#include <string>

namespace squid_mesh::bench {

/// It works from when it is constructed until it is destroyed, and ends when this process does.
class second_process {
 public:
  second_process(const std::string& database, const working& how);
  second_process(const second_process&) = delete;
  second_process& operator=(const second_process&) = delete;
  ~second_process();

  /// How many write transactions it has made.
  [[nodiscard]] std::uint64_t write_transactions() const;

 private:
  pid_t pid_ = 0;
  int socket_ = -1;
};

/// What the other process does: for each byte that it reads, it says how many write transactions it has made.
void be_second_process(const std::string& database, const working& how);

}  // namespace squid_mesh::bench
