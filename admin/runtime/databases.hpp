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

/// The databases a configuration names: the state database, and the targets that have one of their own. With `database: embedded`
/// the server lives as long as this object, unless another bridge runs it already: then a command uses that one.
class Databases {
 public:
  enum class Use {
    kServe,    ///< owns an embedded server: refused while another bridge runs it
    kCommand,  ///< uses the running one, and starts its own only when there is none
  };
  /// Blocks while an embedded server starts. Errors say what an operator can do.
  static Result<Databases> Open(const Config& config, Use use);
  Databases(Databases&&) noexcept;
  Databases& operator=(Databases&&) noexcept;
  ~Databases();

  /// How to reach the state database (secret: may hold a password).
  const std::string& StateDsn() const { return state_dsn_; }
  const std::string& DsnOf(const TargetConfig& target) const { return target.dsn ? *target.dsn : state_dsn_; }

 private:
  Databases() = default;

  std::string state_dsn_;
  std::unique_ptr<sync::EmbeddedPostgres> embedded_;
  std::string address_file_;  // names the running embedded server for commands; empty when we run none
};

/// One migration that was applied, or waits.
struct MigrationStep {
  std::string database;  ///< `state`, or `target warehouse`
  std::string name;      ///< `state/0001_state`
};

/// Brings the state database and the ledger of every target up to this binary, under a lock. A ledger of another state is left
/// alone.
Result<std::vector<MigrationStep>> MigrateAll(const Config& config, const Databases& databases);
/// What MigrateAll would apply; changes nothing.
Result<std::vector<MigrationStep>> PendingOfAll(const Config& config, const Databases& databases);

}  // namespace membridge::admin
