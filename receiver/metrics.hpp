#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "receiver/http/server.hpp"

namespace prometheus {
class Registry;
}

namespace membridge::receiver {

/// The receiver's metrics (`membridge_*`) in a Prometheus registry. Thread-safe. Labels never come from a request that was not
/// accepted.
class ReceiverMetrics {
 public:
  /// The registry outlives this.
  explicit ReceiverMetrics(prometheus::Registry& registry);
  ~ReceiverMetrics();

  /// Counts a stored delivery in membridge_deliveries_total.
  void CountStored(const std::string& project, const std::string& verdict);
  /// membridge_delivery_refusals_total: `credential`, `coding`, `not_json`, `too_large`, `queue_full`, `not_stored`, `replay`,
  /// `no_such_path`, `wrong_method`.
  void CountRefused(std::string_view reason);
  /// membridge_commit_deliveries, membridge_commit_seconds and membridge_commit_failures_total.
  void NoteCommit(std::size_t deliveries, std::chrono::duration<double> took, bool stored);
  /// membridge_receiver_queue_deliveries, membridge_receiver_queue_seconds, membridge_http_connections,
  /// membridge_http_events_total, and the part of membridge_delivery_refusals_total that no route saw. Call it before the
  /// registry is read.
  void NoteState(std::size_t queued, std::chrono::milliseconds lag, const http::Statistics& statistics);

 private:
  struct Families;  // keeps prometheus-cpp out of this header
  std::unique_ptr<Families> families_;
};

}  // namespace membridge::receiver
