#include "sync/apply/row_releaser.hpp"

#include <algorithm>

#include "sync/apply/ownership.hpp"

namespace membridge::sync {

void RowReleaser::Release(std::vector<Work>& works) {
  std::erase_if(works, [&](Work& work) {
    if (work.image.empty() || !work.ledger.IsRemembered()) return false;
    // A row that was just inserted cannot be the row that the ledger knew before.
    if (!work.created && IsTheKnownRow(*planned_.table, work.ledger, work.image)) return false;
    const bool is_own = planned_.row != nullptr && planned_.row->keys.empty() && !work.created;
    if (is_own && !work.instances.empty()) {
      // When a person took over a memory's own row, it stays the person's, and no other row is made.
      for (Instance* instance : work.instances) instance->image.reset();
      return true;
    }
    ReleaseOne(work);
    return work.instances.empty();
  });
}

void RowReleaser::ReleaseOne(Work& work) {
  context_.report.Note(
      work.sources, {Decision::Kind::kSkipped, planned_.Name(), planned_.table->Relation(), work.ledger.identity, "", nullptr,
                     nullptr, "another row has its key now, so the bridge forgets what it knew of the old one", planned_.Line()});
  std::vector<Contribution> said = context_.ledger.ContributionsTo({work.ledger.id});
  std::vector<Released> released;
  std::vector<Contribution> elsewhere;
  for (const Contribution& contribution : said) {
    Released& one = released.emplace_back();
    one.relation = planned_.table->Relation();
    one.identity = work.ledger.identity;
    one.project = contribution.project;
    one.source = contribution.source;
    for (const auto& [name, claimed] : contribution.cells) {
      const auto entry = work.ledger.cells.find(name);
      if (entry != work.ledger.cells.end() && entry->second.written) one.cells[name] = entry->second.written;
    }
    for (const auto& [name, text] : work.ledger.made) one.cells.try_emplace(name, text);
    // Sources outside this batch have lost their row too. They are applied again to get another.
    const bool is_heard =
        contribution.mapping == context_.plan.mapping->name && (sources_.SourceOf(contribution) || !context_.KeepsSources());
    if (!is_heard) elsewhere.push_back(contribution);
  }
  if (!work.created) context_.ledger.Save(released);
  context_.ledger.Remove(said);
  context_.ledger.Wake(elsewhere, planned_.table->Relation());
  if (!elsewhere.empty()) context_.report.Wake(*work.sources.begin());
  work.withdrawn.clear();
  work.ledger.created = work.ledger.gone = false;
  work.ledger.cells.clear();
  work.ledger.keys.clear();
  work.ledger.made.clear();
  work.ledger.kept.clear();
  work.ledger.ours.reset();
  work.ledger.theirs.reset();
  if (work.instances.empty()) context_.ledger.Forget({work.ledger.id});
}

}  // namespace membridge::sync
