// Metrics and their text: counters, gauges and histograms with labels.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace squid_mesh::inline v1 {

using label_values = std::vector<std::string>;

/// One metric with a series for each combination of its labels' values. Beyond `max_series` of them, all values of a
/// new one are `other`. Not safe to use from several threads.
class metric {
 public:
  enum class kind { counter, gauge, histogram };

  struct description {
    std::string name;
    std::string help;
    kind is = kind::counter;
    std::vector<std::string> labels{};
    std::vector<double> buckets{};  ///< of histograms: their upper bounds, rising
  };

  metric(description what, std::size_t max_series) : what_(std::move(what)), max_series_(max_series) {}

  void add(const label_values& labels, double amount = 1) { at(labels).value += amount; }
  void set(const label_values& labels, double value) { at(labels).value = value; }
  void observe(const label_values& labels, double value);
  /// Forgets all series.
  void clear() { series_.clear(); }

  /// Appends its text; nothing where there is no series.
  void render(std::string& out) const;

 private:
  struct series {
    double value = 0;  ///< of histograms: the sum
    std::uint64_t count = 0;
    std::vector<std::uint64_t> buckets{};
  };

  series& at(const label_values& labels);
  void render_histogram(std::string& out, const label_values& labels, const series& of) const;
  void line(std::string& out, std::string_view suffix, const label_values& labels, std::string_view bound,
            const std::string& value) const;

  description what_;
  std::size_t max_series_;
  std::map<label_values, series> series_;
};

}  // namespace squid_mesh::inline v1
