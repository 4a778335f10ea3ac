#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "mappings/base/id.hpp"
#include "mappings/base/time.hpp"
#include "mappings/memory.hpp"
#include "sync/postgres/session.hpp"
#include "sync/queue/queue.hpp"

namespace membridge::sync {

/// What one reading of a memory writes into the mirror.
struct Reading {
  std::optional<mappings::Memory> memory;  ///< nothing: gone
  std::string digest;                      ///< DigestOf, empty when gone
  std::string applied;                     ///< empty: unknown, will be evaluated again
  bool expired = false;
  bool waits = false;  ///< a mapping needs a row that is not there
  bool wrote = false;  ///< rows changed because of it
  /// When the read began, if nothing that was delivered before it is open any more.
  std::optional<Instant> asked_at = std::nullopt;
};

/// A row of the mirror.
struct Mirrored {
  std::optional<nlohmann::json> record;
  std::string digest;
  std::optional<Instant> updated_at;
  bool gone = false;
  std::string applied;
};

/// The mirror: the last record of every memory, inside the caller's transaction. Functions throw postgres::SqlFailure; times are
/// the database's clock.
class Mirror {
 public:
  /// The transaction outlives it.
  explicit Mirror(postgres::Transaction& transaction) : transaction_(transaction) {}

  /// The mirror's rows, one per claim, in order.
  std::vector<std::optional<Mirrored>> LookUp(const std::vector<Claim>& claims);
  /// Writes readings into the mirror; a gone memory becomes a tombstone.
  void Write(const std::vector<std::pair<Claim, Reading>>& readings);

  /// Keeps the memories' records, but forgets that the tables show them, so that they are evaluated again.
  void ForgetApplied(const ProjectId& project, const std::vector<MemoryId>& memories);

  /// Marks up to `limit` memories dirty whose last day has passed and that are not marked expired yet. Returns how many.
  std::size_t MarkExpired(Day today, std::size_t limit);

 private:
  postgres::Transaction& transaction_;
};

}  // namespace membridge::sync
