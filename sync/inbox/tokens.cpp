#include "sync/inbox/tokens.hpp"

#include "sync/postgres/column.hpp"

namespace membridge::sync {
namespace {

using postgres::Column;
using postgres::Param;
using postgres::Rows;
using postgres::Transaction;

std::vector<Token> TokensOf(const Rows& rows) {
  std::vector<Token> tokens;
  tokens.reserve(rows.size());
  for (std::size_t row = 0; row < rows.size(); ++row) {
    tokens.push_back({.id = std::string{rows.Text(row, 0)},
                      .project = ProjectId{std::string{rows.Text(row, 1)}},
                      .hash = std::string{rows.Text(row, 2)},
                      .created_at = postgres::TimeAt(rows, row, 3),
                      .expires_at = postgres::OptionalTimeAt(rows, row, 4),
                      .last_used = postgres::OptionalTimeAt(rows, row, 5)});
  }
  return tokens;
}

}  // namespace

std::string Tokens::Issue(const ProjectId& project, const std::string& hash, std::optional<Instant> expires_at) {
  const Rows rows = transaction_.Run(
      "INSERT INTO membridge.tokens (id, project, hash, expires_at) VALUES (gen_random_uuid(), $1, $2, $3::timestamptz) "
      "RETURNING id",
      {project.Text(), hash, expires_at ? Param{FormatRfc3339(*expires_at)} : std::nullopt});
  return std::string{rows.Text(0, 0)};
}

std::vector<Token> Tokens::List(const std::optional<ProjectId>& project) {
  return TokensOf(
      transaction_.Run("SELECT id, project, hash, created_at, expires_at, last_used FROM membridge.tokens "
                       "WHERE $1::text IS NULL OR project = $1 ORDER BY created_at DESC, id",
                       {project ? Param{project->Text()} : std::nullopt}));
}

std::vector<Token> Tokens::Valid() {
  return TokensOf(
      transaction_.Run("SELECT id, project, hash, created_at, expires_at, last_used FROM membridge.tokens "
                       "WHERE expires_at IS NULL OR expires_at > statement_timestamp() ORDER BY project, created_at DESC, id"));
}

bool Tokens::Retire(const std::string& id, std::chrono::seconds overlap) {
  const Rows rows = transaction_.Run(
      "UPDATE membridge.tokens SET expires_at = least(expires_at, statement_timestamp() + $2::bigint * interval '1 second') "
      "WHERE id::text = $1",
      {id, std::to_string(overlap.count())});
  return rows.Affected() > 0;
}

std::size_t Tokens::RetireOthers(const ProjectId& project, const std::string& keep_id, std::chrono::seconds overlap) {
  const Rows rows = transaction_.Run(
      "UPDATE membridge.tokens SET expires_at = statement_timestamp() + $3::bigint * interval '1 second' "
      "WHERE project = $1 AND id::text <> $2 "
      "AND (expires_at IS NULL OR expires_at > statement_timestamp() + $3::bigint * interval '1 second')",
      {project.Text(), keep_id, std::to_string(overlap.count())});
  return rows.Affected();
}

void Tokens::Touch(const std::vector<TokenUse>& uses) {
  if (uses.empty()) return;
  Column ids, times;
  for (const TokenUse& use : uses) {
    ids.AddText(use.id);
    times.AddTime(use.at);
  }
  transaction_.Run(
      "UPDATE membridge.tokens t SET last_used = u.at "
      "FROM (SELECT id, max(at) AS at FROM unnest($1::text[], $2::timestamptz[]) AS u(id, at) GROUP BY id) AS u "
      "WHERE t.id::text = u.id AND (t.last_used IS NULL OR t.last_used < u.at)",
      {ids.Take(), times.Take()});
}

std::size_t Tokens::Forget(std::chrono::seconds age) {
  return transaction_
      .Run("DELETE FROM membridge.tokens WHERE expires_at < statement_timestamp() - $1::bigint * interval '1 second'",
           {std::to_string(age.count())})
      .Affected();
}

}  // namespace membridge::sync
