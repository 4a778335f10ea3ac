#pragma once

#include <string>
#include <vector>

#include "admin/config/config.hpp"
#include "admin/runtime/databases.hpp"
#include "mappings/base/diagnostic.hpp"
#include "mappings/base/result.hpp"

namespace membridge::admin {

/// One thing the bridge needs of its surroundings, as `check` and `doctor` found it.
struct Precondition {
  enum class State { kFine, kNote, kMissing };

  std::string what;       ///< `database`, `target warehouse`, `Mem0 project crm`
  mappings::Place place;  ///< the line of the configuration that it is about
  State state = State::kFine;
  std::string message;  ///< what was found, or what is wrong; no secrets
  std::string hint;     ///< the one thing to do; empty when fine
};

/// Looks at the state database and the targets of their own: reachable, writable, migrated, and whether the role may do with the
/// bridge's own tables what it must. Blocks for a connection attempt each (5 s at most when a host does not answer).
std::vector<Precondition> LookAtDatabases(const Config& config, const Databases& databases);

/// Calls Mem0 once with each project's key. Blocks for at most 10 s a project.
std::vector<Precondition> LookAtMem0(const Config& config, const Databases* databases);

/// What an operator does about a database that could not be reached, by what libpq said.
std::string HintForConnection(const std::string& message);

/// Those that are missing as errors and the notes as warnings, each at its place. True when nothing is missing.
bool Tell(const std::vector<Precondition>& found, mappings::Diagnostics& problems);

}  // namespace membridge::admin
