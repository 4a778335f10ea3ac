#include "sync/postgres/wire.hpp"

#include <fmt/format.h>
#include <libpq-events.h>
#include <libpq-fe.h>
#include <poll.h>

#include <algorithm>
#include <cerrno>

#include "sync/postgres/poolers.hpp"
#include "sync/postgres/timeouts.hpp"

namespace membridge::sync::postgres {
namespace {

using Settings = std::vector<std::pair<std::string, std::string>>;

Settings SettingsOf(const Timeouts& timeouts, SearchPath path) {
  Settings settings{{"client_encoding", "'UTF8'"},
                    {"timezone", "'UTC'"},
                    {"datestyle", "'ISO, MDY'"},
                    {"intervalstyle", "'iso_8601'"},
                    {"extra_float_digits", "1"},
                    {"bytea_output", "'hex'"},
                    {"standard_conforming_strings", "on"},
                    {"lock_timeout", std::to_string(timeouts.lock.count())},
                    {"statement_timeout", std::to_string(timeouts.statement.count())},
                    {"idle_in_transaction_session_timeout", std::to_string(timeouts.idle_in_transaction.count())}};
  if (path == SearchPath::kBridges) settings.emplace_back("search_path", "pg_catalog, pg_temp");
  return settings;
}

// The settings are statements, because poolers refuse start-up options.
std::string SettingsOfSession(SearchPath path) {
  std::string sql =
      "SET default_transaction_isolation TO 'read committed'; SET default_transaction_read_only TO off; "
      "SET default_transaction_deferrable TO off; ";
  for (const auto& [name, value] : SettingsOf(TimeoutsInUse(), path)) sql += fmt::format("SET {} TO {}; ", name, value);
  return sql;
}

constexpr const char* kConnectionBroke = "08006";
constexpr const char* kConnectionFailed = "08001";

std::string FieldOf(const PGresult* result, int code) {
  const char* text = PQresultErrorField(result, code);
  return text == nullptr ? std::string{} : std::string{text};
}

SqlFailure::Fields FieldsOf(const PGresult* result) {
  return {.sqlstate = FieldOf(result, PG_DIAG_SQLSTATE),
          .message = FieldOf(result, PG_DIAG_MESSAGE_PRIMARY),
          .detail = FieldOf(result, PG_DIAG_MESSAGE_DETAIL),
          .hint = FieldOf(result, PG_DIAG_MESSAGE_HINT),
          .schema = FieldOf(result, PG_DIAG_SCHEMA_NAME),
          .table = FieldOf(result, PG_DIAG_TABLE_NAME),
          .column = FieldOf(result, PG_DIAG_COLUMN_NAME),
          .constraint = FieldOf(result, PG_DIAG_CONSTRAINT_NAME)};
}

// libpq calls this, so no exception may leave it.
int RememberFailure(PGEventId event, void* info, void* memory) noexcept {
  if (event != PGEVT_RESULTCREATE) return 1;
  const PGresult* result = static_cast<const PGEventResultCreate*>(info)->result;
  if (PQresultStatus(result) != PGRES_FATAL_ERROR) return 1;
  try {
    auto* failure = static_cast<SqlFailure::Fields*>(memory);
    // The first failure tells the reason; "server closed the connection", which follows it, does not.
    if (failure->sqlstate.empty()) *failure = FieldsOf(result);
  } catch (const std::bad_alloc&) {
    return 0;
  }
  return 1;
}

std::string TrimmedMessage(const PGconn* connection) {
  std::string message = PQerrorMessage(connection);
  while (!message.empty() && message.back() == '\n') message.pop_back();
  return message;
}

[[noreturn]] void FailConnecting(std::string sqlstate, const std::string& message) {
  // No row has been read yet: libpq's message names host, database and user, never the password.
  throw SqlFailure({.sqlstate = std::move(sqlstate), .message = message}, "cannot connect to PostgreSQL: " + message);
}

void RefuseUnreadable(const std::string& dsn) {
  char* complaint = nullptr;
  const std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)> options{PQconninfoParse(dsn.c_str(), &complaint),
                                                                             &PQconninfoFree};
  const std::unique_ptr<char, decltype(&PQfreemem)> freed{complaint, &PQfreemem};
  // libpq's complaint repeats the part it could not read, which may be the password.
  if (!options) FailConnecting(kConnectionFailed, "the DSN is neither a postgresql:// URL nor keyword=value pairs");
}

PGconn* Connect(const std::string& dsn, const std::string& application_name) {
  RefuseUnreadable(dsn);
  // Options before dbname are defaults. The DSN, which libpq expands in dbname's place, overrides them; only the encoding behind
  // it overrides the DSN. tcp_user_timeout and keepalives: they detect a vanished peer within a minute instead of hours.
  const char* const keywords[] = {"connect_timeout",  "application_name", "keepalives_idle", "keepalives_interval",
                                  "tcp_user_timeout", "dbname",           "client_encoding", nullptr};
  const char* const values[] = {"5", application_name.c_str(), "30", "10", "60000", dsn.c_str(), "UTF8", nullptr};
  PGconn* connection = PQconnectdbParams(keywords, values, 1);
  if (connection == nullptr) throw std::bad_alloc();
  return connection;
}

}  // namespace

Wire::Wire(const std::string& dsn, const std::string& application_name, SearchPath path) : path_(path) {
  std::unique_ptr<PGconn, decltype(&PQfinish)> connection{Connect(dsn, application_name), &PQfinish};
  if (PQstatus(connection.get()) != CONNECTION_OK) FailConnecting(kConnectionFailed, TrimmedMessage(connection.get()));
  // The server's notices are dropped: libpq would print them to stderr, and they may quote rows.
  PQsetNoticeReceiver(
      connection.get(), [](void*, const PGresult*) {}, nullptr);
  if (PQregisterEventProc(connection.get(), &RememberFailure, "membridge", failure_.get()) == 0) throw std::bad_alloc();
  const auto run = [&](const std::string& sql, ExecStatusType wanted) {
    std::unique_ptr<PGresult, decltype(&PQclear)> result{PQexec(connection.get(), sql.c_str()), &PQclear};
    if (PQresultStatus(result.get()) != wanted)
      FailConnecting(failure_->sqlstate.empty() ? kConnectionFailed : failure_->sqlstate, TrimmedMessage(connection.get()));
    return result;
  };
  // A pooler tells a process id of its own. Settings in its server's session would reach the next client that gets this server.
  const auto told = run("SELECT pg_catalog.pg_backend_pid(), pg_catalog.pg_is_in_recovery()", PGRES_TUPLES_OK);
  pooled_ = IsBehindPooler(dsn) || PQgetvalue(told.get(), 0, 0) != std::to_string(PQbackendPID(connection.get()));
  writes_ = std::string_view{PQgetvalue(told.get(), 0, 1)} == "f";
  keeps_statements_ = !pooled_;
  if (!pooled_) run(SettingsOfSession(path), PGRES_COMMAND_OK);
  connection_ = connection.release();
}

std::string Wire::Opening() const {
  if (!pooled_) return "";
  std::string sql = std::string{"SET TRANSACTION ISOLATION LEVEL READ COMMITTED"} + (writes_ ? ", READ WRITE" : "") + "; ";
  for (const auto& [name, value] : SettingsOf(TimeoutsInUse(), path_)) sql += fmt::format("SET LOCAL {} TO {}; ", name, value);
  for (const auto& [name, value] : set_) sql += "SET LOCAL " + QuoteName(name) + " TO " + QuoteLiteral(value) + "; ";
  return sql;
}

int Wire::BackendPid() const noexcept {
  return PQbackendPID(connection_);
}

bool Wire::Usable() const noexcept {
  return PQstatus(connection_) == CONNECTION_OK;
}

bool Wire::InTransaction() const noexcept {
  const PGTransactionStatusType status = PQtransactionStatus(connection_);
  return status == PQTRANS_INTRANS || status == PQTRANS_INERROR;
}

bool Wire::InFailedTransaction() const noexcept {
  return PQtransactionStatus(connection_) == PQTRANS_INERROR;
}

void Wire::ForgetFailure() {
  *failure_ = {};
  began_ = std::chrono::steady_clock::now();
}

SqlFailure Wire::LastFailure(std::string_view otherwise) const {
  SqlFailure::Fields fields = *failure_;
  if (fields.message.empty()) fields.message = otherwise;
  if (fields.sqlstate.empty()) fields.sqlstate = Usable() ? "XX000" : kConnectionBroke;
  fields.after = std::chrono::ceil<std::chrono::milliseconds>(std::chrono::steady_clock::now() - began_);
  return SqlFailure(std::move(fields));
}

std::optional<std::string> Wire::RunBinary(const BinaryStatement& statement, const std::vector<BinaryParam>& params, bool alone) {
  std::vector<const char*> values;
  std::vector<int> lengths;
  std::vector<int> formats(params.size(), 1);
  std::vector<Oid> types;
  for (const BinaryParam& param : params) {
    values.push_back(param.is_null ? nullptr : param.bytes.data());
    lengths.push_back(static_cast<int>(param.bytes.size()));
    types.push_back(param.type);
  }
  const int count = static_cast<int>(params.size());
  while (true) {
    ForgetFailure();
    using Result = std::unique_ptr<PGresult, decltype(&PQclear)>;
    Result result{nullptr, &PQclear};
    const bool named = alone && keeps_statements_;
    if (named && !prepared_.contains(statement.name)) {
      result.reset(PQprepare(connection_, statement.name, statement.sql, count, types.data()));
      if (PQresultStatus(result.get()) == PGRES_COMMAND_OK) prepared_.insert(statement.name);
    }
    if (!named) {
      result.reset(
          PQexecParams(connection_, statement.sql, count, types.data(), values.data(), lengths.data(), formats.data(), 0));
    } else if (prepared_.contains(statement.name)) {
      result.reset(PQexecPrepared(connection_, statement.name, count, values.data(), lengths.data(), formats.data(), 0));
    }
    if (PQresultStatus(result.get()) == PGRES_TUPLES_OK) {
      if (PQntuples(result.get()) == 0 || PQgetisnull(result.get(), 0, 0) != 0) return std::nullopt;
      return std::string{PQgetvalue(result.get(), 0, 0)};
    }
    // The statement was prepared on another server, or another process prepared one of the same name here: there is a pooler in
    // between.
    const std::string& state = failure_->sqlstate;
    if (!named || (state != "26000" && state != "42P05")) throw LastFailure(TrimmedMessage(connection_));
    keeps_statements_ = false;
  }
}

bool Wire::WaitForNotice(std::chrono::milliseconds patience) {
  using Steady = std::chrono::steady_clock;
  const Steady::time_point deadline = Steady::now() + patience;
  while (true) {
    if (PQconsumeInput(connection_) == 0)
      throw SqlFailure({.sqlstate = kConnectionBroke, .message = TrimmedMessage(connection_)});
    bool arrived = false;
    // Take all queued notices: each means the same, that there may be work.
    while (PGnotify* notice = PQnotifies(connection_)) {
      PQfreemem(notice);
      arrived = true;
    }
    if (arrived) return true;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Steady::now());
    if (left.count() <= 0) return false;
    pollfd readable{.fd = PQsocket(connection_), .events = POLLIN, .revents = 0};
    const int timeout = static_cast<int>(std::min<std::chrono::milliseconds::rep>(left.count(), 3'600'000));
    if (poll(&readable, 1, timeout) < 0 && errno != EINTR) {
      throw SqlFailure({.sqlstate = kConnectionBroke, .message = "waiting for a notice failed"});
    }
  }
}

}  // namespace membridge::sync::postgres
