#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mappings/base/id.hpp"
#include "mappings/base/result.hpp"
#include "mappings/base/time.hpp"
#include "sync/postgres/session.hpp"

namespace membridge::sync::source {

/// What the state remembers of a project's source.
struct Remembered {
  std::int64_t relid = 0;                    ///< the oid of the table
  std::optional<std::string> incarnation{};  ///< of the change log that `snapshot` belongs to
  std::optional<std::string> snapshot{};     ///< a pg_snapshot of the source database: what it sees was made into marks
  std::int64_t lost = 0;                     ///< changes that the triggers could not note, as far as known
  std::optional<std::string> lost_before{};  ///< whoever lost one has a transaction id below this
  std::optional<std::string> wanted{};       ///< why a full sweep must be queued
};

/// How the changes of a project's source are found, as the process that looks for them told last.
struct SourceView {
  std::string mode;           ///< NameOf(SourceStanding::Mode)
  std::string message, hint;  ///< what is wrong; empty: nothing
  std::int64_t log_entries = 0;
  Instant told_at;
  std::optional<std::string> wanted;  ///< why a full sweep is to be queued
};

/// The rows of membridge.source_tables and membridge.source_deletions, within the caller's transaction, which outlives it.
/// Functions throw postgres::SqlFailure.
class SourceState {
 public:
  explicit SourceState(postgres::Transaction& transaction) : transaction_(transaction) {}

  std::optional<Remembered> Find(const ProjectId& project);
  /// Remembers the table unless one is remembered already, and returns what is remembered then.
  Remembered Meet(const ProjectId& project, std::int64_t relid);
  /// Takes this table for the project's from now on. When it was another one before, its log begins anew.
  void Accept(const ProjectId& project, std::int64_t relid);
  /// Forgets the change log, which was removed on purpose.
  void ForgetLog(const ProjectId& project);
  /// Stores everything but `relid`.
  void Store(const ProjectId& project, const Remembered& remembered);
  /// Notes why a full sweep must be queued, unless a reason stands already.
  void Want(const ProjectId& project, std::string_view reason);
  void WantNoMore(const ProjectId& project);
  /// Notes how changes are found now, and what is wrong, for SourceView.
  void Tell(const ProjectId& project, std::string_view mode, const Error& trouble, std::int64_t log_entries);
  std::optional<SourceView> View(const ProjectId& project);

  /// Notes memories that the log told to be deleted.
  void NoteDeleted(const ProjectId& project, const std::vector<MemoryId>& memories);
  /// Notes all live memories of the project's mirror in this bucket as deleted, and marks them. Returns how many.
  std::int64_t NoteAllDeleted(const ProjectId& project, int bucket);
  /// Forgets deletions of more than two days ago.
  void ForgetOldDeletions();

 private:
  postgres::Transaction& transaction_;
};

}  // namespace membridge::sync::source
