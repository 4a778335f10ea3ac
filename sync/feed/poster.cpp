#include "sync/feed/poster.hpp"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <random>

#include "mappings/base/uuid7.hpp"
#include "sync/feed/position.hpp"

namespace membridge::sync {
namespace {

using namespace std::chrono_literals;

constexpr std::array<std::chrono::seconds, 12> kWaits{5s, 30s, 2min, 10min, 30min, 1h, 2h, 5h, 10h, 14h, 20h, 24h};
constexpr long kGone = 410;
constexpr long kBroken = 500;
/// An endpoint that breaks at a message so often is taken to break because of it.
constexpr int kBreaks = 3;
constexpr std::array<long, 4> kRefusals{400, 409, 413, 422};

/// Up to a tenth longer, so that endpoints which failed together are not tried together.
std::chrono::milliseconds Jittered(std::chrono::seconds wait) {
  thread_local std::minstd_rand random{std::random_device{}()};
  const auto most = std::chrono::duration_cast<std::chrono::milliseconds>(wait).count() / 10;
  return wait + std::chrono::milliseconds{std::uniform_int_distribution<std::int64_t>{0, most}(random)};
}

}  // namespace

std::optional<std::chrono::seconds> WaitAfter(int attempts) {
  const auto place = static_cast<std::size_t>(std::max(attempts - 1, 0));
  return place < kWaits.size() ? std::optional{kWaits[place]} : std::nullopt;
}

bool RefusesMessage(long status, int attempts) {
  return std::ranges::find(kRefusals, status) != kRefusals.end() || (status == kBroken && attempts >= kBreaks);
}

Poster::Poster(const Endpoint& endpoint, const Clock& clock, std::function<bool()> stop)
    : endpoint_(endpoint), clock_(clock), stop_(stop), call_(std::move(stop)) {}

Posted Poster::Post(const std::string& id, const std::string& body) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(clock_.Now().time_since_epoch()).count();
  const std::string timestamp = std::to_string(seconds);
  return call_.Post(endpoint_.url,
                    {"webhook-id: " + id, "webhook-timestamp: " + timestamp,
                     "webhook-signature: " + endpoint_.signer->Sign(id, timestamp, body)},
                    body);
}

Posted Poster::Test() {
  const Instant now = clock_.Now();
  const nlohmann::json body{{"type", "feed.test"}, {"timestamp", FormatRfc3339(now)}, {"data", {{"feed", endpoint_.name}}}};
  return Post(mappings::Uuid7(now), body.dump());
}

Poster::Step Poster::PostNext(postgres::Session& there) {
  FeedPosition position{there, endpoint_};
  const auto due = position.Next(clock_.Now());
  if (due.paused) return {.did = Did::kPaused};
  if (due.not_before)
    return {.did = Did::kWaiting, .wait = std::chrono::ceil<std::chrono::milliseconds>(*due.not_before - clock_.Now())};
  if (!due.message) return {};
  const Message& message = *due.message;
  Step step{
      .posted = Post(message.id, message.Body(endpoint_.batch > 1)), .changes = message.changes.size(), .first = !message.parked};
  step.attempts = message.attempts + 1;
  const Instant now = clock_.Now();
  if (step.posted.Ok()) {
    position.Told(message, step.posted, now);
    step.did = Did::kPosted;
    return step;
  }
  if (step.posted.status == 0 && stop_ && stop_()) {
    step.did = Did::kStopped;
    return step;
  }
  const auto wait = WaitAfter(step.attempts);
  const auto later = [&](std::chrono::seconds least) {
    return now + std::max(Jittered(least), step.posted.retry_after.value_or(0ms));
  };
  const bool is_refused = RefusesMessage(step.posted.status, step.attempts);
  if (is_refused && message.changes.size() > 1) {
    position.Split(message);
    step.did = Did::kSplit;
    return step;
  }
  if (is_refused && (!message.parked || wait || position.PostedSinceParking(message))) {
    step.did = position.Park(message, step.posted, now, later(wait.value_or(kWaits.back()))) ? Did::kParked : Did::kFailed;
    return step;
  }
  const bool pauses = step.posted.status == kGone || (!wait && (!message.parked || is_refused));
  std::optional<Instant> next_at;
  if (!pauses) next_at = later(wait.value_or(kWaits.back()));
  position.Failed(message, step.posted, now, next_at, !pauses ? "" : step.posted.status == kGone ? "gone" : "failing");
  step.did = pauses ? Did::kPausing : Did::kFailed;
  return step;
}

}  // namespace membridge::sync
