#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "tests/mem0_sim/memory.hpp"

namespace membridge::mem0_sim {

/// A filter as lists, search and exports take it, checked and ready to ask. Immutable.
///
/// One condition, several side by side (all must hold), or AND, OR, NOT, nested at will. An OR beside an AND is dropped without a
/// word, as Mem0 does. Unknown keys and operators are refused. `"*"` means not null; `ne` holds for null too.
class Filter {
 public:
  /// The other half is the rule that was broken, as Mem0 would word it.
  static tl::expected<Filter, std::string> Parse(const nlohmann::json& json);

  bool Matches(const Memory& memory) const { return root_.holds(memory); }

  /// Whether somewhere, outside of NOT, an entity id is asked for (a value, `in` or `"*"`): what listings require.
  bool NamesEntity() const { return names_entity_; }

  /// When only these memories can match: the ids of a `memory_ids` that every match must satisfy.
  const std::optional<std::vector<Uuid>>& OnlyIds() const { return root_.only_ids; }
  /// When only memories of one entity can match.
  const std::optional<std::pair<EntityType, std::string>>& OnlyEntity() const { return root_.only_entity; }

  struct Node {
    std::function<bool(const Memory&)> holds;
    std::optional<std::vector<Uuid>> only_ids;
    std::optional<std::pair<EntityType, std::string>> only_entity;
  };

 private:
  Node root_;
  bool names_entity_ = false;
};

/// The entity ids a filter asks for by value, flat or in operator form: what an export is about.
std::vector<std::pair<EntityType, std::string>> EntitiesNamedIn(const nlohmann::json& filters);

}  // namespace membridge::mem0_sim
