#include "sync/backfill/exporting.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "mappings/base/digest.hpp"
#include "mappings/base/log.hpp"
#include "sync/backfill/export_answer.hpp"
#include "sync/backfill/run_store.hpp"
#include "sync/queue/queue.hpp"
#include "sync/queue/suppression.hpp"
#include "sync/worker/canary.hpp"

namespace membridge::sync {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;

constexpr milliseconds kLongestWait{2'000};

constexpr std::string_view kInstructions =
    "Fill every property from what the memories say. Where they contradict each other, the newest one counts. "
    "Use null for what they do not say; never guess.";

/// What a user's name is in the table of parked memories: no memory can have such an id.
MemoryId ParkedName(const std::string& user) {
  return MemoryId{"user/" + user};
}

/// A longer name does not fit our indexes. It stands for itself by its hash, and no export is asked for.
constexpr std::size_t kLongestUser = 512;
const std::string kHashed = "sha256:";

/// How a user is named where people's names have no business, as in logs: the first digits of the name's SHA-256.
std::string HashOf(const std::string& user) {
  if (user.starts_with(kHashed)) return user.substr(kHashed.size(), 12);
  return mappings::Sha256Hex(user).substr(0, 12);
}

constexpr std::size_t kNamedFailures = 5;

void GoTo(Run& run, ExportCursor::Phase phase) {
  ExportCursor cursor = ExportCursor::FromJson(run.cursor);
  cursor.phase = phase;
  run.cursor = cursor.AsJson();
}

}  // namespace

/// A target that has a run's mapping.
struct Exporting::Place {
  std::string target;
  std::optional<std::string> dsn;
  std::shared_ptr<const Applier> applier;
  Admission admission{};
};

/// The mapping of a run, in every target that has it.
struct Exporting::Use {
  std::shared_ptr<const MappingSet> set;  // keeps the rest alive
  std::vector<Place> places;
  json schema;
  std::string instructions;
  std::string asked;  // digest of the question
};

/// What a user's export came to.
struct Exporting::Answer {
  std::optional<json> filled;  // nothing: there is none, and why says `refusal`
  std::optional<Error> refusal;
  Instant completed;
};

Exporting::Exporting(ExportingOptions options, std::string state_dsn, std::unique_ptr<mem0::Client> client, Mappings mappings,
                     const Clock& clock)
    : options_(options),
      client_(std::move(client)),
      mappings_(std::move(mappings)),
      clock_(clock),
      sessions_(std::move(state_dsn), "membridge export") {}

Exporting::~Exporting() = default;

Result<Exporting::Use> Exporting::FindMapping(const Run& run) const {
  Use use;
  use.set = mappings_();
  const auto project = use.set->projects.find(run.project);
  if (project != use.set->projects.end()) {
    for (const MappingSet::Target& target : project->second.targets) {
      for (const MappingSet::Export& one : target.exports) {
        if (one.applier->Definition().name != run.options.mapping) continue;
        if (use.places.empty()) use.schema = one.schema;
        use.places.push_back({target.name, target.dsn, one.applier});
      }
    }
  }
  if (use.places.empty()) {
    return Fail(ErrorCode::kBadMapping,
                fmt::format("project {} has no mapping \"{}\" with `from: export`", run.project.Text(), run.options.mapping),
                "name one under `mappings:`, or correct `export:` of the backfill");
  }
  use.instructions = run.options.instructions.empty() ? std::string{kInstructions} : run.options.instructions;
  use.asked =
      mappings::Sha256Hex(use.schema.dump() + '\n' + use.instructions + '\n' + use.places.front().applier->Definition().digest);
  return use;
}

/// Before anybody is asked for anything.
Result<void> Exporting::AskLedgers(Use& use) {
  for (Place& place : use.places) {
    postgres::Session& state = sessions_.State();
    const auto& admitted = sessions_.Ties().Renew(state, sessions_.Target(place.dsn), place.target);
    if (!admitted) return tl::unexpected<Error>(admitted.error());
    place.admission = *admitted;
  }
  return {};
}

Result<Job::Step> Exporting::Next(Run& run) {
  const ExportCursor::Phase phase = ExportCursor::FromJson(run.cursor).phase;
  if (phase == ExportCursor::Phase::kOver) return Step{true, {}, {}};
  auto use = FindMapping(run);
  if (!use) return tl::unexpected<Error>(use.error());
  if (const auto asked = AskLedgers(*use); !asked) return tl::unexpected<Error>(asked.error());
  if (phase == ExportCursor::Phase::kListing) return ListUsers(run, *use);
  if (phase == ExportCursor::Phase::kWithdrawing) return Withdraw(run, *use);
  return ExportOne(run, *use);
}

/// Counters and progress from the jobs themselves: then no kill can make them wrong.
void Exporting::Measure(postgres::Transaction& transaction, Run& run) {
  const ExportJobs::Tally tally = ExportJobs::Count(transaction, run);
  run.counters["users"] = tally.users;
  run.counters["unchanged"] = tally.unchanged;
  run.counters["applied"] = tally.done - tally.unchanged;
  run.counters["parked"] = tally.parked;
  run.counters["failed"] = tally.failed;
  run.done = tally.done + tally.parked + tally.failed;
  if (ExportCursor::FromJson(run.cursor).phase != ExportCursor::Phase::kListing) run.total = tally.users;
}

Job::Step Exporting::Finish(postgres::Transaction& transaction, Run& run) {
  Measure(transaction, run);
  Step step;
  const ExportCursor cursor = ExportCursor::FromJson(run.cursor);
  step.over = cursor.phase == ExportCursor::Phase::kOver;
  if (step.over && run.Counter("failed") + run.Counter("parked") > 0) {
    run.error = fmt::format("of {} users, {} failed and {} are parked", run.Counter("users"), run.Counter("failed"),
                            run.Counter("parked"));
    for (const auto& [entity, note] : ExportJobs::Failed(transaction, run, kNamedFailures)) {
      run.error += fmt::format("; user {}: {}", HashOf(entity), note);
    }
  }
  if (step.over && !cursor.note.empty()) run.error += (run.error.empty() ? "" : "; ") + cursor.note;
  step.wanted = RunStore{transaction}.Commit(run, options_.lease);
  transaction.Commit();
  return step;
}

Result<Job::Step> Exporting::ListUsers(Run& run, const Use& use) {
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
  const std::set<std::string> erased = Suppression::UsersAmong(transaction, run.project, users);
  std::erase_if(users, [&](const std::string& user) { return erased.contains(user); });
  std::map<std::string, std::size_t> too_long;  // with their bytes
  for (const std::string& user : users) {
    if (user.size() > kLongestUser) too_long.emplace(kHashed + mappings::Sha256Hex(user), user.size());
  }
  std::erase_if(users, [](const std::string& user) { return user.size() > kLongestUser; });
  ExportJobs::Add(transaction, run, users, use.asked, run.options.full, clock_.Now());
  for (const auto& [name, bytes] : too_long) {
    ExportJobs::Refuse(transaction, run, name,
                       fmt::format("the user's name has {} bytes; at most {} are taken", bytes, kLongestUser), clock_.Now());
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
  return Finish(transaction, run);
}

Result<Job::Step> Exporting::ExportOne(Run& run, const Use& use) {
  std::optional<ExportJob> waiting, made;
  std::optional<Instant> due_at;
  ExportJobs::Tally tally;
  const Instant now = clock_.Now();
  {
    postgres::Transaction transaction = sessions_.State().Begin();
    run.Count("repeated", ExportJobs::Recover(transaction, run));
    tally = ExportJobs::Count(transaction, run);
    const bool may_ask = tally.open < options_.at_once;
    if (may_ask) waiting = ExportJobs::NextDue(transaction, run, "waiting", now);
    if (!waiting) made = ExportJobs::NextDue(transaction, run, "made", now);
    due_at = ExportJobs::DueAt(transaction, run, may_ask);
    if (!waiting && !made && tally.open + tally.waiting == 0) GoTo(run, ExportCursor::Phase::kWithdrawing);
    RunStore{transaction}.Commit(run, options_.lease);
    transaction.Commit();
  }
  if (waiting) return run.options.profiles ? ReadProfile(run, use, *waiting) : Ask(run, use, *waiting);
  if (made) return Poll(run, use, *made);
  postgres::Transaction transaction = sessions_.State().Begin();
  Step step = Finish(transaction, run);
  if (due_at && *due_at > now) step.wait = std::min(kLongestWait, std::chrono::ceil<milliseconds>(*due_at - now));
  return step;
}

Result<Job::Step> Exporting::PutAndGoOn(Run& run, const ExportJob& job, std::string_view state, Instant due_at,
                                        const std::string& note) {
  postgres::Transaction transaction = sessions_.State().Begin();
  ExportJobs::Put(transaction, run, job, state, due_at, note);
  return Finish(transaction, run);
}

Result<Job::Step> Exporting::Ask(Run& run, const Use& use, ExportJob job) {
  if (!mem0::NamesOneEntity(job.entity))
    return PutAndGoOn(run, job, "failed", clock_.Now(), "the name could mean other users too");
  if (in_doubt_) {
    run.Count("calls", 1);
    const auto account = client_->Ping();
    if (!account) return tl::unexpected<Error>(account.error());
    in_doubt_ = false;
  }
  ++job.asks;
  job.asked_at = clock_.Now();
  job.polls = 0;
  {
    postgres::Transaction transaction = sessions_.State().Begin();
    ExportJobs::Put(transaction, run, job, "asked", job.asked_at, "");
    RunStore{transaction}.Commit(run, options_.lease);
    transaction.Commit();
  }
  run.Count("calls", 1);
  const auto id = client_->CreateExport(use.schema, mem0::Filter::OfUser(job.entity), use.instructions);
  const Instant now = clock_.Now();
  if (id) {
    job.export_id = *id;
    run.Count("asked", 1);
    return PutAndGoOn(run, job, "made", now + options_.poll_base, "");
  }
  const int status = client_->LastFailure().status;
  const bool surely_not_made = status >= 400 && status < 500 && status != 408;
  if (surely_not_made) {
    --job.asks;
    const bool refused = id.error().code == ErrorCode::kRefused || id.error().code == ErrorCode::kNotFound;
    if (refused) return PutAndGoOn(run, job, "failed", now, id.error().message);
    auto put = PutAndGoOn(run, job, "waiting", now + client_->RetryAfter().value_or(milliseconds{0}), id.error().message);
    if (!put) return put;
  } else {
    in_doubt_ = true;
  }
  return tl::unexpected<Error>(id.error());
}

Result<Job::Step> Exporting::NotReady(Run& run, ExportJob job) {
  const Instant now = clock_.Now();
  if (now >= job.asked_at + options_.kept) {
    // Nobody looked for so long (the run was paused, or nobody ran) that Mem0 has thrown it away: this is no lost answer.
    run.Count("expired", 1);
    job = ExportJob{job.entity, {}, 0, 0, {}};
    return PutAndGoOn(run, job, "waiting", now, "the export expired before it was read; asked again");
  }
  return AskAgainLater(run, std::move(job), "not ready");
}

/// The next look at this user comes later, unless their time is up; the others are not kept waiting.
Result<Job::Step> Exporting::AskAgainLater(Run& run, ExportJob job, const std::string& why) {
  const Instant now = clock_.Now();
  const auto deadline = run.options.deadline.count() > 0 ? run.options.deadline : options_.deadline;
  if (now >= job.asked_at + deadline) {
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(now - job.asked_at).count();
    Log(LogLevel::kError, "export_failed",
        {{"project", run.project.Text()},
         {"mapping", run.options.mapping},
         {"run", run.id},
         {"user_hash", HashOf(job.entity)},
         {"export", job.export_id},
         {"seconds", seconds},
         {"error", why}});
    return PutAndGoOn(run, job, "failed", now, fmt::format("{} after {} seconds", why, seconds));
  }
  const milliseconds wait = std::min<milliseconds>(options_.poll_cap, options_.poll_base * (1LL << std::min(job.polls, 10)));
  ++job.polls;
  return PutAndGoOn(run, job, run.options.profiles ? "waiting" : "made", now + wait, "");
}

/// Mem0 did not answer about one user. When it answers at all, that is about this user and counts against their time only; else
/// the run waits for Mem0.
Result<Job::Step> Exporting::NoAnswer(Run& run, ExportJob job, const Error& error) {
  run.Count("calls", 1);
  if (!client_->Ping()) return tl::unexpected<Error>(error);
  return AskAgainLater(run, std::move(job), error.message);
}

Result<Job::Step> Exporting::Poll(Run& run, const Use& use, ExportJob job) {
  run.Count("calls", 1);
  run.Count("polls", 1);
  auto answer = client_->GetExport(job.export_id);
  const Instant now = clock_.Now();
  if (!answer && answer.error().code == ErrorCode::kUnavailable) return NoAnswer(run, job, answer.error());
  if (!answer && answer.error().code == ErrorCode::kUnauthorized) return tl::unexpected<Error>(answer.error());
  if (!answer) return Conclude(run, use, job, {std::nullopt, answer.error(), now});
  if (!*answer) return NotReady(run, job);
  return Conclude(run, use, job, {std::move(**answer), std::nullopt, now});
}

Result<Job::Step> Exporting::ReadProfile(Run& run, const Use& use, ExportJob job) {
  if (job.asks == 0) job.asked_at = clock_.Now();
  job.asks = 1;
  job.export_id = "profile";
  run.Count("calls", 1);
  auto profile = client_->ReadProfile(job.entity);
  const Instant now = clock_.Now();
  if (!profile && profile.error().code == ErrorCode::kUnavailable) return NoAnswer(run, job, profile.error());
  if (!profile && profile.error().code == ErrorCode::kUnauthorized) return tl::unexpected<Error>(profile.error());
  if (!profile) return PutAndGoOn(run, job, "failed", now, profile.error().message);
  if (profile->status == "not_enabled") {
    return Fail(ErrorCode::kRefused, "User Profiles are not enabled in this Mem0 project",
                "enable them at Mem0, or leave `profiles` out");
  }
  if (profile->status == "pending") return NotReady(run, job);
  if (profile->status == "insufficient_data") return PutAndGoOn(run, job, "done", now, "too few memories for a profile");
  if (profile->status != "succeeded") return PutAndGoOn(run, job, "failed", now, "Mem0 could not make the profile");
  // A profile may be older than the newest memories: as long as it is, its user counts as changed and is looked at again.
  job.asked_at = std::min(now, profile->updated_at.value_or(now));
  return Conclude(run, use, job, {std::move(profile->profile), std::nullopt, profile->updated_at.value_or(now)});
}

/// Applies an answer and ends the job, in one transaction where the target is the state database.
Result<Job::Step> Exporting::Conclude(Run& run, const Use& use, const ExportJob& job, const Answer& answer) {
  std::optional<Error> refusal = answer.refusal;
  std::optional<ExportAnswer> read;
  if (!refusal) {
    auto parsed = ReadExportAnswer(*answer.filled, use.schema);
    if (parsed) {
      read = std::move(*parsed);
    } else {
      refusal = parsed.error();
    }
  }
  Claim claim;
  claim.project = run.project;
  claim.memory = ParkedName(job.entity);
  postgres::Transaction state = sessions_.State().Begin();
  if (!Suppression::UsersAmong(state, run.project, {job.entity}).empty()) {
    // Erased while Mem0 was at it.
    ExportJobs::Put(state, run, job, "done", clock_.Now(), "");
    return Finish(state, run);
  }
  Elsewhere elsewhere;
  bool parked = refusal.has_value();
  if (refusal) {
    sync::Queue::Park(state, claim,
                      {run.options.mapping,
                       refusal->code,
                       refusal->message,
                       refusal->hint,
                       use.places.front().applier->Definition().file,
                       "",
                       {},
                       false});
  } else {
    Source source;
    source.project = run.project;
    source.id = job.entity;
    source.stamp = answer.completed;
    source.fence = ExportJobs::NextFence(state);
    source.names["export"] = read->values;
    source.names["export"].update(
        {{"id", job.export_id}, {"user_id", job.entity}, {"completed_at", FormatRfc3339(answer.completed)}});
    for (const Place& place : use.places) {
      postgres::Transaction& transaction = TransactionOf(place, state, elsewhere, source.fence);
      const Outcome outcome = place.applier->Apply(transaction, {source}, clock_.Now()).front();
      if (outcome.kind != Outcome::Kind::kParked) continue;
      parked = true;
      sync::Queue::Park(
          state, claim,
          {run.options.mapping, outcome.code, outcome.cause, outcome.hint, outcome.place, outcome.sqlstate, {}, false});
    }
    run.Count("extra_keys", static_cast<std::int64_t>(read->extra_keys));
  }
  if (parked) {
    Log(LogLevel::kError, "export_parked", {{"project", run.project.Text()}, {"mapping", run.options.mapping}, {"run", run.id}});
  } else {
    sync::Queue::Unpark(state, {claim}, {run.options.mapping});
    ExportJobs::Remember(state, run, job, use.asked);
  }
  ExportJobs::Put(state, run, job, parked ? "parked" : "done", clock_.Now(), "");
  // Elsewhere first: what is committed there and not here is done again and finds nothing to do.
  for (auto& [dsn, transaction] : elsewhere) transaction.Commit();
  return Finish(state, run);
}

/// Where a place is written to, entered. It throws once the ledger is not the one any more that AskLedgers() saw.
postgres::Transaction& Exporting::TransactionOf(const Place& place, postgres::Transaction& state, Elsewhere& elsewhere,
                                                std::int64_t fence) {
  postgres::Transaction* transaction = &state;
  if (place.dsn) {
    postgres::Session& there = sessions_.Target(place.dsn);
    if (sessions_.Ties().Find(place.target) == nullptr)
      throw postgres::SqlFailure(
          {.sqlstate = kLedgerChanged, .message = "the ledger of target " + place.target + " is looked at anew"});
    const auto open = elsewhere.find(*place.dsn);
    transaction = open != elsewhere.end() ? &open->second : &elsewhere.emplace(*place.dsn, there.Begin()).first->second;
  }
  try {
    EnterLedger(*transaction, place.admission.known, fence);
  } catch (const postgres::SqlFailure&) {
    sessions_.Ties().Forget();
    throw;
  }
  if (place.dsn && fence > 0) NoteEntered(state, place.admission.ledger, fence);
  return *transaction;
}

/// What exports said of users who are gone no longer holds.
Result<Job::Step> Exporting::Withdraw(Run& run, const Use& use) {
  postgres::Transaction state = sessions_.State().Begin();
  ExportCursor cursor = ExportCursor::FromJson(run.cursor);
  cursor.phase = ExportCursor::Phase::kOver;
  run.cursor = cursor.AsJson();
  if (!cursor.whole) return Finish(state, run);
  const std::vector<std::string> vanished = ExportJobs::Vanished(state, run);
  const double allowed = std::max(static_cast<double>(options_.vanishing_at_least),
                                  options_.vanishing_share * static_cast<double>(ExportJobs::Known(state, run)));
  if (static_cast<double>(vanished.size()) > allowed && !run.options.allow_vanishing) {
    cursor.note =
        fmt::format("{} users are gone from Mem0, more than may vanish at once: their rows were left alone", vanished.size());
    run.cursor = cursor.AsJson();
    return Finish(state, run);
  }
  std::vector<Source> sources;
  for (const std::string& user : vanished) {
    Source& source = sources.emplace_back();
    source.project = run.project;
    source.id = user;
    source.stamp = clock_.Now();
    source.fence = ExportJobs::NextFence(state);
    source.speaks = false;
  }
  Elsewhere elsewhere;
  std::set<std::string> refused;
  for (const Place& place : use.places) {
    postgres::Transaction& transaction = TransactionOf(place, state, elsewhere, sources.empty() ? 0 : sources.back().fence);
    const std::vector<Outcome> outcomes = place.applier->Apply(transaction, sources, clock_.Now());
    for (std::size_t i = 0; i < outcomes.size(); ++i) {
      if (outcomes[i].kind == Outcome::Kind::kParked) refused.insert(vanished[i]);
    }
  }
  // What something holds on to is withdrawn by the next run.
  std::vector<std::string> withdrawn;
  for (const std::string& user : vanished) {
    if (!refused.contains(user)) withdrawn.push_back(user);
  }
  ExportJobs::Forget(state, run, withdrawn);
  run.Count("withdrawn", static_cast<std::int64_t>(withdrawn.size()));
  if (!refused.empty()) {
    run.Count("withdrawals_refused", static_cast<std::int64_t>(refused.size()));
    Log(LogLevel::kError, "export_withdrawals_refused",
        {{"project", run.project.Text()}, {"mapping", run.options.mapping}, {"users", refused.size()}});
  }
  for (auto& [dsn, transaction] : elsewhere) transaction.Commit();
  return Finish(state, run);
}

}  // namespace membridge::sync
