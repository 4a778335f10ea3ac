#pragma once

#include <string>
#include <string_view>

#include "mappings/base/result.hpp"
#include "mappings/memory.hpp"

namespace membridge::sync::source {

/// Makes a memory of a row of Mem0's table: its id, and its `payload` as JSON text. The result has the form in which the Platform
/// answers a memory, so mappings need not know where it comes from.
///
/// `data` becomes `memory` and `text`; `user_id`, `agent_id`, `run_id`, `actor_id`, `role`, `hash`, `attributed_to`,
/// `created_at`, `updated_at` and `expiration_date` stand at the top, whether the payload spells them with underscores (Python)
/// or with capitals
/// (`userId`, older TypeScript); an underscored one that is not null counts first. Every other key is metadata, except
/// `text_lemmatized` and `linked_memory_ids`, which serve Mem0's own search. A row without any time counts as older than all
/// others (1970). kRefused: the payload is no JSON object, or a field has the wrong type; the message names it and quotes
/// nothing.
Result<mappings::Memory> MemoryFromRow(const std::string& id, std::string_view payload);

}  // namespace membridge::sync::source
