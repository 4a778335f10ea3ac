#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mappings/base/id.hpp"
#include "mappings/base/result.hpp"
#include "sync/mem0/access.hpp"
#include "sync/mem0/client.hpp"
#include "sync/mem0/records.hpp"
#include "sync/postgres/kept_session.hpp"
#include "sync/source/table_name.hpp"

namespace membridge::sync::source {

/// What TableRecords needs.
struct TableOptions {
  ProjectId project;
  std::string dsn;  ///< of the source database
  TableName table;
  /// Takes the oid of the table, and returns the oid that the state remembers; see MeetIn(). Empty: every table is right.
  std::function<std::int64_t(std::int64_t relid)> known{};
  std::shared_ptr<mem0::Access> access;                  ///< compares the database with the known one; may be empty
  std::function<void(const mem0::CallReport&)> observe;  ///< called after every read; may be empty
};

/// For TableOptions::known: remembers the first table in the state, on a session of its own.
std::function<std::int64_t(std::int64_t relid)> MeetIn(const std::string& state_dsn, const ProjectId& project);

/// The database and table, in the form of an account at Mem0: `org_id` is the server and database, `project_id` the table.
/// kUnavailable: it cannot be reached, or there is no such table; the message says what to do.
Result<mem0::Account> WhoseTable(const std::string& dsn, const TableName& table);

/// Reads the memories of a self-hosted Mem0 from its table. Every read is exact: it shows what was committed before it. A missing
/// row is an absent memory only if the table is the one that the state remembers (SourceState); if it is missing, was made again
/// or cannot be read, every call fails with kUnavailable. Row-level security that would hide rows is an error, too.
class TableRecords final : public mem0::Records {
 public:
  explicit TableRecords(TableOptions options);
  ~TableRecords() override;

  Result<void> Admit() override;
  std::optional<Error> OfOtherProject() override;
  Result<mem0::ListedMemories> ReadMany(const std::vector<MemoryId>& ids) override;
  Result<mappings::Memory> ReadOne(const MemoryId& id) override;
  /// Pages are kRowsOfPage rows in the order of the key. Which of them are returned may be fewer, or none on the last page.
  Result<mem0::MemoryPage> ReadPage(const mem0::PageRequest& request) override;
  bool IsExact() const override { return true; }

  static constexpr int kRowsOfPage = 1000;

 private:
  struct Found;
  postgres::Session& Open();
  Result<void> ProveAbsence(postgres::Transaction& transaction);
  template <class Read>
  auto Observed(std::string_view name, Read read) -> decltype(read());

  const TableOptions options_;
  postgres::KeptSession source_;
  std::string key_type_;  ///< of the column `id`; empty: not looked up yet
};

/// Makes an error of a failure to read the source; never kRefused or kNotFound, which would say something about a memory.
Error SourceError(const postgres::SqlFailure& failure, const TableName& table);

}  // namespace membridge::sync::source
