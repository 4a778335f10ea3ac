#pragma once

#include <cstddef>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "mappings/base/id.hpp"
#include "sync/postgres/session.hpp"

namespace membridge::sync {

/// Asks whether somebody was erased (see erasure.hpp). Every transaction that writes something of a memory or an export asks
/// first, in that same transaction: an erasure that begins later waits for it to end. Throws postgres::SqlFailure.
class Suppression {
 public:
  struct Memory {
    const ProjectId& project;
    const MemoryId& id;
    std::optional<std::string> user;  ///< as far as Mem0 told
  };
  /// The places of those that must not be written. What is stored of their deliveries is deleted here, and they are remembered by
  /// their own ids too.
  static std::set<std::size_t> Among(postgres::Transaction& transaction, const std::vector<Memory>& memories);

  /// Those of these users who were erased.
  static std::set<std::string> UsersAmong(postgres::Transaction& transaction, const ProjectId& project,
                                          const std::vector<std::string>& users);
};

}  // namespace membridge::sync
