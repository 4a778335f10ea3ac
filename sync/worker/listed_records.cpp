#include "sync/worker/listed_records.hpp"

#include <exception>

namespace membridge::sync {
namespace {

/// Carries what `also` threw past the code that handles failures of memories.
struct Passing {
  std::exception_ptr thrown;
};

void RunAlso(postgres::Transaction& transaction, const std::vector<WorkItem*>& all, const ListedRecords::Also& also) {
  std::vector<RecordFate> fates;
  for (const WorkItem* item : all) fates.push_back(item->fate);
  try {
    also(transaction, fates);
  } catch (const postgres::SqlFailure&) {
    throw;
  } catch (const std::exception&) {
    throw Passing{std::current_exception()};
  }
}

}  // namespace

ListedRecords::ListedRecords(TiedSessions& sessions, Containment& containment, BatchApplier& applier)
    : sessions_(sessions), containment_(containment), applier_(applier) {}

void ListedRecords::Apply(const ProjectId& project, const std::vector<mappings::Memory>& records, const Also& also, bool exact) {
  std::vector<WorkItem> items(records.size());
  std::vector<WorkItem*> all;
  for (std::size_t i = 0; i < records.size(); ++i) {
    items[i].claim.project = project;
    items[i].claim.memory = records[i].id;
    items[i].read = WorkItem::Read::kFound;
    items[i].memory = records[i];
    items[i].digest = mappings::DigestOf(records[i]);
    items[i].listed = true;
    items[i].is_exact = exact;
    all.push_back(&items[i]);
  }
  try {
    ApplyAll(project, all, also);
  } catch (const Passing& passing) {
    std::rethrow_exception(passing.thrown);
  }
}

void ListedRecords::ApplyAll(const ProjectId& project, const std::vector<WorkItem*>& all, const Also& also) {
  divided_ = false;
  try {
    applier_.ApplyListed(project, all, Applier::Refused::kThrown, [&](postgres::Transaction& transaction) {
      if (also) RunAlso(transaction, all, also);
    });
  } catch (const std::exception& failure) {
    divided_ = true;
    containment_.MayGoOn(failure);
    containment_.Divide(all, [&](const std::vector<WorkItem*>& some, Applier::Refused refused) {
      applier_.ApplyListed(project, some, refused, {});
    });
    if (!also) return;
    // `also` gets the fates of all records in a transaction of its own.
    postgres::Transaction transaction = sessions_.State().Begin();
    RunAlso(transaction, all, also);
    transaction.Commit();
  }
}

}  // namespace membridge::sync
