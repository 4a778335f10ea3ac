#pragma once

#include <cstddef>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "mappings/base/id.hpp"
#include "sync/postgres/session.hpp"

namespace membridge::sync {

/// Tells whether a person was erased (see erasure.hpp). Every transaction that writes something of a memory or an export must ask
/// first, in that same transaction: an erasure that begins later waits until it ends. Throws postgres::SqlFailure.
class Suppression {
 public:
  /// The transaction outlives it.
  explicit Suppression(postgres::Transaction& transaction) : transaction_(transaction) {}

  /// A memory that is about to be written.
  struct Memory {
    const ProjectId& project;
    const MemoryId& id;
    std::optional<std::string> user;  ///< as far as Mem0 told
  };
  /// Returns the positions of the memories that must not be written. Deletes what is stored of their deliveries, and suppresses
  /// them by their own ids from now on.
  std::set<std::size_t> Among(const std::vector<Memory>& memories);

  /// Returns those of the users that were erased.
  std::set<std::string> UsersAmong(const ProjectId& project, const std::vector<std::string>& users);

 private:
  postgres::Transaction& transaction_;
};

}  // namespace membridge::sync
