#include "sync/queue/parked.hpp"

#include <fmt/format.h>
#include <fmt/ostream.h>

#include <CLI/CLI.hpp>

#include "admin/commands/candidates.hpp"
#include "admin/commands/command.hpp"
#include "admin/commands/command_audit.hpp"
#include "admin/commands/state_command.hpp"
#include "admin/shown/filters.hpp"
#include "admin/shown/table.hpp"
#include "admin/shown/views.hpp"
#include "mappings/base/time.hpp"
#include "sync/queue/blocked.hpp"

namespace membridge::admin {
namespace {

using sync::ParkedStore;
using sync::postgres::Session;
using sync::postgres::Transaction;

struct ParkedOptions {
  std::shared_ptr<CommonOptions> common;
  std::string group, project, memory, mapping, code, cursor;
  std::size_t limit = 50;
  bool yes = false;
  bool all = false;
  bool blocked = false;
};

sync::ParkedFilter ParkedFilterOf(const ParkedOptions& options) {
  return {Given(options.group), GivenAs<ProjectId>(options.project), GivenAs<MemoryId>(options.memory), Given(options.mapping),
          Given(options.code)};
}

/// Returns the filter for the audit.
nlohmann::json ParkedFilterView(const ParkedOptions& options) {
  return GivenByName({{"group", options.group},
                      {"project", options.project},
                      {"memory", options.memory},
                      {"mapping", options.mapping},
                      {"code", options.code}});
}

/// Prints memories that wait for another session's lock. They are not parked and are tried again within seconds.
int PrintBlocked(const ParkedOptions& options, Session& session, Console& console) {
  constexpr std::size_t kBlockedAtMost = 1000;
  Transaction transaction = session.Begin();
  const auto blocked =
      sync::ListBlocked(transaction, GivenAs<ProjectId>(options.project), GivenAs<MemoryId>(options.memory), kBlockedAtMost);
  if (options.common->json) {
    nlohmann::ordered_json list = nlohmann::ordered_json::array();
    for (const auto& one : blocked) list.push_back(ViewOf(one));
    fmt::print(console.out, "{}\n", nlohmann::ordered_json{{"memories", std::move(list)}}.dump(2));
    return kDone;
  }
  const Instant now = SystemClock{}.Now();
  for (const auto& one : blocked) {
    fmt::print(console.out, "{}  {}  blocked since {}, tried {} times\n    {}\n", one.memory.Text(), one.project.Text(),
               WithAge(one.since, now), one.attempts, one.cause);
  }
  if (blocked.empty()) fmt::print(console.out, "nothing is blocked\n");
  return kDone;
}

int ListParked(const ParkedOptions& options, Session& session, Console& console) {
  if (options.blocked) return PrintBlocked(options, session, console);
  Transaction transaction = session.Begin();
  const auto groups = ParkedStore{transaction}.List(ParkedFilterOf(options));
  if (options.common->json) {
    nlohmann::ordered_json list = nlohmann::ordered_json::array();
    for (const auto& group : groups) list.push_back(ViewOf(group));
    fmt::print(console.out, "{}\n", nlohmann::ordered_json{{"groups", std::move(list)}}.dump(2));
    return kDone;
  }
  const Instant now = SystemClock{}.Now();
  for (const auto& group : groups) {
    fmt::print(console.out, "{}  {} of {}, mapping {} ({}), last tried {}\n    {}\n", group.group,
               Counted(group.memories, "memory", "memories"), group.project.Text(), group.mapping, group.place,
               AgeOf(group.last_tried_at, now), group.cause);
    if (!group.hint.empty()) fmt::print(console.out, "    {}\n", group.hint);
  }
  if (groups.empty()) fmt::print(console.out, "nothing is parked\n");
  return kDone;
}

int ShowParked(const ParkedOptions& options, Session& session, Console& console) {
  Transaction transaction = session.Begin();
  const auto page = ParkedStore{transaction}.Show(ParkedFilterOf(options), options.limit, Given(options.cursor));
  if (!page) return PrintUsageError(page.error(), console);
  if (options.common->json) {
    fmt::print(console.out, "{}\n",
               PageOf("memories", page->memories, page->next).dump(2, ' ', false, nlohmann::json::error_handler_t::replace));
    return kDone;
  }
  for (const auto& parked : page->memories) {
    const std::string events = parked.events == 0 ? "" : ", " + Counted(parked.events, "event", "events") + " waiting";
    fmt::print(console.out, "{}  {}  {} ({}), tried {} times{}\n    {}\n", parked.memory.Text(), parked.project.Text(),
               parked.parking.mapping, parked.parking.place, parked.attempts, events, parked.parking.cause);
    if (!parked.parking.hint.empty()) fmt::print(console.out, "    {}\n", parked.parking.hint);
  }
  if (page->memories.empty()) fmt::print(console.out, "no parked memory fits\n");
  if (page->next) fmt::print(console.err, "more: --cursor {}\n", *page->next);
  return kDone;
}

/// The common part of retry and drop: they act on all memories only when asked to, count first, and act with --yes.
template <class Act>
int CountThenAct(const ParkedOptions& options, Session& session, Console& console, const char* action, const char* would,
                 const char* did, Act act) {
  const sync::ParkedFilter filter = ParkedFilterOf(options);
  const bool narrowed = filter.group || filter.project || filter.memory || filter.mapping || filter.code;
  if (!narrowed && !options.all)
    return PrintUsageError({ErrorCode::kRefused, "no filter given", "name a group from parked list, or say --all"}, console);
  std::size_t count = 0;
  if (options.yes) {
    count = act(filter);
    NoteInAudit(session, console, action, options.group, nullptr, {{"memories", count}, {"filter", ParkedFilterView(options)}});
  } else {
    Transaction transaction = session.Begin();
    count = ParkedStore{transaction}.Count(filter);
  }
  if (options.common->json) {
    fmt::print(console.out, "{}\n", nlohmann::ordered_json{{"memories", count}, {"done", options.yes}}.dump());
  } else {
    fmt::print(console.out, "{} {}{}\n", Counted(count, "memory", "memories"), options.yes ? did : would,
               options.yes ? "" : "; add --yes to do it");
  }
  return kDone;
}

int Retry(const ParkedOptions& options, Session& session, Console& console) {
  return CountThenAct(options, session, console, "parked.retry", "would be tried again", "will be tried again",
                      [&](const sync::ParkedFilter& filter) { return RetryParked(session, filter); });
}

int Drop(const ParkedOptions& options, Session& session, Console& console) {
  return CountThenAct(options, session, console, "parked.drop", "would be forgotten", "forgotten",
                      [&](const sync::ParkedFilter& filter) {
                        Transaction transaction = session.Begin();
                        const std::size_t dropped = ParkedStore{transaction}.Drop(filter);
                        transaction.Commit();
                        return dropped;
                      });
}

std::shared_ptr<ParkedOptions> AddParkedCommand(CLI::App& group, const char* name, const char* description, CLI::App*& command) {
  auto options = std::make_shared<ParkedOptions>();
  command = group.add_subcommand(name, description);
  options->common = AddConfigAndJsonOptions(*command);
  command->add_option("group", options->group, "Only this cause, as parked list names it");
  command->add_option("--project", options->project, "Only of this project");
  command->add_option("--memory", options->memory, "Only this memory");
  command->add_option("--mapping", options->mapping, "Only under this mapping");
  command->add_option("--code", options->code, "Only with this code: row_rejected, bad_mapping, refused");
  return options;
}

}  // namespace

void AddParked(CLI::App& app, Choice& choice) {
  CLI::App* group = app.add_subcommand("parked", "Memories that cannot be applied as things stand");
  group->require_subcommand(1);
  CLI::App* command = nullptr;

  const auto list = AddParkedCommand(*group, "list", "The causes, with how many memories each holds up", command);
  command->add_flag("--blocked", list->blocked, "Instead, the memories that a lock of another session holds up");
  command->callback([=, &choice] { choice = OnState(list, ListParked); });

  const auto show = AddParkedCommand(*group, "show", "The memories, with what the database said (may quote row values)", command);
  command->add_option("--limit", show->limit, "At most so many")->check(CLI::Range(1, 1000))->capture_default_str();
  command->add_option("--cursor", show->cursor, "Go on where a list ended");
  command->callback([=, &choice] { choice = OnState(show, ShowParked); });

  const auto retry = AddParkedCommand(*group, "retry", "Try them again; counts first, acts with --yes", command);
  command->add_flag("--yes", retry->yes, "Do it");
  command->add_flag("--all", retry->all, "All of them");
  command->callback([=, &choice] { choice = OnState(retry, Retry); });

  const auto drop = AddParkedCommand(*group, "drop", "Forget them; counts first, acts with --yes", command);
  command->add_flag("--yes", drop->yes, "Do it");
  command->add_flag("--all", drop->all, "All of them");
  command->callback([=, &choice] { choice = OnState(drop, Drop); });

  AddCandidates(*group, choice);
}

}  // namespace membridge::admin
