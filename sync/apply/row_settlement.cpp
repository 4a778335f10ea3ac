#include "sync/apply/row_settlement.hpp"

#include <algorithm>

#include "sync/apply/cells.hpp"
#include "sync/apply/containers.hpp"
#include "sync/apply/ownership.hpp"

namespace membridge::sync {
namespace {

using mappings::Cell;
using mappings::CellValue;
using nlohmann::json;

json AsShown(const Content& content) {
  return content.value_or(nullptr);
}

const mappings::Assignment* AssignmentOf(const mappings::Row* row, const std::string& cell) {
  if (row == nullptr) return nullptr;
  const auto found =
      std::find_if(row->set.begin(), row->set.end(), [&](const auto& assignment) { return assignment.cell.name == cell; });
  return found == row->set.end() ? nullptr : &*found;
}

/// The union of all claims on an array's elements, ordered by the claims' age, so that it does not depend on the order of
/// delivery.
json ElementsOf(std::vector<const Contribution*> claimants, const std::string& cell) {
  std::sort(claimants.begin(), claimants.end(), [](const auto* a, const auto* b) { return b->IsNewerThan(*a); });
  json elements = json::array();
  for (const Contribution* claimant : claimants) {
    const Content& claimed = claimant->cells.at(cell).value;
    if (!claimed || !claimed->is_array()) continue;
    for (const json& element : *claimed) {
      if (std::find(elements.begin(), elements.end(), element) == elements.end()) elements.push_back(element);
    }
  }
  return elements;
}

const Contribution* NewestOf(const std::vector<const Contribution*>& claimants) {
  const auto newest =
      std::max_element(claimants.begin(), claimants.end(), [](const auto* a, const auto* b) { return b->IsNewerThan(*a); });
  return newest == claimants.end() ? nullptr : *newest;
}

Settled Decide(const Cell& cell, const CellFacts& facts, const std::optional<CellEntry>& entry,
               const std::vector<const Contribution*>& claimants) {
  if (cell.kind == Cell::Kind::kElements) return SettleElements(facts, entry, ElementsOf(claimants, cell.name));
  const Contribution* newest = NewestOf(claimants);
  if (newest == nullptr) return SettleCell(facts, entry, std::nullopt);
  const Claimed& claimed = newest->cells.at(cell.name);
  return SettleCell(facts, entry, Winner{claimed.value, newest->stamp, claimed.force});
}

bool Writes(const Settled& settled) {
  return settled.kind == Settled::Kind::kWrite || settled.kind == Settled::Kind::kRestore;
}

Decision::Kind KindOf(const Settled& settled) {
  switch (settled.kind) {
    case Settled::Kind::kWrite:
      return Decision::Kind::kWritten;
    case Settled::Kind::kRestore:
      return Decision::Kind::kRestored;
    case Settled::Kind::kKeep:
      return Decision::Kind::kKept;
    case Settled::Kind::kNothing:
      break;
  }
  return Decision::Kind::kUnchanged;
}

/// Whether a person's value was kept against a memory's value that the cell could hold.
bool Disagrees(const Cell& cell, const CellFacts& facts, const Settled& settled, const Contribution* newest) {
  if (settled.kind != Settled::Kind::kKeep || newest == nullptr || cell.kind == Cell::Kind::kElements) return false;
  return !(facts.not_null && IsEmpty(newest->cells.at(cell.name).value));
}

/// The content that the decision wants in the cell. For a kept cell this is the claim that lost.
Content Wished(const Cell& cell, const CellFacts& facts, const Settled& settled,
               const std::vector<const Contribution*>& claimants) {
  if (settled.kind != Settled::Kind::kKeep) return Writes(settled) ? settled.value : facts.current;
  const Contribution* newest = NewestOf(claimants);
  return newest == nullptr ? Content{} : newest->cells.at(cell.name).value;
}

}  // namespace

bool RowSettlement::Goes() const {
  return work_.given.empty() && work_.others.empty() && work_.ledger.created && !work_.ledger.gone &&
         std::any_of(work_.withdrawn.begin(), work_.withdrawn.end(), [](const auto* one) { return one->goes; }) &&
         MayDelete(table_, work_.ledger, work_.image);
}

void RowSettlement::Settle(const mappings::Scope& scope, const std::set<std::string>& names) {
  change_.identity = work_.ledger.identity;
  scope_ = &scope;
  if (work_.created) work_.ledger.created = true;
  // Under `history`, a version in which no source spoke is ours although it holds none of our values.
  const bool versioned = planned_.row != nullptr && planned_.row->history;
  if (!work_.created && !versioned && LostEverything(table_, work_.ledger, work_.image)) work_.ledger.created = false;
  NoticePerson();
  if (work_.revived && work_.ledger.gone) Revive();
  for (const std::string& name : names) SettleOne(name);
  FillKeys();
  KeepContainers(table_, work_.image, change_, work_.ledger);
  if (work_.created) RememberInsert();
  if (Changes() && !work_.created) AddTouch(scope);
  RememberKeys(planned_, work_.image, work_.ledger);
}

std::set<std::string> RowSettlement::Spoken() const {
  std::set<std::string> names = work_.outgrown;
  const auto add = [&](const Contribution& contribution) {
    for (const auto& [name, claimed] : contribution.cells) names.insert(name);
  };
  for (const Contribution* old : work_.withdrawn) add(*old);
  for (const Contribution& given : work_.given) add(given);
  // A revived row still holds the values of the sources whose withdrawal had marked it dead.
  if (work_.revived) {
    for (const auto& [name, entry] : work_.ledger.cells) {
      if (!name.starts_with('{')) names.insert(name);
    }
  }
  return names;
}

std::set<std::string> RowSettlement::Dropped() const {
  std::set<std::string> names = Spoken();
  std::erase_if(names, [&](const std::string& name) { return AssignmentOf(planned_.row, name) != nullptr; });
  return names;
}

std::set<std::string> RowSettlement::Present() const {
  std::set<std::string> names = Spoken();
  std::erase_if(names, [&](const std::string& name) {
    const auto* assignment = AssignmentOf(planned_.row, name);
    return assignment == nullptr || assignment->uses_row;
  });
  for (const std::string& dropped : Dropped()) {
    const auto cell = CellNamed(table_, dropped);
    for (const Contribution& other : work_.others) {
      for (const auto& [name, claimed] : other.cells) {
        const auto neighbour = name == dropped ? std::nullopt : CellNamed(table_, name);
        if (cell && neighbour && Overlaps(*cell, *neighbour)) names.insert(name);
      }
    }
  }
  return names;
}

std::set<std::string> RowSettlement::Late() const {
  std::set<std::string> names;
  for (const auto& assignment : planned_.row->set) {
    if (assignment.uses_row) names.insert(assignment.cell.name);
  }
  return names;
}

/// Notes when a person moved the column that tells of changes since our last write.
void RowSettlement::NoticePerson() {
  const auto column = planned_.ChangedColumn();
  if (!column || work_.created) return;
  const auto& touched = work_.image[*column];
  if (touched && work_.ledger.ours != touched) work_.ledger.theirs = table_.TimeIn(*column, touched);
}

void RowSettlement::Revive() {
  work_.ledger.gone = false;
  change_.columns.emplace_back(table_.LiveColumn(), table_.LiveMark());
}

Instant RowSettlement::Now() const {
  const json* now = scope_->Find("now");
  return ParseRfc3339(now->get<std::string>()).value();
}

void RowSettlement::SettleOne(const std::string& name) {
  const mappings::Assignment* assignment = AssignmentOf(planned_.row, name);
  const auto cell = assignment != nullptr ? std::optional{assignment->cell} : CellNamed(table_, name);
  if (!cell) return;
  const std::vector<const Contribution*> claimants = ClaimantsOf(name);
  const CellFacts facts = FactsOf(*cell);
  const std::optional<CellEntry> entry = EntryOf(*cell, facts);
  Settled settled = Decide(*cell, facts, entry, claimants);
  const Contribution* newest = NewestOf(claimants);
  if (Disagrees(*cell, facts, settled, newest))
    NoteKept(work_.ledger.kept, name, newest->cells.at(name).value, Now());
  else
    NoteAgreed(work_.ledger.kept, name, newest != nullptr);
  if (Writes(settled) && !IsReachable(table_, work_.image, *cell)) {
    settled.kind = Settled::Kind::kKeep;
    settled.note = "a value on its path is not an object";
    settled.entry = entry;
  } else if (Writes(settled)) {
    WriteCell(table_, *cell, settled.value, change_);
    if (newest != nullptr) spoken_.emplace_back(*cell, newest->source);
    NoteLeaning(*cell, claimants, facts.current, settled.value);
    if (settled.entry)
      asked_.push_back({*cell, settled.value, cell->kind == Cell::Kind::kElements ? ElementsOf(claimants, name) : json()});
  }
  if (settled.entry)
    work_.ledger.cells[name] = *settled.entry;
  else
    work_.ledger.cells.erase(name);
  if (!report_.Explains()) return;
  report_.Note(work_.sources, {KindOf(settled), planned_.Name(), table_.Relation(), work_.ledger.identity, name,
                               AsShown(facts.current), AsShown(Wished(*cell, facts, settled, claimants)), settled.note,
                               assignment != nullptr ? static_cast<int>(assignment->cell_place.line) : 0});
}

/// Notes the source whose claim is written when it is not one of the batch's. Elements that are there already are not written.
void RowSettlement::NoteLeaning(const Cell& cell, const std::vector<const Contribution*>& claimants, const Content& current,
                                const Content& written) {
  const auto holds = [](const Content& list, const json& element) {
    return list && list->is_array() && std::find(list->begin(), list->end(), element) != list->end();
  };
  const auto adds = [&](const Content& claimed) {
    return claimed && claimed->is_array() && std::any_of(claimed->begin(), claimed->end(), [&](const json& element) {
             return holds(written, element) && !holds(current, element);
           });
  };
  const Contribution* newest = NewestOf(claimants);
  for (const Contribution& other : work_.others) {
    const auto claimed = other.cells.find(cell.name);
    if (claimed == other.cells.end()) continue;
    if (cell.kind == Cell::Kind::kElements ? adds(claimed->second.value) : &other == newest)
      report_.Lean(other.project, other.source);
  }
}

CellFacts RowSettlement::FactsOf(const Cell& cell) const {
  CellFacts facts;
  facts.current = ReadCell(table_, work_.image, cell);
  facts.fallback = DefaultOf(table_, cell);
  facts.is_key = std::any_of(planned_.key_columns.begin(), planned_.key_columns.end(),
                             [&](const auto& column) { return Covers(cell, column); });
  facts.not_null = IsNotNull(table_, cell);
  facts.theirs = work_.ledger.theirs;
  return facts;
}

std::vector<const Contribution*> RowSettlement::ClaimantsOf(const std::string& name) const {
  std::vector<const Contribution*> claimants;
  const auto add = [&](const Contribution& contribution) {
    if (contribution.cells.contains(name)) claimants.push_back(&contribution);
  };
  for (const Contribution& given : work_.given) add(given);
  for (const Contribution& other : work_.others) add(other);
  return claimants;
}

/// Returns the ledger's entry of the cell. For a new row it is made from what the INSERT wrote, so that the cell is decided like
/// any other of ours.
std::optional<CellEntry> RowSettlement::EntryOf(const Cell& cell, const CellFacts& facts) const {
  const auto found = work_.ledger.cells.find(cell.name);
  if (found != work_.ledger.cells.end()) return found->second;
  const Contribution* creator = work_.created ? OfTheCreator(cell.name) : nullptr;
  if (creator == nullptr) return std::nullopt;
  const Content& claimed = creator->cells.at(cell.name).value;
  // A value that mentions `$row` was computed before the database gave the row its defaults, so it may have to be written again.
  const auto* assignment = AssignmentOf(planned_.row, cell.name);
  const bool is_late = assignment != nullptr && assignment->uses_row;
  if (cell.kind != Cell::Kind::kElements) return CellEntry{facts.fallback, facts.current, is_late ? Content{} : claimed};
  // Only the elements that are not in the column's default are ours.
  const json desired = claimed.value_or(json::array());
  json asked = facts.fallback && facts.fallback->is_array() ? *facts.fallback : json::array();
  json ours = json::array();
  for (const json& element : desired) {
    if (std::find(asked.begin(), asked.end(), element) == asked.end()) ours.push_back(element);
  }
  asked.insert(asked.end(), ours.begin(), ours.end());
  CellEntry entry{facts.fallback, std::move(ours), {}};
  NoticeAltered(entry, asked, facts.current, desired);
  return entry;
}

/// The contribution whose row was inserted, if it speaks of this cell.
const Contribution* RowSettlement::OfTheCreator(const std::string& name) const {
  for (std::size_t i = 0; i < work_.instances.size(); ++i) {
    if (work_.instances[i]->created) return work_.given[i].cells.contains(name) ? &work_.given[i] : nullptr;
  }
  return nullptr;
}

bool RowSettlement::IsChanging(std::size_t column) const {
  return std::any_of(change_.columns.begin(), change_.columns.end(), [&](const auto& one) { return one.first == column; });
}

/// Fills in empty cells by which the row is found. They are never withdrawn.
void RowSettlement::FillKeys() {
  for (const Instance* instance : work_.instances) {
    if (instance->created) continue;
    for (const auto& found_by : instance->intent.keys) {
      for (const CellValue& part : found_by.parts) {
        const std::size_t column = table_.IndexOf(part.to->cell.column).value();
        if (work_.image[column] || part.value.is_null() || IsChanging(column)) continue;
        WriteCell(table_, part.to->cell, part.value, change_);
        // No source claims it, but an erasure must find it.
        Cell filled;
        filled.name = filled.column = part.to->cell.column;
        if (!part.to->cell.path.empty() || work_.ledger.cells.contains(filled.name)) continue;
        work_.ledger.cells[filled.name] = CellEntry{nullptr, nullptr, {}};
        asked_.push_back({std::move(filled), part.value, {}});
      }
    }
  }
}

/// The objects that the INSERT made for paths inside json, and the touch column as it left it.
void RowSettlement::RememberInsert() {
  RowChange inserted;
  Image blank(work_.image.size());
  for (std::size_t c = 0; c < blank.size(); ++c) blank[c] = table_.At(c).default_value;
  for (const Instance* instance : work_.instances) {
    if (!instance->created) continue;
    for (const CellValue& value : instance->intent.set) {
      const bool says = value.to->cell.kind != Cell::Kind::kElements || !value.value.empty();
      if (!value.to->cell.path.empty() && says) WriteCell(table_, value.to->cell, value.value, inserted);
    }
  }
  KeepContainers(table_, blank, inserted, work_.ledger);
  for (const mappings::Assignment& fresh : planned_.row->fresh) {
    const auto column = fresh.cell.kind == Cell::Kind::kColumn ? table_.IndexOf(fresh.cell.column) : std::nullopt;
    if (column && work_.image[*column] && !planned_.key_columns.contains(fresh.cell.column))
      work_.ledger.made[fresh.cell.column] = *work_.image[*column];
  }
  if (const auto column = planned_.ChangedColumn()) work_.ledger.ours = work_.image[*column];
}

void RowSettlement::AddTouch(const mappings::Scope& scope) {
  if (planned_.row == nullptr) return;
  for (const CellValue& touch : mappings::Touch(*planned_.row, scope)) {
    if (!IsChanging(table_.IndexOf(touch.to->cell.column).value())) WriteCell(table_, touch.to->cell, touch.value, change_);
  }
}

/// Our write may fire triggers that alter other cells of ours. These stay ours.
void RowSettlement::FollowTriggers(const Image& after) {
  std::set<std::string> altered;
  for (std::size_t c = 0; c < after.size(); ++c) {
    const bool asked =
        IsChanging(c) || std::any_of(change_.paths.begin(), change_.paths.end(), [&](const auto& one) { return one.first == c; });
    if (!asked && after[c] != work_.image[c]) altered.insert(table_.At(c).name);
  }
  if (altered.empty()) return;
  for (auto& [name, entry] : work_.ledger.cells) {
    const auto cell = name.starts_with('{') ? std::nullopt : CellNamed(table_, name);
    const bool follows = cell && cell->kind != Cell::Kind::kElements &&
                         std::any_of(altered.begin(), altered.end(), [&](const auto& column) { return Covers(*cell, column); });
    if (follows && entry.written == ReadCell(table_, work_.image, *cell)) entry.written = ReadCell(table_, after, *cell);
  }
}

std::string RowSettlement::SpeakerOf(const std::string& column) const {
  const auto found =
      std::find_if(spoken_.begin(), spoken_.end(), [&](const auto& spoken) { return Covers(spoken.first, column); });
  return found == spoken_.end() ? "" : found->second;
}

void RowSettlement::Written(const Image& after) {
  FollowTriggers(after);
  work_.image = after;
  for (const Asked& asked : asked_) {
    CellEntry& entry = work_.ledger.cells[asked.cell.name];
    const Content there = ReadCell(table_, after, asked.cell);
    if (asked.cell.kind == Cell::Kind::kElements)
      NoticeAltered(entry, asked.value.value_or(json::array()), there, asked.desired);
    else
      entry.written = there;
  }
  if (const auto column = planned_.ChangedColumn()) work_.ledger.ours = after[*column];
  RememberKeys(planned_, after, work_.ledger);
}

}  // namespace membridge::sync
