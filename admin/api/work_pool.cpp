#include "admin/api/work_pool.hpp"

#include <utility>

namespace membridge::admin::api {

WorkPool::WorkPool(std::string dsn, std::size_t threads, std::size_t most_waiting)
    : dsn_(std::move(dsn)), most_waiting_(most_waiting) {
  for (std::size_t i = 0; i < threads; ++i) threads_.emplace_back([this](const std::stop_token& stop) { Work(stop); });
}

WorkPool::~WorkPool() {
  Stop();
}

void WorkPool::Stop() {
  {
    const std::lock_guard lock{mutex_};
    stopped_ = true;
  }
  for (auto& thread : threads_) thread.request_stop();
  threads_.clear();
}

bool WorkPool::TryRun(Job job) {
  {
    const std::lock_guard lock{mutex_};
    if (stopped_ || waiting_.size() >= most_waiting_) return false;
    waiting_.push_back(std::move(job));
  }
  arrived_.notify_one();
  return true;
}

void WorkPool::Work(const std::stop_token& stop) {
  Connection connection{dsn_};
  for (;;) {
    Job job;
    {
      std::unique_lock lock{mutex_};
      if (!arrived_.wait(lock, stop, [&] { return !waiting_.empty(); }) || stop.stop_requested()) return;
      job = std::move(waiting_.front());
      waiting_.pop_front();
    }
    job(connection);
  }
}

}  // namespace membridge::admin::api
