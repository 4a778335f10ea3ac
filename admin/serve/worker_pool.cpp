#include "admin/serve/worker_pool.hpp"

#include <algorithm>
#include <exception>
#include <utility>

#include "admin/runtime/periodic.hpp"
#include "mappings/base/log.hpp"
#include "mappings/base/pause.hpp"

namespace membridge::admin {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::milliseconds kFirstPause = 200ms;
constexpr std::chrono::milliseconds kLongestPause = 5s;

}  // namespace

WorkerPool::WorkerPool(std::size_t threads, std::chrono::milliseconds poll, sync::WakeUp& wake_up, MakeWorker make_worker)
    : poll_(poll),
      wake_up_(wake_up),
      make_worker_(std::move(make_worker)),
      last_round_(std::chrono::steady_clock::now().time_since_epoch()),
      running_(threads) {
  for (std::size_t i = 0; i < threads; ++i) {
    threads_.emplace_back([this](const std::stop_token& stop) {
      Work(stop);
      const std::lock_guard lock{mutex_};
      --running_;
      finished_.notify_all();
    });
  }
}

WorkerPool::~WorkerPool() {
  RequestStop();
}

void WorkerPool::RequestStop() {
  for (auto& thread : threads_) thread.request_stop();
}

bool WorkerPool::WaitFinished(std::chrono::milliseconds patience) {
  std::unique_lock lock{mutex_};
  return finished_.wait_for(lock, patience, [this] { return running_ == 0; });
}

void WorkerPool::Work(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    const std::uint64_t seen = wake_up_.Pokes();
    try {
      const std::unique_ptr<sync::Worker> worker = make_worker_();
      WorkUntilFailure(stop, *worker);
    } catch (const std::exception& failure) {
      Log(LogLevel::kError, "worker_failed", {{"error", SafeNameOf(failure)}});
      wake_up_.Wait(seen, kLongestPause, stop);
    }
  }
}

void WorkerPool::WorkUntilFailure(const std::stop_token& stop, sync::Worker& worker) {
  std::chrono::milliseconds pause = kFirstPause;
  while (!stop.stop_requested()) {
    const std::uint64_t seen = wake_up_.Pokes();
    const auto claimed = worker.RunOnce(stop);
    if (!claimed) {
      // Log it once per streak, because a long outage is one event.
      if (pause == kFirstPause) Log(LogLevel::kWarn, "database_away", {{"error", claimed.error().message}});
      Pause(stop, pause);  // deliveries do not shorten the pause, so that a failing database gets less traffic
      pause = std::min(pause * 2, kLongestPause);
      continue;
    }
    if (pause != kFirstPause) Log(LogLevel::kInfo, "database_back");
    pause = kFirstPause;
    last_round_ = std::chrono::steady_clock::now().time_since_epoch();
    if (*claimed > 0) continue;
    wake_up_.Wait(seen, std::min(poll_, worker.NextDue().value_or(poll_)), stop);
  }
}

}  // namespace membridge::admin
