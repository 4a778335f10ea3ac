#include "admin/runtime/feeds.hpp"

#include "admin/config/values.hpp"
#include "sync/feed/poster.hpp"

namespace membridge::admin {
namespace {

using nlohmann::ordered_json;
using sync::FeedPosition;
using sync::postgres::Session;
using sync::postgres::SqlFailure;

ordered_json TimeView(const std::optional<Instant>& time) {
  return time ? ordered_json(FormatRfc3339(*time)) : ordered_json();
}

ordered_json TextView(const std::string& text) {
  return text.empty() ? ordered_json() : ordered_json(text);
}

/// Calls `work` with the feed's position in its target.
template <class Work>
auto At(const Config& config, const Databases& databases, const std::string& name, const Work& work)
    -> decltype(work(std::declval<FeedPosition&>())) {
  const EndpointConfig* feed = config.FindFeed(name);
  if (feed == nullptr) {
    std::vector<std::string> names;
    for (const auto& one : config.feeds) names.push_back(one.endpoint.name);
    return Fail(ErrorCode::kNotFound, "no feed \"" + name + "\"" + Suggestion(name, names), "see `feeds` in the configuration");
  }
  try {
    Session there{databases.DsnOf(*config.FindTarget(feed->target)), "membridge feeds"};
    FeedPosition position{there, feed->endpoint};
    position.Enter();
    return work(position);
  } catch (const SqlFailure& failure) {
    return tl::unexpected<Error>(failure.AsError("looking at feed \"" + name + "\""));
  }
}

}  // namespace

std::string FeedLook::State() const {
  if (!standing) return "unknown";
  if (standing->paused_at) return "paused";
  if (standing->failing_since) return "failing";
  return standing->waiting > 0 ? "behind" : "told";
}

ordered_json ViewOf(const FeedLook& look) {
  const sync::Endpoint& endpoint = look.feed->endpoint;
  const sync::FeedStanding standing = look.standing.value_or(sync::FeedStanding{});
  return {{"feed", endpoint.name},
          {"target", look.feed->target},
          {"address", sync::ShownAddress(endpoint.url)},
          {"tables", endpoint.filter.tables},
          {"mappings", endpoint.filter.mappings},
          {"ops", endpoint.filter.ops},
          {"batch", endpoint.batch},
          {"state", look.State()},
          {"waiting", standing.waiting},
          {"oldest", TimeView(standing.oldest)},
          {"posted", standing.posted},
          {"posted_at", TimeView(standing.posted_at)},
          {"attempts", standing.attempts},
          {"failing_since", TimeView(standing.failing_since)},
          {"next_at", TimeView(standing.next_at)},
          {"paused_at", TimeView(standing.paused_at)},
          {"paused_by", TextView(standing.paused_by)},
          {"last_status", standing.last_status == 0 ? ordered_json() : ordered_json(standing.last_status)},
          {"last_error", TextView(look.error ? look.error->message : standing.last_error)}};
}

FeedLook Feeds::Look(const EndpointConfig& feed) const {
  FeedLook look{&feed, std::nullopt, std::nullopt};
  try {
    Session there{databases_.DsnOf(*config_.FindTarget(feed.target)), "membridge feeds"};
    look.standing = FeedPosition{there, feed.endpoint}.Standing();
  } catch (const SqlFailure& failure) {
    look.error = failure.AsError("looking at the target");
  }
  return look;
}

Result<FeedLook> Feeds::Look(const std::string& name) const {
  return At(config_, databases_, name, [&](FeedPosition& position) -> Result<FeedLook> {
    return FeedLook{config_.FindFeed(name), position.Standing(), std::nullopt};
  });
}

Result<bool> Feeds::Pause(const std::string& name) const {
  return At(config_, databases_, name, [](FeedPosition& position) -> Result<bool> { return position.Pause(); });
}

Result<bool> Feeds::Resume(const std::string& name, bool skip) const {
  return At(config_, databases_, name, [&](FeedPosition& position) -> Result<bool> { return position.Resume(skip); });
}

Result<std::int64_t> Feeds::CountSince(const std::string& name, Instant since) const {
  return At(config_, databases_, name,
            [&](FeedPosition& position) -> Result<std::int64_t> { return position.CountSince(since); });
}

Result<void> Feeds::Replay(const std::string& name, Instant since) const {
  return At(config_, databases_, name, [&](FeedPosition& position) -> Result<void> {
    position.Replay(since);
    return {};
  });
}

Result<sync::Posted> Feeds::Test(const std::string& name) const {
  return At(config_, databases_, name, [&](FeedPosition&) -> Result<sync::Posted> {
    const SystemClock clock;
    return sync::Poster{config_.FindFeed(name)->endpoint, clock}.Test();
  });
}

}  // namespace membridge::admin
