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

/// An erasure as it stands in the records: by the hash of the user, never by name.
struct ErasureRecord {
  std::string id;
  ProjectId project;
  std::string user_hash;  ///< 64 hex digits
  Instant begun_at;
  std::optional<Instant> finished_at;
  std::optional<Instant> lifted_at;  ///< since when the person is admitted again
};

/// What lifting an erasure did.
struct LiftReceipt {
  std::string user_hash;
  Instant lifted_at;
};

/// Admits an erased person again, by their own wish. Nothing that was erased comes back: what Mem0 has of them now, and what they
/// tell from now on, is read and applied like anybody's. Functions throw postgres::SqlFailure.
class Lifting {
 public:
  /// The session outlives it.
  explicit Lifting(postgres::Session& session) : session_(session) {}

  /// Whether the user is kept out now.
  bool IsErased(const ProjectId& project, const std::string& user);
  /// Lifts the erasure; `at_mem0` are the memories that Mem0 has of the user now, which the caller then marks to be read.
  /// kNotFound: the user is not erased. kRefused:
  /// an erasure of them was cut off and must be ended first.
  Result<LiftReceipt> Lift(const ProjectId& project, const std::string& user, const std::vector<MemoryId>& at_mem0);
  /// Every erasure of a project, the newest first.
  std::vector<ErasureRecord> List(const ProjectId& project);

 private:
  postgres::Session& session_;
};

}  // namespace membridge::sync
