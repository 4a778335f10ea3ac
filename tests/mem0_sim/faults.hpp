#pragma once

#include <deque>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <tl/expected.hpp>

#include "tests/mem0_sim/dice.hpp"
#include "tests/mem0_sim/exchange.hpp"

namespace membridge::mem0_sim {

/// What shall go wrong with API calls. Shares are from 0 to 1. For one thread.
class Faults {
 public:
  explicit Faults(Dice& dice) : dice_(dice) {}

  /// Changes what `settings` names and leaves the rest; the other half says what is wrong with it, and then nothing changed.
  tl::expected<void, std::string> Set(const nlohmann::json& settings);
  nlohmann::json Get() const;
  /// All is well again.
  void Clear();

  /// What happens to one call.
  struct Fate {
    std::optional<Answer> instead;  ///< answered without doing what was asked, unless `performed`
    bool performed = false;         ///< the call takes effect all the same
    Ending ending = Ending::kWhole;
    int delay_ms = 0;
  };
  Fate Decide(const std::string& endpoint);

  /// Whether this read lags, and by how much.
  std::optional<std::chrono::milliseconds> Lag();
  std::chrono::milliseconds LongestLag() const { return std::chrono::milliseconds{settings_.stale_ms}; }

 private:
  struct Settings {
    double rate_limited = 0, server_error = 0, html = 0, reset = 0, truncated = 0, never = 0, lost_answer = 0, stale_share = 1;
    int server_error_status = 0;  // 0: one of 500, 502, 503, 504
    int latency_ms = 0, latency_jitter_ms = 0, stale_ms = 0;
    int calls_per_second = 0;  // 0: no limit
    std::string retry_after = "absent";
    int retry_after_seconds = 1;
    bool unauthorized = false;
    std::set<std::string> endpoints;  // empty: all
  };
  struct Scripted {
    std::string endpoint;
    int times;
    Answer answer;
    bool performed;
  };

  static Settings Parse(Settings settings, const nlohmann::json& json);
  static Scripted ParseScripted(const nlohmann::json& json);
  Answer RateLimited() const;
  Answer ServerError();
  bool OverTheLimit();

  Dice& dice_;
  Settings settings_;
  std::deque<Scripted> scripted_;
  std::deque<std::chrono::steady_clock::time_point> recent_calls_;
};

/// The body of every 401.
nlohmann::json InvalidKeyBody();

}  // namespace membridge::mem0_sim
