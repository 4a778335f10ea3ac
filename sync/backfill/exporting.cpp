#include "sync/backfill/exporting.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "mappings/base/digest.hpp"
#include "sync/backfill/export_cursor.hpp"
#include "sync/backfill/export_jobs.hpp"
#include "sync/backfill/export_user.hpp"
#include "sync/backfill/run_store.hpp"
#include "sync/queue/suppression.hpp"
#include "sync/worker/canary.hpp"

namespace membridge::sync {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kLongestWait{2'000};

void GoTo(Run& run, ExportCursor::Phase phase) {
  ExportCursor cursor = ExportCursor::FromJson(run.cursor);
  cursor.phase = phase;
  run.cursor = cursor.AsJson();
}

}  // namespace

Exporting::Exporting(ExportingOptions options, std::string state_dsn, std::unique_ptr<mem0::Client> client, Mappings mappings,
                     const Clock& clock)
    : options_(options),
      client_(std::move(client)),
      mappings_(std::move(mappings)),
      clock_(clock),
      sessions_(std::move(state_dsn), "membridge export"),
      steps_(sessions_, options.lease),
      concluder_(options_, sessions_, clock, steps_),
      asker_(options_, *client_, clock, steps_, concluder_) {}

Exporting::~Exporting() = default;

Result<Job::Step> Exporting::Next(Run& run) {
  const ExportCursor::Phase phase = ExportCursor::FromJson(run.cursor).phase;
  if (phase == ExportCursor::Phase::kOver) return Step{true, {}, {}};
  auto use = ExportUse::Of(run, mappings_());
  if (!use) return tl::unexpected<Error>(use.error());
  if (const auto asked = use->AskLedgers(sessions_); !asked) return tl::unexpected<Error>(asked.error());
  if (phase == ExportCursor::Phase::kListing) return ListUsers(run, *use);
  if (phase == ExportCursor::Phase::kWithdrawing) return concluder_.Withdraw(run, *use);
  return ExportOne(run, *use);
}

Result<Job::Step> Exporting::ListUsers(Run& run, const ExportUse& use) {
  ExportCursor cursor = ExportCursor::FromJson(run.cursor);
  const auto read = client_->ListEntities(cursor.page, options_.page_size);
  if (!read) return tl::unexpected<Error>(read.error());
  std::vector<std::string> users;
  std::string names;
  for (const mem0::Entity& entity : read->entities) {
    names += entity.type + '\n' + entity.name + '\n';
    if (entity.type == "user" && entity.name != kCanaryUser) users.push_back(entity.name);
  }
  postgres::Transaction transaction = sessions_.State().Begin();
  const std::set<std::string> erased = Suppression{transaction}.UsersAmong(run.project, users);
  std::erase_if(users, [&](const std::string& user) { return erased.contains(user); });
  std::map<std::string, std::size_t> too_long;  // with their bytes
  for (const std::string& user : users) {
    if (user.size() > kLongestUser) too_long.emplace(HashedUser(user), user.size());
  }
  std::erase_if(users, [](const std::string& user) { return user.size() > kLongestUser; });
  ExportJobs{transaction, run}.Add(users, use.asked, run.options.full, clock_.Now());
  for (const auto& [name, bytes] : too_long) {
    ExportJobs{transaction, run}.Refuse(
        name, fmt::format("the user's name has {} bytes; at most {} are taken", bytes, kLongestUser), clock_.Now());
  }
  run.Count("calls", 1);

  const std::string digest = mappings::Sha256Hex(names);
  const bool repeats = digest == cursor.first_page || digest == cursor.last_page;
  if (cursor.page == 1) cursor.first_page = digest;
  cursor.last_page = digest;
  ++cursor.page;
  using Verdict = ListWatch::Verdict;
  const Verdict verdict =
      cursor.list.See({read->records, repeats ? 0 : read->records, read->count, read->linked, read->past_end});
  if (verdict != Verdict::kMore) {
    cursor.phase = run.options.dry_run ? ExportCursor::Phase::kOver : ExportCursor::Phase::kExporting;
    cursor.whole = verdict == Verdict::kEnd && cursor.list.Listed() >= cursor.list.Count().value_or(0);
    if (!cursor.whole) {
      cursor.note = fmt::format("the list of users is wrong: {}; {} entries were seen{}, and their users were asked about",
                                verdict == Verdict::kEnd ? "it ends before its count" : Describe(verdict), cursor.list.Listed(),
                                cursor.list.Count() ? fmt::format(" of {}", *cursor.list.Count()) : std::string{});
    }
  }
  run.cursor = cursor.AsJson();
  return steps_.End(transaction, run);
}

Result<Job::Step> Exporting::ExportOne(Run& run, const ExportUse& use) {
  std::optional<ExportJob> waiting, made;
  std::optional<Instant> due_at;
  ExportJobs::Tally tally;
  const Instant now = clock_.Now();
  {
    postgres::Transaction transaction = sessions_.State().Begin();
    run.Count("repeated", ExportJobs{transaction, run}.Recover());
    tally = ExportJobs{transaction, run}.Count();
    const bool may_ask = tally.open < options_.at_once;
    if (may_ask) waiting = ExportJobs{transaction, run}.NextDue("waiting", now);
    if (!waiting) made = ExportJobs{transaction, run}.NextDue("made", now);
    due_at = ExportJobs{transaction, run}.DueAt(may_ask);
    if (!waiting && !made && tally.open + tally.waiting == 0) GoTo(run, ExportCursor::Phase::kWithdrawing);
    RunStore{transaction}.Commit(run, options_.lease);
    transaction.Commit();
  }
  if (waiting) return run.options.profiles ? asker_.ReadProfile(run, use, *waiting) : asker_.Ask(run, use, *waiting);
  if (made) return asker_.Poll(run, use, *made);
  postgres::Transaction transaction = sessions_.State().Begin();
  Step step = steps_.End(transaction, run);
  if (due_at && *due_at > now) step.wait = std::min(kLongestWait, std::chrono::ceil<milliseconds>(*due_at - now));
  return step;
}

}  // namespace membridge::sync
