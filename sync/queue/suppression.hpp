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
  /// The transaction outlives it.
  explicit Suppression(postgres::Transaction& transaction) : transaction_(transaction) {}

  struct Memory {
    const ProjectId& project;
    const MemoryId& id;
    std::optional<std::string> user;  ///< as far as Mem0 told
  };
  /// The places of those that must not be written. What is stored of their deliveries is deleted here, and they are remembered by
  /// their own ids too.
  std::set<std::size_t> Among(const std::vector<Memory>& memories);

  /// Those of these users who were erased.
  std::set<std::string> UsersAmong(const ProjectId& project, const std::vector<std::string>& users);

 private:
  postgres::Transaction& transaction_;
};

}  // namespace membridge::sync
