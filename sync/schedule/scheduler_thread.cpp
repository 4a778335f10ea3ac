#include "sync/schedule/scheduler_thread.hpp"

#include <algorithm>
#include <exception>
#include <typeinfo>

#include "mappings/base/log.hpp"

namespace membridge::sync {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::milliseconds kFirstPause = 500ms;
constexpr std::chrono::milliseconds kLongestPause = 30s;

}  // namespace

SchedulerThread::SchedulerThread(std::unique_ptr<Scheduler> scheduler, std::chrono::milliseconds poll)
    : scheduler_(std::move(scheduler)), poll_(poll), thread_([this](const std::stop_token& stop) { Work(stop); }) {}

SchedulerThread::~SchedulerThread() = default;

void SchedulerThread::Poke() {
  const std::lock_guard lock{mutex_};
  is_poked_ = true;
  poked_.notify_all();
}

void SchedulerThread::RequestStop() {
  thread_.request_stop();
}

void SchedulerThread::Pause(const std::stop_token& stop, std::chrono::milliseconds time) {
  std::unique_lock lock{mutex_};
  poked_.wait_for(lock, stop, time, [this] { return is_poked_; });
  is_poked_ = false;
}

void SchedulerThread::Work(const std::stop_token& stop) {
  std::chrono::milliseconds pause = kFirstPause;
  while (!stop.stop_requested()) {
    Result<bool> worked = false;
    try {
      worked = scheduler_->RunOnce();
    } catch (const std::exception& failure) {
      worked = Fail(ErrorCode::kUnavailable, typeid(failure).name());
    }
    if (!worked) {
      if (pause == kFirstPause) Log(LogLevel::kWarn, "scheduler_failed", {{"error", worked.error().message}});
      Pause(stop, pause);
      pause = std::min(pause * 2, kLongestPause);
      continue;
    }
    pause = kFirstPause;
    if (!*worked) Pause(stop, scheduler_->NextDue(poll_));
  }
}

}  // namespace membridge::sync
