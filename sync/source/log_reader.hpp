#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "sync/postgres/session.hpp"

namespace membridge::sync::source {

/// One change that the log notes.
struct LogEntry {
  enum class Kind { kChanged, kDeleted, kAllDeleted };
  Kind kind = Kind::kChanged;
  std::string id;  ///< of the memory; empty for kAllDeleted
};

/// A page of what is new in the log.
struct LogPage {
  std::string now;  ///< the snapshot that all pages of one reading are cut by
  std::vector<LogEntry> entries;
  bool more = false;
  std::string after_xid = "0", after_id;  ///< where the next page goes on
};

/// What is known of the log besides its entries.
struct LogHead {
  std::string incarnation;    ///< empty: not installed for this table
  std::string trimmed_below;  ///< entries of transactions below this were removed
  std::int64_t lost = 0;      ///< how many changes could not be noted so far
};

/// Reads and trims membridge_source.log for one table. Functions throw postgres::SqlFailure.
class LogReader {
 public:
  /// The session is on the source database and outlives it.
  LogReader(postgres::Session& session, std::int64_t relid) : session_(session), relid_(relid) {}

  LogHead Head();
  /// Returns the database's snapshot.
  std::string Snapshot();
  /// Returns up to `at_most` entries that are visible now and that the snapshot `taken` did not see, in the order of
  /// transactions. Each memory of a transaction comes once.
  LogPage First(const std::string& taken, std::size_t at_most);
  /// Returns the page that follows, as of the same moment.
  LogPage Next(const std::string& taken, const LogPage& before, std::size_t at_most);
  /// Notes that this reader took everything below the snapshot's oldest transaction, and removes up to `at_most` entries that all
  /// readers have taken. A reader that was not seen for a week no longer counts. Returns how many were removed.
  std::size_t Trim(const std::string& reader, const std::string& taken, std::size_t at_most);

 private:
  LogPage Page(const std::string& taken, const std::string& now, const std::string& after_xid, const std::string& after_id,
               std::size_t at_most);

  postgres::Session& session_;
  const std::int64_t relid_;
};

/// The bounds of a pg_snapshot's text: transactions below `first` are all over, those from `next` on had not begun.
struct SnapshotBounds {
  std::uint64_t first = 0, next = 0;
};
SnapshotBounds BoundsOf(std::string_view snapshot);

}  // namespace membridge::sync::source
