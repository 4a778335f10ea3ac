// The claims on a level's rows, all of them, and the cells that follow from them.

#include <algorithm>

#include "mappings/base/exact_json.hpp"
#include "sync/apply/application.hpp"
#include "sync/apply/cells.hpp"

namespace membridge::sync {
namespace {

using mappings::CellValue;
using nlohmann::json;

bool SaysAgain(const Work& work, const Contribution& old) {
  return std::any_of(work.given.begin(), work.given.end(), [&](const Contribution& one) { return one.Who() == old.Who(); });
}

bool IsWithdrawn(const Work& work, const Contribution& contribution) {
  return std::any_of(work.withdrawn.begin(), work.withdrawn.end(),
                     [&](const Contribution* one) { return one->Who() == contribution.Who(); });
}

/// Whether nobody would miss it: what it says of each cell is in `said` already, in newer words.
bool IsOutdated(const Contribution& contribution, const std::set<std::string>& said) {
  return std::all_of(contribution.cells.begin(), contribution.cells.end(),
                     [&](const auto& cell) { return said.contains(cell.first); });
}

bool ClaimsElements(const mappings::Row& row) {
  return std::any_of(row.set.begin(), row.set.end(),
                     [](const auto& one) { return one.cell.kind == mappings::Cell::Kind::kElements; });
}

/// Whether the mapping's row has this cell no more, and one in its place.
bool IsOutgrown(const PlannedRow& planned, const std::string& name) {
  const auto& set = planned.row->set;
  if (std::any_of(set.begin(), set.end(), [&](const auto& assignment) { return assignment.cell.name == name; })) return false;
  const auto cell = CellNamed(*planned.table, name);
  return cell && std::any_of(set.begin(), set.end(), [&](const auto& assignment) { return Overlaps(assignment.cell, *cell); });
}

}  // namespace

void Application::SettleWorks(const PlannedRow& planned, std::vector<Work>& works) {
  if (planned.remembers) HearOthers(works);
  if (planned.row != nullptr && planned.row->history) {
    for (Work& work : works) KeepVersion(work);
  }
  if (planned.row != nullptr) Outgrow(planned, works);
  const std::vector<Work*> standing = Record(planned, works);
  Decide(planned, standing, &RowSettlement::Dropped);
  Decide(planned, standing, &RowSettlement::Present);
  if (planned.row != nullptr) SettleLate(planned, standing);
  if (report_.Explains()) NoteRows(planned, works);
}

/// Books what everybody says of the rows now, and answers the rows whose cells are to be decided.
std::vector<Work*> Application::Record(const PlannedRow& planned, std::vector<Work>& works) {
  std::vector<Contribution> removed;
  std::vector<Contribution> saved;
  std::vector<std::int64_t> forgotten;
  std::vector<Contribution> former;
  std::vector<Work*> standing;
  for (Work& work : works) {
    const std::size_t first_removed = removed.size();
    for (const Contribution* old : work.withdrawn) {
      if (!SaysAgain(work, *old)) removed.push_back(*old);
    }
    const std::size_t last_removed = removed.size();
    const std::set<const Contribution*> outdated = OutdatedIn(planned, work);
    for (const Contribution& given : work.given) {
      if (!outdated.contains(&given)) saved.push_back(given);
    }
    for (const Contribution& other : work.others) {
      if (outdated.contains(&other)) removed.push_back(other);
    }
    if (work.image.empty()) {
      // The row is not there any more: a person or a cascade deleted it.
      if (work.others.empty()) forgotten.push_back(work.ledger.id);
    } else if (RowSettlement{planned, work, report_}.Goes()) {
      Doom(planned, work);
    } else {
      standing.push_back(&work);
      // The row may still be known by what they said, as by an address it was found by.
      if (work.ledger.created)
        former.insert(former.end(), removed.begin() + static_cast<std::ptrdiff_t>(first_removed),
                      removed.begin() + static_cast<std::ptrdiff_t>(last_removed));
    }
  }
  ledger_.Remove(removed);
  ledger_.NoteFormer(former);
  if (planned.speaks && planned.remembers) ledger_.Save(saved);
  ledger_.Forget(forgotten);
  return standing;
}

/// Settles the cells that `names` picks of each row, and writes what follows.
void Application::Decide(const PlannedRow& planned, const std::vector<Work*>& works,
                         std::set<std::string> (RowSettlement::*names)() const) {
  std::vector<RowSettlement> changing;
  std::vector<const LedgerRow*> rows;
  for (Work* work : works) {
    RowSettlement settlement{planned, *work, report_};
    const std::set<std::string> chosen = (settlement.*names)();
    if (chosen.empty() && names == &RowSettlement::Dropped) continue;
    settlement.Settle(TouchScope(*work), chosen);
    rows.push_back(&work->ledger);
    if (settlement.Changes()) changing.push_back(std::move(settlement));
  }
  Write(planned, changing);
  ledger_.Save(rows);
}

/// Events are not taken back, so of all that a mapping's events say of a row only the newest word on each cell decides anything,
/// and the rest would grow with every event. Not so where rows go with their last speaker, or where elements are everybody's
/// together. The oldest stays, too: it tells why the row is there.
std::set<const Contribution*> Application::OutdatedIn(const PlannedRow& planned, const Work& work) const {
  const bool counts = plan_.mapping->from == mappings::Mapping::From::kEvent && planned.row != nullptr;
  if (!counts || planned.row->gone_deletes || ClaimsElements(*planned.row)) return {};
  std::vector<const Contribution*> events;
  for (const Contribution& given : work.given) events.push_back(&given);
  for (const Contribution& other : work.others) {
    if (other.mapping == plan_.mapping->name && other.name == planned.row->name) events.push_back(&other);
  }
  std::sort(events.begin(), events.end(), [](const auto* a, const auto* b) { return a->IsNewerThan(*b); });
  std::set<const Contribution*> outdated;
  std::set<std::string> said;
  for (const Contribution* event : events) {
    if (event != events.back() && IsOutdated(*event, said)) outdated.insert(event);
    for (const auto& [name, claimed] : event->cells) said.insert(name);
  }
  return outdated;
}

void Application::HearOthers(std::vector<Work>& works) {
  std::vector<std::int64_t> row_ids;
  std::map<std::int64_t, Work*> by_id;
  for (Work& work : works) {
    row_ids.push_back(work.ledger.id);
    by_id[work.ledger.id] = &work;
  }
  std::vector<Contribution> unwritable;
  for (Contribution& contribution : ledger_.ContributionsTo(row_ids)) {
    Work& work = *by_id[contribution.row_id];
    if (contribution.mapping == plan_.mapping->name &&
        passed_over_.contains({ProjectId{contribution.project}, MemoryId{contribution.source}})) {
      // Its cells are decided anew, without it.
      for (const auto& [name, claimed] : contribution.cells) work.outgrown.insert(name);
      unwritable.push_back(std::move(contribution));
      continue;
    }
    if (!IsWithdrawn(work, contribution)) work.others.push_back(std::move(contribution));
  }
  ledger_.Remove(unwritable);
}

/// A mapping that was edited may have other cells where it had these: `tags[]` for `tags`, `(street, zip)` for `street`. Two
/// cells on one column would each take the other's value for a person's. So from the first memory that is read under the new
/// edition its cells hold for the row, and what other memories said under the old one of cells that overlap with them is taken
/// back with it.
void Application::Outgrow(const PlannedRow& planned, std::vector<Work>& works) {
  std::vector<Contribution> changed;
  for (Work& work : works) {
    for (Contribution& other : work.others) {
      if (other.mapping != plan_.mapping->name || (other.name != planned.row->name && IsRow(other))) continue;
      const std::size_t outgrown = std::erase_if(other.cells, [&](const auto& claim) {
        const bool is_old = IsOutgrown(planned, claim.first);
        if (is_old) work.outgrown.insert(claim.first);
        return is_old;
      });
      if (outgrown > 0) changed.push_back(other);
    }
  }
  ledger_.Save(changed);
}

const mappings::Scope& Application::TouchScope(const Work& work) const {
  return work.instances.empty() ? source_frames_[*work.sources.begin()]->scope : work.instances.back()->frame->scope;
}

void Application::Write(const PlannedRow& planned, std::vector<RowSettlement>& settlements) {
  if (settlements.empty()) return;
  const TargetTable& table = *planned.table;
  std::vector<RowChange> changes;
  std::vector<Work*> works;
  std::vector<const Image*> before;
  for (const RowSettlement& settlement : settlements) {
    changes.push_back(settlement.Change());
    works.push_back(&settlement.Of());
    before.push_back(&settlement.Of().image);
  }
  const bool versioned = planned.row != nullptr && planned.row->history;
  const auto after = versioned ? OpenVersions(planned, works, changes) : table.Update(transaction_, changes, before);
  for (std::size_t i = 0; i < works.size(); ++i) {
    if (!after[i]) throw Swallowed("an UPDATE", table.Relation());
    waits_.Appeared(table, *after[i], versioned ? Image{} : *before[i], works[i]->sources);
    settlements[i].Written(*after[i]);
    report_.Touch(works[i]->sources, table, works[i]->ledger.identity);
  }
}

void Application::NoteRows(const PlannedRow& planned, const std::vector<Work>& works) {
  const TargetTable& table = *planned.table;
  for (const Work& work : works) {
    for (const Instance* instance : work.instances) {
      const bool made = instance->created;
      report_.Note(instance->source, {made ? Decision::Kind::kCreated : Decision::Kind::kFound, planned.Name(), table.Relation(),
                                      work.ledger.identity, "", nullptr, made ? table.AsJson(work.image) : json(nullptr),
                                      made ? "new row" : "found by " + instance->found_by, planned.Line()});
    }
  }
}

/// Cells that depend on the row as it will be: computed once the others are settled. What is derived from the row alone says the
/// same for every memory, so it follows the row, no matter who changed it.
void Application::SettleLate(const PlannedRow& planned, const std::vector<Work*>& works) {
  const auto& set = planned.row->set;
  if (std::none_of(set.begin(), set.end(), [](const auto& assignment) { return assignment.uses_row; })) return;
  std::list<mappings::LateValues> held;
  Claims claims;
  std::vector<Contribution> saved;
  for (Work* work : works) {
    const json row = planned.table->AsJson(work->image);
    const auto say = [&](Contribution& contribution, const mappings::Scope& outer, bool all) {
      mappings::Scope scope{&outer};
      scope.Set("row", &row);
      for (const auto& assignment : set) {
        if (assignment.derived) contribution.cells.erase(assignment.cell.name);
      }
      for (const CellValue& claim : held.emplace_back(mappings::Late(*planned.row, scope)).set) {
        if (all || claim.to->derived) claims.emplace_back(&contribution, &claim);
      }
    };
    for (std::size_t i = 0; i < work->given.size(); ++i) say(work->given[i], work->instances[i]->frame->scope, true);
    for (Contribution& other : work->others) {
      if (other.mapping == plan_.mapping->name && other.name == planned.row->name) say(other, TouchScope(*work), false);
    }
  }
  AddClaims(transaction_, *planned.table, claims);
  for (const Work* work : works) {
    const std::set<const Contribution*> outdated = OutdatedIn(planned, *work);
    const auto keep = [&](const Contribution& one) {
      if (!outdated.contains(&one)) saved.push_back(one);
    };
    std::for_each(work->given.begin(), work->given.end(), keep);
    std::for_each(work->others.begin(), work->others.end(), keep);
  }
  if (planned.speaks && planned.remembers) ledger_.Save(saved);
  Decide(planned, works, &RowSettlement::Late);
}

/// Counters are moved, not set: only events have them, and an event is entered once.
void Application::AddCounters(const PlannedRow& planned, std::vector<Work>& works) {
  std::vector<TargetTable::Increment> increments;
  for (Work& work : works) {
    TargetTable::Increment increment;
    increment.identity = work.ledger.identity;
    for (const Instance* instance : work.instances) {
      for (const CellValue& value : mappings::Add(*planned.row, instance->frame->scope)) {
        json& sum = increment.columns.try_emplace(planned.table->IndexOf(value.to->cell.column).value(), 0).first->second;
        sum = mappings::SumOf(sum, value.value);
      }
    }
    if (!increment.columns.empty()) increments.push_back(std::move(increment));
  }
  planned.table->Add(transaction_, increments);
  for (const Work& work : works) report_.Touch(work.sources, *planned.table, work.ledger.identity);
}

}  // namespace membridge::sync
