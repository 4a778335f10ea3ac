#include "sync/inbox/folder.hpp"

#include <algorithm>
#include <utility>

#include "mappings/base/log.hpp"
#include "mappings/base/pause.hpp"

namespace membridge::sync {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

/// The pause between two folds. Deliveries that arrive during it are folded together, which costs less than a fold for each
/// commit, and then read from Mem0 with one call and applied together. The more a fold took, the longer the pause behind it: by
/// more than a millisecond for each delivery until it is kBusyBreath, which at a thousand a second makes some twenty deliveries
/// a call, and by one for every ten when more arrive, so that hundreds are folded at once.
constexpr milliseconds kBreath = 2ms;
constexpr milliseconds kBusyBreath = 21ms;
constexpr milliseconds kLongestBreath = 100ms;
constexpr double kPerDelivery = 1.25;  // milliseconds
constexpr double kPerDeliveryOfMany = 0.1;

milliseconds BreathAfter(const Folded& folded) {
  const auto longer = [&](double per_delivery) {
    return kBreath + milliseconds{static_cast<milliseconds::rep>(per_delivery * static_cast<double>(folded.deliveries))};
  };
  return std::max(std::min(longer(kPerDelivery), kBusyBreath), std::min(longer(kPerDeliveryOfMany), kLongestBreath));
}

constexpr milliseconds kFirstFoldPause = 200ms;
constexpr milliseconds kLongestFoldPause = 5s;

}  // namespace

Folder::Folder(std::string dsn, milliseconds poll, WakeUp& wake_up)
    : dsn_(std::move(dsn)), poll_(poll), wake_up_(wake_up), thread_([this](const std::stop_token& stop) { Run(stop); }) {}

Folder::~Folder() {
  thread_.request_stop();
  poked_.notify_all();
}

void Folder::Poke(std::uint64_t transaction) {
  {
    const std::lock_guard lock{mutex_};
    any_ = true;
    if (transaction != 0) wanted_.insert(transaction);
  }
  poked_.notify_all();
}

void Folder::Run(const std::stop_token& stop) {
  milliseconds pause = kFirstFoldPause;
  while (!stop.stop_requested()) {
    try {
      postgres::Session session{dsn_, "membridge fold"};
      while (!stop.stop_requested()) {
        FoldWanted(session, stop);
        if (pause != kFirstFoldPause) Log(LogLevel::kInfo, "folding_resumed");
        pause = kFirstFoldPause;
        std::unique_lock lock{mutex_};
        poked_.wait_for(lock, stop, poll_, [this] { return any_; });
      }
    } catch (const postgres::SqlFailure& failure) {
      ++counters_.failures;
      // Logged once per streak. Deliveries are still stored, and their memories are read later.
      if (pause == kFirstFoldPause) Log(LogLevel::kWarn, "folding_failed", {{"error", failure.what()}});
      Pause(stop, pause);
      pause = std::min(pause * 2, kLongestFoldPause);
    }
  }
}

void Folder::FoldWanted(postgres::Session& session, const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    std::set<std::uint64_t> poked;
    if (!AwaitBreath(stop)) return;
    {
      const std::lock_guard lock{mutex_};
      any_ = false;
      poked = wanted_;
    }
    const Folded folded = Fold::Once(session);
    counters_.deliveries += folded.folded ? folded.deliveries : 0;
    counters_.folds += folded.deliveries > 0 ? 1 : 0;
    counters_.parked += folded.parked.size();
    if (folded.news) wake_up_.Poke();
    if (!folded.folded || !folded.more) ready_at_ = std::chrono::steady_clock::now() + BreathAfter(folded);
    if (!HasMore(folded, poked)) return;
  }
}

/// Waits for the end of the pause behind the last fold. Returns false when a stop was requested.
bool Folder::AwaitBreath(const std::stop_token& stop) const {
  const auto left = std::chrono::ceil<milliseconds>(ready_at_ - std::chrono::steady_clock::now());
  return left <= 0ms || Pause(stop, left);
}

bool Folder::HasMore(const Folded& folded, const std::set<std::uint64_t>& poked) {
  const std::lock_guard lock{mutex_};
  const bool complete = folded.folded && !folded.more;
  for (const std::uint64_t transaction : poked) {
    if (complete || Sees(folded.snapshot, transaction)) wanted_.erase(transaction);
  }
  // When another session folds, it may have looked before the transactions we were poked for were committed.
  return any_ || !wanted_.empty() || (folded.folded && folded.more);
}

}  // namespace membridge::sync
