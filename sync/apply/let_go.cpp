// Rows that carry what the ledger knows them by no more: the table was emptied and its numbers begin anew, it was restored, or a
// person made another row in its place.

#include <algorithm>

#include "sync/apply/application.hpp"
#include "sync/apply/ownership.hpp"

namespace membridge::sync {

void Application::LetGo(const PlannedRow& planned, std::vector<Work>& works) {
  std::erase_if(works, [&](Work& work) {
    if (work.image.empty() || !work.ledger.IsRemembered()) return false;
    // What was inserted just now is no row that was known before.
    if (!work.created && IsTheKnownRow(*planned.table, work.ledger, work.image)) return false;
    const bool is_own = planned.row != nullptr && planned.row->keys.empty() && !work.created;
    if (is_own && !work.instances.empty()) {
      // A memory's own row that a person took over stays theirs, and no other is made.
      for (Instance* instance : work.instances) instance->image.reset();
      return true;
    }
    LetGoOf(planned, work);
    return work.instances.empty();
  });
}

void Application::LetGoOf(const PlannedRow& planned, Work& work) {
  report_.Note(work.sources,
               {Decision::Kind::kSkipped, planned.Name(), planned.table->Relation(), work.ledger.identity, "", nullptr, nullptr,
                "another row stands there now, and what the bridge knew of it is forgotten", planned.Line()});
  std::vector<Contribution> said = ledger_.ContributionsTo({work.ledger.id});
  std::vector<Released> released;
  std::vector<Contribution> elsewhere;
  for (const Contribution& contribution : said) {
    Released& one = released.emplace_back();
    one.relation = planned.table->Relation();
    one.identity = work.ledger.identity;
    one.project = contribution.project;
    one.source = contribution.source;
    for (const auto& [name, claimed] : contribution.cells) {
      const auto entry = work.ledger.cells.find(name);
      if (entry != work.ledger.cells.end() && entry->second.written) one.cells[name] = entry->second.written;
    }
    for (const auto& [name, text] : work.ledger.made) one.cells.try_emplace(name, text);
    // Those who are not heard in this batch have lost their row, and are applied again to get another.
    const bool is_heard = contribution.mapping == plan_.mapping->name && (SourceOf(contribution) || !MayWait());
    if (!is_heard) elsewhere.push_back(contribution);
  }
  if (!work.created) ledger_.Save(released);
  ledger_.Remove(said);
  ledger_.Wake(elsewhere, planned.table->Relation());
  if (!elsewhere.empty()) report_.Wake(*work.sources.begin());
  work.withdrawn.clear();
  work.ledger.created = work.ledger.gone = false;
  work.ledger.cells.clear();
  work.ledger.keys.clear();
  work.ledger.made.clear();
  work.ledger.ours.reset();
  work.ledger.theirs.reset();
  if (work.instances.empty()) ledger_.Forget({work.ledger.id});
}

}  // namespace membridge::sync
