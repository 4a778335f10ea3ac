#pragma once

#include <cstddef>
#include <functional>
#include <optional>

#include "admin/api/call.hpp"

namespace membridge::admin::api {

/// What a call that acts on all matches of a filter must do.
enum class Intent { kCount, kAct };

/// Reads the intent: `dry_run: true` counts; `expected_count` acts, if there are not more matches than that. Neither or both is a
/// problem, so that a caller always sees the number before acting on many.
tl::expected<Intent, Problem> IntentOf(const nlohmann::json& body);

/// Returns a 409 when there are now more matches than `expected_count`.
std::optional<Problem> Outgrown(const nlohmann::json& body, std::size_t count);

}  // namespace membridge::admin::api
