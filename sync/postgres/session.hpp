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

/// A statement PostgreSQL refused, or a connection that broke. what() is safe to log; `message` and `detail` quote row values and
/// are only for the operator's eyes (parked memories, `plan`), never for a log.
class SqlFailure : public std::runtime_error {
 public:
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

  /// Worth trying again as it is: connection, resources, shutdown, serialisation, deadlock, lock not available, cancel.
  bool IsTransient() const noexcept;
  /// The row is at fault: classes 22, 23, 44, 54, P0 (raised by a trigger), 0A, and 42501/42804-like refusals of one row.
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
  std::string_view Text(std::size_t row, std::size_t column) const;  ///< "" for NULL
  std::optional<std::string> Optional(std::size_t row, std::size_t column) const;
  std::int64_t Int(std::size_t row, std::size_t column) const;
  bool Bool(std::size_t row, std::size_t column) const;
  /// Rows an INSERT, UPDATE or DELETE changed.
  std::size_t Affected() const noexcept;

 private:
  std::shared_ptr<const Data> data_;
};

class Session;
struct BinaryParam;
struct BinaryStatement;

/// An open transaction; rolled back unless Commit() returns. One at a time per Session; must not outlive it.
class Transaction {
 public:
  explicit Transaction(Session& session);
  ~Transaction();
  Transaction(Transaction&&) noexcept;
  Transaction& operator=(Transaction&&) = delete;

  /// Runs one statement with $1, $2, … bound as text. Throws SqlFailure.
  Rows Run(const std::string& sql, const std::vector<Param>& params = {});
  /// The same with binary parameters (binary.hpp); the first value of the first row. It must not be the transaction's first
  /// statement.
  std::optional<std::string> RunBinary(const BinaryStatement& statement, const std::vector<BinaryParam>& params);
  /// Until LeaveRolesPath(), or the transaction ends, names are looked up where the role's own settings say. For statements on an
  /// application's tables: its triggers, defaults and policies may need that. Nothing happens in a session of SearchPath::kRoles.
  void EnterRolesPath();
  void LeaveRolesPath();
  /// Several statements without parameters, as in a migration.
  void RunScript(const std::string& sql);
  /// Savepoints, for trying something that may be refused. Names are ours: [a-z_0-9].
  void Savepoint(std::string_view name);
  void RollbackTo(std::string_view name);  ///< the savepoint stays
  void Release(std::string_view name);
  /// Throws SqlFailure. When the connection breaks during COMMIT the outcome is unknown: write so that doing it again is
  /// harmless.
  void Commit();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Where a session looks up names that are not qualified.
enum class SearchPath {
  kBridges,  ///< pg_catalog, pg_temp: no function, operator or table that others define is ever met
  kRoles,    ///< what the role, the database, the server or the DSN say
};

/// One connection, for one thread. libpqxx (6.4 and 7) stays behind this header.
/// Every session speaks UTF-8, TimeZone UTC, DateStyle ISO, IntervalStyle iso_8601, extra_float_digits 1, bytea_output hex,
/// standard_conforming_strings on, reads and writes in READ COMMITTED, waits as long as TimeoutsInUse() says, and carries
/// `application_name`; no default of a role, a database or a server changes that.
///
/// Behind a pooler, declared by UsePoolers() or met, every statement runs in a transaction, whose settings travel with its BEGIN;
/// nothing is prepared, and nothing is left to the server's session. Elsewhere the settings are made once.
class Session {
 public:
  /// Connects at once (connect_timeout 5 s unless the DSN says otherwise). Throws SqlFailure.
  explicit Session(const std::string& dsn, const std::string& application_name = "membridge",
                   SearchPath path = SearchPath::kBridges);
  ~Session();
  Session(Session&&) noexcept;
  Session& operator=(Session&&) noexcept;

  /// False once the connection broke; a broken session is thrown away and a new one made.
  bool Usable() const noexcept;
  Transaction Begin();
  /// One statement in a transaction of its own.
  Rows Run(const std::string& sql, const std::vector<Param>& params = {});

  /// One statement that must not be in a transaction (`… CONCURRENTLY`). Behind a pooler it runs under the role's own settings.
  Rows RunAlone(const std::string& sql);
  /// The same with binary parameters (binary.hpp); the first value of the first row. Prepared where the server keeps it.
  std::optional<std::string> RunBinary(const BinaryStatement& statement, const std::vector<BinaryParam>& params);

  /// A setting for everything that begins from now on.
  void Set(const std::string& name, const std::string& value);
  /// Process id of the backend, as the server told when it was connected; 0 where it told none.
  int BackendPid() const noexcept;

  /// LISTEN; afterwards WaitForNotice() returns true as soon as one arrives, false after `patience`.
  void Listen(std::string_view channel);
  bool WaitForNotice(std::chrono::milliseconds patience);

 private:
  friend class Transaction;
  struct Connection;
  std::unique_ptr<Connection> connection_;
};

/// "name" with its quotes doubled: the only way an identifier from a mapping reaches SQL.
std::string QuoteName(std::string_view name);
/// 'text' as a literal; for places that take no parameter.
std::string QuoteLiteral(std::string_view text);
/// A text[] parameter: {"a","b",NULL}.
std::string ArrayOf(const std::vector<Param>& elements);
/// The DSN with its password replaced by ***, for logs and messages.
std::string RedactDsn(std::string_view dsn);

}  // namespace membridge::sync::postgres
