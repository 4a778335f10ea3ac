#pragma once

#include <fmt/format.h>

#include <string>
#include <vector>

#include "sync/inbox/inbox.hpp"
#include "tests/sync/queue/claiming.hpp"

namespace membridge::test {

/// The n-th delivery, at nine o'clock: equal numbers are equal ids, and larger numbers sort behind.
inline sync::Delivery DeliveryOf(int n, const std::vector<std::string>& memories) {
  sync::Delivery delivery;
  delivery.id = DeliveryId{fmt::format("019c0000-0000-7000-8000-{:012x}", n)};
  delivery.project = kCrm;
  delivery.received_at = *ParseRfc3339("2026-03-01T09:00:00Z");
  delivery.body = fmt::format(R"({{"n":{}}})", n);
  delivery.headers = nlohmann::json::object();
  delivery.verdict = "accepted";
  delivery.memories = Ids(memories);
  return delivery;
}

}  // namespace membridge::test
