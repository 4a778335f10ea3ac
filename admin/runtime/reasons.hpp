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

/// Why a bridge that stores deliveries is not all right. `/readyz`, `membridge_degraded{reason}`, the overview and the page show
/// the same ones; each has an alert in deploy/prometheus and a paragraph in admin/README.md.
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
};
/// As /readyz, metrics and alerts write it: `key_refused`.
std::string_view NameOf(Degraded reason);
/// One sentence: what an operator does about it.
std::string_view HintOf(Degraded reason);

/// What a reason is about; empty where it is about the whole process.
struct ReasonSubject {
  std::string project{};
  std::string target{};
  std::string backfill{};

  auto operator<=>(const ReasonSubject&) const = default;
};

/// One reason that stands now. No field holds a secret, a memory's text or a row's value.
struct Reason {
  Degraded kind{};
  ReasonSubject subject{};
  std::string message{};  ///< what is wrong, in a sentence; empty: the name says it
  std::string hint{};     ///< what to do; empty: HintOf(kind)
  Instant since{};        ///< filled in by Reasons
};

/// `{"reason":"blocked","project":…,"target":…,"backfill":…,"since":…,"message":…,"hint":…}`;
/// subjects only where they are known.
nlohmann::ordered_json ViewOf(const Reason& reason);
/// A list of them.
nlohmann::ordered_json ViewsOf(const std::vector<Reason>& reasons);

/// The reasons that stand at this moment. A part of the process tells them in either of two ways, each in one line:
/// `reasons.Set(Degraded::kKeyRefused, {.project = name}, refused)` whenever it learns something, or `reasons.Watch(source)`
/// once, with a function that answers what stands now. Threads: any. The clock outlives it.
class Reasons {
 public:
  /// Called by All(), on its thread; must not block and must not throw. What it points at must outlive the last All(), or
  /// Forget() comes first.
  using Source = std::function<std::vector<Reason>()>;

  explicit Reasons(const Clock& clock) : clock_(clock) {}

  /// Says whether the reason stands. Saying the same again keeps its `since` and takes the new words.
  void Set(Degraded kind, const ReasonSubject& subject, bool stands, std::string message = {}, std::string hint = {});
  void Watch(Source source);
  /// Stops asking sources.
  void Forget();

  /// All that stand, in the order of kAllDegraded. A watched reason stands since All() first saw it.
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
