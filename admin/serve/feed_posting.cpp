#include "admin/serve/feed_posting.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <optional>
#include <utility>

#include "mappings/base/log.hpp"
#include "sync/postgres/lease.hpp"
#include "sync/postgres/poolers.hpp"
#include "sync/postgres/session.hpp"
#include "sync/targets/ledger_tie.hpp"

namespace membridge::admin {
namespace {

using namespace std::chrono_literals;
using sync::FeedControl;
using sync::FeedPosition;
using sync::FeedStanding;
using sync::Poster;
using sync::postgres::Session;
using Steady = std::chrono::steady_clock;

constexpr auto kLease = 60s;
constexpr auto kLookEvery = 10s;
constexpr auto kRenewPostingEvery = 2s;
constexpr auto kElsewhere = 3'000ms;
constexpr auto kForeign = 10'000ms;
constexpr auto kSlice = 200ms;
constexpr auto kPausedLook = 1'000ms;
/// A feed that fails for this long is a reason to be degraded.
constexpr auto kStuckAfter = 15min;

std::string_view OutcomeOf(const sync::Posted& posted) {
  if (posted.Ok()) return "posted";
  return posted.status == 0 ? "unreachable" : "refused";
}

}  // namespace

/// One feed's thread.
class FeedPosting::Line {
 public:
  Line(FeedPosting& owner, const Config& config, const EndpointConfig& feed, std::string state_dsn, const Clock& clock,
       Metrics& metrics, Reasons& reasons)
      : owner_(owner),
        feed_(feed),
        target_dsn_(config.FindTarget(feed.target)->dsn.value_or(state_dsn)),
        state_dsn_(std::move(state_dsn)),
        poll_(config.sync.poll),
        clock_(clock),
        metrics_(metrics),
        reasons_(reasons) {
    // Counters are there from the start, so that a rate of the first events can be told.
    for (const char* outcome : {"posted", "refused", "unreachable"}) CountAttempts(outcome, 0);
    CountChanges(0);
  }

  /// Posts as long as the lease can be had. Returns when to try again.
  std::chrono::milliseconds Work(const std::stop_token& stop) {
    Session state{state_dsn_, "membridge feed"};
    auto lease = sync::Lease::Take(state, "feed/" + Name(), kLease);
    if (!lease) return Away();
    Session there{target_dsn_, "membridge feed"};
    std::optional<Session> listener;
    if (!sync::postgres::IsBehindPooler(target_dsn_)) listener.emplace(target_dsn_, "membridge feed").Listen("membridge_changes");
    Poster poster{feed_.endpoint, clock_, [&stop] { return stop.stop_requested(); }};
    FeedPosition position{there, feed_.endpoint};
    FeedControl control{there, feed_.endpoint};
    if (IsForeign(state, there)) return Away() + kForeign;
    if (position.Enter())
      Log(LogLevel::kWarn, "feed_begun_anew",
          {{"feed", Name()}, {"hint", "the target was restored elsewhere: every change that is kept is posted again"}});
    auto looked = Steady::now(), renewed = looked;
    Look(control);
    while (!stop.stop_requested()) {
      // A broken session frees the lease: this one must not post for long beside the next.
      if (Steady::now() - renewed > kRenewPostingEvery) {
        if (!lease->Renew(kLease)) return Away();
        renewed = Steady::now();
      }
      if (Steady::now() - looked > kLookEvery) {
        if (IsForeign(state, there)) return Away() + kForeign;
        Look(control);
        looked = Steady::now();
      }
      const Poster::Step step = poster.PostNext(there);
      if (Tell(step)) Look(control);
      if (const auto wait = WaitOf(step); wait > 0ms) Wait(listener, wait, stop);
    }
    return kElsewhere;
  }

 private:
  const std::string& Name() const { return feed_.endpoint.name; }

  /// Another process posts, or nobody may.
  std::chrono::milliseconds Away() {
    {
      const std::lock_guard lock{owner_.mutex_};
      owner_.standings_.erase(Name());
    }
    reasons_.Set(Degraded::kFeedStuck, Subject(), false);
    return kElsewhere;
  }

  ReasonSubject Subject() const { return {.target = feed_.target, .feed = Name()}; }

  bool IsForeign(Session& state, Session& there) const {
    return sync::LedgerTie{state, there, feed_.target}.Look().standing == sync::LedgerLook::Standing::kForeign;
  }

  void Look(FeedControl& control) {
    FeedStanding standing = control.Standing();
    const bool is_dead = standing.paused_at && standing.paused_by != "operator";
    const bool is_failing = !standing.paused_at && standing.failing_since && clock_.Now() - *standing.failing_since > kStuckAfter;
    const bool is_refusing = !standing.parked.empty() && clock_.Now() - standing.parked.front().since > kStuckAfter;
    reasons_.Set(Degraded::kFeedStuck, Subject(), is_dead || is_failing || is_refusing,
                 is_dead ? fmt::format("feed \"{}\" is paused: its endpoint {}", Name(),
                                       standing.paused_by == "gone" ? "says that it is gone (410)" : "has failed for days")
                 : is_failing
                     ? fmt::format("the endpoint of feed \"{}\" fails: {}", Name(), standing.last_error)
                     : fmt::format("the endpoint of feed \"{}\" refuses changes of {} rows", Name(), standing.parked.size()));
    const std::lock_guard lock{owner_.mutex_};
    owner_.standings_.insert_or_assign(Name(), std::move(standing));
  }

  void CountAttempts(std::string_view outcome, std::size_t attempts) {
    metrics_.Count("membridge_feed_attempts_total", "Messages posted to endpoints of feeds, by outcome",
                   {{"feed", Name()}, {"outcome", std::string{outcome}}}, static_cast<double>(attempts));
  }

  void CountChanges(std::size_t changes) {
    metrics_.Count("membridge_feed_changes_total", "Changes that an endpoint was told", {{"feed", Name()}},
                   static_cast<double>(changes));
  }

  /// Counts and logs the step. Returns whether the feed's standing is another one now.
  bool Tell(const Poster::Step& step) {
    const bool tried = step.did == Poster::Did::kPosted || step.did == Poster::Did::kFailed ||
                       step.did == Poster::Did::kPausing || step.did == Poster::Did::kParked || step.did == Poster::Did::kSplit;
    if (!tried) return false;
    CountAttempts(OutcomeOf(step.posted), 1);
    if (step.did == Poster::Did::kPosted) {
      CountChanges(step.changes);
      if (step.attempts > 1) Log(LogLevel::kInfo, "feed_goes_on", {{"feed", Name()}, {"attempts", step.attempts}});
      return step.attempts > 1;
    }
    if (step.did == Poster::Did::kPausing)
      Log(LogLevel::kError, "feed_paused",
          {{"feed", Name()},
           {"error", step.posted.problem},
           {"hint", "fix the endpoint, then run membridge feeds resume " + Name()}});
    else if (step.did == Poster::Did::kParked) {
      if (step.first)
        Log(LogLevel::kWarn, "feed_change_parked",
            {{"feed", Name()},
             {"error", step.posted.problem},
             {"hint", "only later changes of the row wait; membridge feeds status " + Name() + " tells which row"}});
    } else if (step.did == Poster::Did::kFailed && step.attempts == 1)
      Log(LogLevel::kWarn, "feed_failing", {{"feed", Name()}, {"error", step.posted.problem}});
    return true;
  }

  std::chrono::milliseconds WaitOf(const Poster::Step& step) const {
    switch (step.did) {
      case Poster::Did::kNothing:
        return poll_;
      case Poster::Did::kWaiting:
        return std::clamp(step.wait, 1ms, std::chrono::milliseconds{kPausedLook});  // it may be resumed before
      case Poster::Did::kPaused:
      case Poster::Did::kPausing:
        return kPausedLook;
      default:
        return 0ms;
    }
  }

  /// Waits for a notice that rows changed, or for the time.
  void Wait(std::optional<Session>& listener, std::chrono::milliseconds time, const std::stop_token& stop) {
    if (!listener) {
      std::unique_lock lock{mutex_};
      waiting_.wait_for(lock, stop, time, [] { return false; });
      return;
    }
    for (const auto until = Steady::now() + time; Steady::now() < until && !stop.stop_requested();) {
      if (listener->WaitForNotice(std::min<std::chrono::milliseconds>(time, kSlice))) return;
    }
  }

  FeedPosting& owner_;
  const EndpointConfig& feed_;
  const std::string target_dsn_, state_dsn_;
  const std::chrono::milliseconds poll_;
  const Clock& clock_;
  Metrics& metrics_;
  Reasons& reasons_;
  std::mutex mutex_;
  std::condition_variable_any waiting_;
};

FeedPosting::FeedPosting(const Config& config, std::string state_dsn, const Clock& clock, Metrics& metrics, Reasons& reasons) {
  WatchIn(metrics);
  for (const EndpointConfig& feed : config.feeds) {
    lines_.push_back(std::make_unique<Line>(*this, config, feed, state_dsn, clock, metrics, reasons));
    threads_.push_back(std::make_unique<Periodic>(
        "feed " + feed.endpoint.name, [line = lines_.back().get()](const std::stop_token& stop) { return line->Work(stop); }));
  }
}

FeedPosting::~FeedPosting() = default;

void FeedPosting::WatchIn(Metrics& metrics) {
  const auto each = [this](auto value) {
    return [this, value] {
      const std::lock_guard lock{mutex_};
      std::vector<MetricSample> samples;
      for (const auto& [feed, standing] : standings_) samples.push_back({{{"feed", feed}}, value(standing)});
      return samples;
    };
  };
  metrics.Watch(Metrics::Kind::kGauge, "membridge_feed_waiting", "Changes that an endpoint is yet to be told, 100000 at most",
                each([](const FeedStanding& standing) { return static_cast<double>(standing.waiting); }));
  metrics.Watch(Metrics::Kind::kGauge, "membridge_feed_parked", "Rows that wait behind a change that the endpoint refuses",
                each([](const FeedStanding& standing) { return static_cast<double>(standing.parked.size()); }));
  metrics.Watch(Metrics::Kind::kGauge, "membridge_feed_oldest_seconds",
                "Age of the oldest change that an endpoint is yet to be told", each([](const FeedStanding& standing) {
                  if (!standing.oldest) return 0.0;
                  return std::max(0.0, std::chrono::duration<double>(SystemClock{}.Now() - *standing.oldest).count());
                }));
}

void FeedPosting::RequestStop() {
  for (const auto& thread : threads_) thread->RequestStop();
}

}  // namespace membridge::admin
