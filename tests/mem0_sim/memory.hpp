#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mappings/base/time.hpp"
#include "tests/mem0_sim/calendar.hpp"
#include "tests/mem0_sim/dice.hpp"

namespace membridge::mem0_sim {

enum class EntityType : std::uint8_t { kUser, kAgent, kApp, kRun };
inline constexpr std::array kEntityTypes{EntityType::kUser, EntityType::kAgent, EntityType::kApp, EntityType::kRun};

/// `user`, `agent`, `app`, `run`
std::string_view NameOf(EntityType type);
/// `user_id`, `agent_id`, `app_id`, `run_id`
std::string_view FieldOf(EntityType type);
std::optional<EntityType> EntityTypeNamed(std::string_view name);
/// By the name of the field.
std::optional<EntityType> EntityTypeOfField(std::string_view field);

/// Where a memory stands in the store, for ever: slots are not used again.
using Slot = std::uint32_t;

/// Whom memories belong to.
struct Entity {
  EntityType type = EntityType::kUser;
  std::string name;          ///< the `user_id`, `agent_id`, … callers use
  std::uint64_t number = 0;  ///< Mem0's own id, which is something else
  Instant created_at;
  Instant updated_at;
  std::vector<Slot> slots;  ///< every memory it ever had, deleted ones too
};

/// For each entity type its name, or nothing.
using Owners = std::array<std::optional<std::string>, 4>;

/// The current record of one memory. Kept small: there may be a million.
struct Memory {
  Uuid id;
  std::shared_ptr<const std::string> text;
  std::array<const Entity*, 4> owners{};                       ///< by EntityType; nullptr is null
  std::string metadata;                                        ///< JSON text; empty is null
  std::shared_ptr<const std::vector<std::string>> categories;  ///< nullptr is null: not categorised yet
  Instant created_at;
  Instant updated_at;
  std::optional<Day> expires_on;
  std::optional<Uuid> replaced_by;
  bool merged = false;
  bool synthesized = false;
  bool immutable = false;
  bool deleted = false;

  const Entity* Owner(EntityType type) const { return owners[static_cast<std::size_t>(type)]; }
  nlohmann::json Metadata() const;
  /// Hidden from lists from the day after.
  bool IsExpired(Day today) const { return expires_on && today > *expires_on; }
  /// Neither superseded nor merged.
  bool IsLatest() const { return !replaced_by && !merged; }
};

/// What Memory::metadata holds for an object or null.
std::string MetadataText(const nlohmann::json& metadata);

/// Where a record is shown: lists have no lifecycle_state; search says run_id where the others say session_id, and has a score.
enum class RecordShape { kSingle, kListed, kFound };

/// Appends the record as JSON text.
void AppendRecord(std::string& out, const Memory& memory, RecordShape shape);
nlohmann::json RecordOf(const Memory& memory, RecordShape shape);

/// With ASCII letters in lower case.
std::string Lowered(std::string text);

/// Appends a JSON string, quotes included. The text must be UTF-8.
void AppendJsonString(std::string& out, std::string_view text);

}  // namespace membridge::mem0_sim
