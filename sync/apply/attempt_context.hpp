#pragma once

#include <vector>

#include "mappings/base/time.hpp"
#include "sync/apply/ledger.hpp"
#include "sync/apply/missing_rows.hpp"
#include "sync/apply/plan.hpp"
#include "sync/apply/report.hpp"
#include "sync/apply/source.hpp"
#include "sync/apply/told_rows.hpp"
#include "sync/postgres/session.hpp"

namespace membridge::sync {

/// What the parts of one attempt at a batch share: private to sync/apply, as are those parts.
struct AttemptContext {
  const MappingPlan& plan;
  postgres::Transaction& transaction;
  const std::vector<Source>& sources;
  const Instant now;
  Ledger ledger;
  Waits waits;
  Report report;
  ToldRows told;

  AttemptContext(const MappingPlan& plan_, postgres::Transaction& transaction_, const std::vector<Source>& sources_, Instant now_,
                 bool explain)
      : plan(plan_),
        transaction(transaction_),
        sources(sources_),
        now(now_),
        ledger(transaction_),
        waits(transaction_, plan_.mapping->name, !explain),
        report(sources_.size(), explain),
        told(plan_.tells_changes && !explain, sources_) {}

  /// Whether the sources can be applied again later. Exports and events cannot, because they are not kept.
  bool KeepsSources() const { return plan.mapping->from == mappings::Mapping::From::kMemory; }
};

}  // namespace membridge::sync
