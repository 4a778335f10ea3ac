#include "receiver/webhook_route.hpp"

#include <fmt/format.h>

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

/// Returns the token as written in the URL: the part behind the project, without the slashes around it.
std::string_view TokenAsSent(std::string_view target) {
  target = target.substr(0, target.find_last_not_of('/') + 1);
  return target.substr(target.rfind('/') + 1);
}

}  // namespace

WebhookRoute::WebhookRoute(const Clock& clock, const Snapshot<Verification>& verification, Committer& committer,
                           ReceiverMetrics& metrics, std::size_t max_body_bytes)
    : clock_(clock),
      verification_(verification),
      committer_(committer),
      metrics_(metrics),
      max_body_bytes_(max_body_bytes),
      logged_at_((steady_clock::now() - kLogPause).time_since_epoch().count()) {}

void WebhookRoute::AddTo(http::Router& router) {
  router.OnRefused([this](std::string_view reason) { metrics_.CountRefused(reason); });
  const auto add = [&](std::string_view pattern) {
    const auto token_of = [](const http::Parameters& parameters) {
      return parameters.size() > 1 ? parameters[1] : std::string{};
    };
    router.Add(
        "POST", http::PathPattern{pattern, http::Slashes::kForgiving},
        [this, token_of](http::Request&& request, const auto& parameters, const http::Reply& reply) {
          Receive(std::move(request), ProjectId{parameters[0]}, token_of(parameters), reply);
        },
        [this, token_of](const http::Request& head, const auto& parameters) {
          return CheckHead(head, ProjectId{parameters[0]}, token_of(parameters));
        });
  };
  add("/webhooks/{project}/{token}");
  add("/webhooks/{project}");
  const auto refuse = [this] {
    NoteRefused("no_such_path", "a path below /webhooks that is no delivery's");
    return http::Refusal(404, "not_found", "there is nothing at this path", "post to /webhooks/{project}/{token}");
  };
  router.Add(
      "POST", http::PathPattern{"/webhooks/{rest...}", http::Slashes::kForgiving},
      [refuse](auto&&, auto&&, const http::Reply& reply) { reply.Send(refuse()); },
      [refuse](auto&&, auto&&) { return http::HeadVerdict{.refusal = refuse()}; });
}

http::Response WebhookRoute::RefuseCredential(const Error& error) {
  NoteRefused("credential", error.message);
  return http::Refusal(401, NameOf(ErrorCode::kUnauthorized), "the credential is missing or wrong");
}

http::Response WebhookRoute::RefuseCoding(CodingProblem problem) {
  switch (problem) {
    case CodingProblem::kUnknown: {
      NoteRefused("coding", "an unknown content coding");
      http::Response response =
          http::Refusal(415, "unsupported_media_type", "the body has a content coding that is not read here",
                        std::string{"send Content-Encoding: "} + kReadCodings);
      response.headers.push_back({"Accept-Encoding", kReadCodings});
      return response;
    }
    case CodingProblem::kTooLarge:
      NoteRefused("too_large", "decoded");
      return http::Refusal(413, "too_large", fmt::format("the decoded body is larger than {} bytes", max_body_bytes_));
    case CodingProblem::kBroken:
      break;
  }
  NoteRefused("coding", "not coded as it says");
  return http::Refusal(400, NameOf(ErrorCode::kBadDelivery), "the body is not coded as its Content-Encoding says",
                       "send it whole, with nothing after it");
}

http::HeadVerdict WebhookRoute::CheckHead(const http::Request& head, const ProjectId& project, const std::string& token) {
  const auto standing =
      verification_.Get()->VerifyHead({.request = head, .project = project, .url_token = token, .now = clock_.Now()});
  if (!standing) return {.refusal = RefuseCredential(standing.error())};
  if (*standing == Standing::kOpen) return {.proven = false};
  if (const auto codings = CodingsOf(head); !codings) return {.refusal = RefuseCoding(codings.error())};
  return {.proven = true};
}

void WebhookRoute::Receive(http::Request&& request, ProjectId project, const std::string& token, const http::Reply& reply) {
  const Instant now = clock_.Now();
  const auto admission = verification_.Get()->Verify({.request = request, .project = project, .url_token = token, .now = now});
  if (!admission) return reply.Send(RefuseCredential(admission.error()));
  const auto codings = CodingsOf(request);
  if (!codings) return reply.Send(RefuseCoding(codings.error()));
  auto body = Decode(std::move(request.body), *codings, max_body_bytes_);
  if (!body) return reply.Send(RefuseCoding(body.error()));
  const Envelope envelope = ReadEnvelope(*body);
  if (!envelope.is_json) {
    NoteRefused("not_json", "not JSON");
    return reply.Send(
        http::Refusal(400, NameOf(ErrorCode::kBadDelivery), "the body is not JSON", "send one JSON value in UTF-8"));
  }
  sync::Delivery delivery;
  delivery.id = MakeDeliveryId(now);
  delivery.project = std::move(project);
  delivery.received_at = now;
  delivery.body = std::move(*body);
  delivery.source_address = std::move(request.peer_address);
  delivery.headers = RedactedHeaders(request.headers, {token, token.empty() ? std::string_view{} : TokenAsSent(request.target)});
  delivery.verdict = envelope.Verdict();
  delivery.token_id = admission->token_id;
  delivery.once = admission->once;
  for (const Hint& hint : envelope.hints) {
    delivery.memories.push_back(hint.memory);
    delivery.events.push_back(TypeOf(hint.event));
    delivery.announced.push_back(hint.announced);
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
