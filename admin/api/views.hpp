#pragma once

#include <nlohmann/json.hpp>

#include "sync/backfill/run.hpp"

namespace membridge::admin::api {

/// What a sweep's counters say of lost deliveries.
nlohmann::ordered_json RepairedIn(const nlohmann::json& counters);

nlohmann::ordered_json ViewOf(const sync::Run& run);

}  // namespace membridge::admin::api
