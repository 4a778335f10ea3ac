#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "admin/shown/progress.hpp"
#include "admin/shown/table.hpp"
#include "sync/backfill/run.hpp"
#include "sync/schedule/backfill_status.hpp"

namespace membridge::admin {

/// Returns a run as JSON, as the command line and the API show it. Contains no memory text and no row values.
nlohmann::ordered_json AsJson(const sync::Run& run);
/// Returns a backfill as JSON: its schedule, and its active and last run.
nlohmann::ordered_json AsJson(const sync::Standing& standing);

/// Returns one line about a run for people: how far it is, and what it did in words.
std::string LineOf(const sync::Run& run);
/// Returns runs as a table, in their order: how far each is, and what it did in words.
TextTable TableOf(const std::vector<sync::Run>& runs, Instant now);
/// Returns backfills as a table: their schedules, when each runs next, and how the last run went.
TextTable TableOf(const std::vector<sync::Standing>& standings, Instant now);

/// Returns a run's progress for ProgressDisplay.
ProgressLook LookAt(const sync::Run& run);

}  // namespace membridge::admin
