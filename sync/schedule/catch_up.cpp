#include "sync/schedule/catch_up.hpp"

#include "sync/backfill/run_store.hpp"
#include "sync/postgres/column.hpp"

namespace membridge::sync {
namespace {

// A process that said nothing for so long does not live any more.
constexpr std::string_view kSilence = "15 seconds";

}  // namespace

void CatchUp::Beat(const std::string& process) {
  transaction_.Run(
      "INSERT INTO membridge.listening (process, beat_at) VALUES ($1::uuid, clock_timestamp()) "
      "ON CONFLICT (process) DO UPDATE SET beat_at = excluded.beat_at",
      {process});
  transaction_.Run("DELETE FROM membridge.listening WHERE beat_at < clock_timestamp() - interval '1 day'");
}

void CatchUp::Leave(const std::string& process) {
  transaction_.Run("DELETE FROM membridge.listening WHERE process = $1::uuid", {process});
}

bool CatchUp::AnotherListens(const std::string& process) {
  return transaction_
      .Run(
          "SELECT EXISTS (SELECT FROM membridge.listening WHERE process <> $1::uuid "
          "AND beat_at > clock_timestamp() - $2::interval)",
          {process, std::string{kSilence}})
      .Bool(0, 0);
}

bool CatchUp::AnotherListenedSince(const std::string& process, Instant since) {
  return transaction_
      .Run("SELECT EXISTS (SELECT FROM membridge.listening WHERE process <> $1::uuid AND beat_at > $2::timestamptz)",
           {process, FormatRfc3339(since)})
      .Bool(0, 0);
}

Instant CatchUp::Now() {
  return postgres::TimeAt(transaction_.Run("SELECT clock_timestamp()"), 0, 0);
}

void CatchUp::Want(const ProjectId& project, std::string_view reason) {
  transaction_.Run(
      "INSERT INTO membridge.catching_up (project, reason) VALUES ($1, $2) "
      "ON CONFLICT (project) DO UPDATE SET reason = excluded.reason, since = excluded.since",
      {project.Text(), std::string{reason}});
}

std::vector<ProjectId> CatchUp::Queue(Instant now) {
  const postgres::Rows wanted =
      transaction_.Run("SELECT project FROM membridge.catching_up ORDER BY project FOR UPDATE SKIP LOCKED");
  std::vector<ProjectId> queued;
  for (std::size_t row = 0; row < wanted.size(); ++row) {
    Run run;
    run.project = ProjectId{std::string{wanted.Text(row, 0)}};
    run.name = NameOf(run.project);
    run.kind = BackfillKind::kFullSweep;
    run.due_at = run.queued_at = now;
    if (!RunStore{transaction_}.Queue(run)) continue;
    transaction_.Run("DELETE FROM membridge.catching_up WHERE project = $1", {run.project.Text()});
    queued.push_back(run.project);
  }
  return queued;
}

}  // namespace membridge::sync
