#include "sync/erase/erase_again.hpp"

#include <optional>

#include "mappings/base/log.hpp"
#include "sync/erase/erasure_target.hpp"
#include "sync/postgres/column.hpp"
#include "sync/queue/suppression.hpp"

namespace membridge::sync {
namespace {

using postgres::Rows;
using postgres::Session;
using postgres::Transaction;

constexpr const char* kUsersOfMirror = R"(
    SELECT DISTINCT user_id FROM membridge.memories
    WHERE project = $1 AND user_id > $2 AND record IS NOT NULL ORDER BY user_id LIMIT 500)";
constexpr const char* kMappingsOfLedger = "SELECT DISTINCT mapping FROM membridge.sources WHERE project = $1";
constexpr const char* kSourcesOfLedger =
    "SELECT source FROM membridge.sources WHERE project = $1 AND mapping = $2 AND source > $3 ORDER BY source LIMIT 500";
constexpr const char* kSuppressedSources = R"(
    SELECT n.name FROM unnest($2::text[]) AS n(name)
    WHERE EXISTS (SELECT FROM membridge.suppressions s
                  WHERE s.hash IN (SELECT membridge.suppression_hashes('memory', $1, n.name)
                                   UNION ALL SELECT membridge.suppression_hashes('user', $1, n.name))))";

std::vector<std::string> NamesIn(const Rows& rows) {
  std::vector<std::string> texts;
  for (std::size_t row = 0; row < rows.size(); ++row) texts.emplace_back(rows.Text(row, 0));
  return texts;
}

postgres::Param ArrayOfTexts(const std::vector<std::string>& texts) {
  postgres::Column column;
  for (const std::string& text : texts) column.AddText(text);
  return column.Take();
}

/// Erased people whom the restored state knows again.
std::vector<std::string> UsersIn(Session& state, const ProjectId& project) {
  std::vector<std::string> erased;
  std::string after;
  while (true) {
    Transaction transaction = state.Begin();
    const auto users = NamesIn(transaction.Run(kUsersOfMirror, {project.Text(), after}));
    if (users.empty()) return erased;
    after = users.back();
    const auto among = Suppression{transaction}.UsersAmong(project, users);
    erased.insert(erased.end(), among.begin(), among.end());
  }
}

/// Erased memories and users of exports that the restored ledger knows again.
std::vector<std::string> SourcesIn(Session& state, Session& there, const ProjectId& project) {
  std::vector<std::string> erased;
  for (const std::string& mapping : NamesIn(there.Run(kMappingsOfLedger, {project.Text()}))) {
    std::string after;
    while (true) {
      const auto sources = NamesIn(there.Run(kSourcesOfLedger, {project.Text(), mapping, after}));
      if (sources.empty()) break;
      after = sources.back();
      const auto among = NamesIn(state.Run(kSuppressedSources, {project.Text(), ArrayOfTexts(sources)}));
      erased.insert(erased.end(), among.begin(), among.end());
    }
  }
  return erased;
}

}  // namespace

std::size_t EraseAgain(Session& state, const std::string& state_dsn, Session& there, const std::vector<ErasureTarget>& targets,
                       const ErasureTarget& restored, const ProjectId& project, Instant now) {
  if (!state.Run("SELECT EXISTS (SELECT FROM membridge.suppressions)").Bool(0, 0)) return 0;
  const auto users = UsersIn(state, project);
  for (const std::string& user : users) {
    const auto receipt = Erasure{state_dsn, targets, project, user}.Run(now);
    if (receipt) {
      Log(LogLevel::kWarn, "person_erased_again", {{"project", project.Text()}, {"erasure", receipt->id}});
    } else {
      Log(LogLevel::kError, "erasing_again_failed", {{"project", project.Text()}, {"error", receipt.error().message}});
    }
  }
  const auto sources = SourcesIn(state, there, project);
  if (!sources.empty()) {
    ErasureCounts counts;
    PassedOver passed_over;
    Transaction transaction = EraseInTarget(there, restored, {project, "", sources}, now, counts, passed_over);
    transaction.Commit();
    Erasure::ApplyAnew(state, passed_over);
    Log(LogLevel::kWarn, "sources_erased_again",
        {{"project", project.Text()},
         {"target", restored.name},
         {"sources", sources.size()},
         {"rows_deleted", counts["rows_deleted"]}});
  }
  return users.size() + sources.size();
}

}  // namespace membridge::sync
