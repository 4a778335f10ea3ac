#include "admin/runtime/databases.hpp"

#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <optional>

#include "sync/migrations/migrate.hpp"
#include "sync/postgres/poolers.hpp"
#include "sync/postgres/session.hpp"
#include "sync/postgres/timeouts.hpp"
#include "sync/targets/ledger_tie.hpp"

namespace membridge::admin {
namespace {

namespace fs = std::filesystem;

/// Returns the DSN of the server that another bridge runs on this state_dir, if it answers.
std::optional<std::string> RunningServer(const fs::path& address_file) {
  std::ifstream stream{address_file};
  std::string dsn;
  if (!std::getline(stream, dsn)) return std::nullopt;
  try {
    sync::postgres::Session{dsn}.Run("SELECT 1");
    return dsn;
  } catch (const sync::postgres::SqlFailure&) {
    return std::nullopt;  // the file of a bridge that was killed
  }
}

void WriteAddress(const fs::path& file, const std::string& dsn) {
  // Write a draft and rename it, so that a reader never sees half of the file.
  const fs::path draft = file.string() + ".draft";
  std::ofstream{draft} << dsn << "\n";
  std::error_code ignored;
  fs::permissions(draft, fs::perms::owner_read | fs::perms::owner_write, ignored);
  fs::rename(draft, file, ignored);
}

using OneDatabase = std::function<Result<std::vector<sync::Migration>>(sync::postgres::Session&, sync::MigrationKind)>;

/// Whether the ledger belongs to another state. It is not migrated then, because a bridge of an older release may use it and
/// would no longer start.
bool IsLeftAlone(const Databases& databases, sync::postgres::Session& there, const std::string& target) {
  const auto pending = sync::PendingMigrations(there, sync::MigrationKind::kLedger);
  if (!pending || pending->empty()) return false;
  try {
    if (there.Run("SELECT pg_catalog.to_regclass('membridge.belonging') IS NULL").Bool(0, 0)) return false;
    sync::postgres::Session state{databases.StateDsn()};
    return sync::LedgerTie{state, there, target}.Look().standing == sync::LedgerLook::Standing::kForeign;
  } catch (const sync::postgres::SqlFailure&) {
    return false;  // the state has no tables yet, so it has no ledger
  }
}

Result<std::vector<MigrationStep>> ForEachDatabase(const Config& config, const Databases& databases, const OneDatabase& run) {
  std::vector<MigrationStep> steps;
  const auto visit = [&](const std::string& name, const std::string& dsn, sync::MigrationKind kind,
                         const TargetConfig* target = nullptr) -> Result<void> {
    try {
      sync::postgres::Session session{dsn};
      if (target != nullptr && target->dsn && IsLeftAlone(databases, session, target->name)) return {};
      auto migrations = run(session, kind);
      if (!migrations) return Within(migrations.error(), name);
      for (const auto& migration : *migrations) steps.push_back({name, fmt::format("{}/{}", sync::NameOf(kind), migration.name)});
    } catch (const sync::postgres::SqlFailure& failure) {
      return tl::unexpected<Error>(failure.AsError(fmt::format("{} ({})", name, sync::postgres::RedactDsn(dsn))));
    }
    return {};
  };
  if (auto done = visit("state", databases.StateDsn(), sync::MigrationKind::kState); !done)
    return tl::unexpected<Error>(done.error());
  for (const auto& target : config.targets) {
    const std::string name = target.dsn ? "target " + target.name : "state";
    if (auto done = visit(name, databases.DsnOf(target), sync::MigrationKind::kLedger, &target); !done)
      return tl::unexpected<Error>(done.error());
  }
  return steps;
}

}  // namespace

Databases::Databases(Databases&&) noexcept = default;
Databases& Databases::operator=(Databases&&) noexcept = default;

Databases::~Databases() {
  if (!embedded_) return;
  std::error_code ignored;
  fs::remove(address_file_, ignored);
}

Result<Databases> Databases::Open(const Config& config, Use use) {
  sync::postgres::UseTimeouts({.lock = config.sync.lock_timeout, .statement = config.sync.statement_timeout});
  sync::postgres::UsePoolers(config.pooled);
  Databases databases;
  if (config.database) {
    databases.state_dsn_ = *config.database;
    return databases;
  }
  const fs::path address_file = fs::path{config.state_dir} / "postgresql.address";
  if (use == Use::kCommand) {
    if (auto running = RunningServer(address_file)) {
      databases.state_dsn_ = std::move(*running);
      return databases;
    }
  }
  sync::EmbeddedOptions options;
  options.state_dir = config.state_dir;
  auto server = sync::EmbeddedPostgres::Start(std::move(options));
  if (!server) return Within(server.error(), "database: embedded");
  databases.embedded_ = std::move(*server);
  databases.state_dsn_ = databases.embedded_->Dsn();
  databases.address_file_ = address_file;
  WriteAddress(address_file, databases.state_dsn_);
  return databases;
}

Result<std::vector<MigrationStep>> MigrateAll(const Config& config, const Databases& databases) {
  return ForEachDatabase(config, databases,
                         [](sync::postgres::Session& session, sync::MigrationKind kind) { return sync::Migrate(session, kind); });
}

Result<std::vector<MigrationStep>> PendingOfAll(const Config& config, const Databases& databases) {
  return ForEachDatabase(config, databases, [](sync::postgres::Session& session, sync::MigrationKind kind) {
    return sync::PendingMigrations(session, kind);
  });
}

}  // namespace membridge::admin
