#include "receiver/webhook_route.hpp"

#include <utility>

#include "mappings/base/log.hpp"
#include "receiver/delivery_id.hpp"
#include "receiver/envelope.hpp"
#include "receiver/redaction.hpp"

namespace membridge::receiver {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;

constexpr auto kLogPause = 10s;

http::Response TryAgain(std::string_view message) {
  http::Response response = http::Refusal(503, NameOf(ErrorCode::kUnavailable), message, "send it again");
  response.headers.push_back({"Retry-After", "1"});
  return response;
}

http::Response Accepted(const DeliveryId& id) {
  return {.body = R"({"status":"accepted","delivery":")" + id.Text() + R"("})"};
}

}  // namespace

WebhookRoute::WebhookRoute(const Clock& clock, const Snapshot<Verification>& verification, Committer& committer,
                           ReceiverMetrics& metrics)
    : clock_(clock),
      verification_(verification),
      committer_(committer),
      metrics_(metrics),
      logged_at_((steady_clock::now() - kLogPause).time_since_epoch().count()) {}

void WebhookRoute::AddTo(http::Router& router) {
  router.OnRefused([this](std::string_view reason) { metrics_.CountRefused(reason); });
  router.Add("POST", "/webhooks/{project}/{token}", [this](auto&& request, auto&& parameters, const http::Reply& reply) {
    Receive(std::move(request), ProjectId{std::move(parameters[0])}, parameters[1], reply);
  });
  router.Add("POST", "/webhooks/{project}", [this](auto&& request, auto&& parameters, const http::Reply& reply) {
    Receive(std::move(request), ProjectId{std::move(parameters[0])}, {}, reply);
  });
}

void WebhookRoute::Receive(http::Request&& request, ProjectId project, const std::string& token, const http::Reply& reply) {
  const Instant now = clock_.Now();
  const auto admission = verification_.Get()->Verify({.request = request, .project = project, .url_token = token, .now = now});
  if (!admission) {
    NoteRefused("credential", admission.error().message);
    return reply.Send(http::Refusal(401, NameOf(ErrorCode::kUnauthorized), "the credential is missing or wrong"));
  }
  const Envelope envelope = ReadEnvelope(request.body);
  if (!envelope.is_json) {
    NoteRefused("not_json", "not JSON");
    return reply.Send(http::Refusal(400, NameOf(ErrorCode::kBadDelivery), "the body is not JSON",
                                    "send one JSON value in UTF-8, not compressed"));
  }
  sync::Delivery delivery;
  delivery.id = MakeDeliveryId(now);
  delivery.project = std::move(project);
  delivery.received_at = now;
  delivery.body = std::move(request.body);
  delivery.source_address = std::move(request.peer_address);
  const std::string_view token_as_sent = std::string_view{request.target}.substr(request.target.rfind('/') + 1);
  delivery.headers = RedactedHeaders(request.headers, {token, token.empty() ? std::string_view{} : token_as_sent});
  delivery.verdict = envelope.Verdict();
  delivery.token_id = admission->token_id;
  delivery.once = admission->once;
  for (const Hint& hint : envelope.hints) {
    delivery.memories.push_back(hint.memory);
    delivery.events.push_back(TypeOf(hint.event));
  }

  auto answer = [&metrics = metrics_, reply, id = delivery.id, project_name = delivery.project.Text(),
                 verdict = delivery.verdict](const Result<Committer::Fate>& stored) {
    if (stored && *stored == Committer::Fate::kBefore) {
      metrics.CountRefused("replay");
      reply.Send({.body = R"({"status":"accepted_before"})"});
    } else if (stored) {
      metrics.CountStored(project_name, verdict);
      reply.Send(Accepted(id));
    } else {
      metrics.CountRefused("not_stored");
      reply.Send(TryAgain("the delivery could not be stored"));
    }
  };
  if (!committer_.TryHandOver(std::move(delivery), std::move(answer))) {
    metrics_.CountRefused("queue_full");
    reply.Send(TryAgain("too many deliveries are waiting to be stored"));
  }
}

void WebhookRoute::NoteRefused(std::string_view reason, const std::string& why) {
  metrics_.CountRefused(reason);
  ++refused_since_;
  const auto now = steady_clock::now().time_since_epoch();
  auto last = logged_at_.load();
  if (now - steady_clock::duration{last} < kLogPause || !logged_at_.compare_exchange_strong(last, now.count())) return;
  Log(LogLevel::kWarn, "deliveries_refused", {{"reason", reason}, {"scheme", why}, {"count", refused_since_.exchange(0)}});
}

}  // namespace membridge::receiver
