#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <tl/expected.hpp>

#include "tests/mem0_sim/project.hpp"

namespace membridge::mem0_sim {

/// A memory as the control plane takes it: `text`, `user_id`, `agent_id`, `app_id`, `run_id`, `metadata`, `categories`,
/// `created_at`, `expiration_date`, `immutable`, `synthesized`. The other half says what is wrong.
tl::expected<NewMemory, std::string> NewMemoryIn(const nlohmann::json& json);

/// Adds many memories at once, without webhooks unless `announce`: either `items` (a list of memories), or `memories` generated
/// ones of `users` users. A generated memory takes `text`, `metadata` and `categories` from the request; `{i}` and `{u}` in any
/// string stand for the number of the memory and of its user. Answers how many were added.
tl::expected<std::size_t, std::string> Load(Project& project, const nlohmann::json& request);

}  // namespace membridge::mem0_sim
