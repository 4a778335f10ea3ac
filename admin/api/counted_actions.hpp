#pragma once

#include <cstddef>
#include <functional>
#include <optional>

#include "admin/api/call.hpp"

namespace membridge::admin::api {

/// What a call that acts on everything a filter means is to do.
enum class Intent { kCount, kAct };

/// `dry_run: true` counts; `expected_count` acts, as long as no more are meant than that. Neither, or both, is a problem: nobody
/// acts on many without having seen how many.
tl::expected<Intent, Problem> IntentOf(const nlohmann::json& body);

/// 409 when more are meant by now than `expected_count` says.
std::optional<Problem> Outgrown(const nlohmann::json& body, std::size_t count);

}  // namespace membridge::admin::api
