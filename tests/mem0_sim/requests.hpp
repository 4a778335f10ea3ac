#pragma once

#include <optional>
#include <string>
#include <tl/expected.hpp>

#include "tests/mem0_sim/exchange.hpp"
#include "tests/mem0_sim/project.hpp"

namespace membridge::mem0_sim {

// What several endpoints read out of requests. The other half is the answer to give when it cannot be read.

/// The id in the path: 400 when it is no UUID.
tl::expected<Uuid, Answer> MemoryIdIn(const Call& call);

/// A date, null (no date), or 400.
tl::expected<std::optional<Day>, Answer> DayIn(const nlohmann::json& field);

/// The owners named at the top level of a body.
Owners OwnersIn(const nlohmann::json& body);

/// `{"error":"Memory not found!"}`
Answer MemoryNotFound();
/// 400 as the v3 endpoints word it: `{"error":"400 Bad Request","details":{"message":…}}`
Answer BadRequest(const std::string& message);
/// 400 `{"<key>":"One of the filters: app_id, user_id, agent_id, run_id is required!"}`
Answer FilterRequired(const char* key);

/// A listing as a body asks for it. `filters` must be there and name an entity.
tl::expected<Query, Answer> QueryIn(const Call& call);
/// The same from query parameters, as the oldest endpoints take it; nothing when none names an entity.
std::optional<Query> QueryInParameters(const Call& call);

}  // namespace membridge::mem0_sim
