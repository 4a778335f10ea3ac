#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "admin/shown/progress.hpp"
#include "sync/backfill/run.hpp"
#include "sync/schedule/backfill_status.hpp"

namespace membridge::admin {

/// Returns a run as JSON, as the command line and the API show it. Contains no memory text and no row values.
nlohmann::ordered_json AsJson(const sync::Run& run);
/// Returns a backfill as JSON: its schedule, and its active and last run.
nlohmann::ordered_json AsJson(const sync::Standing& standing);

/// Returns one line about a run for people: its progress or its result.
std::string LineOf(const sync::Run& run);
/// Returns one line about a backfill for people.
std::string LineOf(const sync::Standing& standing);

/// Returns a run's progress for ProgressDisplay.
ProgressLook LookAt(const sync::Run& run);

}  // namespace membridge::admin
