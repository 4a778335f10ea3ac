#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "admin/shown/progress.hpp"
#include "sync/backfill/run.hpp"
#include "sync/schedule/backfill_status.hpp"

namespace membridge::admin {

/// A run for machines: what the command line and the API show. Holds no memory text and no row values.
nlohmann::ordered_json AsJson(const sync::Run& run);
/// A backfill, its schedule, and its active and last run.
nlohmann::ordered_json AsJson(const sync::Standing& standing);

/// A run for people, on one line: how far it is, or what it came to.
std::string LineOf(const sync::Run& run);
/// A backfill for people, on one line.
std::string LineOf(const sync::Standing& standing);

/// What a bar shows of a run.
ProgressLook LookAt(const sync::Run& run);

}  // namespace membridge::admin
