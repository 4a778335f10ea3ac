#include "sync/apply/row_settler.hpp"

#include <algorithm>
#include <list>
#include <map>
#include <utility>

#include "mappings/base/exact_json.hpp"
#include "mappings/evaluate.hpp"
#include "sync/apply/cells.hpp"
#include "sync/apply/claims.hpp"
#include "sync/apply/refusal.hpp"
#include "sync/apply/table_reader.hpp"
#include "sync/apply/table_writer.hpp"
#include "sync/apply/version_keeper.hpp"

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

/// Whether the contribution can be dropped: a newer one in `said` claims each of its cells.
bool IsOutdated(const Contribution& contribution, const std::set<std::string>& said) {
  return std::all_of(contribution.cells.begin(), contribution.cells.end(),
                     [&](const auto& cell) { return said.contains(cell.first); });
}

bool ClaimsElements(const mappings::Row& row) {
  return std::any_of(row.set.begin(), row.set.end(),
                     [](const auto& one) { return one.cell.kind == mappings::Cell::Kind::kElements; });
}

/// Whether the mapping's row no longer has this cell, but another one that overlaps with it.
bool IsOutgrown(const PlannedRow& planned, const std::string& name) {
  const auto& set = planned.row->set;
  if (std::any_of(set.begin(), set.end(), [&](const auto& assignment) { return assignment.cell.name == name; })) return false;
  const auto cell = CellNamed(*planned.table, name);
  return cell && std::any_of(set.begin(), set.end(), [&](const auto& assignment) { return Overlaps(assignment.cell, *cell); });
}

}  // namespace

void RowSettler::Settle(std::vector<Work>& works) {
  if (planned_.remembers) HearOthers(works);
  if (planned_.row != nullptr && planned_.row->history) {
    for (Work& work : works) VersionKeeper::Keep(work);
  }
  if (planned_.row != nullptr) Outgrow(works);
  std::vector<const Contribution*> said;
  const std::vector<Work*> standing = Record(works, said);
  Decide(standing, &RowSettlement::Dropped);
  Decide(standing, &RowSettlement::Present);
  SaveSaid(works, said);
  if (planned_.row != nullptr) SettleLate(standing);
  if (context_.report.Explains()) NoteRows(works);
}

/// Forgets contributions to the rows that no longer hold. Returns the rows whose cells must be decided, and in `said` the
/// contributions to remember.
std::vector<Work*> RowSettler::Record(std::vector<Work>& works, std::vector<const Contribution*>& said) {
  std::vector<Contribution> removed;
  std::vector<std::int64_t> forgotten;
  std::vector<Contribution> former;
  std::vector<Work*> standing;
  for (Work& work : works) {
    const std::size_t first_removed = removed.size();
    for (const Contribution* old : work.withdrawn) {
      if (!SaysAgain(work, *old)) removed.push_back(*old);
    }
    const std::size_t last_removed = removed.size();
    const std::set<const Contribution*> outdated = OutdatedIn(work);
    const bool is_forgotten = work.image.empty() && work.others.empty();
    for (const Contribution& given : work.given) {
      if (!is_forgotten && !outdated.contains(&given)) said.push_back(&given);
    }
    for (const Contribution& other : work.others) {
      if (outdated.contains(&other)) removed.push_back(other);
    }
    if (work.image.empty()) {
      // The row does not exist any more: a person or a cascade deleted it.
      if (is_forgotten) forgotten.push_back(work.ledger.id);
    } else if (RowSettlement{planned_, work, context_.report}.Goes()) {
      remover_.Doom(planned_, work);
    } else {
      standing.push_back(&work);
      // The row may still hold what they said, for example an address by which it was found.
      if (work.ledger.created)
        former.insert(former.end(), removed.begin() + static_cast<std::ptrdiff_t>(first_removed),
                      removed.begin() + static_cast<std::ptrdiff_t>(last_removed));
    }
  }
  context_.ledger.Remove(removed);
  context_.ledger.NoteFormer(former);
  context_.ledger.Forget(forgotten);
  return standing;
}

/// Saves what is said about the rows. Call it once the rows are in the ledger.
void RowSettler::SaveSaid(std::vector<Work>& works, const std::vector<const Contribution*>& said) {
  for (Work& work : works) {
    for (Contribution& given : work.given) given.row_id = work.ledger.id;
  }
  if (planned_.speaks && planned_.remembers) context_.ledger.Save(said);
}

/// Settles the cells that `names` returns for each row, and writes the result.
void RowSettler::Decide(const std::vector<Work*>& works, std::set<std::string> (RowSettlement::*names)() const) {
  std::vector<RowSettlement> changing;
  std::vector<LedgerRow*> rows;
  for (Work* work : works) {
    RowSettlement settlement{planned_, *work, context_.report};
    const std::set<std::string> chosen = (settlement.*names)();
    if (chosen.empty() && names == &RowSettlement::Dropped) continue;
    settlement.Settle(instances_.ScopeOf(*work), chosen);
    rows.push_back(&work->ledger);
    if (settlement.Changes()) changing.push_back(std::move(settlement));
  }
  Write(changing);
  context_.ledger.SaveOrMake(rows);
}

/// Returns the events' contributions that decide nothing any more. Events are never withdrawn, so among the events of a mapping
/// only the newest claim on each cell counts, and the rest would grow with every event. This does not apply where rows are
/// deleted with their last contribution, or where all claims on elements count together. The oldest contribution is kept too: it
/// tells why the row exists.
std::set<const Contribution*> RowSettler::OutdatedIn(const Work& work) const {
  const bool counts = context_.plan.mapping->from == mappings::Mapping::From::kEvent && planned_.row != nullptr;
  if (!counts || planned_.row->gone_deletes || ClaimsElements(*planned_.row)) return {};
  std::vector<const Contribution*> events;
  for (const Contribution& given : work.given) events.push_back(&given);
  for (const Contribution& other : work.others) {
    if (other.mapping == context_.plan.mapping->name && other.name == planned_.row->name) events.push_back(&other);
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

void RowSettler::HearOthers(std::vector<Work>& works) {
  std::vector<std::int64_t> row_ids;
  std::map<std::int64_t, Work*> by_id;
  for (Work& work : works) {
    if (work.ledger.id == 0) continue;
    row_ids.push_back(work.ledger.id);
    by_id[work.ledger.id] = &work;
  }
  std::vector<Contribution> unwritable;
  for (Contribution& contribution : context_.ledger.ContributionsTo(row_ids)) {
    Work& work = *by_id[contribution.row_id];
    if (contribution.mapping == context_.plan.mapping->name &&
        passed_over_.contains({ProjectId{contribution.project}, MemoryId{contribution.source}})) {
      // Its cells are decided anew without this contribution.
      for (const auto& [name, claimed] : contribution.cells) work.outgrown.insert(name);
      unwritable.push_back(std::move(contribution));
      continue;
    }
    if (!IsWithdrawn(work, contribution)) work.others.push_back(std::move(contribution));
  }
  context_.ledger.Remove(unwritable);
}

/// Withdraws claims from before an edit of the mapping that replaced cells by overlapping ones: `tags[]` for `tags`, `(street,
/// zip)` for `street`. With both cells on one column, each would take the other's value for a person's. So the first memory that
/// is read under the new edition switches the row to the new cells, and claims of other memories on the old, overlapping cells
/// are withdrawn with it.
void RowSettler::Outgrow(std::vector<Work>& works) {
  std::vector<Contribution> changed;
  for (Work& work : works) {
    for (Contribution& other : work.others) {
      if (other.mapping != context_.plan.mapping->name ||
          (other.name != planned_.row->name && context_.plan.HasRow(other.name, other.relation)))
        continue;
      const std::size_t outgrown = std::erase_if(other.cells, [&](const auto& claim) {
        const bool is_old = IsOutgrown(planned_, claim.first);
        if (is_old) work.outgrown.insert(claim.first);
        return is_old;
      });
      if (outgrown > 0) changed.push_back(other);
    }
  }
  context_.ledger.Save(changed);
}

void RowSettler::Write(std::vector<RowSettlement>& settlements) {
  if (settlements.empty()) return;
  const TargetTable& table = *planned_.table;
  std::vector<RowChange> changes;
  std::vector<Work*> works;
  std::vector<const Image*> before;
  for (const RowSettlement& settlement : settlements) {
    changes.push_back(settlement.Change());
    works.push_back(&settlement.Of());
    before.push_back(&settlement.Of().image);
  }
  const bool versioned = planned_.row != nullptr && planned_.row->history;
  const auto after = versioned ? VersionKeeper{context_, planned_}.Write(works, changes)
                               : TableWriter{table, context_.transaction}.Update(changes, before);
  for (std::size_t i = 0; i < works.size(); ++i) {
    if (!after[i]) throw Swallowed("an UPDATE", table.Relation());
    context_.waits.Appeared(table, *after[i], versioned ? Image{} : *before[i], works[i]->sources);
    // Of a new version the keeper has told already.
    if (!versioned || table.IdentityOf(*before[i]) == table.IdentityOf(*after[i]))
      context_.told.Updated(table, *before[i], *after[i],
                            [&](const std::string& column) { return settlements[i].SpeakerOf(column); });
    settlements[i].Written(*after[i]);
    context_.report.Touch(works[i]->sources, table, works[i]->ledger.identity);
  }
}

void RowSettler::NoteRows(const std::vector<Work>& works) {
  const TargetTable& table = *planned_.table;
  for (const Work& work : works) {
    for (const Instance* instance : work.instances) {
      const bool made = instance->created;
      context_.report.Note(instance->source,
                           {made ? Decision::Kind::kCreated : Decision::Kind::kFound, planned_.Name(), table.Relation(),
                            work.ledger.identity, "", nullptr, made ? table.AsJson(work.image) : json(nullptr),
                            made ? "new row" : "found by " + instance->found_by, planned_.Line()});
    }
  }
}

/// Settles cells that depend on the finished row, after all others. A value that is derived from the row alone is the same for
/// every memory, so it follows the row, even when a person changed the row.
void RowSettler::SettleLate(const std::vector<Work*>& works) {
  const auto& set = planned_.row->set;
  if (std::none_of(set.begin(), set.end(), [](const auto& assignment) { return assignment.uses_row; })) return;
  std::list<mappings::LateValues> held;
  CellClaims claims;
  std::vector<Contribution> saved;
  for (Work* work : works) {
    const json row = planned_.table->AsJson(work->image);
    const auto say = [&](Contribution& contribution, const mappings::Scope& outer, bool all) {
      mappings::Scope scope{&outer};
      scope.Set("row", &row);
      for (const auto& assignment : set) {
        if (assignment.derived) contribution.cells.erase(assignment.cell.name);
      }
      for (const CellValue& claim : held.emplace_back(mappings::Late(*planned_.row, scope)).set) {
        if (all || claim.to->derived) claims.emplace_back(&contribution, &claim);
      }
    };
    for (std::size_t i = 0; i < work->given.size(); ++i) say(work->given[i], work->instances[i]->frame->scope, true);
    for (Contribution& other : work->others) {
      if (other.mapping == context_.plan.mapping->name && other.name == planned_.row->name)
        say(other, instances_.ScopeOf(*work), false);
    }
  }
  AddClaims(context_.transaction, *planned_.table, claims);
  for (const Work* work : works) {
    const std::set<const Contribution*> outdated = OutdatedIn(*work);
    const auto keep = [&](const Contribution& one) {
      if (!outdated.contains(&one)) saved.push_back(one);
    };
    std::for_each(work->given.begin(), work->given.end(), keep);
    std::for_each(work->others.begin(), work->others.end(), keep);
  }
  if (planned_.speaks && planned_.remembers) context_.ledger.Save(saved);
  Decide(works, &RowSettlement::Late);
}

/// Adds to counters instead of setting them. Only events have counters, and each event is entered once.
void RowSettler::AddCounters(std::vector<Work>& works) {
  std::vector<TableWriter::Increment> increments;
  for (Work& work : works) {
    TableWriter::Increment increment;
    increment.identity = work.ledger.identity;
    for (const Instance* instance : work.instances) {
      for (const CellValue& value : mappings::Add(*planned_.row, instance->frame->scope)) {
        json& sum = increment.columns.try_emplace(planned_.table->IndexOf(value.to->cell.column).value(), 0).first->second;
        sum = mappings::SumOf(sum, value.value);
      }
    }
    if (!increment.columns.empty()) increments.push_back(std::move(increment));
  }
  TableWriter{*planned_.table, context_.transaction}.Add(increments);
  for (const Work& work : works) context_.report.Touch(work.sources, *planned_.table, work.ledger.identity);
  if (context_.told.Tells()) TellCounters(works);
}

/// The change feed tells what the counters hold now, which the statement that added to them did not return.
void RowSettler::TellCounters(const std::vector<Work>& works) {
  std::vector<json> identities;
  for (const Work& work : works) identities.push_back(work.ledger.identity);
  const auto after = TableReader{*planned_.table, context_.transaction}.Fetch(TableReader::Lock::kNone, identities);
  for (std::size_t i = 0; i < works.size(); ++i) {
    if (after[i] && !works[i].image.empty()) context_.told.Updated(*planned_.table, works[i].image, *after[i], works[i].sources);
  }
}

}  // namespace membridge::sync
