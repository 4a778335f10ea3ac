#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "mappings/base/time.hpp"
#include "sync/mem0/api_operations.hpp"

namespace membridge::admin {

/// Returns Mem0's answer for people: lists as a table with the columns that matter for the noun, single objects as lines of
/// `key  value`. Safe for a terminal: no control characters. `now` is for ages.
std::string Mem0AnswerText(const sync::mem0::ApiOperation& operation, const nlohmann::ordered_json& answer, Instant now,
                           bool coloured);

}  // namespace membridge::admin
