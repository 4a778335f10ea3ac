#pragma once

#include <functional>
#include <optional>
#include <string>

#include "mappings/base/id.hpp"
#include "mappings/base/time.hpp"
#include "sync/apply/applier.hpp"
#include "sync/apply/source.hpp"
#include "sync/postgres/session.hpp"

namespace membridge::sync {

/// Marks every memory of a project's mirror dirty with reason `reproject`: the workers evaluate them again from the mirror,
/// without asking Mem0. One transaction per bucket. Returns how many.
std::size_t MarkMirror(postgres::Session& state, const ProjectId& project);

/// The same for the memories that need a missing row: a person may have made the row, which the bridge does not notice.
std::size_t MarkWaiting(postgres::Session& state, const ProjectId& project);

/// Called after each page of a plan over the whole mirror: how many memories of how many were planned.
using PlanProgress = std::function<void(std::size_t done, std::size_t all)>;
/// Called for each memory.
using PlanSink = std::function<void(const std::string& memory, const Outcome& outcome)>;

/// Reports what applying the mapping to every memory of the mirror would do. Uses one target transaction that is rolled back, so
/// later memories see what earlier ones would have written, as in a real run. `state` and `target` may be connections to the same
/// database.
void PlanMirror(postgres::Session& state, postgres::Session& target, const ProjectId& project, const Applier& applier,
                Instant now, const PlanProgress& progress, const PlanSink& sink);

}  // namespace membridge::sync
