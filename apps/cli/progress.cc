#include "progress.h"

#include <fmt/format.h>

#include <ostream>
#include <utility>

namespace squid_mesh::cli {

progress::progress(std::ostream& out, const terminal& on, std::string what, std::size_t whole,
                   std::chrono::milliseconds interval)
    : out_(out), width_(on.progress_width), what_(std::move(what)), whole_(whole), interval_(interval) {
  if (width_ > 0) draw(0);
}

void progress::set(std::size_t done) {
  if (width_ == 0) return;
  if (is_shown_ && std::chrono::steady_clock::now() - drawn_at_ < interval_) return;
  draw(done);
}

void progress::hide() {
  if (is_shown_) out_ << "\r\x1b[K" << std::flush;
  is_shown_ = false;
}

void progress::draw(std::size_t done) {
  const std::string text = whole_ == 0 ? fmt::format("{} {}", what_, done)
                                       : fmt::format("{} {} of {} ({}%)", what_, done, whole_, done * 100 / whole_);
  // In the last column, some terminals would go on in the next line.
  out_ << "\r\x1b[K" << cut_to(text, width_ - 1) << std::flush;
  drawn_at_ = std::chrono::steady_clock::now();
  is_shown_ = true;
}

}  // namespace squid_mesh::cli
