#pragma once

#include <functional>

#include "receiver/http/router.hpp"

namespace membridge::receiver {

/// Who answers when asked about the process. Called on an I/O thread: an answer that has to wait for something is given later.
struct HealthAnswers {
  std::function<void(const http::Reply&)> ready;    ///< GET /readyz: 200, or 503 saying what is missing
  std::function<void(const http::Reply&)> metrics;  ///< GET /metrics: the Prometheus text format
};

/// Adds `GET /healthz`, which answers 200 as long as there is a thread to answer, and the two others.
void AddHealthRoutes(http::Router& router, HealthAnswers answers);

}  // namespace membridge::receiver
