#pragma once

#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <memory>
#include <string>
#include <utility>

#include "receiver/committer.hpp"
#include "receiver/http/server.hpp"
#include "receiver/metrics.hpp"
#include "receiver/verify/token_verifier.hpp"
#include "receiver/webhook_route.hpp"
#include "tests/receiver/http/raw_client.hpp"
#include "tests/receiver/scripted_inbox.hpp"
#include "tests/support/catch.hpp"

namespace membridge::test {

class WebhookClock final : public Clock {
 public:
  Instant Now() const override { return now; }
  Instant now{std::chrono::sys_days{std::chrono::year{2026} / 3 / 1}};
};

inline const std::string kToken = "opensesame-opensesame-opensesame-opensesame";
inline const std::string kUrl = "/webhooks/crm/" + kToken;
inline const std::string kAdd = R"({"event_details":{"id":"m-1","data":{"memory":"Name is Ada"},"event":"ADD"}})";

/// The receiver as `serve` wires it, with one project `crm` behind a token and one, `open`, without verification.
class Receiver {
 public:
  explicit Receiver(receiver::http::Limits limits = {}, receiver::Committer::Limits queue = {})
      : tokens(std::make_shared<receiver::Snapshot<receiver::TokenSet>>(
            receiver::TokenSet{{{"t-1", ProjectId{"crm"}, receiver::HashToken(kToken), std::nullopt, std::nullopt}}})),
        verification(receiver::Verification{{{ProjectId{"crm"}, {std::make_shared<receiver::TokenVerifier>(tokens)}},
                                             {ProjectId{"open"}, {std::make_shared<receiver::NoVerifier>()}},
                                             {ProjectId{"shut"}, {}}}}),
        metrics(registry),
        committer({&inbox}, queue, {}),
        route(clock, verification, committer, metrics, limits.max_body_bytes),
        server("127.0.0.1:0", limits,
               {.handler = [this](auto&& request, const auto& reply) { router(std::move(request), reply); },
                .head_check = [this](const auto& head) { return router.CheckHead(head); }}) {
    route.AddTo(router);
    server.Start();
  }

  RawResponse Ask(const std::string& bytes) {
    RawClient client{server.port()};
    client.Send(bytes);
    auto response = client.Receive();
    REQUIRE(response);
    return *response;
  }

  std::string Metrics() {
    metrics.NoteState(0, std::chrono::milliseconds{0}, server.Counted());
    return prometheus::TextSerializer{}.Serialize(registry.Collect());
  }

  WebhookClock clock;
  ScriptedInbox inbox;
  std::shared_ptr<receiver::Snapshot<receiver::TokenSet>> tokens;
  receiver::Snapshot<receiver::Verification> verification;
  prometheus::Registry registry;
  receiver::ReceiverMetrics metrics;
  receiver::Committer committer;
  receiver::WebhookRoute route;
  receiver::http::Router router;
  receiver::http::Server server;
};

}  // namespace membridge::test
