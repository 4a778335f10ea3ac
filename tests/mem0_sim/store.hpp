#pragma once

#include <chrono>
#include <deque>
#include <map>
#include <optional>
#include <unordered_map>
#include <vector>

#include "tests/mem0_sim/filter.hpp"
#include "tests/mem0_sim/memory.hpp"

namespace membridge::mem0_sim {

/// What a new memory is made of.
struct NewMemory {
  std::string text;
  Owners owners;
  std::string metadata;  ///< JSON text; empty is null
  std::optional<std::vector<std::string>> categories;
  std::optional<Instant> created_at;  ///< a time of its own choosing: may lie in the past
  std::optional<Day> expires_on;
  bool immutable = false;
  bool synthesized = false;
};

/// What a change changes; what is absent stays.
struct Edit {
  std::optional<std::string> text;
  std::optional<nlohmann::json> metadata;
  std::optional<std::optional<std::vector<std::string>>> categories;
  std::optional<std::optional<Day>> expires_on;
  std::optional<std::optional<Uuid>> replaced_by;
  std::optional<Instant> created_at;
  std::optional<bool> merged, synthesized, immutable;
  bool touches_updated_at = true;
};

enum class HistoryEvent : std::uint8_t { kAdd, kUpdate, kDelete };

/// One row of the history: a change as it happened.
struct HistoryEntry {
  Uuid id;
  Slot slot;
  HistoryEvent event;
  Instant at;
  std::shared_ptr<const std::string> old_text;  ///< nullptr on add
  std::shared_ptr<const std::string> new_text;  ///< nullptr on delete
  std::optional<std::uint32_t> previous;        ///< the entry before it of the same memory: its place in the history
};

/// What a listing asks for.
struct Query {
  Filter filter;
  std::string cache_key;  ///< the filter as text: equal keys are equal filters
  bool show_expired = false;
  bool include_merged = false;
  bool latest_only = false;
};

/// The memories of one project, their history and whom they belong to. For one thread.
///
/// Time: every change has its own moment of the SimClock. For reads that lag, the store remembers for `remember_for` what
/// memories were before their changes: AsOf answers from then.
class Store {
 public:
  using Moment = std::chrono::steady_clock::time_point;

  Store(SimClock& clock, Dice& dice) : clock_(clock), dice_(dice) {}

  const Memory& Add(NewMemory memory);
  /// nullptr: there is none.
  const Memory* Change(const Uuid& id, Edit edit);
  bool Delete(const Uuid& id);

  /// nullptr: never existed or deleted.
  const Memory* Find(const Uuid& id) const;
  /// The memory as it was at `moment` (nothing: as it is), nullptr when there was none.
  const Memory* Find(const Uuid& id, std::optional<Moment> moment) const;
  const Memory* At(Slot slot, std::optional<Moment> moment) const;

  /// The memories that match, oldest first, as things were at `moment` (nothing: as they are).
  std::vector<Slot> Select(const Query& query, std::optional<Moment> moment);

  /// Oldest first. A deleted memory keeps its history; empty for ids never seen.
  std::vector<const HistoryEntry*> HistoryOf(const Uuid& id) const;
  const std::deque<HistoryEntry>& History() const { return history_; }
  /// The memory of a history entry, deleted or not.
  const Memory& Ever(Slot slot) const { return memories_[slot]; }

  const std::deque<Entity>& Entities() const { return entities_; }
  const Entity* FindEntity(EntityType type, const std::string& name) const;
  /// The entity of that name, made when there is none.
  const Entity& MakeEntity(EntityType type, const std::string& name) { return EntityNamed(type, name); }
  std::size_t LiveMemoriesOf(const Entity& entity) const;
  /// Removes the name from the list of entities; its memories are deleted by the caller.
  void ForgetEntity(EntityType type, const std::string& name);
  bool IsForgotten(const Entity& entity) const { return FindEntity(entity.type, entity.name) != &entity; }

  std::size_t Size() const { return live_; }
  std::size_t Slots() const { return memories_.size(); }

  /// How long earlier states are kept for reads that lag; zero keeps none.
  void RememberFor(std::chrono::milliseconds time) { remember_for_ = time; }

 private:
  struct Past {
    Moment until;                 ///< when it stopped being so
    std::optional<Memory> state;  ///< nothing: it did not exist
  };
  struct Cached {
    std::string key;
    Query query;
    Day day;
    std::vector<Slot> slots;
  };

  std::shared_ptr<const std::vector<std::string>> Shared(const std::optional<std::vector<std::string>>& labels);
  Entity& EntityNamed(EntityType type, const std::string& name);
  void Remember(Slot slot, std::optional<Memory> state);
  void ForgetOldPasts(Moment now);
  void Record(Slot slot, HistoryEvent event, Instant at, std::shared_ptr<const std::string> old_text,
              std::shared_ptr<const std::string> new_text);
  bool Matches(const Query& query, const Memory& memory) const;
  std::vector<Slot>& SelectAll(const Query& query);
  void RefreshCached(Slot slot);

  SimClock& clock_;
  Dice& dice_;
  std::deque<Memory> memories_;  // by Slot
  std::unordered_map<Uuid, Slot, UuidHash> slots_;
  std::size_t live_ = 0;
  std::deque<Entity> entities_;
  std::map<std::pair<EntityType, std::string>, Entity*> entity_names_;
  std::map<std::vector<std::string>, std::shared_ptr<const std::vector<std::string>>>
      labels_;  // categories repeat: one copy of each
  std::deque<HistoryEntry> history_;
  std::deque<std::uint32_t> last_entries_;  // by Slot: the place in history_ of the memory's last entry
  std::chrono::milliseconds remember_for_{0};
  std::unordered_map<Slot, std::vector<Past>> pasts_;
  std::deque<std::pair<Moment, Slot>> pasts_by_age_;
  std::deque<Cached> cached_;  // the last few results over all memories, kept up to date; walking a million by pages needs it
};

}  // namespace membridge::mem0_sim
