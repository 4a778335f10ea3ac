#pragma once

#include <fmt/format.h>

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "sync/inbox/fold.hpp"
#include "sync/inbox/inbox.hpp"
#include "tests/sync/queue/claiming.hpp"

namespace membridge::test {

/// The same delivery, received at another time: its id says so, too.
inline sync::Delivery At(Instant time, sync::Delivery delivery) {
  const auto issued = std::chrono::floor<std::chrono::milliseconds>(time).time_since_epoch().count();
  const std::string stamp = fmt::format("{:012x}", issued);
  delivery.id = DeliveryId{stamp.substr(0, 8) + "-" + stamp.substr(8) + delivery.id.Text().substr(13)};
  delivery.received_at = time;
  return delivery;
}

/// Marks and events are made of everything that was accepted. Returns how many deliveries were new.
inline std::size_t FoldAll(const PgDatabase& db) {
  sync::postgres::Session session = db.Session();
  return sync::Fold::All(session);
}

/// The n-th delivery, at nine o'clock: equal numbers are equal ids, and larger numbers sort behind.
inline sync::Delivery DeliveryOf(int n, const std::vector<std::string>& memories) {
  sync::Delivery delivery;
  delivery.id = DeliveryId{fmt::format("019ca8a0-3e80-7000-8000-{:012x}", n)};
  delivery.project = kCrm;
  delivery.received_at = *ParseRfc3339("2026-03-01T09:00:00Z");
  delivery.body = fmt::format(R"({{"n":{}}})", n);
  delivery.headers = nlohmann::json::object();
  delivery.verdict = "accepted";
  delivery.memories = Ids(memories);
  return delivery;
}

}  // namespace membridge::test
