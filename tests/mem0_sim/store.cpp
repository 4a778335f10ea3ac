#include "tests/mem0_sim/store.hpp"

#include <algorithm>
#include <utility>

namespace membridge::mem0_sim {
namespace {

constexpr std::size_t kCachedResults = 8;

void SetPresence(std::vector<Slot>& slots, Slot slot, bool present) {
  const auto place = std::lower_bound(slots.begin(), slots.end(), slot);
  const bool there = place != slots.end() && *place == slot;
  if (present && !there) slots.insert(place, slot);
  if (!present && there) slots.erase(place);
}

}  // namespace

Entity& Store::EntityNamed(EntityType type, const std::string& name) {
  Entity*& entity = entity_names_[{type, name}];
  if (entity == nullptr) {
    const Instant now = clock_.Peek();
    entity = &entities_.emplace_back(Entity{type, name, 10'000 + entities_.size(), now, now, {}});
  }
  return *entity;
}

std::shared_ptr<const std::vector<std::string>> Store::Shared(const std::optional<std::vector<std::string>>& labels) {
  if (!labels) return nullptr;
  auto& shared = labels_[*labels];
  if (shared == nullptr) shared = std::make_shared<const std::vector<std::string>>(*labels);
  return shared;
}

const Memory& Store::Add(NewMemory fresh) {
  const Slot slot = static_cast<Slot>(memories_.size());
  Memory& memory = memories_.emplace_back();
  memory.id = dice_.NewUuid();
  memory.text = std::make_shared<const std::string>(std::move(fresh.text));
  for (const EntityType type : kEntityTypes) {
    const auto index = static_cast<std::size_t>(type);
    if (!fresh.owners[index]) continue;
    Entity& entity = EntityNamed(type, *fresh.owners[index]);
    entity.updated_at = clock_.Peek();
    entity.slots.push_back(slot);
    memory.owners[index] = &entity;
  }
  const Instant now = clock_.Now();
  memory.metadata = std::move(fresh.metadata);
  memory.categories = Shared(fresh.categories);
  memory.created_at = fresh.created_at.value_or(now);
  memory.updated_at = now;
  memory.expires_on = fresh.expires_on;
  memory.immutable = fresh.immutable;
  memory.synthesized = fresh.synthesized;
  slots_.emplace(memory.id, slot);
  ++live_;
  Record(slot, HistoryEvent::kAdd, now, nullptr, memory.text);
  Remember(slot, std::nullopt);
  RefreshCached(slot);
  return memory;
}

const Memory* Store::Change(const Uuid& id, Edit edit) {
  const auto found = slots_.find(id);
  if (found == slots_.end() || memories_[found->second].deleted) return nullptr;
  const Slot slot = found->second;
  Memory& memory = memories_[slot];
  Remember(slot, memory);
  const Instant now = clock_.Now();
  const auto old_text = memory.text;
  if (edit.text) memory.text = std::make_shared<const std::string>(std::move(*edit.text));
  if (edit.metadata) memory.metadata = MetadataText(*edit.metadata);
  if (edit.categories) memory.categories = Shared(*edit.categories);
  if (edit.expires_on) memory.expires_on = *edit.expires_on;
  if (edit.replaced_by) memory.replaced_by = *edit.replaced_by;
  if (edit.created_at) memory.created_at = *edit.created_at;
  if (edit.merged) memory.merged = *edit.merged;
  if (edit.synthesized) memory.synthesized = *edit.synthesized;
  if (edit.immutable) memory.immutable = *edit.immutable;
  if (edit.touches_updated_at) memory.updated_at = now;
  if (edit.text || edit.metadata) Record(slot, HistoryEvent::kUpdate, now, old_text, memory.text);
  RefreshCached(slot);
  return &memory;
}

bool Store::Delete(const Uuid& id) {
  const auto found = slots_.find(id);
  if (found == slots_.end() || memories_[found->second].deleted) return false;
  const Slot slot = found->second;
  Memory& memory = memories_[slot];
  Remember(slot, memory);
  memory.deleted = true;
  --live_;
  Record(slot, HistoryEvent::kDelete, clock_.Now(), memory.text, nullptr);
  RefreshCached(slot);
  return true;
}

const Memory* Store::Find(const Uuid& id) const {
  return Find(id, std::nullopt);
}

const Memory* Store::Find(const Uuid& id, std::optional<Moment> moment) const {
  const auto found = slots_.find(id);
  return found == slots_.end() ? nullptr : At(found->second, moment);
}

const Memory* Store::At(Slot slot, std::optional<Moment> moment) const {
  if (moment) {
    const auto pasts = pasts_.find(slot);
    if (pasts != pasts_.end()) {
      for (const Past& past : pasts->second) {
        if (past.until > *moment) return past.state ? &*past.state : nullptr;
      }
    }
  }
  const Memory& memory = memories_[slot];
  return memory.deleted ? nullptr : &memory;
}

bool Store::Matches(const Query& query, const Memory& memory) const {
  if (memory.merged && !query.include_merged) return false;
  if (query.latest_only && !memory.IsLatest()) return false;
  if (!query.show_expired && memory.IsExpired(clock_.Today())) return false;
  return query.filter.Matches(memory);
}

std::vector<Slot> Store::Select(const Query& query, std::optional<Moment> moment) {
  ForgetOldPasts(std::chrono::steady_clock::now());
  std::vector<Slot> candidates;
  if (const auto& ids = query.filter.OnlyIds()) {
    for (const Uuid& id : *ids) {
      if (const auto found = slots_.find(id); found != slots_.end()) candidates.push_back(found->second);
    }
    std::sort(candidates.begin(), candidates.end());
    candidates.erase(std::unique(candidates.begin(), candidates.end()), candidates.end());
  } else if (const auto& owner = query.filter.OnlyEntity()) {
    if (const Entity* entity = FindEntity(owner->first, owner->second)) candidates = entity->slots;
  } else {
    std::vector<Slot> slots = SelectAll(query);
    if (!moment) return slots;
    for (const auto& [slot, past] : pasts_) {
      const Memory* memory = At(slot, moment);
      SetPresence(slots, slot, memory != nullptr && Matches(query, *memory));
    }
    return slots;
  }
  const auto fails = [&](Slot slot) {
    const Memory* memory = At(slot, moment);
    return memory == nullptr || !Matches(query, *memory);
  };
  candidates.erase(std::remove_if(candidates.begin(), candidates.end(), fails), candidates.end());
  return candidates;
}

std::vector<Slot>& Store::SelectAll(const Query& query) {
  const std::string key =
      query.cache_key + (query.show_expired ? "e" : "-") + (query.include_merged ? "m" : "-") + (query.latest_only ? "l" : "-");
  const Day today = clock_.Today();
  for (Cached& cached : cached_) {
    if (cached.key == key && cached.day == today) return cached.slots;
  }
  if (cached_.size() == kCachedResults) cached_.pop_front();
  Cached& cached = cached_.emplace_back(Cached{key, query, today, {}});
  for (Slot slot = 0; slot < memories_.size(); ++slot) {
    if (!memories_[slot].deleted && Matches(query, memories_[slot])) cached.slots.push_back(slot);
  }
  return cached.slots;
}

void Store::RefreshCached(Slot slot) {
  const Memory& memory = memories_[slot];
  for (Cached& cached : cached_) SetPresence(cached.slots, slot, !memory.deleted && Matches(cached.query, memory));
}

void Store::Remember(Slot slot, std::optional<Memory> state) {
  const Moment now = std::chrono::steady_clock::now();
  ForgetOldPasts(now);
  if (remember_for_ == std::chrono::milliseconds{0}) return;
  pasts_[slot].push_back({now, std::move(state)});
  pasts_by_age_.emplace_back(now, slot);
}

void Store::ForgetOldPasts(Moment now) {
  while (!pasts_by_age_.empty() && pasts_by_age_.front().first + remember_for_ < now) {
    const auto pasts = pasts_.find(pasts_by_age_.front().second);
    pasts->second.erase(pasts->second.begin());  // the oldest of its memory, as both run in order of time
    if (pasts->second.empty()) pasts_.erase(pasts);
    pasts_by_age_.pop_front();
  }
}

void Store::Record(Slot slot, HistoryEvent event, Instant at, std::shared_ptr<const std::string> old_text,
                   std::shared_ptr<const std::string> new_text) {
  const auto place = static_cast<std::uint32_t>(history_.size());
  std::optional<std::uint32_t> previous;
  if (slot < last_entries_.size()) {
    previous = std::exchange(last_entries_[slot], place);
  } else {
    last_entries_.push_back(place);
  }
  history_.push_back({dice_.NewUuid(), slot, event, at, std::move(old_text), std::move(new_text), previous});
}

std::vector<const HistoryEntry*> Store::HistoryOf(const Uuid& id) const {
  std::vector<const HistoryEntry*> entries;
  const auto found = slots_.find(id);
  if (found == slots_.end()) return entries;
  for (std::optional<std::uint32_t> place = last_entries_[found->second]; place; place = history_[*place].previous) {
    entries.push_back(&history_[*place]);
  }
  std::reverse(entries.begin(), entries.end());
  return entries;
}

const Entity* Store::FindEntity(EntityType type, const std::string& name) const {
  const auto found = entity_names_.find({type, name});
  return found == entity_names_.end() ? nullptr : found->second;
}

std::size_t Store::LiveMemoriesOf(const Entity& entity) const {
  return static_cast<std::size_t>(
      std::count_if(entity.slots.begin(), entity.slots.end(), [&](Slot slot) { return !memories_[slot].deleted; }));
}

void Store::ForgetEntity(EntityType type, const std::string& name) {
  entity_names_.erase({type, name});
}

}  // namespace membridge::mem0_sim
