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

/// The Mem0 project behind one of the bridge's projects.
struct KnownProject {
  ProjectId project;
  std::string org_id, project_id;  ///< Mem0's ids
  Instant known_at;
};

/// Remembers the Mem0 project behind each of the bridge's projects, so that an API key of another Mem0 project is noticed.
/// Functions throw postgres::SqlFailure.
class KnownProjects {
 public:
  /// The session outlives it.
  explicit KnownProjects(postgres::Session& session) : session_(session) {}

  /// Compares the account that ping returned with the known one, and remembers the first. kUnauthorized: it is another project;
  /// the message names both.
  Result<void> Recognise(const ProjectId& project, const mem0::Account& account);
  /// The same without remembering: any account passes while none is known. Also works before the tables exist.
  Result<void> Compare(const ProjectId& project, const mem0::Account& account);
  std::optional<KnownProject> Find(const ProjectId& project);
  /// Makes `account` the known one of `project`. Forgets what the project's sweeps have seen, so that the next sweep reads
  /// everything, and makes all its queued memories due at once. Returns false when it was the known account already.
  bool Adopt(const ProjectId& project, const mem0::Account& account);

 private:
  postgres::Session& session_;
};

}  // namespace membridge::sync
