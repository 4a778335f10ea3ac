#pragma once

#include <string>
#include <vector>

#include "admin/config/config.hpp"
#include "admin/runtime/databases.hpp"
#include "mappings/base/diagnostic.hpp"
#include "mappings/base/result.hpp"

namespace membridge::admin {

/// One thing that the bridge needs from its environment, as `check` and `doctor` found it.
struct Precondition {
  enum class State { kFine, kNote, kMissing };

  std::string what;       ///< `database`, `target warehouse`, `Mem0 project crm`
  mappings::Place place;  ///< the line of the configuration that it concerns
  State state = State::kFine;
  std::string message;  ///< what was found, or what is wrong; no secrets
  std::string hint;     ///< what to do; empty when fine
};

/// Checks the state database and the databases of targets: whether each is reachable, writable and migrated, and whether the role
/// has the rights it needs on the bridge's own tables. Blocks for one connection attempt per database (at most 5 s when a host
/// does not answer).
std::vector<Precondition> LookAtDatabases(const Config& config, const Databases& databases);

/// Calls Mem0 once with each project's key. Blocks for at most 10 s per project.
std::vector<Precondition> LookAtMem0(const Config& config, const Databases* databases);

/// Returns what an operator must do about a database that could not be reached, according to libpq's message.
std::string HintForConnection(const std::string& message);

/// Adds missing preconditions as errors and notes as warnings, each at its place. Returns true when nothing is missing.
bool Tell(const std::vector<Precondition>& found, mappings::Diagnostics& problems);

}  // namespace membridge::admin
