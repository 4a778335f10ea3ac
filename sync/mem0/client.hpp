#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "mappings/id.hpp"
#include "mappings/memory.hpp"
#include "mappings/result.hpp"

namespace membridge::sync::mem0 {

/// What all clients of one project share: the token bucket that learns from 429 and Retry-After. Thread-safe.
class CallBudget {
 public:
  /// Starts at `per_second` calls with bursts of `burst`; halves on 429, recovers slowly, waits out Retry-After.
  explicit CallBudget(double per_second = 50, double burst = 50);
  ~CallBudget();
  /// When the next call may start: zero means now, and takes the token. Live work goes before background work.
  std::chrono::milliseconds Take(bool background);
  /// The server said 429 or 503, with or without a time to wait.
  void Throttled(std::optional<std::chrono::milliseconds> retry_after);
  void Succeeded();
  double PerSecond() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

struct Account {
  std::string org_id, project_id, user_email;
};

struct Webhook {
  std::string webhook_id, name, url;
  std::vector<std::string> event_types;
  bool is_active = true;
};

/// One project's Mem0 API, for one thread (keep-alive connection inside). Every call blocks for at most `timeout` per try and gives up
/// early when `stop()` says so. Errors: kUnavailable may be tried again (`retry_after` of the last error says when), kUnauthorized
/// means the key is wrong (401, 403), kRefused will be refused again, kNotFound is 404. Messages hold Mem0's own words, never the key.
class Client {
 public:
  struct Options {
    std::string base_url = "https://api.mem0.ai";
    std::string api_key;
    std::chrono::milliseconds timeout{30'000};
    bool background = false;  ///< sweeps and backfills: waits behind live work for the budget
    std::function<bool()> stop;  ///< polled while waiting; may be empty
  };
  Client(Options options, std::shared_ptr<CallBudget> budget);
  ~Client();

  Result<Account> Ping();

  /// The records of up to 200 memories in one list call (all pages if the server splits it), expired and merged ones included.
  /// An id that is missing from the answer is not proof that it is gone. Only well-formed UUIDs may be asked for.
  Result<std::vector<mappings::Memory>> ReadMany(const std::vector<MemoryId>& ids);
  /// One memory; kNotFound when Mem0 does not have it (404), kRefused when the id is not one (400).
  Result<mappings::Memory> ReadOne(const MemoryId& id);

  Result<std::vector<Webhook>> ListWebhooks(const std::string& mem0_project);
  Result<Webhook> CreateWebhook(const std::string& mem0_project, const Webhook& webhook);
  Result<void> UpdateWebhook(const std::string& webhook_id, const Webhook& webhook);
  Result<void> DeleteWebhook(const std::string& webhook_id);

  /// How long to wait before the next try, when the last error said so (Retry-After as seconds or as an HTTP date).
  std::optional<std::chrono::milliseconds> RetryAfter() const;

 private:
  struct Wire;
  std::unique_ptr<Wire> wire_;
};

/// Whether an id has the shape of a UUID, the only one that may go into a `memory_ids` filter.
bool LooksLikeUuid(const std::string& id);

}  // namespace membridge::sync::mem0
