#include "sync/apply/settle.hpp"

#include <algorithm>

namespace membridge::sync {
namespace {

void Put(nlohmann::json& json, const char* name, const Content& content) {
  if (content) json[name] = *content;
}

Content Take(const nlohmann::json& json, const char* name) {
  const auto found = json.find(name);
  return found == json.end() ? Content{} : Content{*found};
}

bool Contains(const nlohmann::json& array, const nlohmann::json& element) {
  return std::find(array.begin(), array.end(), element) != array.end();
}

Settled Nothing(std::optional<CellEntry> entry) {
  return {Settled::Kind::kNothing, {}, std::move(entry), "already so"};
}

Settled Kept(std::optional<CellEntry> entry, const char* note) {
  return {Settled::Kind::kKeep, {}, std::move(entry), note};
}

/// Restores the content from before the bridge. If that is a person's value which `force` had overruled, the ledger keeps its
/// age: later touches of the row were not about this value, because it was not there.
Settled GivenBack(const CellFacts& facts, const CellEntry& entry, const char* note) {
  std::optional<CellEntry> remembered;
  if (entry.overruled) {
    remembered = CellEntry{entry.before, entry.before, {}, true, entry.theirs};
    remembered->given_back = true;
    remembered->touched = facts.theirs;
  }
  if (facts.current == entry.before) return Nothing(std::move(remembered));
  return {Settled::Kind::kRestore, entry.before, std::move(remembered), note};
}

/// Decides a cell that no source claims any more.
Settled Withdraw(const CellFacts& facts, const std::optional<CellEntry>& entry) {
  if (!entry) return Nothing(std::nullopt);
  CellEntry unclaimed = *entry;
  unclaimed.claim.reset();
  if (facts.current != entry->written) return Kept(unclaimed, "a person wrote it since");
  if (facts.is_key) return Kept(unclaimed, "rows are found by it");
  if (facts.not_null && IsEmpty(entry->before)) return Kept(unclaimed, "it cannot be empty");
  return GivenBack(facts, *entry, "no memory says it any more");
}

/// Whether a person's value that an earlier claim overruled counts again: this one is weaker, or older than the person.
bool IsPersonsAgain(const CellEntry& entry, const Winner& winner) {
  return entry.overruled && (!winner.force || (entry.theirs && *entry.theirs > winner.stamp));
}

/// Decides a claim on a cell that a person wrote, or emptied after the bridge had written.
Settled AgainstPerson(const CellFacts& facts, const std::optional<CellEntry>& entry, const Winner& winner) {
  if (facts.current == winner.value) return Nothing(entry);
  if (!winner.force) return Kept(entry, entry ? "a person wrote it since" : "not written by the bridge");
  if (facts.theirs && *facts.theirs > winner.stamp) return Kept(entry, "a person changed the row later");
  return {Settled::Kind::kWrite, winner.value, CellEntry{facts.current, {}, winner.value, true, facts.theirs},
          "an older human value gives way"};
}

/// Returns the facts for a person's value that was given back: it keeps its age unless the row was touched since.
CellFacts Untouched(CellFacts facts, const CellEntry& entry) {
  if (facts.theirs == entry.touched) facts.theirs = entry.theirs;
  return facts;
}

}  // namespace

nlohmann::json CellEntry::ToJson() const {
  nlohmann::json json = nlohmann::json::object();
  Put(json, "b", before);
  Put(json, "w", written);
  Put(json, "c", claim);
  const auto put_time = [&](const char* name, const std::optional<Instant>& time) {
    json[name] = time ? nlohmann::json(FormatRfc3339(*time)) : nlohmann::json(nullptr);
  };
  if (overruled) put_time("o", theirs);
  if (given_back) put_time("g", touched);
  if (!removed.empty()) json["r"] = removed;
  return json;
}

CellEntry CellEntry::FromJson(const nlohmann::json& json) {
  CellEntry entry{Take(json, "b"), Take(json, "w"), Take(json, "c")};
  const auto take_time = [&](const char* name, std::optional<Instant>& time) {
    const auto found = json.find(name);
    if (found != json.end() && found->is_string()) time = ParseRfc3339(found->get<std::string>());
    return found != json.end();
  };
  entry.overruled = take_time("o", entry.theirs);
  entry.given_back = take_time("g", entry.touched);
  entry.removed = Take(json, "r").value_or(nlohmann::json::array());
  return entry;
}

bool IsEmpty(const Content& content) {
  if (!content || content->is_null()) return true;
  // A group: an array of members, each `[]` or `[value]`. Columns are text and never arrays here, elements are settled elsewhere.
  return content->is_array() && !content->empty() && std::all_of(content->begin(), content->end(), [](const auto& member) {
           return member.is_array() && (member.empty() || (member.size() == 1 && member[0].is_null()));
         });
}

Settled SettleCell(const CellFacts& facts, const std::optional<CellEntry>& entry, const std::optional<Winner>& winner) {
  const bool given_back = entry && entry->given_back;
  // A person changed the cell after the bridge gave it back, so it is decided as if the bridge had never written it.
  if (given_back && facts.current != entry->written) return SettleCell(facts, std::nullopt, winner);
  if (!winner) return given_back ? Nothing(entry) : Withdraw(facts, entry);
  if (facts.not_null && IsEmpty(winner->value)) return Kept(entry, "it cannot be empty");
  const Content& value = winner->value;
  if (given_back) return AgainstPerson(Untouched(facts, *entry), entry, *winner);
  const bool ours = entry && facts.current == entry->written;

  if (ours && IsPersonsAgain(*entry, *winner)) return GivenBack(facts, *entry, "a person's value counts again");
  // If the new claim equals the value from before the bridge, the ledger forgets the cell: the value is the person's again.
  if (ours && entry->before == value) return GivenBack(facts, *entry, "it stood there before");
  if (ours && entry->claim == value) return Nothing(entry);

  if (ours) {
    CellEntry next = *entry;
    next.claim = value;
    // A withdrawn value that could not be emptied is still ours. A value that differs only in spelling needs no write.
    if (facts.current == value) return Nothing(next);
    return {Settled::Kind::kWrite, value, next, ""};
  }
  const bool free = !entry && (IsEmpty(facts.current) || facts.current == facts.fallback);
  if (free && facts.current != value) return {Settled::Kind::kWrite, value, CellEntry{facts.current, {}, value}, ""};
  return AgainstPerson(facts, entry, *winner);
}

Settled SettleElements(const CellFacts& facts, const std::optional<CellEntry>& entry, const nlohmann::json& desired) {
  const bool is_array = facts.current && facts.current->is_array();
  if (!is_array && !IsEmpty(facts.current)) return Kept(entry, "not an array");
  if (entry && entry->claim == desired) return Nothing(entry);
  const nlohmann::json current = is_array ? *facts.current : nlohmann::json::array();
  const nlohmann::json ours = entry && entry->written ? *entry->written : nlohmann::json::array();

  const nlohmann::json removed = entry ? entry->removed : nlohmann::json::array();

  nlohmann::json next = nlohmann::json::array();
  for (const auto& element : current) {
    if (Contains(ours, element) && !Contains(desired, element)) continue;
    next.push_back(element);
  }
  CellEntry remembered{entry ? entry->before : facts.current, nlohmann::json::array(), {}};
  nlohmann::json& next_ours = *remembered.written;
  for (const auto& element : desired) {
    const bool there = Contains(current, element);
    // If an element of ours is missing, a person removed it, and it stays away. If a person removed it and added it again, it is
    // the person's.
    const bool mine = Contains(ours, element) || (Contains(removed, element) && !there);
    if ((mine || !there) && !Contains(next_ours, element)) next_ours.push_back(element);
    if (!mine && !there && !Contains(next, element)) next.push_back(element);
  }
  for (const nlohmann::json* list : {&ours, &removed}) {
    for (const auto& element : *list) {
      if (!Contains(current, element) && !Contains(desired, element)) remembered.removed.push_back(element);
    }
  }

  std::optional<CellEntry> kept;
  if (!next_ours.empty() || !remembered.removed.empty()) kept = remembered;
  // If there was no list before, restore that, and do not write an empty list.
  const bool vanishes = next.empty() && entry && (!entry->before || (entry->before->is_null() && !facts.not_null));
  const Content value = vanishes ? entry->before : Content{next};
  if (facts.current == value || (!is_array && next.empty())) return Nothing(std::move(kept));
  if (next_ours.empty()) return {Settled::Kind::kRestore, value, std::move(kept), "no memory says it any more"};
  return {Settled::Kind::kWrite, value, std::move(kept), ""};
}

void NoticeAltered(CellEntry& entry, const nlohmann::json& asked, const Content& after, const nlohmann::json& desired) {
  if (!after || !after->is_array() || !entry.written) return;
  nlohmann::json ours = nlohmann::json::array();
  for (const auto& element : *entry.written) {
    if (Contains(*after, element) || !Contains(asked, element)) ours.push_back(element);
  }
  nlohmann::json altered = nlohmann::json::array();
  for (const auto& element : *after) {
    if (!Contains(asked, element)) altered.push_back(element);
  }
  // It is clear which altered elements are ours only when no element of a person's was altered with them.
  const bool told = std::all_of(asked.begin(), asked.end(), [&](const auto& element) {
    return Contains(*after, element) || Contains(*entry.written, element);
  });
  if (altered.empty() || !told) return;
  ours.insert(ours.end(), altered.begin(), altered.end());
  entry.written = std::move(ours);
  entry.claim = desired;
}

}  // namespace membridge::sync
