#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace prometheus {
class Registry;
}

namespace membridge::admin {

using MetricLabels = std::map<std::string, std::string>;

/// One value of a metric.
struct MetricSample {
  MetricLabels labels;
  double value = 0;
};

/// A histogram as its owner counted it.
struct MetricHistogram {
  std::vector<double> bounds;         ///< upper ones, ascending, without the last, which has none
  std::vector<std::uint64_t> counts;  ///< one more than bounds; of each bucket alone
  double sum = 0;
};

/// All metrics of the process for Prometheus. Names begin with `membridge_` and end in a unit or `_total`; admin/README.md lists
/// them. Values are read when Text() is called, so parts that count for themselves need no second counter. Threads: any.
class Metrics {
 public:
  enum class Kind { kCounter, kGauge };
  /// Called on the thread that calls Text(). Must not block for long and must not throw.
  using Source = std::function<std::vector<MetricSample>()>;
  using HistogramSource = std::function<MetricHistogram()>;

  Metrics();
  ~Metrics();

  /// Reads `source` for `name` at every Text() until Forget().
  void Watch(Kind kind, const std::string& name, const std::string& help, Source source);

  void WatchHistogram(const std::string& name, const std::string& help, HistogramSource source);

  /// Called before every Text(), for parts that keep metrics in the registry themselves. Must not block for long.
  void BeforeText(std::function<void()> prepare);
  /// The registry, for parts that register metrics themselves. It lives as long as this object.
  prometheus::Registry& Registry();

  /// Adds to a counter that is kept here. A name must always have the same help text.
  void Count(const std::string& name, const std::string& help, const MetricLabels& labels = {}, double by = 1);
  /// Adds an observation, in seconds, to a histogram with bounds from 1 ms to 60 s.
  void Observe(const std::string& name, const std::string& help, double seconds);

  /// Stops calling sources and the functions of BeforeText(). The objects they use may be destroyed afterwards.
  void Forget();

  /// Returns all metrics in Prometheus's text format.
  std::string Text() const;

 private:
  struct State;  // keeps prometheus-cpp out of this header
  std::unique_ptr<State> state_;
};

}  // namespace membridge::admin
