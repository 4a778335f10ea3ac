#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "mappings/base/id.hpp"
#include "mappings/base/result.hpp"
#include "mappings/base/time.hpp"
#include "sync/postgres/session.hpp"

namespace membridge::sync {

/// An erasure as recorded: with the hash of the user, never with the name.
struct ErasureRecord {
  std::string id;
  ProjectId project;
  std::string user_hash;  ///< 64 hex digits
  Instant begun_at;
  std::optional<Instant> finished_at;
  std::optional<Instant> lifted_at;  ///< when the person was admitted again
};

/// What lifting an erasure did.
struct LiftReceipt {
  std::string user_hash;
  Instant lifted_at;
};

/// Admits an erased person again, at their own wish. Nothing that was erased comes back. What Mem0 has of them now, and what they
/// say from now on, is read and applied as usual. Functions throw postgres::SqlFailure.
class Lifting {
 public:
  /// The session outlives it.
  explicit Lifting(postgres::Session& session) : session_(session) {}

  /// Whether the user is erased and not admitted again.
  bool IsErased(const ProjectId& project, const std::string& user);
  /// Lifts the erasure. `at_mem0`: the memories that Mem0 has of the user now; the caller marks them to be read afterwards.
  /// kNotFound: the user is not erased. kRefused: an erasure of the user was interrupted and
  /// must be finished first.
  Result<LiftReceipt> Lift(const ProjectId& project, const std::string& user, const std::vector<MemoryId>& at_mem0);
  /// Returns every erasure of a project, the newest first.
  std::vector<ErasureRecord> List(const ProjectId& project);

 private:
  postgres::Session& session_;
};

}  // namespace membridge::sync
