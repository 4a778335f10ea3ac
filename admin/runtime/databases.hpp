#pragma once

#include <memory>
#include <string>
#include <vector>

#include "admin/config/config.hpp"
#include "mappings/base/diagnostic.hpp"
#include "mappings/base/result.hpp"
#include "mappings/check/catalog.hpp"
#include "sync/embedded/embedded_postgres.hpp"

namespace membridge::admin {

/// The databases of a configuration: the state database, and those of targets that have their own. With `database: embedded`, the
/// server runs as long as this object exists, unless another bridge runs it already; a command then uses that server.
class Databases {
 public:
  enum class Use {
    kServe,    ///< owns an embedded server; refused while another bridge runs it
    kCommand,  ///< uses the running one, and starts its own only when there is none
  };
  /// Opens the databases. Blocks while an embedded server starts. Errors say what an operator can do.
  static Result<Databases> Open(const Config& config, Use use);
  Databases(Databases&&) noexcept;
  Databases& operator=(Databases&&) noexcept;
  ~Databases();

  /// Returns the DSN of the state database (secret: it may contain a password).
  const std::string& StateDsn() const { return state_dsn_; }
  const std::string& DsnOf(const TargetConfig& target) const { return target.dsn ? *target.dsn : state_dsn_; }

 private:
  Databases() = default;

  std::string state_dsn_;
  std::unique_ptr<sync::EmbeddedPostgres> embedded_;
  std::string address_file_;  // names the running embedded server for commands; empty when we run none
};

/// One migration that was applied or is pending.
struct MigrationStep {
  std::string database;  ///< `state`, or `target warehouse`
  std::string name;      ///< `state/0001_state`
};

/// Applies the pending migrations of the state database and of every target's ledger, under a lock. Does not touch a ledger that
/// belongs to another state.
Result<std::vector<MigrationStep>> MigrateAll(const Config& config, const Databases& databases);
/// Returns what MigrateAll() would apply; changes nothing.
Result<std::vector<MigrationStep>> PendingOfAll(const Config& config, const Databases& databases);

}  // namespace membridge::admin
