#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <tl/expected.hpp>
#include <vector>

#include "tests/mem0_sim/dice.hpp"

namespace membridge::mem0_sim {

/// Posts webhook deliveries from threads of its own, on kept-alive connections. Thread-safe.
///
/// What happens to a delivery (lost, doubled, late) is thrown when it is handed over, so a seed repeats it. With more than one
/// connection neighbours overtake each other even without `reorder`.
class Deliveries {
 public:
  explicit Deliveries(std::uint64_t seed);
  /// Stops at once; what waits is dropped.
  ~Deliveries();
  Deliveries(const Deliveries&) = delete;
  Deliveries& operator=(const Deliveries&) = delete;

  void Post(const std::string& webhook_id, const std::string& url, const std::string& body);

  /// Changes what `settings` names and leaves the rest; the other half says what is wrong with it, and then nothing changed.
  tl::expected<void, std::string> Set(const nlohmann::json& settings);
  nlohmann::json Get() const;

  /// Nothing waits and nothing is under way.
  bool Idle() const;
  nlohmann::json Statistics() const;
  void ResetStatistics();
  /// The last deliveries, oldest first.
  nlohmann::json Recent() const;

 private:
  using Moment = std::chrono::steady_clock::time_point;

  struct Delivery {
    std::string webhook_id;
    std::string url;
    std::string body;
    int attempt = 1;
  };
  struct Settings {
    double duplicate = 0, reorder = 0, loss = 0;
    int duplicate_spread_ms = 100, reorder_ms = 200, delay_ms = 0, delay_jitter_ms = 0;
    int concurrency = 8, timeout_ms = 10'000, retries = 0, retry_delay_ms = 500;
    bool paused = false;
    bool verify_tls = true;
    std::string ca_file, client_certificate, client_key;
  };
  struct Counters {
    std::uint64_t announced = 0, lost_on_purpose = 0, duplicates = 0, sent = 0, succeeded = 0, refused = 0, failed = 0,
                  retried = 0;
    std::map<long, std::uint64_t> statuses;
  };
  class Connection;

  static Settings Parse(Settings settings, const nlohmann::json& json);
  void Work();
  void StartThreads();                                                // mutex_ held
  void Schedule(Delivery delivery, std::chrono::milliseconds after);  // mutex_ held
  void Settle(Delivery delivery, long status);                        // mutex_ held
  int Throw(int limit) { return static_cast<int>(dice_.Below(static_cast<std::uint64_t>(limit) + 1)); }

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::atomic<bool> stopping_ = false;
  Dice dice_;  // guarded by mutex_, as is everything below
  Settings settings_;
  Counters counters_;
  std::multimap<Moment, Delivery> waiting_;  // by when they are due
  int under_way_ = 0;
  std::deque<nlohmann::json> recent_;
  std::vector<std::thread> threads_;  // last: they use all of the above
};

}  // namespace membridge::mem0_sim
