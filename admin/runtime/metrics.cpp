#include "admin/runtime/metrics.hpp"

#include <prometheus/counter.h>
#include <prometheus/histogram.h>
#include <prometheus/metric_family.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <limits>
#include <mutex>
#include <sstream>
#include <utility>

namespace membridge::admin {
namespace {

struct Watched {
  Metrics::Kind kind;
  std::string name;
  std::string help;
  Metrics::Source source;
};

prometheus::MetricFamily Read(const Watched& watched) {
  prometheus::MetricFamily family{
      watched.name,
      watched.help,
      watched.kind == Metrics::Kind::kCounter ? prometheus::MetricType::Counter : prometheus::MetricType::Gauge,
      {}};
  for (const auto& sample : watched.source()) {
    prometheus::ClientMetric metric;
    for (const auto& [name, value] : sample.labels) metric.label.push_back({name, value});
    metric.counter.value = sample.value;
    metric.gauge.value = sample.value;
    family.metric.push_back(std::move(metric));
  }
  return family;
}

struct WatchedHistogram {
  std::string name;
  std::string help;
  Metrics::HistogramSource source;
};

prometheus::MetricFamily Read(const WatchedHistogram& watched) {
  const MetricHistogram told = watched.source();
  prometheus::ClientMetric metric;
  std::uint64_t total = 0;
  for (std::size_t i = 0; i < told.counts.size(); ++i) {
    total += told.counts[i];
    const double bound = i < told.bounds.size() ? told.bounds[i] : std::numeric_limits<double>::infinity();
    metric.histogram.bucket.push_back({total, bound});
  }
  metric.histogram.sample_count = total;
  metric.histogram.sample_sum = told.sum;
  return {watched.name, watched.help, prometheus::MetricType::Histogram, {std::move(metric)}};
}

const prometheus::Histogram::BucketBoundaries& Bounds() {
  static const prometheus::Histogram::BucketBoundaries kBounds{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25,
                                                               0.5,   1,      2.5,   5,    10,    30,   60};
  return kBounds;
}

}  // namespace

struct Metrics::State {
  // With this behaviour, registering a name again returns the existing family.
  prometheus::Registry registry{prometheus::Registry::InsertBehavior::Merge};
  mutable std::mutex mutex;
  std::vector<Watched> watched;                // guarded by mutex
  std::vector<WatchedHistogram> histograms;    // guarded by mutex
  std::vector<std::function<void()>> prepare;  // guarded by mutex
};

Metrics::Metrics() : state_(std::make_unique<State>()) {}
Metrics::~Metrics() = default;

void Metrics::Watch(Kind kind, const std::string& name, const std::string& help, Source source) {
  const std::lock_guard lock{state_->mutex};
  state_->watched.push_back({kind, name, help, std::move(source)});
}

void Metrics::WatchHistogram(const std::string& name, const std::string& help, HistogramSource source) {
  const std::lock_guard lock{state_->mutex};
  state_->histograms.push_back({name, help, std::move(source)});
}

void Metrics::BeforeText(std::function<void()> prepare) {
  const std::lock_guard lock{state_->mutex};
  state_->prepare.push_back(std::move(prepare));
}

prometheus::Registry& Metrics::Registry() {
  return state_->registry;
}

void Metrics::Count(const std::string& name, const std::string& help, const MetricLabels& labels, double by) {
  prometheus::BuildCounter().Name(name).Help(help).Register(state_->registry).Add(labels).Increment(by);
}

void Metrics::Observe(const std::string& name, const std::string& help, double seconds) {
  prometheus::BuildHistogram().Name(name).Help(help).Register(state_->registry).Add({}, Bounds()).Observe(seconds);
}

void Metrics::Forget() {
  const std::lock_guard lock{state_->mutex};
  state_->watched.clear();
  state_->histograms.clear();
  state_->prepare.clear();
}

std::string Metrics::Text() const {
  const std::lock_guard lock{state_->mutex};
  for (const auto& prepare : state_->prepare) prepare();
  std::vector<prometheus::MetricFamily> families = state_->registry.Collect();
  for (const auto& watched : state_->watched) families.push_back(Read(watched));
  for (const auto& watched : state_->histograms) families.push_back(Read(watched));
  std::sort(families.begin(), families.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  std::ostringstream text;
  prometheus::TextSerializer{}.Serialize(text, families);
  return text.str();
}

}  // namespace membridge::admin
