#include "receiver/http/client_deadlines.hpp"

#include <chrono>

namespace membridge::receiver::http {

ClientDeadlines::ClientDeadlines(const Limits& limits)
    : lines_{Deadlines{std::chrono::milliseconds{0}}, Deadlines{limits.idle_timeout}, Deadlines{limits.idle_timeout},
             Deadlines{limits.header_timeout},        Deadlines{limits.body_timeout}, Deadlines{limits.unproven_body_timeout},
             Deadlines{limits.linger_timeout}},
      untaken_(limits.write_timeout) {}

void ClientDeadlines::Update(std::uint64_t id, const Connection& connection, Places& places, Time now) {
  const Owed owed = connection.owed();
  const std::uint64_t owed_for = connection.requests();
  if (owed != places.owed) {
    if (places.owed != Owed::kNothing) Line(places.owed).Remove(places.owed_place);
    if (owed != Owed::kNothing) places.owed_place = Line(owed).Add(id, now);
  } else if (owed != Owed::kNothing && owed_for != places.owed_for) {
    Line(owed).Renew(places.owed_place, now);
  }
  places.owed = owed;
  places.owed_for = owed_for;

  if (!connection.WantsWrite()) {
    if (places.untaken_place) untaken_.Remove(*places.untaken_place);
    places.untaken_place.reset();
  } else if (!places.untaken_place) {
    places.untaken_place = untaken_.Add(id, now);
  } else if (connection.bytes_sent() != places.seen_sent) {
    untaken_.Renew(*places.untaken_place, now);
  }
  places.seen_sent = connection.bytes_sent();
}

void ClientDeadlines::Clear(Places& places) {
  if (places.owed != Owed::kNothing) Line(places.owed).Remove(places.owed_place);
  if (places.untaken_place) untaken_.Remove(*places.untaken_place);
}

std::optional<ClientDeadlines::Time> ClientDeadlines::NextDue() const {
  std::optional<Time> next;
  const auto consider = [&next](const Deadlines& line) {
    const auto first = line.First();
    if (first && (!next || first->due < *next)) next = first->due;
  };
  for (const Deadlines& line : lines_) consider(line);
  consider(untaken_);
  return next;
}

}  // namespace membridge::receiver::http
