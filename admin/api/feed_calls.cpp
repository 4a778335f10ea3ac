// Operations on feeds: endpoints that are told of changes.
#include "admin/api/context.hpp"
#include "admin/api/counted_actions.hpp"
#include "admin/runtime/feeds.hpp"

namespace membridge::admin::api {
namespace {

using nlohmann::ordered_json;

Answer ListFeeds(const Parts& parts) {
  ordered_json feeds = ordered_json::array();
  for (const EndpointConfig& feed : parts.config.feeds) feeds.push_back(ViewOf(Feeds{parts.config, parts.databases}.Look(feed)));
  return ordered_json{{"feeds", std::move(feeds)}};
}

Answer ReadFeed(Call& call, const Parts& parts) {
  const auto look = Feeds{parts.config, parts.databases}.Look(call.Path("feed"));
  if (!look) return Refuse(look.error());
  return ViewOf(*look);
}

Answer Changed(Call& call, const Result<bool>& changed) {
  if (!changed) return Refuse(changed.error());
  call.object = call.Path("feed");
  call.detail["changed"] = *changed;
  return ordered_json{{"feed", call.object}, {"changed", *changed}};
}

Answer ReplayFeed(Call& call, const Parts& parts) {
  const auto intent = IntentOf(call.body);
  if (!intent) return tl::unexpected<Problem>(intent.error());
  const auto since = TimeIn(call.body, "since", call.now);
  if (!since) return tl::unexpected<Problem>(since.error());
  if (!*since) return RefuseField("since", "is missing");
  const Feeds feeds{parts.config, parts.databases};
  const std::string name = call.Path("feed");
  const auto count = feeds.CountSince(name, **since);
  if (!count) return Refuse(count.error());
  call.object = name;
  call.detail = {{"since", FormatRfc3339(**since)}, {"changes", *count}};
  if (*intent == Intent::kCount) {
    call.nothing_changed = true;
    return ordered_json{{"feed", name}, {"changes", *count}, {"done", false}};
  }
  if (const auto outgrown = Outgrown(call.body, static_cast<std::size_t>(*count))) return tl::unexpected<Problem>(*outgrown);
  if (const auto replayed = feeds.Replay(name, **since); !replayed) return Refuse(replayed.error());
  return ordered_json{{"feed", name}, {"changes", *count}, {"done", true}};
}

Answer TestFeed(Call& call, const Parts& parts) {
  const auto posted = Feeds{parts.config, parts.databases}.Test(call.Path("feed"));
  if (!posted) return Refuse(posted.error());
  call.object = call.Path("feed");
  call.detail = {{"status", posted->status}, {"ok", posted->Ok()}};
  return ordered_json{{"feed", call.object},
                      {"ok", posted->Ok()},
                      {"status", posted->status == 0 ? ordered_json() : ordered_json(posted->status)},
                      {"problem", TextOrNull(posted->problem)}};
}

}  // namespace

void AddFeedCalls(Handlers& handlers, const Parts& parts) {
  handlers["listFeeds"] = [&parts](Call&) { return ListFeeds(parts); };
  handlers["readFeed"] = [&parts](Call& call) { return ReadFeed(call, parts); };
  handlers["pauseFeed"] = [&parts](Call& call) {
    return Changed(call, Feeds{parts.config, parts.databases}.Pause(call.Path("feed")));
  };
  handlers["resumeFeed"] = [&parts](Call& call) {
    return Changed(call, Feeds{parts.config, parts.databases}.Resume(call.Path("feed"), call.Flag(call.body, "skip")));
  };
  handlers["replayFeed"] = [&parts](Call& call) { return ReplayFeed(call, parts); };
  handlers["testFeed"] = [&parts](Call& call) { return TestFeed(call, parts); };
}

}  // namespace membridge::admin::api
