// How far long work has come.
#pragma once

#include "terminal.h"

#include <chrono>
#include <cstddef>
#include <iosfwd>
#include <string>

namespace squid_mesh::cli {

/// A line on standard error that is overwritten in place and gone at the end: `Cancelling 120 of 3000 (4%)`. Where that
/// is no terminal, nothing is shown.
class progress {
 public:
  /// `whole`: how many there are; 0: nobody knows. It is not drawn anew sooner than after `interval`.
  progress(std::ostream& out, const terminal& on, std::string what, std::size_t whole,
           std::chrono::milliseconds interval = std::chrono::milliseconds(100));
  progress(const progress&) = delete;
  progress& operator=(const progress&) = delete;
  ~progress() { hide(); }

  /// So many are done.
  void set(std::size_t done);
  /// Makes place for something else; the next `set` shows the line again.
  void hide();

 private:
  void draw(std::size_t done);

  std::ostream& out_;
  const std::size_t width_;
  const std::string what_;
  const std::size_t whole_;
  const std::chrono::milliseconds interval_;
  std::chrono::steady_clock::time_point drawn_at_;
  bool is_shown_ = false;
};

}  // namespace squid_mesh::cli
