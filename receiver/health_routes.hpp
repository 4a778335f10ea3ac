#pragma once

#include <functional>

#include "receiver/http/router.hpp"

namespace membridge::receiver {

/// The answers about the process. They are called on an I/O thread and must not block: an answer that has to wait uses its Reply
/// later, from any thread.
struct HealthAnswers {
  std::function<void(const http::Reply&)> ready;    ///< GET /readyz: 200, or 503 saying what is missing
  std::function<void(const http::Reply&)> metrics;  ///< GET /metrics: the Prometheus text format
};

/// Adds `GET /healthz`, which answers 200 as long as the process has a thread to answer, and the two routes above.
void AddHealthRoutes(http::Router& router, HealthAnswers answers);

}  // namespace membridge::receiver
