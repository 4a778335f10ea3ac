#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "sync/postgres/session.hpp"

namespace membridge::test {

/// A PostgreSQL server of one's own: fresh data, one Unix socket in a folder of its own under /tmp, no fsync (a killed *process*
/// loses nothing, only a killed machine would). Runs as user `postgres` when we are root. It ends when the thread that started it
/// ends, however that happens, and its folder goes with the Cluster. Throws std::runtime_error with the server's log when it
/// cannot start.
class Cluster {
 public:
  Cluster();  ///< initdb and Start(): about a second
  /// A streaming standby of that one, which runs. It can be read.
  struct StandbyOf {
    const Cluster& primary;
  };
  explicit Cluster(StandbyOf of);
  ~Cluster();
  Cluster(const Cluster&) = delete;
  Cluster& operator=(const Cluster&) = delete;

  /// The one all PgDatabases of this program live in; made on first use, gone at exit.
  static Cluster& Shared();

  std::string Dsn(const std::string& database = "postgres") const;
  /// Its port inside SocketFolder(), for tests that put a proxy in front of `SocketFolder()/.s.PGSQL.5432`.
  const std::filesystem::path& SocketFolder() const { return folder_; }

  void StopImmediately();  ///< as pg_ctl stop -m immediate: no checkpoint, recovery at the next Start()
  void Stop();             ///< as pg_ctl stop -m fast
  void Kill();             ///< kill -9 of the postmaster; its backends notice and end
  void Start();            ///< after a stop; returns when it accepts connections

 private:
  struct Server;
  std::filesystem::path folder_;
  std::unique_ptr<Server> server_;
};

/// A database of one's own in the shared Cluster, or in the server MEMBRIDGE_TEST_DSN names (its role must be allowed to create
/// databases). Dropped when the object goes; sessions still open are ended. Takes some 30 ms: the migrated ones are copies of a
/// template.
class PgDatabase {
 public:
  enum class Content { kMigrated, kBare };  ///< kMigrated: the state and the ledger, both

  explicit PgDatabase(Content content = Content::kMigrated);
  /// In a server of the test's own, which must run when the object is made and may be gone when it goes.
  explicit PgDatabase(const Cluster& cluster, Content content = Content::kMigrated);
  ~PgDatabase();
  PgDatabase(const PgDatabase&) = delete;
  PgDatabase& operator=(const PgDatabase&) = delete;

  const std::string& Dsn() const { return dsn_; }
  /// A new connection, which finds the tables of `public` without their schema.
  sync::postgres::Session Session() const;

  /// On a connection kept for these. Run takes one statement with parameters, RunScript several without.
  sync::postgres::Rows Run(const std::string& sql, const std::vector<sync::postgres::Param>& params = {}) const;
  void RunScript(const std::string& sql) const;
  /// SELECT count(*) FROM `from`: "people WHERE name = 'Ada'".
  std::int64_t Count(const std::string& from) const;
  /// The first value of the first row as text; "" for NULL or no row.
  std::string Value(const std::string& sql, const std::vector<sync::postgres::Param>& params = {}) const;

 private:
  void Create(const std::string& maintenance_dsn, const std::string& source);
  sync::postgres::Session& Kept() const;

  std::string maintenance_dsn_;
  std::string name_;
  std::string dsn_;
  mutable std::unique_ptr<sync::postgres::Session> session_;
};

}  // namespace membridge::test
