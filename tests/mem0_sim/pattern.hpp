#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "tests/mem0_sim/store.hpp"

namespace membridge::mem0_sim {

/// What generated memories are made of: `{i}` and `{u}` in any text stand for the number of the memory and of its user. Numbers
/// are safe inside JSON text, so metadata is filled as text.
struct Pattern {
  std::string text, user_id, metadata;
  std::optional<std::vector<std::string>> categories;

  NewMemory Make(std::size_t memory, std::size_t user) const;
};

/// From `{text, user_id, metadata, categories}`; what is absent has its usual words.
tl::expected<Pattern, std::string> PatternIn(const nlohmann::json& request);

}  // namespace membridge::mem0_sim
