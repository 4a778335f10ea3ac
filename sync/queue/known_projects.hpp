#pragma once

#include <optional>
#include <string>
#include <vector>

#include "mappings/base/id.hpp"
#include "mappings/base/result.hpp"
#include "mappings/base/time.hpp"
#include "sync/mem0/client.hpp"
#include "sync/postgres/session.hpp"

namespace membridge::sync {

/// Which project at Mem0 one of ours is.
struct KnownProject {
  ProjectId project;
  std::string org_id, project_id;  ///< Mem0's
  Instant known_at;
};

/// Remembers which project at Mem0 each of ours is, so that a key of another one is noticed. Functions throw
/// postgres::SqlFailure.
class KnownProjects {
 public:
  /// The session outlives it.
  explicit KnownProjects(postgres::Session& session) : session_(session) {}

  /// Compares what ping answered with what is known; the first answer is remembered. kUnauthorized: it is another project; the
  /// message names both.
  Result<void> Recognise(const ProjectId& project, const mem0::Account& account);
  /// The same, and remembers nothing: what is not known yet may be any project. Also where the tables are not made yet.
  Result<void> Compare(const ProjectId& project, const mem0::Account& account);
  std::optional<KnownProject> Find(const ProjectId& project);
  /// From now on `project` is this one. What its sweeps have seen is forgotten, so that the next one sees everything, and what
  /// waits in the queue is due at once. False: it was this one already.
  bool Adopt(const ProjectId& project, const mem0::Account& account);

 private:
  postgres::Session& session_;
};

}  // namespace membridge::sync
