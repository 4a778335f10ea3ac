#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "receiver/http/connection.hpp"
#include "receiver/http/deadlines.hpp"
#include "receiver/http/limits.hpp"

namespace membridge::receiver::http {

/// The time-outs of one I/O thread's clients: a line for each kind of thing that a client owes, and one for answers that clients
/// do not take. Threads: one.
class ClientDeadlines {
 public:
  using Owed = Connection::Owed;
  using Time = Deadlines::Time;

  explicit ClientDeadlines(const Limits& limits);

  /// A client's places in the lines; it keeps them until Clear().
  struct Places {
    Owed owed = Owed::kNothing;
    std::uint64_t owed_for = 0;  ///< the request it is owed for
    Deadlines::Place owed_place{};
    std::optional<Deadlines::Place> untaken_place;
    std::uint64_t seen_sent = 0;
  };
  /// Brings a client's places in line with its connection. A trickle of bytes moves no deadline: it belongs to the whole header,
  /// body or pause.
  void Update(std::uint64_t id, const Connection& connection, Places& places, Time now);
  void Clear(Places& places);

  /// Who has owed this for longest.
  std::optional<Deadlines::Entry> First(Owed owed) const { return Line(owed).First(); }
  std::size_t Count(Owed owed) const { return Line(owed).size(); }
  /// Who has not taken an answer for longest.
  std::optional<Deadlines::Entry> FirstUntaken() const { return untaken_.First(); }
  /// When the next of all is due; nothing when nobody owes anything.
  std::optional<Time> NextDue() const;

 private:
  Deadlines& Line(Owed owed) { return lines_[static_cast<std::size_t>(owed)]; }
  const Deadlines& Line(Owed owed) const { return lines_[static_cast<std::size_t>(owed)]; }

  std::array<Deadlines, Connection::kOwedKinds> lines_;  // by Owed; the first is never used
  Deadlines untaken_;
};

}  // namespace membridge::receiver::http
