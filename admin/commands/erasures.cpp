// `erase --list` and `erase --lift`: list the erasures, and admit a person again.
#include "admin/commands/erasures.hpp"

#include <fmt/format.h>
#include <fmt/ostream.h>

#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "admin/commands/command_audit.hpp"
#include "admin/commands/state_command.hpp"
#include "admin/runtime/mem0_clients.hpp"
#include "admin/shown/table.hpp"
#include "sync/erase/lifting.hpp"
#include "sync/queue/marking.hpp"

namespace membridge::admin {
namespace {

using nlohmann::ordered_json;

/// The most pages to read. No person has more memories than these pages hold; the next sweep reads the rest.
constexpr int kPagesOfUser = 500;

/// Returns the ids of the memories that Mem0 has of the user now.
Result<std::vector<MemoryId>> MemoriesAtMem0(const ProjectConfig& project, sync::postgres::Session& session,
                                             const std::string& user) {
  const auto records = RecordsForCommand(project, session, 4);
  sync::mem0::PageRequest request;
  request.user = user;
  std::vector<MemoryId> memories;
  std::size_t seen = 0;
  for (; request.page <= kPagesOfUser; ++request.page) {
    const auto listed = records->ReadPage(request);
    if (!listed) return tl::unexpected<Error>(listed.error());
    for (const mappings::Memory& memory : listed->memories) memories.push_back(memory.id);
    memories.insert(memories.end(), listed->unreadable.begin(), listed->unreadable.end());
    seen += listed->Records();
    const bool more = listed->linked || (listed->count && static_cast<std::int64_t>(seen) < *listed->count);
    if (listed->past_end || listed->Records() == 0 || !more) break;
    request.after = listed->last_key;
  }
  return memories;
}

ordered_json RecordJson(const sync::ErasureRecord& record) {
  const auto time = [](const std::optional<Instant>& at) {
    return at ? ordered_json(FormatRfc3339(*at)) : ordered_json(nullptr);
  };
  return {{"erasure", record.id},
          {"project", record.project.Text()},
          {"user_hash", record.user_hash},
          {"begun_at", FormatRfc3339(record.begun_at)},
          {"finished_at", time(record.finished_at)},
          {"lifted_at", time(record.lifted_at)}};
}

int ListErasures(const std::vector<const ProjectConfig*>& projects, const ErasuresOptions& options,
                 sync::postgres::Session& session, Console& console) {
  ordered_json listed = ordered_json::array();
  const Instant now = SystemClock{}.Now();
  TextTable table{{"ERASURE", "PROJECT", "USER (HASH)", "BEGUN", "STATE"}};
  for (const ProjectConfig* project : projects) {
    for (const sync::ErasureRecord& record : sync::Lifting{session}.List(project->id)) {
      listed.push_back(RecordJson(record));
      table.Add({record.id, project->id.Text(), record.user_hash.substr(0, 12), WithAge(record.begun_at, now),
                 record.lifted_at     ? "admitted again " + AgeOf(*record.lifted_at, now)
                 : record.finished_at ? "erased"
                                      : "not ended: run it again"});
    }
  }
  if (options.common->json)
    fmt::print(console.out, "{}\n", ordered_json{{"erasures", std::move(listed)}}.dump(2));
  else
    fmt::print(console.out, "{}", table.Empty() ? "nobody was erased\n" : table.Text(console.coloured));
  return kDone;
}

Result<ordered_json> LiftIn(const ProjectConfig& project, const ErasuresOptions& options, sync::postgres::Session& session,
                            Console& console) {
  const auto memories = MemoriesAtMem0(project, session, options.user);
  if (!memories) return tl::unexpected<Error>(memories.error());
  if (!options.yes) {
    fmt::print(console.err, "{}: would admit the user again, who has {} at Mem0; add --yes to do it\n", project.id.Text(),
               Counted(memories->size(), "memory", "memories"));
    return ordered_json{{"project", project.id.Text()}, {"would_admit", memories->size()}};
  }
  const auto receipt = sync::Lifting{session}.Lift(project.id, options.user, *memories);
  // Name the user by the hash, as for the erasure itself, because the audit is never deleted.
  NoteInAudit(session, console, "erase.lift", project.id.Text() + (receipt ? "/" + receipt->user_hash : ""),
              receipt ? nullptr : &receipt.error(), {{"memories", memories->size()}});
  if (!receipt) return tl::unexpected<Error>(receipt.error());
  std::vector<std::pair<ProjectId, MemoryId>> marked;
  for (const MemoryId& memory : *memories) marked.emplace_back(project.id, memory);
  sync::MarkInSlices(session, std::move(marked), "manual");
  if (!options.common->json)
    fmt::print(console.out, "{}: admitted again; {} will be read\n", project.id.Text(),
               Counted(memories->size(), "memory", "memories"));
  return ordered_json{{"project", project.id.Text()},
                      {"user_hash", receipt->user_hash},
                      {"lifted_at", FormatRfc3339(receipt->lifted_at)},
                      {"memories", memories->size()}};
}

int LiftErasures(const std::vector<const ProjectConfig*>& projects, const ErasuresOptions& options,
                 sync::postgres::Session& session, Console& console) {
  ordered_json lifted = ordered_json::array();
  int status = kDone;
  bool any = false;
  for (const ProjectConfig* project : projects) {
    if (!sync::Lifting{session}.IsErased(project->id, options.user)) continue;
    any = true;
    auto done = LiftIn(*project, options, session, console);
    if (done) {
      lifted.push_back(std::move(*done));
    } else {
      status = PrintError(Within(done.error(), project->id.Text()).value(), console);
    }
  }
  if (!any)
    return PrintError({ErrorCode::kNotFound, "this user is not erased", "is it the name that Mem0 knows them by?"}, console);
  if (options.common->json)
    fmt::print(console.out, "{}\n", ordered_json{{options.yes ? "lifted" : "projects", std::move(lifted)}}.dump(2));
  return status;
}

}  // namespace

int RunErasures(const ErasuresOptions& options, Console& console) {
  if (!options.list && options.user.empty())
    return PrintUsageError({ErrorCode::kRefused, "no user was named", "add --user ID"}, console);
  return WithState(options.common->config, console, [&](const Config& config, sync::postgres::Session& session) {
    const auto projects = ProjectsMeant(config, options.project);
    if (!projects) return PrintUsageError(projects.error(), console);
    return options.list ? ListErasures(*projects, options, session, console) : LiftErasures(*projects, options, session, console);
  });
}

}  // namespace membridge::admin
