#pragma once

#include <string>
#include <vector>

#include "mappings/base/id.hpp"
#include "mappings/base/time.hpp"
#include "sync/erase/erasure.hpp"
#include "sync/postgres/session.hpp"

namespace membridge::sync {

/// Erases again the people of a project whose erasure a restore undid: a restored state has their memories again, and a restored
/// target `there` their rows. `targets`: all targets of the project, including `restored`. Returns how many people and sources
/// were erased. Throws postgres::SqlFailure; logs what cannot be erased.
std::size_t EraseAgain(postgres::Session& state, const std::string& state_dsn, postgres::Session& there,
                       const std::vector<ErasureTarget>& targets, const ErasureTarget& restored, const ProjectId& project,
                       Instant now);

}  // namespace membridge::sync
