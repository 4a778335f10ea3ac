#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "mappings/base/result.hpp"

namespace membridge::sync::postgres {

/// PostgreSQL refused a statement, or the connection broke. what() is safe to log. `message` and `detail` quote row values: show
/// them only to the operator (parked memories, `plan`) and never log them.
class SqlFailure : public std::runtime_error {
 public:
  /// What the server said about the failure.
  struct Fields {
    std::string sqlstate;  ///< five characters; `08006` for a connection that broke without saying more
    std::string message;   ///< the server's primary message
    std::string detail{};
    std::string hint{};
    std::string schema{}, table{}, column{}, constraint{};  ///< where the server names them
    std::chrono::milliseconds after{0};                     ///< how long the statement had been running
  };
  explicit SqlFailure(Fields fields);  ///< what(): "sqlstate 23505 on table s.x, constraint y"
  SqlFailure(Fields fields, const std::string& what);
  const Fields& fields() const noexcept { return fields_; }

  /// Whether the same statement may succeed later: connection, resources, shutdown, serialisation, deadlock, lock not available,
  /// cancel.
  bool IsTransient() const noexcept;
  /// Whether the row is at fault: classes 22, 23, 44, 54, P0 (raised by a trigger), 0A, and 42501/42804-like refusals of one row.
  bool IsRowRejected() const noexcept;
  /// As an outcome: kUnavailable when transient, kRowRejected for the row's fault, else kBadMapping (class 42 and the rest).
  Error AsError(std::string_view doing) const;

 private:
  Fields fields_;
};

/// A parameter in text form; nothing is NULL.
using Param = std::optional<std::string>;

/// What a statement returned. Values are text, as the server prints them; views live as long as the Rows.
class Rows {
 public:
  struct Data;
  explicit Rows(std::shared_ptr<const Data> data);
  std::size_t size() const noexcept;
  bool empty() const noexcept { return size() == 0; }
  bool IsNull(std::size_t row, std::size_t column) const;
  /// Returns "" for NULL.
  std::string_view Text(std::size_t row, std::size_t column) const;
  std::optional<std::string> Optional(std::size_t row, std::size_t column) const;
  /// Throws std::logic_error when the value is not a whole number, or is NULL.
  std::int64_t Int(std::size_t row, std::size_t column) const;
  /// Returns false for NULL.
  bool Bool(std::size_t row, std::size_t column) const;
  /// Rows an INSERT, UPDATE or DELETE changed.
  std::size_t Affected() const noexcept;

 private:
  std::shared_ptr<const Data> data_;
};

class Session;
struct BinaryParam;
struct BinaryStatement;

/// An open transaction. The destructor rolls it back unless Commit() returned. A Session has at most one; it must not outlive the
/// Session.
class Transaction {
 public:
  explicit Transaction(Session& session);
  ~Transaction();
  Transaction(Transaction&&) noexcept;
  Transaction& operator=(Transaction&&) = delete;

  /// Runs one statement with $1, $2, … bound as text. Throws SqlFailure.
  Rows Run(const std::string& sql, const std::vector<Param>& params = {});
  /// The same with binary parameters (binary.hpp). Returns the first value of the first row. It must not be the transaction's
  /// first statement.
  std::optional<std::string> RunBinary(const BinaryStatement& statement, const std::vector<BinaryParam>& params);
  /// Uses the role's own search path until LeaveRolesPath() or the end of the transaction. Statements on an application's tables
  /// run under it, because the application's triggers, defaults and policies may need it. Does nothing in a session of
  /// SearchPath::kRoles.
  void EnterRolesPath();
  void LeaveRolesPath();
  /// Runs several statements without parameters, as in a migration. Throws SqlFailure.
  void RunScript(const std::string& sql);
  /// Savepoints let the caller try a statement that may be refused. Names must come from our code: [a-z_0-9].
  void Savepoint(std::string_view name);
  void RollbackTo(std::string_view name);  ///< the savepoint stays
  void Release(std::string_view name);
  /// Throws SqlFailure. When the connection breaks during COMMIT, the outcome is unknown: what the transaction does must be
  /// harmless when done again.
  void Commit();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Where a session looks up unqualified names.
enum class SearchPath {
  kBridges,  ///< pg_catalog, pg_temp: functions, operators and tables that others define are not found
  kRoles,    ///< as set for the role, the database, the server or in the DSN
};

/// One connection, for one thread. This header hides libpqxx (6.4 and 7).
/// Every session speaks UTF-8, TimeZone UTC, DateStyle ISO, IntervalStyle iso_8601, extra_float_digits 1, bytea_output hex,
/// standard_conforming_strings on, reads and writes in READ COMMITTED, waits as long as TimeoutsInUse() says, and carries
/// `application_name`; no default of a role, a database or a server changes that.
///
/// Behind a pooler, declared by UsePoolers() or detected, every statement runs in a transaction that sets these values right
/// behind its BEGIN; nothing is prepared, and nothing relies on the server's session. Elsewhere the session makes its settings
/// once.
class Session {
 public:
  /// Connects at once (connect_timeout 5 s unless the DSN says otherwise). Throws SqlFailure.
  explicit Session(const std::string& dsn, const std::string& application_name = "membridge",
                   SearchPath path = SearchPath::kBridges);
  ~Session();
  Session(Session&&) noexcept;
  Session& operator=(Session&&) noexcept;

  /// False once the connection broke. A broken session stays broken: throw it away and make a new one.
  bool Usable() const noexcept;
  Transaction Begin();
  /// Runs one statement in a transaction of its own. Throws SqlFailure, as every function below does that talks to the server.
  Rows Run(const std::string& sql, const std::vector<Param>& params = {});

  /// Runs one statement that must not be in a transaction (`… CONCURRENTLY`). Behind a pooler it runs under the role's own
  /// settings.
  Rows RunAlone(const std::string& sql);
  /// Run() with binary parameters (binary.hpp). Returns the first value of the first row. Prepared where the server keeps
  /// prepared statements.
  std::optional<std::string> RunBinary(const BinaryStatement& statement, const std::vector<BinaryParam>& params);
  /// Whether RunBinary() prepares its statements; false behind a pooler.
  bool KeepsStatements() const noexcept;

  /// From now on keeps the plans of statements that transactions run again and again, for a few seconds each. Meant for sessions
  /// whose statements are always the same. Does nothing behind a pooler.
  void KeepPlans();
  /// Makes a setting for all transactions that begin later.
  void Set(const std::string& name, const std::string& value);
  /// Process id of the backend, as the server told it at connection time; 0 when it told none.
  int BackendPid() const noexcept;

  /// Listens on the channel. WaitForNotice() then returns true as soon as a notice arrives, and false after `patience`.
  void Listen(std::string_view channel);
  bool WaitForNotice(std::chrono::milliseconds patience);

 private:
  friend class Transaction;
  struct Connection;
  std::unique_ptr<Connection> connection_;
};

/// Returns "name" with its quotes doubled. Every identifier from a mapping must go through it on its way into SQL.
std::string QuoteName(std::string_view name);
/// Returns 'text' as a literal, for places that take no parameter.
std::string QuoteLiteral(std::string_view text);
/// Returns a text[] parameter: {"a","b",NULL}.
std::string ArrayOf(const std::vector<Param>& elements);
/// Returns the DSN with its password replaced by ***, for logs and messages.
std::string RedactDsn(std::string_view dsn);

}  // namespace membridge::sync::postgres
