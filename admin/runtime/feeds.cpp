#include "admin/runtime/feeds.hpp"

#include "admin/config/values.hpp"
#include "sync/feed/poster.hpp"

namespace membridge::admin {
namespace {

using nlohmann::ordered_json;
using sync::FeedControl;
using sync::postgres::Session;
using sync::postgres::SqlFailure;

ordered_json TimeView(const std::optional<Instant>& time) {
  return time ? ordered_json(FormatRfc3339(*time)) : ordered_json();
}

ordered_json TextView(const std::string& text) {
  return text.empty() ? ordered_json() : ordered_json(text);
}

ordered_json ParkedView(const std::vector<sync::ParkedChange>& all) {
  ordered_json views = ordered_json::array();
  for (const sync::ParkedChange& one : all)
    views.push_back({{"relation", one.relation},
                     {"key", one.key},
                     {"message", one.message},
                     {"since", FormatRfc3339(one.since)},
                     {"attempts", one.attempts},
                     {"next_at", TimeView(one.next_at)},
                     {"last_status", one.last_status == 0 ? ordered_json() : ordered_json(one.last_status)},
                     {"last_error", TextView(one.last_error)}});
  return views;
}

/// Calls `work` with the feed's control in its target.
template <class Work>
auto At(const Config& config, const Databases& databases, const std::string& name, const Work& work)
    -> decltype(work(std::declval<FeedControl&>())) {
  const EndpointConfig* feed = config.FindFeed(name);
  if (feed == nullptr) {
    std::vector<std::string> names;
    for (const auto& one : config.feeds) names.push_back(one.endpoint.name);
    return Fail(ErrorCode::kNotFound, "no feed \"" + name + "\"" + Suggestion(name, names), "see `feeds` in the configuration");
  }
  try {
    Session there{databases.DsnOf(*config.FindTarget(feed->target)), "membridge feeds"};
    sync::FeedPosition{there, feed->endpoint}.Enter();
    FeedControl control{there, feed->endpoint};
    return work(control);
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
          {"last_error", TextView(look.error ? look.error->message : standing.last_error)},
          {"parked", ParkedView(standing.parked)}};
}

FeedLook Feeds::Look(const EndpointConfig& feed) const {
  FeedLook look{&feed, std::nullopt, std::nullopt};
  try {
    Session there{databases_.DsnOf(*config_.FindTarget(feed.target)), "membridge feeds"};
    look.standing = FeedControl{there, feed.endpoint}.Standing();
  } catch (const SqlFailure& failure) {
    look.error = failure.AsError("looking at the target");
  }
  return look;
}

Result<FeedLook> Feeds::Look(const std::string& name) const {
  return At(config_, databases_, name, [&](FeedControl& control) -> Result<FeedLook> {
    return FeedLook{config_.FindFeed(name), control.Standing(), std::nullopt};
  });
}

Result<bool> Feeds::Pause(const std::string& name) const {
  return At(config_, databases_, name, [](FeedControl& control) -> Result<bool> { return control.Pause(); });
}

Result<bool> Feeds::Resume(const std::string& name, bool skip) const {
  return At(config_, databases_, name, [&](FeedControl& control) -> Result<bool> { return control.Resume(skip); });
}

Result<std::int64_t> Feeds::CountSince(const std::string& name, Instant since) const {
  return At(config_, databases_, name, [&](FeedControl& control) -> Result<std::int64_t> { return control.CountSince(since); });
}

Result<void> Feeds::Replay(const std::string& name, Instant since) const {
  return At(config_, databases_, name, [&](FeedControl& control) -> Result<void> {
    control.Replay(since);
    return {};
  });
}

Result<sync::Posted> Feeds::Test(const std::string& name) const {
  return At(config_, databases_, name, [&](FeedControl&) -> Result<sync::Posted> {
    const SystemClock clock;
    return sync::Poster{config_.FindFeed(name)->endpoint, clock}.Test();
  });
}

}  // namespace membridge::admin
