#include "tools/telemetry/exposition.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace squid_mesh::inline v1 {
namespace {

std::string number(double value) {
  std::array<char, 32> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
  return {digits.data(), end};
}

/// As the format wants it within quotes, or, for help texts, outside of them.
std::string escaped(std::string_view text, bool is_quoted) {
  std::string out;
  for (const char c : text) {
    if (c == '\\') {
      out += "\\\\";
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '"' && is_quoted) {
      out += "\\\"";
    } else {
      out += c;
    }
  }
  return out;
}

std::string_view type_name(metric::kind kind) {
  if (kind == metric::kind::counter) return "counter";
  return kind == metric::kind::gauge ? "gauge" : "histogram";
}

}  // namespace

metric::series& metric::at(const label_values& labels) {
  if (const auto known = series_.find(labels); known != series_.end()) return known->second;
  const bool is_full = series_.size() >= max_series_ && !labels.empty();
  return series_[is_full ? label_values(labels.size(), "other") : labels];
}

void metric::observe(const label_values& labels, double value) {
  series& of = at(labels);
  of.buckets.resize(what_.buckets.size());
  of.value += value;
  ++of.count;
  const auto bucket = std::ranges::lower_bound(what_.buckets, value);
  if (bucket != what_.buckets.end()) ++of.buckets[static_cast<std::size_t>(bucket - what_.buckets.begin())];
}

void metric::line(std::string& out, std::string_view suffix, const label_values& labels, std::string_view bound,
                  const std::string& value) const {
  out.append(what_.name).append(suffix);
  std::string inside;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    inside += (i > 0 ? "," : "") + what_.labels[i] + "=\"" + escaped(labels[i], true) + "\"";
  }
  if (!bound.empty()) inside += std::string(inside.empty() ? "" : ",") + "le=\"" + std::string(bound) + "\"";
  if (!inside.empty()) out += "{" + inside + "}";
  out += " " + value + "\n";
}

void metric::render_histogram(std::string& out, const label_values& labels, const series& of) const {
  std::uint64_t below = 0;
  for (std::size_t i = 0; i < what_.buckets.size(); ++i) {
    below += of.buckets[i];
    line(out, "_bucket", labels, number(what_.buckets[i]), std::to_string(below));
  }
  line(out, "_bucket", labels, "+Inf", std::to_string(of.count));
  line(out, "_sum", labels, {}, number(of.value));
  line(out, "_count", labels, {}, std::to_string(of.count));
}

void metric::render(std::string& out) const {
  if (series_.empty()) return;
  out += "# HELP " + what_.name + " " + escaped(what_.help, false) + "\n";
  out += "# TYPE " + what_.name + " " + std::string(type_name(what_.is)) + "\n";
  for (const auto& [labels, of] : series_) {
    if (what_.is == kind::histogram) {
      render_histogram(out, labels, of);
    } else {
      line(out, {}, labels, {}, number(of.value));
    }
  }
}

}  // namespace squid_mesh::inline v1
