#include "admin/runtime/surroundings.hpp"

#include <fmt/format.h>

#include <array>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include "admin/runtime/mem0_clients.hpp"
#include "sync/mem0/client.hpp"
#include "sync/migrations/migrate.hpp"
#include "sync/postgres/engine.hpp"
#include "sync/postgres/poolers.hpp"
#include "sync/postgres/session.hpp"
#include "sync/queue/known_projects.hpp"
#include "sync/source/log_install.hpp"

namespace membridge::admin {
namespace {

using PreconditionState = Precondition::State;
using sync::postgres::Session;

/// Asks for the rights on the bridge's own schema: on its tables if it exists, else for the right to make it.
constexpr const char* kOwnRights = R"(
  SELECT current_user, current_database(),
         NOT pg_catalog.pg_is_in_recovery() AND pg_catalog.current_setting('transaction_read_only') = 'off',
         EXISTS (SELECT FROM pg_catalog.pg_namespace WHERE nspname = 'membridge'),
         pg_catalog.has_database_privilege(current_database(), 'CREATE'),
         coalesce((SELECT pg_catalog.has_schema_privilege(oid, 'USAGE') FROM pg_catalog.pg_namespace WHERE nspname = 'membridge'), false),
         coalesce((SELECT pg_catalog.string_agg(relname, ', ' ORDER BY relname)
                     FROM pg_catalog.pg_class
                    WHERE relnamespace = (SELECT oid FROM pg_catalog.pg_namespace WHERE nspname = 'membridge')
                      AND relkind IN ('r', 'p') AND NOT relispartition
                      AND NOT (pg_catalog.has_table_privilege(oid, 'SELECT') AND pg_catalog.has_table_privilege(oid, 'INSERT')
                               AND pg_catalog.has_table_privilege(oid, 'UPDATE') AND pg_catalog.has_table_privilege(oid, 'DELETE'))), ''),
         pg_catalog.current_setting('server_version_num')::int,
         pg_catalog.current_setting('server_version'))";
constexpr const char* kDeclarePooler = "write database: {url: postgresql://…, pooled: true}";
constexpr std::int64_t kOldestServer = 130000;

struct LookedAtDatabase {
  std::string what;
  mappings::Place place;
  const std::string& dsn;
  std::vector<sync::MigrationKind> kinds;
};

Precondition Missing(const LookedAtDatabase& database, std::string message, std::string hint) {
  return {database.what, database.place, PreconditionState::kMissing, database.what + ": " + std::move(message), std::move(hint)};
}

/// Tells what keeps others from following the publication of a target's changes.
std::optional<Precondition> LookAtPublication(const TargetConfig& target, const std::string& dsn) {
  const std::string what = "target " + target.name;
  const std::string& name = *target.feed.publication;
  const auto note = [&](const std::string& message, std::string hint) {
    return Precondition{what, target.place, PreconditionState::kNote, what + ": " + message, std::move(hint)};
  };
  try {
    Session session{dsn, "membridge check"};
    const auto row = session.Run(
        "SELECT pg_catalog.current_setting('wal_level'), pg_catalog.has_database_privilege(current_database(), 'CREATE'), "
        "EXISTS (SELECT FROM pg_catalog.pg_publication WHERE pubname = $1), current_user, current_database()",
        {name});
    if (row.Text(0, 0) != "logical")
      return note(fmt::format("wal_level is {}, so nobody can follow the publication {}", row.Text(0, 0), name),
                  "set wal_level = logical and restart that PostgreSQL");
    if (!row.Bool(0, 1) && !row.Bool(0, 2))
      return note(fmt::format("role {} may not make the publication {}", row.Text(0, 3), name),
                  fmt::format("run: GRANT CREATE ON DATABASE {} TO {}", sync::postgres::QuoteName(row.Text(0, 4)),
                              sync::postgres::QuoteName(row.Text(0, 3))));
  } catch (const sync::postgres::SqlFailure&) {
    // What is said of the database tells it.
  }
  return std::nullopt;
}

/// The statements of the queue and the mirror are refused on distributed tables.
Precondition Distributed(const LookedAtDatabase& database, const sync::postgres::Engine& engine) {
  std::vector<std::string> statements;
  for (const std::string& table : engine.distributed)
    statements.push_back(fmt::format("SELECT undistribute_table('membridge.{}');", table));
  return Missing(database,
                 fmt::format("Citus {} distributes membridge's tables {}, where its statements are refused", engine.citus,
                             fmt::join(engine.distributed, ", ")),
                 fmt::format("stop the bridges, then run: {}", fmt::join(statements, " ")));
}

/// Returns the first problem that keeps the role from working; when there is none, what was found.
std::vector<Precondition> LookAtOne(const LookedAtDatabase& database) {
  try {
    Session session{database.dsn, "membridge check"};
    const auto row = session.Run(kOwnRights);
    const std::string role{row.Text(0, 0)};
    const std::string name{row.Text(0, 1)};
    const std::string owner = sync::postgres::QuoteName(role);
    if (row.Int(0, 7) < kOldestServer)
      return {Missing(database, fmt::format("PostgreSQL {} is too old", row.Text(0, 8)), "use PostgreSQL 13 or later")};
    if (!row.Bool(0, 2))
      return {Missing(database, fmt::format("database {} is read-only here", name),
                      "name the primary, or add target_session_attrs=read-write and every host to the DSN")};
    const bool there = row.Bool(0, 3);
    if (!there && !row.Bool(0, 4))
      return {
          Missing(database, fmt::format("role {} may not create the schema membridge in database {}", role, name),
                  fmt::format("as its owner run: GRANT CREATE ON DATABASE {} TO {}", sync::postgres::QuoteName(name), owner))};
    if (there && !row.Bool(0, 5))
      return {Missing(database, fmt::format("role {} has no USAGE right on the schema membridge", role),
                      fmt::format("run: GRANT USAGE ON SCHEMA membridge TO {}", owner))};
    if (!row.Text(0, 6).empty())
      return {Missing(database, fmt::format("role {} may not read and write membridge's tables {}", role, row.Text(0, 6)),
                      fmt::format("run: GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA membridge TO {}", owner))};
    const sync::postgres::Engine engine = sync::postgres::EngineOf(session);
    if (!engine.distributed.empty()) return {Distributed(database, engine)};
    std::size_t waiting = 0;
    for (const sync::MigrationKind kind : database.kinds) {
      const auto pending = sync::PendingMigrations(session, kind);
      if (!pending) return {Missing(database, pending.error().message, pending.error().hint)};
      waiting += pending->size();
    }
    std::vector<Precondition> found{{database.what,
                                     database.place,
                                     PreconditionState::kFine,
                                     fmt::format("PostgreSQL {}{}, database {}, role {}", row.Text(0, 8),
                                                 engine.citus.empty() ? "" : " with Citus " + engine.citus, name, role),
                                     {}}};
    if (!sync::postgres::IsBehindPooler(database.dsn) && sync::postgres::MeetsPooler(session, database.dsn))
      found.push_back({database.what, database.place, PreconditionState::kNote,
                       database.what + ": a pooler in transaction mode stands between the bridge and PostgreSQL",
                       kDeclarePooler});
    if (waiting > 0)
      found.push_back({database.what, database.place, PreconditionState::kNote,
                       fmt::format("{}: {} migrations wait", database.what, waiting),
                       "serve applies them, or run membridge migrate"});
    return found;
  } catch (const sync::postgres::SqlFailure& failure) {
    const Error error = failure.AsError(sync::postgres::RedactDsn(database.dsn));
    const bool connecting = failure.fields().sqlstate.rfind("08", 0) == 0;
    return {Missing(database, error.message, connecting ? HintForConnection(failure.fields().message) : error.hint)};
  }
}

std::string InWords(std::chrono::milliseconds time) {
  return time.count() % 60'000 == 0 ? fmt::format("{} min", time.count() / 60'000) : fmt::format("{} s", time.count() / 1'000);
}

/// Returns an error when the state knows another Mem0 project for this project. A state database that cannot be reached is
/// reported elsewhere.
std::optional<Error> OtherProject(const ProjectConfig& project, const Databases* databases, const sync::mem0::Account& account) {
  if (databases == nullptr) return std::nullopt;
  try {
    sync::postgres::Session session{databases->StateDsn(), "membridge check"};
    const auto compared = sync::KnownProjects{session}.Compare(project.id, account);
    return compared ? std::nullopt : std::optional{compared.error()};
  } catch (const sync::postgres::SqlFailure&) {
    return std::nullopt;
  }
}

/// Tells whether the source can be read, and how its changes are found.
std::vector<Precondition> LookAtSourceOf(const ProjectConfig& project, const Databases* databases) {
  const sync::source::TableName table = TableOf(*project.source);
  Precondition found{fmt::format("source {}", project.id.Text()), project.source->place, PreconditionState::kFine, {}, {}};
  const auto problem = [&](const Error& error) {
    found.state = PreconditionState::kMissing;
    found.message = fmt::format("project \"{}\": {}", project.id.Text(), error.message);
    found.hint = error.hint;
    return std::vector{found};
  };
  const auto account = AccountOf(project);
  if (!account) return problem(account.error());
  if (const auto other = OtherProject(project, databases, *account)) return problem(*other);
  try {
    Session session{project.source->dsn, "membridge check"};
    const sync::source::SourceLook look = sync::source::LookAtSource(session, table);
    if (const auto error = sync::source::Unreadable(look, table)) return problem(*error);
    if (look.IsLive()) {
      found.message = fmt::format("{}: changes are noted as they happen", table.Written());
      return {found};
    }
    found.state = PreconditionState::kNote;
    found.message =
        fmt::format("project \"{}\": {} has no change log; changed rows are looked for every {}, deleted ones every {}",
                    project.id.Text(), table.Written(), InWords(project.source->poll), InWords(project.source->sweep));
    found.hint = !look.obstacle.empty() ? "it cannot have one: " + look.obstacle
                 : look.lacking.empty()
                     ? "run membridge source install"
                     : fmt::format("the role lacks {}: let the owner run the SQL of membridge source install --print",
                                   fmt::join(look.lacking, ", "));
    return {found};
  } catch (const sync::postgres::SqlFailure& failure) {
    return problem(sync::source::SourceError(failure, table));
  }
}

Precondition LookAtProject(const ProjectConfig& project, const Databases* databases) {
  Precondition found{fmt::format("Mem0 project {}", project.id.Text()), project.key_place, PreconditionState::kFine, {}, {}};
  const auto account = AccountOf(project, 1, std::chrono::seconds{10});
  if (account) {
    found.message = fmt::format("the API key is valid for Mem0's project {}", account->project_id);
    if (const auto other = OtherProject(project, databases, *account)) {
      found.state = PreconditionState::kMissing;
      found.message = other->message;
      found.hint = other->hint;
    }
    return found;
  }
  found.state = PreconditionState::kMissing;
  if (account.error().code == ErrorCode::kUnauthorized) {
    found.message = fmt::format("project \"{}\": Mem0 refuses the API key", project.id.Text());
    found.hint = "copy a valid key of this project from Mem0's dashboard into api_key or api_key_file";
    return found;
  }
  found.place = project.url_place;
  found.message = fmt::format("project \"{}\": {}", project.id.Text(), account.error().message);
  found.hint = account.error().code == ErrorCode::kUnavailable
                   ? fmt::format("make sure that {} can be reached from here, then try again", project.base_url)
                   : account.error().hint;
  return found;
}

}  // namespace

std::string HintForConnection(const std::string& message) {
  struct Known {
    std::string_view part;
    std::string_view hint;
  };
  static constexpr std::array<Known, 8> kKnown{{
      {"password authentication failed", "correct the user or the password in the DSN"},
      {"no password supplied", "put the password into the DSN, or into ~/.pgpass"},
      {"Peer authentication failed", "name another user in the DSN, or let pg_hba.conf accept this one"},
      {"no pg_hba.conf entry", "let pg_hba.conf of the server accept this user from this address"},
      {"role \"", "create the role, or name another user in the DSN"},
      {"database \"", "create the database with createdb, or name another one in the DSN"},
      {"could not translate host name", "correct the host in the DSN"},
      {"too many", "raise max_connections, or put a connection pooler in between"},
  }};
  for (const Known& known : kKnown) {
    if (message.find(known.part) != std::string::npos) return std::string{known.hint};
  }
  return "start PostgreSQL there, or correct host and port in the DSN";
}

std::vector<Precondition> LookAtDatabases(const Config& config, const Databases& databases) {
  using Kind = sync::MigrationKind;
  std::vector<LookedAtDatabase> each{{"database", config.database_place, databases.StateDsn(), {Kind::kState}}};
  for (const TargetConfig& target : config.targets) {
    if (target.dsn)
      each.push_back({"target " + target.name, target.place, *target.dsn, {Kind::kLedger}});
    else if (each.front().kinds.size() == 1)
      each.front().kinds.push_back(Kind::kLedger);
  }
  std::vector<Precondition> found;
  for (const LookedAtDatabase& database : each) {
    for (Precondition& one : LookAtOne(database)) found.push_back(std::move(one));
  }
  for (const TargetConfig& target : config.targets) {
    if (!target.feed.publication) continue;
    if (auto one = LookAtPublication(target, databases.DsnOf(target))) found.push_back(std::move(*one));
  }
  return found;
}

std::vector<Precondition> LookAtMem0(const Config& config, const Databases* databases) {
  std::vector<Precondition> found;
  for (const ProjectConfig& project : config.projects) {
    if (!project.source) {
      found.push_back(LookAtProject(project, databases));
      continue;
    }
    for (Precondition& one : LookAtSourceOf(project, databases)) found.push_back(std::move(one));
  }
  return found;
}

bool Tell(const std::vector<Precondition>& found, mappings::Diagnostics& problems) {
  bool all = true;
  for (const Precondition& one : found) {
    if (one.state == PreconditionState::kFine) continue;
    const std::string text = one.hint.empty() ? one.message : one.message + "; " + one.hint;
    if (one.state == PreconditionState::kNote) {
      problems.Warn(one.place, text);
    } else {
      problems.Error(one.place, text);
      all = false;
    }
  }
  return all;
}

}  // namespace membridge::admin
