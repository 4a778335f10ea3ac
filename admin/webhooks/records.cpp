#include "admin/webhooks/records.hpp"

#include <algorithm>

#include "receiver/verify/token.hpp"
#include "sync/postgres/column.hpp"
#include "sync/schedule/catch_up.hpp"

namespace membridge::admin {

using sync::Tokens;
using sync::postgres::Rows;
using sync::postgres::TimeAt;
using sync::postgres::Transaction;

namespace {

/// Returns an id of this state database. A dump that is restored elsewhere has another id. When the server does not give its own
/// identifier, the database alone decides.
std::string StateName(Transaction& transaction) {
  const bool may_ask = transaction.Run("SELECT has_function_privilege('pg_catalog.pg_control_system()', 'EXECUTE')").Bool(0, 0);
  std::string server;
  if (may_ask) server = transaction.Run("SELECT system_identifier FROM pg_catalog.pg_control_system()").Text(0, 0);
  const Rows database = transaction.Run("SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database()");
  return server + "/" + std::string{database.Text(0, 0)};
}

void MakePermanent(Transaction& transaction, const std::string& token) {
  transaction.Run("UPDATE membridge.tokens SET expires_at = NULL WHERE id::text = $1", {token});
}

}  // namespace

WebhookBooks WebhookLedger::Read() const {
  Transaction transaction = session_.Begin();
  WebhookBooks books;
  const Rows rows = transaction.Run(
      "SELECT webhook_id, created_at, coalesce(state, '') FROM membridge.webhooks WHERE project = $1 "
      "ORDER BY created_at, webhook_id",
      {project_.Text()});
  for (std::size_t row = 0; row < rows.size(); ++row)
    books.webhooks.push_back({std::string{rows.Text(row, 0)}, TimeAt(rows, row, 1), std::string{rows.Text(row, 2)}});
  books.state = StateName(transaction);
  books.tokens = Tokens{transaction}.List(project_);
  books.now = TimeAt(transaction.Run("SELECT clock_timestamp()"), 0, 0);
  transaction.Commit();
  return books;
}

IssuedToken WebhookLedger::Issue(const std::string& replaced, std::chrono::seconds overlap) const {
  Transaction transaction = session_.Begin();
  const Instant expires = TimeAt(transaction.Run("SELECT clock_timestamp()"), 0, 0) + kPendingToken;
  IssuedToken token{{}, receiver::MakeToken()};
  token.id = Tokens{transaction}.Issue(project_, receiver::HashToken(token.text), expires);
  if (!replaced.empty()) Tokens{transaction}.Retire(replaced, std::max(kPendingToken, overlap));
  transaction.Commit();
  return token;
}

void WebhookLedger::Register(const std::string& webhook_id, const std::string& name, const std::string& token,
                             const std::string& replaced, std::chrono::seconds overlap) const {
  Transaction transaction = session_.Begin();
  transaction.Run(
      "INSERT INTO membridge.webhooks (project, webhook_id, name, state) VALUES ($1, $2, $3, $4) "
      "ON CONFLICT (project, webhook_id) DO UPDATE SET name = excluded.name, state = excluded.state",
      {project_.Text(), webhook_id, name, StateName(transaction)});
  if (!token.empty()) MakePermanent(transaction, token);
  if (!replaced.empty()) Tokens{transaction}.Retire(replaced, overlap);
  transaction.Commit();
}

void WebhookLedger::WantCatchUp(std::string_view reason) const {
  Transaction transaction = session_.Begin();
  sync::CatchUp{transaction}.Want(project_, reason);
  transaction.Commit();
}

void WebhookLedger::Withdraw(const std::string& token, const std::string& replaced) const {
  Transaction transaction = session_.Begin();
  transaction.Run("DELETE FROM membridge.tokens WHERE id::text = $1", {token});
  if (!replaced.empty()) MakePermanent(transaction, replaced);
  transaction.Commit();
}

void WebhookLedger::KeepBoth(const std::string& replaced) const {
  if (replaced.empty()) return;
  Transaction transaction = session_.Begin();
  MakePermanent(transaction, replaced);
  transaction.Commit();
}

void WebhookLedger::Claim() const {
  Transaction transaction = session_.Begin();
  transaction.Run("UPDATE membridge.webhooks SET state = $2 WHERE project = $1 AND state IS NULL",
                  {project_.Text(), StateName(transaction)});
  transaction.Commit();
}

void WebhookLedger::Forget(const std::string& webhook_id, const std::string& token, std::chrono::seconds overlap) const {
  Transaction transaction = session_.Begin();
  transaction.Run("DELETE FROM membridge.webhooks WHERE project = $1 AND webhook_id = $2", {project_.Text(), webhook_id});
  if (!token.empty()) Tokens{transaction}.Retire(token, overlap);
  transaction.Commit();
}

WebhookBooks ReadWebhookBooks(sync::postgres::Session& session, const ProjectId& project) {
  return WebhookLedger{session, project}.Read();
}

}  // namespace membridge::admin
