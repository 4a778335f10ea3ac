#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

#include "mappings/base/time.hpp"
#include "receiver/committer.hpp"
#include "receiver/http/router.hpp"
#include "receiver/metrics.hpp"
#include "receiver/verify/snapshot.hpp"
#include "receiver/verify/verifier.hpp"

namespace membridge::receiver {

/// `POST /webhooks/{project}/{token}`, and without token for projects whose schemes need none: lets in, looks at the envelope,
/// hands over, and answers after the commit. Threads: called from several at once; never blocks.
///
/// | case | answer |
/// |---|---|
/// | stored | 200 `{"status":"accepted","delivery":"…"}` |
/// | a replay of what was stored | 200 `{"status":"accepted_before"}`; neither stored nor marked again |
/// | not let in, or no such project | 401, the same for both; the body is not looked at |
/// | not JSON | 400 |
/// | queue full, or not stored | 503 with Retry-After; sending it again is right |
class WebhookRoute {
 public:
  /// All of them outlive the route; `metrics` also outlives the committer.
  WebhookRoute(const Clock& clock, const Snapshot<Verification>& verification, Committer& committer, ReceiverMetrics& metrics);

  /// Adds the route's paths to a router that it outlives.
  void AddTo(http::Router& router);

 private:
  void Receive(http::Request&& request, ProjectId project, const std::string& token, const http::Reply& reply);
  void NoteRefused(std::string_view reason, const std::string& why);

  const Clock& clock_;
  const Snapshot<Verification>& verification_;
  Committer& committer_;
  ReceiverMetrics& metrics_;
  // One line of log in ten seconds says enough about strangers at the door.
  std::atomic<std::chrono::steady_clock::rep> logged_at_;
  std::atomic<std::uint64_t> refused_since_{0};
};

}  // namespace membridge::receiver
