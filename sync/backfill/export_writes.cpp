#include "sync/backfill/export_writes.hpp"

namespace membridge::sync {

ExportWrites::ExportWrites(TiedSessions& sessions) : sessions_(sessions), state_(sessions.State().Begin()) {}

postgres::Transaction& ExportWrites::Of(const ExportPlace& place, std::int64_t fence) {
  postgres::Transaction* transaction = &state_;
  if (place.dsn) {
    postgres::Session& there = sessions_.Target(place.dsn);
    if (sessions_.Ties().Find(place.target) == nullptr)
      throw postgres::SqlFailure(
          {.sqlstate = kLedgerChanged, .message = "the ledger of target " + place.target + " is looked at anew"});
    const auto open = elsewhere_.find(*place.dsn);
    transaction = open != elsewhere_.end() ? &open->second : &elsewhere_.emplace(*place.dsn, there.Begin()).first->second;
  }
  try {
    EnterLedger(*transaction, place.admission.known, fence);
  } catch (const postgres::SqlFailure&) {
    sessions_.Ties().Forget();
    throw;
  }
  if (place.dsn && fence > 0) NoteEntered(state_, place.admission.ledger, fence);
  return *transaction;
}

void ExportWrites::CommitElsewhere() {
  for (auto& [dsn, transaction] : elsewhere_) transaction.Commit();
}

}  // namespace membridge::sync
