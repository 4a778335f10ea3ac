#include "sync/apply/application.hpp"

#include <algorithm>
#include <utility>

#include "sync/apply/claims.hpp"
#include "sync/apply/mapping_settings.hpp"
#include "sync/apply/row_finder.hpp"
#include "sync/apply/row_releaser.hpp"
#include "sync/apply/row_settler.hpp"
#include "sync/apply/table_reader.hpp"

namespace membridge::sync {

using mappings::CellValue;
using nlohmann::json;

Application::Application(const MappingPlan& plan, postgres::Transaction& transaction, const std::vector<Source>& sources,
                         Instant now, bool explain, const Leaned& passed_over)
    : context_(plan, transaction, sources, now, explain),
      passed_over_(passed_over),
      sources_(context_),
      orphans_(context_),
      instances_(context_, sources_),
      remover_(context_) {}

std::vector<Outcome> Application::Run(Deferred deferred) {
  MappingSettings settings{context_.transaction, context_.plan.settings};
  // A mapping that ran before this one may have set constraints to immediate.
  if (deferred == Deferred::kAsked) context_.transaction.Run("SET CONSTRAINTS ALL DEFERRED");
  EnterSources();
  instances_.Begin();
  for (std::size_t level = 0; level < context_.plan.rows.size(); ++level) {
    const PlannedRow& planned = context_.plan.rows[level];
    at_ = planned.row;
    std::vector<Instance>& instances = instances_.Make(level);
    RowFinder{context_, sources_, planned}.Find(instances);
    SettleLevel(planned, instances);
  }
  SettleOrphans();
  remover_.RemoveAll();
  SettleWaits();
  // Runs them under the mapping's own settings, because the functions that they call may need its search path.
  if (deferred == Deferred::kAsked || !context_.plan.settings.empty()) {
    at_ = nullptr;
    context_.transaction.Run("SET CONSTRAINTS ALL IMMEDIATE");
    if (deferred == Deferred::kLeft) context_.transaction.Run("SET CONSTRAINTS ALL DEFERRED");
  }
  settings.Leave();
  context_.told.Write(context_.transaction, context_.plan.mapping->name);
  return context_.report.Take();
}

/// Sources that are not kept could not be applied anew.
Leaned Application::LeanedOn() const {
  return context_.KeepsSources() ? context_.report.LeanedOn() : Leaned{};
}

void Application::EnterSources() {
  sources_.Enter();
  sources_.ReadFormer();
  // Tables that only the ledger names may have been altered too. Then former contributions have other names now.
  if (orphans_.Follow(sources_.FormerRelations())) sources_.ReadFormer();
}

void Application::SettleLevel(const PlannedRow& planned, std::vector<Instance>& instances) {
  std::map<json, Work> by_identity = WorksOf(planned, instances);
  const bool withdraws =
      std::any_of(by_identity.begin(), by_identity.end(), [](const auto& one) { return !one.second.withdrawn.empty(); });
  // A lookup: there is nothing to write or to remember.
  NoteLookups(planned, instances);
  if (!planned.speaks && !withdraws) by_identity.clear();
  std::vector<Work> works = Booked(*planned.table, std::move(by_identity));
  RowReleaser{context_, sources_, planned}.Release(works);
  Give(planned, works);
  RowSettler settler{context_, passed_over_, instances_, remover_, planned};
  settler.Settle(works);
  if (!planned.row->add.empty()) settler.AddCounters(works);
  for (Work& work : works) {
    if (work.image.empty()) continue;
    for (Instance* instance : work.instances) instance->image = work.image;
  }
  if (planned.row->referenced) ShowRows(planned, instances);
}

void Application::NoteLookups(const PlannedRow& planned, const std::vector<Instance>& instances) {
  if (!context_.report.Explains()) return;
  for (const Instance& instance : instances) {
    if (!instance.image || (planned.speaks && instance.intent.holds)) continue;
    context_.report.Note(instance.source, {Decision::Kind::kFound, planned.Name(), planned.table->Relation(),
                                           planned.table->IdentityOf(*instance.image), "", nullptr, nullptr,
                                           "found by " + instance.found_by, planned.Line()});
  }
}

/// The target rows that this batch's sources speak for, or used to.
std::map<json, Work> Application::WorksOf(const PlannedRow& planned, std::vector<Instance>& instances) {
  const TargetTable& table = *planned.table;
  std::map<json, Work> by_identity;
  for (Instance& instance : instances) {
    if (!instance.image || !instance.intent.holds) continue;
    Work& work = by_identity[table.IdentityOf(*instance.image)];
    if (work.instances.empty() || instance.created) work.image = *instance.image;
    work.instances.push_back(&instance);
    work.created = work.created || instance.created;
    work.revived = work.revived || instance.revived;
    work.sources.insert(instance.source);
  }
  const auto was_said_here = [&](const Contribution& contribution) {
    if (contribution.relation != table.Relation()) return false;
    // Withdraws what was said about this row under a name that the mapping no longer has, before anything new is decided.
    const bool is_renamed =
        !context_.plan.HasRow(contribution.name, contribution.relation) && by_identity.contains(contribution.identity);
    return contribution.name == planned.row->name || is_renamed;
  };
  std::vector<json> only_withdrawn;
  sources_.Take(was_said_here, [&](const Contribution& contribution) {
    if (!by_identity.contains(contribution.identity)) only_withdrawn.push_back(contribution.identity);
    Work& work = by_identity[contribution.identity];
    work.withdrawn.push_back(&contribution);
    work.sources.insert(sources_.SourceOf(contribution).value());
  });
  const auto fetched = TableReader{table, context_.transaction}.Fetch(TableReader::Lock::kWrite, only_withdrawn);
  for (std::size_t i = 0; i < only_withdrawn.size(); ++i) {
    if (fetched[i]) by_identity[only_withdrawn[i]].image = *fetched[i];
  }
  return by_identity;
}

std::vector<Work> Application::Booked(const TargetTable& table, std::map<json, Work>&& by_identity) {
  std::vector<json> identities;
  for (const auto& [identity, work] : by_identity) identities.push_back(identity);
  std::vector<LedgerRow> rows = context_.ledger.RowsOf(table.Relation(), identities);
  std::vector<Work> works;
  for (auto& [identity, work] : by_identity) {
    work.ledger = std::move(rows[works.size()]);
    works.push_back(std::move(work));
  }
  return works;
}

/// What each instance contributes to its row.
void Application::Give(const PlannedRow& planned, std::vector<Work>& works) {
  CellClaims claims;
  for (Work& work : works) {
    work.given.reserve(work.instances.size());
    for (const Instance* instance : work.instances) {
      const Source& source = context_.sources[instance->source];
      Contribution& given = work.given.emplace_back();
      given.row_id = work.ledger.id;
      given.project = source.project.Text();
      given.mapping = context_.plan.mapping->name;
      given.source = source.id;
      given.name = planned.row->name;
      given.item = instance->item;
      given.stamp = source.stamp;
      given.goes = planned.row->gone_deletes;
      for (const CellValue& claim : instance->intent.set) claims.emplace_back(&given, &claim);
    }
  }
  AddClaims(context_.transaction, *planned.table, claims);
}

/// Sets `$name` for the rows that follow this one.
void Application::ShowRows(const PlannedRow& planned, std::vector<Instance>& instances) {
  for (Instance& instance : instances) {
    if (!instance.image) continue;
    json row = planned.table->AsJson(*instance.image);
    if (!row.contains("created")) row["created"] = instance.created;
    instance.frame->Set(planned.row->name, std::move(row));
  }
}

/// What the sources said under names or tables that the mapping no longer has: withdrawn like everything else.
void Application::SettleOrphans() {
  std::map<std::string, std::vector<const Contribution*>> by_relation;
  sources_.Take([](const Contribution&) { return true; },
                [&](const Contribution& contribution) { by_relation[contribution.relation].push_back(&contribution); });
  for (const auto& [relation, contributions] : by_relation) SettleOrphansOf(relation, contributions);
}

void Application::SettleOrphansOf(const std::string& relation, const std::vector<const Contribution*>& contributions) {
  const PlannedRow* planned = orphans_.Find(relation);
  if (planned == nullptr) {
    std::vector<Contribution> gone;
    for (const Contribution* contribution : contributions) gone.push_back(*contribution);
    context_.ledger.Remove(gone);
    return;
  }
  std::map<json, Work> by_identity;
  std::vector<json> identities;
  for (const Contribution* contribution : contributions) {
    Work& work = by_identity[contribution->identity];
    if (work.withdrawn.empty()) identities.push_back(contribution->identity);
    work.withdrawn.push_back(contribution);
    work.sources.insert(sources_.SourceOf(*contribution).value());
  }
  const auto images = TableReader{*planned->table, context_.transaction}.Fetch(TableReader::Lock::kWrite, identities);
  for (std::size_t i = 0; i < identities.size(); ++i) {
    if (images[i]) by_identity[identities[i]].image = *images[i];
  }
  std::vector<Work> works = Booked(*planned->table, std::move(by_identity));
  RowReleaser{context_, sources_, *planned}.Release(works);
  RowSettler{context_, passed_over_, instances_, remover_, *planned}.Settle(works);
}

/// Remembers which rows are missing, and notes which wanted rows appeared.
void Application::SettleWaits() {
  std::vector<const Source*> entered;
  if (context_.KeepsSources()) {
    for (const std::size_t source : sources_.Entered()) entered.push_back(&context_.sources[source]);
  }
  for (const std::size_t source : context_.waits.Settle(entered)) context_.report.Wake(source);
}

}  // namespace membridge::sync
