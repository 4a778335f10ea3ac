#include "receiver/health_routes.hpp"

#include <utility>

namespace membridge::receiver {

void AddHealthRoutes(http::Router& router, HealthAnswers answers) {
  router.Add("GET", "/healthz", [](auto&&, auto&&, const http::Reply& reply) { reply.Send({.body = R"({"status":"alive"})"}); });
  router.Add("GET", "/readyz", [ready = std::move(answers.ready)](auto&&, auto&&, const http::Reply& reply) { ready(reply); });
  router.Add("GET", "/metrics",
             [metrics = std::move(answers.metrics)](auto&&, auto&&, const http::Reply& reply) { metrics(reply); });
}

}  // namespace membridge::receiver
