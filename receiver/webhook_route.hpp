#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "mappings/base/time.hpp"
#include "receiver/committer.hpp"
#include "receiver/content_coding.hpp"
#include "receiver/http/limits.hpp"
#include "receiver/http/router.hpp"
#include "receiver/metrics.hpp"
#include "receiver/verify/snapshot.hpp"
#include "receiver/verify/verifier.hpp"

namespace membridge::receiver {

/// `POST /webhooks/{project}/{token}`, and the same path without token for projects whose schemes need none. Verifies the
/// request, reads the envelope, hands the delivery to the committer and answers after the commit. Several slashes count as one,
/// and a slash at the end is ignored. Every other path below /webhooks is answered with 404, counted and logged. Threads: called
/// from several at once; never blocks.
///
/// Signatures are checked over the body as it was sent, coded or not. The body is stored without its content coding.
///
/// | case | answer |
/// |---|---|
/// | stored | 200 `{"status":"accepted","delivery":"…"}` |
/// | a replay of what was stored | 200 `{"status":"accepted_before"}`; neither stored nor marked again |
/// | not let in, or no such project | 401, the same for both; before the body is in, unless a scheme signs it |
/// | a content coding that is not read | 415 with Accept-Encoding |
/// | not JSON, or not coded as it says | 400 |
/// | larger than max_body_bytes once decoded | 413 |
/// | queue full, or not stored | 503 with Retry-After; sending it again is right |
class WebhookRoute {
 public:
  /// The references outlive the route; `metrics` also outlives the committer. `max_body_bytes` limits decoded bodies; the server
  /// has its own limit for the bytes that arrive.
  WebhookRoute(const Clock& clock, const Snapshot<Verification>& verification, Committer& committer, ReceiverMetrics& metrics,
               std::size_t max_body_bytes = http::Limits{}.max_body_bytes);

  /// Adds the route's paths to a router. The route outlives the router.
  void AddTo(http::Router& router);

 private:
  http::HeadVerdict CheckHead(const http::Request& head, const ProjectId& project, const std::string& token);
  void Receive(http::Request&& request, ProjectId project, const std::string& token, const http::Reply& reply);
  http::Response RefuseCredential(const Error& error);
  http::Response RefuseCoding(CodingProblem problem);
  void NoteRefused(std::string_view reason, const std::string& why);

  const Clock& clock_;
  const Snapshot<Verification>& verification_;
  Committer& committer_;
  ReceiverMetrics& metrics_;
  const std::size_t max_body_bytes_;
  // Refusals are logged at most once in ten seconds.
  std::atomic<std::chrono::steady_clock::rep> logged_at_;
  std::atomic<std::uint64_t> refused_since_{0};
};

}  // namespace membridge::receiver
