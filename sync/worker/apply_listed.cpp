// The part of Worker that applies records a list answered.
#include "sync/queue/listed_claims.hpp"
#include "sync/worker/round.hpp"

namespace membridge::sync {

/// What `also` threw, on its way past everything that contains failures of memories.
struct Worker::Passing {
  std::exception_ptr thrown;
};

Result<void> Worker::ApplyRecords(const ProjectId& project, const std::vector<mappings::Memory>& records, const Also& also) {
  std::vector<Item> items(records.size());
  std::vector<Item*> all;
  for (std::size_t i = 0; i < records.size(); ++i) {
    items[i].claim.project = project;
    items[i].claim.memory = records[i].id;
    items[i].read = Item::Read::kFound;
    items[i].memory = records[i];
    items[i].digest = mappings::DigestOf(records[i]);
    items[i].listed = true;
    all.push_back(&items[i]);
  }
  BeginContaining();
  try {
    LookAtLedgers();
    try {
      ApplyTaken(project, all, all, also, Applier::Refused::kThrown);
    } catch (const std::exception& failure) {
      MayGoOn(failure);
      Divide(all, [&](const std::vector<Item*>& some, Applier::Refused refused) { ApplyTaken(project, some, all, {}, refused); });
      Account(all, also);
    }
    MarkWoken();
    return {};
  } catch (const Passing& passing) {
    std::rethrow_exception(passing.thrown);
  } catch (const postgres::SqlFailure& failure) {
    if (failure.fields().sqlstate == kLedgerChanged) ties_.Forget();
    return Fail(ErrorCode::kUnavailable, failure.AsError("apply").message,
                "the bridge tries again by itself; look at the database if this goes on");
  }
}

/// Claiming and applying are one transaction here: nothing is read in between, so nobody else need see the claim.
void Worker::ApplyTaken(const ProjectId& project, const std::vector<Item*>& items, const std::vector<Item*>& all,
                        const Also& also, Applier::Refused refused) {
  Batch batch = Open(refused);
  std::map<std::string, Item*> by_id;
  std::vector<MemoryId> ids;
  for (Item* item : items) {
    item->fate = Fate::kBusy;
    item->reading.reset();
    by_id[item->claim.memory.Text()] = item;
    ids.push_back(item->claim.memory);
  }
  std::vector<Item*> taken;
  for (Claim& claim : TakeListed(batch.state, project, ids)) {
    Item* item = by_id.at(claim.memory.Text());
    item->claim = std::move(claim);
    taken.push_back(item);
  }
  Conclude(batch, taken, [&] {
    if (also) RunAlso(batch.state, all, also);
  });
}

/// After records that failed: what became of all of them.
void Worker::Account(const std::vector<Item*>& all, const Also& also) {
  if (!also) return;
  postgres::Transaction transaction = State().Begin();
  RunAlso(transaction, all, also);
  transaction.Commit();
}

void Worker::RunAlso(postgres::Transaction& transaction, const std::vector<Item*>& all, const Also& also) {
  std::vector<Fate> fates;
  for (const Item* item : all) fates.push_back(item->fate);
  try {
    also(transaction, fates);
  } catch (const postgres::SqlFailure&) {
    throw;
  } catch (const std::exception&) {
    throw Passing{std::current_exception()};
  }
}

}  // namespace membridge::sync
