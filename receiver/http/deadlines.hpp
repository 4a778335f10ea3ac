#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <list>
#include <optional>

namespace membridge::receiver::http {

/// The deadlines of all clients with the same time-out, earliest first. Adding, renewing and removing take constant time.
/// Threads: one.
class Deadlines {
 public:
  using Time = std::chrono::steady_clock::time_point;
  struct Entry {
    Time due;
    Time since;
    std::uint64_t who;
  };
  /// A place in the queue; valid until Remove().
  using Place = std::list<Entry>::iterator;

  explicit Deadlines(std::chrono::milliseconds timeout) : timeout_(timeout) {}

  /// `now` must not decrease from call to call.
  Place Add(std::uint64_t who, Time now) { return entries_.insert(entries_.end(), Entry{now + timeout_, now, who}); }
  void Renew(Place place, Time now) {
    place->due = now + timeout_;
    place->since = now;
    entries_.splice(entries_.end(), entries_, place);
  }
  void Remove(Place place) { entries_.erase(place); }

  std::size_t size() const { return entries_.size(); }

  /// Returns the earliest deadline; nothing when there is none.
  std::optional<Entry> First() const {
    if (entries_.empty()) return std::nullopt;
    return entries_.front();
  }

 private:
  const std::chrono::milliseconds timeout_;
  std::list<Entry> entries_;
};

}  // namespace membridge::receiver::http
