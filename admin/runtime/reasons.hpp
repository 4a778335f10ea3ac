#pragma once

#include <array>
#include <chrono>
#include <functional>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "mappings/base/time.hpp"

namespace membridge::admin {

/// Why a bridge is degraded although it stores deliveries. `/readyz`, `membridge_degraded{reason}`, the overview and the page
/// show the same reasons. Each has an alert in deploy/prometheus and a paragraph in admin/README.md.
enum class Degraded {
  kStandstill,
  kBlocked,
  kKeyRefused,
  kOtherProject,
  kWebhookOff,
  kWebhookElsewhere,
  kSweepConcludedNothing,
  kMappingsRefused,
  kLedgerOfAnotherState,
  kCanaryLost,
  kFeedStuck,
  kSourceAway,
  kSourceUnwatched,
};
inline constexpr std::array kAllDegraded{
    Degraded::kStandstill,
    Degraded::kBlocked,
    Degraded::kKeyRefused,
    Degraded::kOtherProject,
    Degraded::kWebhookOff,
    Degraded::kWebhookElsewhere,
    Degraded::kSweepConcludedNothing,
    Degraded::kMappingsRefused,
    Degraded::kLedgerOfAnotherState,
    Degraded::kCanaryLost,
    Degraded::kFeedStuck,
    Degraded::kSourceAway,
    Degraded::kSourceUnwatched,
};
/// Returns the name in /readyz, metrics and alerts: `key_refused`.
std::string_view NameOf(Degraded reason);
/// Returns one sentence that says what an operator must do.
std::string_view HintOf(Degraded reason);

/// What a reason is about; all fields empty: the whole process.
struct ReasonSubject {
  std::string project{};
  std::string target{};
  std::string backfill{};
  std::string feed{};

  auto operator<=>(const ReasonSubject&) const = default;
};

/// One reason that holds now. No field contains a secret, memory text or a row value.
struct Reason {
  Degraded kind{};
  ReasonSubject subject{};
  std::string message{};  ///< what is wrong, in a sentence; empty: the name says enough
  std::string hint{};     ///< what to do; empty: HintOf(kind)
  Instant since{};        ///< filled in by Reasons
};

/// `{"reason":"blocked","project":…,"target":…,"backfill":…,"feed":…,"since":…,"message":…,"hint":…}`;
/// subjects only where they are known.
nlohmann::ordered_json ViewOf(const Reason& reason);
/// A list of them.
nlohmann::ordered_json ViewsOf(const std::vector<Reason>& reasons);

/// The reasons that hold at this moment. A part of the process reports them in one of two ways: with
/// `reasons.Set(Degraded::kKeyRefused, {.project = name}, refused)` whenever it learns something, or once with
/// `reasons.Watch(source)` and a function that returns what holds now. Threads: any. The clock outlives it.
class Reasons {
 public:
  /// Called by All() on its thread. Must not block and must not throw. The objects it uses must outlive the last All(), or
  /// Forget() must be called before they are destroyed.
  using Source = std::function<std::vector<Reason>()>;

  explicit Reasons(const Clock& clock) : clock_(clock) {}

  /// Sets whether the reason holds. Setting the same again keeps `since` and takes the new texts.
  void Set(Degraded kind, const ReasonSubject& subject, bool stands, std::string message = {}, std::string hint = {});
  void Watch(Source source);
  /// Stops calling sources.
  void Forget();

  /// Returns all reasons that hold, in the order of kAllDegraded. A watched reason holds since All() first saw it.
  std::vector<Reason> All();

 private:
  using Key = std::pair<Degraded, ReasonSubject>;

  const Clock& clock_;
  std::mutex mutex_;
  std::vector<Source> sources_;     // guarded by mutex_
  std::map<Key, Reason> set_;       // guarded by mutex_
  std::map<Key, Instant> watched_;  // guarded by mutex_; since when
};

}  // namespace membridge::admin
