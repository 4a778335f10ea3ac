#pragma once

#include <string>
#include <vector>

#include "mappings/base/id.hpp"
#include "mappings/base/time.hpp"
#include "sync/erase/erasure.hpp"
#include "sync/postgres/session.hpp"

namespace membridge::sync {

/// Erases people of a project whose erasure was undone: by a restore of the state, which has their memories again, or by one of
/// the target `there`, which has their rows again. `targets`: all of the project, `restored` among them. Returns how many people
/// and sources were erased. Throws postgres::SqlFailure; what cannot be erased is told in the log.
std::size_t EraseAgain(postgres::Session& state, const std::string& state_dsn, postgres::Session& there,
                       const std::vector<ErasureTarget>& targets, const ErasureTarget& restored, const ProjectId& project,
                       Instant now);

}  // namespace membridge::sync
