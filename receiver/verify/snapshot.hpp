#pragma once

#include <memory>
#include <mutex>
#include <utility>

namespace membridge::receiver {

/// A value that is read often and rarely replaced as a whole. A reader keeps the value that it got, which never changes.
/// Thread-safe.
template <class T>
class Snapshot {
 public:
  explicit Snapshot(T value) : value_(std::make_shared<const T>(std::move(value))) {}

  std::shared_ptr<const T> Get() const {
    const std::lock_guard lock{mutex_};
    return value_;
  }

  void Replace(T value) {
    auto next = std::make_shared<const T>(std::move(value));
    const std::lock_guard lock{mutex_};
    value_.swap(next);
  }

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const T> value_;  // guarded by mutex_
};

}  // namespace membridge::receiver
