// `feeds`: endpoints that are told of changes: how they go, and what an operator can do about one.
#include "admin/runtime/feeds.hpp"

#include <fmt/format.h>
#include <fmt/ostream.h>

#include <CLI/CLI.hpp>

#include "admin/commands/command.hpp"
#include "admin/commands/command_audit.hpp"
#include "admin/commands/state_command.hpp"
#include "admin/shown/filters.hpp"

namespace membridge::admin {
namespace {

using nlohmann::ordered_json;

struct FeedOptions {
  std::shared_ptr<CommonOptions> common;
  std::string feed, since;
  bool skip = false;
  bool yes = false;
};

/// `hubspot: behind, 12 changes wait, the oldest since …`
std::string InWords(const FeedLook& look) {
  const std::string name = look.feed->endpoint.name;
  if (!look.standing) return fmt::format("{}: not known: {}\n", name, look.error ? look.error->message : "");
  const sync::FeedStanding& standing = *look.standing;
  std::string text = fmt::format("{}: {}, ", name, look.State());
  if (standing.waiting == 0)
    text += "nothing waits";
  else
    text += fmt::format("{}{} changes wait, the oldest since {}",
                        standing.waiting == sync::FeedStanding::kMostCounted ? "at least " : "", standing.waiting,
                        standing.oldest ? FormatRfc3339(*standing.oldest) : "?");
  text += fmt::format("; {} posted to {}\n", standing.posted, sync::ShownAddress(look.feed->endpoint.url));
  if (standing.paused_at)
    text += fmt::format("  paused {} by {}; membridge feeds resume {}\n", FormatRfc3339(*standing.paused_at),
                        standing.paused_by == "operator" ? "an operator" : "the bridge: the endpoint is dead", name);
  if (standing.failing_since)
    text += fmt::format("  failing since {}: {}; {} attempts{}\n", FormatRfc3339(*standing.failing_since), standing.last_error,
                        standing.attempts, standing.next_at ? ", the next " + FormatRfc3339(*standing.next_at) : "");
  for (const sync::ParkedChange& parked : standing.parked)
    text += fmt::format("  parked since {}: {} {}: {}; {} attempts{}\n", FormatRfc3339(parked.since), parked.relation,
                        parked.key.dump(), parked.last_error.empty() ? "waits its turn" : parked.last_error, parked.attempts,
                        parked.next_at ? ", the next " + FormatRfc3339(*parked.next_at) : "");
  return text;
}

int PrintLooks(const std::vector<FeedLook>& looks, const FeedOptions& options, Console& console, bool is_list) {
  int status = kDone;
  ordered_json views = ordered_json::array();
  for (const FeedLook& look : looks) {
    if (!look.standing) status = kFoundProblems;
    if (!options.common->json) fmt::print(console.out, "{}", InWords(look));
    views.push_back(ViewOf(look));
  }
  if (options.common->json)
    fmt::print(console.out, "{}\n", (is_list ? ordered_json{{"feeds", std::move(views)}} : views.front()).dump(2));
  else if (looks.empty())
    fmt::print(console.out, "no feeds are configured\n");
  return status;
}

int Refused(const Error& error, Console& console) {
  return error.code == ErrorCode::kNotFound ? PrintUsageError(error, console) : PrintError(error, console);
}

int ListFeeds(const Config& config, const Databases& databases, const FeedOptions& options, Console& console) {
  std::vector<FeedLook> looks;
  for (const EndpointConfig& feed : config.feeds) looks.push_back(Feeds{config, databases}.Look(feed));
  return PrintLooks(looks, options, console, true);
}

int ShowFeed(const Config& config, const Databases& databases, const FeedOptions& options, Console& console) {
  const auto look = Feeds{config, databases}.Look(options.feed);
  return look ? PrintLooks({*look}, options, console, false) : Refused(look.error(), console);
}

/// Writes the change to the audit and prints it.
int PrintChanged(const Result<bool>& changed, const char* action, const char* done, const char* already,
                 const Databases& databases, const FeedOptions& options, Console& console) {
  if (!changed && changed.error().code == ErrorCode::kNotFound) return PrintUsageError(changed.error(), console);
  NoteInAudit(databases, console, action, options.feed, changed ? nullptr : &changed.error(),
              changed ? nlohmann::json{{"changed", *changed}} : nlohmann::json::object());
  if (!changed) return PrintError(changed.error(), console);
  if (options.common->json)
    fmt::print(console.out, "{}\n", ordered_json{{"feed", options.feed}, {"changed", *changed}}.dump());
  else
    fmt::print(console.out, "{} {}\n", options.feed, *changed ? done : already);
  return kDone;
}

int PauseFeed(const Config& config, const Databases& databases, const FeedOptions& options, Console& console) {
  return PrintChanged(Feeds{config, databases}.Pause(options.feed), "feeds.pause", "is paused: changes wait until it is resumed",
                      "is paused already", databases, options, console);
}

int ResumeFeed(const Config& config, const Databases& databases, const FeedOptions& options, Console& console) {
  return PrintChanged(Feeds{config, databases}.Resume(options.feed, options.skip), "feeds.resume", "goes on", "goes on already",
                      databases, options, console);
}

int ReplayFeed(const Config& config, const Databases& databases, const FeedOptions& options, Console& console) {
  const auto since = ParseWhen(options.since, SystemClock{}.Now());
  if (!since)
    return PrintUsageError({ErrorCode::kRefused, fmt::format("--since: \"{}\" is no time", options.since),
                            "write 2026-03-01, 2026-03-01T09:00:00Z, or an age such as 2h"},
                           console);
  const Feeds feeds{config, databases};
  const auto count = feeds.CountSince(options.feed, *since);
  if (!count) return Refused(count.error(), console);
  if (options.yes) {
    const auto replayed = feeds.Replay(options.feed, *since);
    NoteInAudit(databases, console, "feeds.replay", options.feed, replayed ? nullptr : &replayed.error(),
                {{"since", FormatRfc3339(*since)}, {"changes", *count}});
    if (!replayed) return PrintError(replayed.error(), console);
  }
  if (options.common->json)
    fmt::print(console.out, "{}\n", ordered_json{{"feed", options.feed}, {"changes", *count}, {"done", options.yes}}.dump());
  else
    fmt::print(console.out, "{}: {} changes {}\n", options.feed, *count,
               options.yes ? "are posted again" : "would be posted again; add --yes to do it");
  return kDone;
}

int TestFeed(const Config& config, const Databases& databases, const FeedOptions& options, Console& console) {
  const auto posted = Feeds{config, databases}.Test(options.feed);
  if (!posted) return Refused(posted.error(), console);
  NoteInAudit(databases, console, "feeds.test", options.feed, nullptr, {{"status", posted->status}, {"ok", posted->Ok()}});
  if (options.common->json)
    fmt::print(console.out, "{}\n",
               ordered_json{{"feed", options.feed},
                            {"ok", posted->Ok()},
                            {"status", posted->status == 0 ? ordered_json() : ordered_json(posted->status)},
                            {"problem", posted->problem.empty() ? ordered_json() : ordered_json(posted->problem)}}
                   .dump());
  else
    fmt::print(console.out, "{}: the endpoint {}\n", options.feed,
               posted->Ok() ? fmt::format("answered {}", posted->status) : fmt::format("does not take it: {}", posted->problem));
  return posted->Ok() ? kDone : kFoundProblems;
}

using Work = int (*)(const Config&, const Databases&, const FeedOptions&, Console&);

/// Adds a command that takes the name of a feed, unless `is_list`.
std::pair<CLI::App*, std::shared_ptr<FeedOptions>> AddOne(CLI::App& group, Choice& choice, const char* name,
                                                          const char* description, Work work, bool is_list = false) {
  auto options = std::make_shared<FeedOptions>();
  CLI::App* command = group.add_subcommand(name, description);
  options->common = AddConfigAndJsonOptions(*command);
  if (!is_list) command->add_option("feed", options->feed, "Its name in the configuration")->required();
  command->callback([=, &choice] { choice = OnDatabases(options, work); });
  return {command, options};
}

}  // namespace

void AddFeeds(CLI::App& app, Choice& choice) {
  CLI::App* group = app.add_subcommand("feeds", "Endpoints that are told of every change of a row");
  group->require_subcommand(1);
  AddOne(*group, choice, "list", "The feeds, and how each goes", &ListFeeds, true);
  AddOne(*group, choice, "status", "How one feed goes: what waits, attempts, the last answer", &ShowFeed);
  const auto [replay, replaying] =
      AddOne(*group, choice, "replay", "Post the changes since a time again, with the same ids; counts first", &ReplayFeed);
  replay->add_option("--since", replaying->since, "Since then: a time, a day, or an age such as 2h")->required();
  replay->add_flag("--yes", replaying->yes, "Do it; without, they are only counted");
  AddOne(*group, choice, "pause", "Post nothing until it is resumed; changes wait", &PauseFeed);
  const auto [resume, resuming] = AddOne(*group, choice, "resume", "Go on, and try at once", &ResumeFeed);
  resume->add_flag("--skip", resuming->skip,
                   "Leave out what the endpoint refuses: the message under way, and the refused change of each parked row");
  AddOne(*group, choice, "test", "Post a signed test message, and print the answer", &TestFeed);
}

}  // namespace membridge::admin
