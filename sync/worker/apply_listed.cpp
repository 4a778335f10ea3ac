// The part of Worker that applies records a list answered.
#include "sync/queue/listed_claims.hpp"
#include "sync/worker/round.hpp"

namespace membridge::sync {

Result<void> Worker::ApplyRecords(const ProjectId& project, const std::vector<mappings::Memory>& records, const Also& also) {
  std::vector<Item> items(records.size());
  for (std::size_t i = 0; i < records.size(); ++i) {
    items[i].claim.project = project;
    items[i].claim.memory = records[i].id;
    items[i].read = Item::Read::kFound;
    items[i].memory = records[i];
    items[i].digest = mappings::DigestOf(records[i]);
    items[i].listed = true;
  }
  for (int attempt = 1;; ++attempt) {
    try {
      ApplyTaken(project, items, also);
      MarkWoken();
      return {};
    } catch (const postgres::SqlFailure& failure) {
      if (failure.IsTransient() && attempt < kTries) continue;
      return Fail(ErrorCode::kUnavailable, failure.AsError("apply").message,
                  "the bridge tries again by itself; look at the database if this goes on");
    }
  }
}

/// Claiming and applying are one transaction here: nothing is read in between, so nobody else need see the claim.
void Worker::ApplyTaken(const ProjectId& project, std::vector<Item>& items, const Also& also) {
  Batch batch = Open();
  std::map<std::string, Item*> by_id;
  std::vector<MemoryId> ids;
  for (Item& item : items) {
    item.fate = Fate::kBusy;
    item.reading.reset();
    by_id[item.claim.memory.Text()] = &item;
    ids.push_back(item.claim.memory);
  }
  std::vector<Item*> taken;
  for (Claim& claim : TakeListed(batch.state, project, ids)) {
    Item* item = by_id.at(claim.memory.Text());
    item->claim = std::move(claim);
    taken.push_back(item);
  }
  Conclude(batch, taken, [&] {
    std::vector<Fate> fates;
    for (const Item& item : items) fates.push_back(item.fate);
    if (also) also(batch.state, fates);
  });
}

}  // namespace membridge::sync
