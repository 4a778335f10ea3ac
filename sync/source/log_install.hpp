#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "mappings/base/result.hpp"
#include "sync/postgres/session.hpp"
#include "sync/source/table_name.hpp"

namespace membridge::sync::source {

/// What was found of a source and its change log.
struct SourceLook {
  std::optional<std::int64_t> relid;         ///< of the table; nothing: there is no such table
  bool has_columns = false;                  ///< `id` and a jsonb `payload`
  bool may_read = false;                     ///< the table
  bool hides_rows = false;                   ///< row-level security hides rows from the role
  std::string obstacle{};                    ///< why no triggers of this table could note all changes; empty: they can
  bool has_log = false;                      ///< the schema membridge_source with its tables
  bool may_use_log = false;                  ///< the role may read and trim it
  std::optional<std::string> incarnation{};  ///< of the log of this very table; nothing: it is not installed for it
  /// Of four, those that are there and switched on as they were installed. One that is on in another way was off in between.
  int triggers = 0;
  std::vector<std::string> lacking{};  ///< rights that the role lacks for installing; empty: it may install
  std::string role{};
  std::string similar{};     ///< when there is no such table: one of nearly that name, as the configuration would write it
  std::int64_t entries = 0;  ///< in the log, as far as its statistics know

  /// Whether every change of the table is noted in the log, and the bridge can read it there.
  bool IsLive() const {
    return relid && has_columns && may_read && !hides_rows && obstacle.empty() && has_log && may_use_log && incarnation &&
           triggers == 4;
  }
};

/// Looks without changing anything. Throws postgres::SqlFailure.
SourceLook LookAtSource(postgres::Session& session, const TableName& table);

/// Returns what keeps the table from being read, as kUnavailable; nothing: nothing does.
std::optional<Error> Unreadable(const SourceLook& look, const TableName& table);

/// Returns the SQL that installs the change log, as one transaction, for the role that the bridge uses to read it. It can be run
/// again, and must be run again after the table was dropped and made again. It waits at most a second for a lock on the table.
std::string InstallSql(const TableName& table, const std::string& bridge_role);
/// Returns the SQL that removes the triggers of this table, and everything else once no other table uses it.
std::string RemoveSql(const TableName& table);

/// Runs the SQL. kRefused: a right is missing, the message names it and the hint says who may run the SQL. kUnavailable: the
/// database is away, or somebody holds a lock on the table; try again.
Result<void> InstallLog(postgres::Session& session, const TableName& table);
Result<void> RemoveLog(postgres::Session& session, const TableName& table);

}  // namespace membridge::sync::source
