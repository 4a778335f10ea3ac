#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "receiver/http/connection.hpp"
#include "receiver/http/deadlines.hpp"
#include "receiver/http/limits.hpp"

namespace membridge::receiver::http {

/// The time-outs of one I/O thread's clients. There is one queue for each thing that a client may owe, and one for answers that
/// clients do not read. Threads: one.
class ClientDeadlines {
 public:
  using Owed = Connection::Owed;
  using Time = Deadlines::Time;

  explicit ClientDeadlines(const Limits& limits);

  /// A client's places in the queues. The client keeps them until Clear().
  struct Places {
    Owed owed = Owed::kNothing;
    std::uint64_t owed_for = 0;  ///< the request it is owed for
    Deadlines::Place owed_place{};
    std::optional<Deadlines::Place> untaken_place;
    std::uint64_t seen_sent = 0;
  };
  /// Updates a client's places from the state of its connection. Single bytes do not extend a deadline, because it is for the
  /// whole header, body or pause.
  void Update(std::uint64_t id, const Connection& connection, Places& places, Time now);
  void Clear(Places& places);

  /// Returns the client that has owed this for longest.
  std::optional<Deadlines::Entry> First(Owed owed) const { return Line(owed).First(); }
  std::size_t Count(Owed owed) const { return Line(owed).size(); }
  /// Returns the client that has not read its answer for longest.
  std::optional<Deadlines::Entry> FirstUntaken() const { return untaken_.First(); }
  /// Returns the earliest of all deadlines; nothing when there is none.
  std::optional<Time> NextDue() const;

 private:
  Deadlines& Line(Owed owed) { return lines_[static_cast<std::size_t>(owed)]; }
  const Deadlines& Line(Owed owed) const { return lines_[static_cast<std::size_t>(owed)]; }

  std::array<Deadlines, Connection::kOwedKinds> lines_;  // by Owed; the first is never used
  Deadlines untaken_;
};

}  // namespace membridge::receiver::http
