#include "receiver/metrics.hpp"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

#include <map>
#include <mutex>
#include <utility>

namespace membridge::receiver {
namespace {

using prometheus::BuildCounter;
using prometheus::BuildGauge;
using prometheus::BuildHistogram;
using Buckets = prometheus::Histogram::BucketBoundaries;

const Buckets kBatchSizes{1, 2, 5, 10, 20, 50, 100, 200, 500, 1000};
const Buckets kSeconds{0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10};

auto& Gauge(prometheus::Registry& registry, const char* name, const char* help) {
  return BuildGauge().Name(name).Help(help).Register(registry).Add({});
}

auto& Histogram(prometheus::Registry& registry, const char* name, const char* help, const Buckets& buckets) {
  return BuildHistogram().Name(name).Help(help).Register(registry).Add({}, buckets);
}

}  // namespace

struct ReceiverMetrics::Families {
  explicit Families(prometheus::Registry& registry)
      : deliveries(BuildCounter().Name("membridge_deliveries_total").Help("Deliveries stored").Register(registry)),
        refusals(BuildCounter().Name("membridge_delivery_refusals_total").Help("Deliveries not stored").Register(registry)),
        commit_failures(BuildCounter()
                            .Name("membridge_commit_failures_total")
                            .Help("Transactions that stored no deliveries")
                            .Register(registry)
                            .Add({})),
        commit_deliveries(Histogram(registry, "membridge_commit_deliveries", "Deliveries per transaction", kBatchSizes)),
        commit_seconds(Histogram(registry, "membridge_commit_seconds", "Time to store one batch of deliveries", kSeconds)),
        queued(Gauge(registry, "membridge_receiver_queue_deliveries", "Deliveries waiting to be stored")),
        lag(Gauge(registry, "membridge_receiver_queue_seconds", "Age of the oldest delivery waiting to be stored")),
        connections(Gauge(registry, "membridge_http_connections", "Open connections to the receiver")),
        http_events(BuildCounter().Name("membridge_http_events_total").Help("What happened to HTTP clients").Register(registry)) {
  }

  prometheus::Family<prometheus::Counter>& deliveries;
  prometheus::Family<prometheus::Counter>& refusals;
  prometheus::Counter& commit_failures;
  prometheus::Histogram& commit_deliveries;
  prometheus::Histogram& commit_seconds;
  prometheus::Gauge& queued;
  prometheus::Gauge& lag;
  prometheus::Gauge& connections;
  prometheus::Family<prometheus::Counter>& http_events;
  std::mutex mutex;
  http::Statistics noted;  // guarded by mutex
  std::mutex stored_mutex;
  /// Counters by project and verdict. They are kept here because finding a counter by its labels takes longer than counting.
  /// Guarded by stored_mutex.
  std::map<std::pair<std::string, std::string>, prometheus::Counter*> stored;
};

ReceiverMetrics::ReceiverMetrics(prometheus::Registry& registry) : families_(std::make_unique<Families>(registry)) {}
ReceiverMetrics::~ReceiverMetrics() = default;

void ReceiverMetrics::CountStored(const std::string& project, const std::string& verdict) {
  const std::lock_guard lock{families_->stored_mutex};
  prometheus::Counter*& counter = families_->stored[{project, verdict}];
  if (counter == nullptr) counter = &families_->deliveries.Add({{"project", project}, {"verdict", verdict}});
  counter->Increment();
}

void ReceiverMetrics::CountRefused(std::string_view reason) {
  families_->refusals.Add({{"reason", std::string{reason}}}).Increment();
}

void ReceiverMetrics::NoteCommit(std::size_t deliveries, std::chrono::duration<double> took, bool stored) {
  families_->commit_seconds.Observe(took.count());
  if (stored) {
    families_->commit_deliveries.Observe(static_cast<double>(deliveries));
  } else {
    families_->commit_failures.Increment();
  }
}

void ReceiverMetrics::NoteState(std::size_t queued, std::chrono::milliseconds lag, const http::Statistics& statistics) {
  families_->queued.Set(static_cast<double>(queued));
  families_->lag.Set(std::chrono::duration<double>{lag}.count());
  families_->connections.Set(static_cast<double>(statistics.connections));
  const std::lock_guard lock{families_->mutex};
  const auto note = [&](const char* event, std::uint64_t http::Statistics::*count) {
    families_->http_events.Add({{"event", event}}).Increment(static_cast<double>(statistics.*count - families_->noted.*count));
  };
  note("accepted", &http::Statistics::accepted);
  note("shed", &http::Statistics::shed);
  note("address_full", &http::Statistics::address_full);
  note("request", &http::Statistics::requests);
  note("timed_out", &http::Statistics::timed_out);
  const auto before = http::RefusalsOf(families_->noted);
  const auto now = http::RefusalsOf(statistics);
  for (std::size_t i = 0; i < now.size(); ++i)
    families_->refusals.Add({{"reason", now[i].first}}).Increment(static_cast<double>(now[i].second - before[i].second));
  families_->noted = statistics;
}

}  // namespace membridge::receiver
