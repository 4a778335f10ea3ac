#include "sync/apply/application.hpp"

#include <algorithm>

#include "mappings/base/table_name.hpp"
#include "sync/apply/known_tables.hpp"
#include "sync/catalog/catalog_reader.hpp"

namespace membridge::sync {

using mappings::CellValue;
using nlohmann::json;

Application::Application(const MappingPlan& plan, postgres::Transaction& transaction, const std::vector<Source>& sources,
                         Instant now, bool explain, const Leaned& passed_over)
    : plan_(plan),
      transaction_(transaction),
      sources_(sources),
      now_(now),
      ledger_(transaction),
      waits_(transaction, plan.mapping->name, !explain),
      report_(sources.size(), explain),
      passed_over_(passed_over) {
  for (std::size_t i = 0; i < sources_.size(); ++i) by_id_[{sources_[i].project.Text(), sources_[i].id}] = i;
}

std::vector<Outcome> Application::Run(Deferred deferred) {
  EnterSettings();
  // A mapping before this one may have asked them.
  if (deferred == Deferred::kAsked) transaction_.Run("SET CONSTRAINTS ALL DEFERRED");
  EnterSources();
  BuildFrames();
  levels_.resize(plan_.rows.size());
  for (std::size_t level = 0; level < plan_.rows.size(); ++level) {
    at_ = plan_.rows[level].row;
    levels_[level] = InstancesOf(level);
    Resolve(plan_.rows[level], levels_[level]);
    SettleLevel(level, levels_[level]);
  }
  SettleOrphans();
  DeleteDoomed();
  SettleWaits();
  // Under the mapping's own settings: what they call may need its search path.
  if (deferred == Deferred::kAsked || !plan_.settings.empty()) {
    at_ = nullptr;
    transaction_.Run("SET CONSTRAINTS ALL IMMEDIATE");
    if (deferred == Deferred::kLeft) transaction_.Run("SET CONSTRAINTS ALL DEFERRED");
  }
  LeaveSettings();
  return report_.Take();
}

/// Exports and events are not kept, so that nothing could be applied anew.
Leaned Application::LeanedOn() const {
  return plan_.mapping->from == mappings::Mapping::From::kMemory ? report_.LeanedOn() : Leaned{};
}

void Application::EnterSettings() {
  for (const auto& [name, value] : plan_.settings) {
    const postgres::Rows before =
        transaction_.Run("SELECT pg_catalog.current_setting($1, true), pg_catalog.set_config($1, $2, true)", {name, value});
    previous_settings_.emplace_back(name, std::string{before.Text(0, 0)});
  }
}

void Application::LeaveSettings() {
  for (const auto& [name, value] : previous_settings_)
    transaction_.Run("SELECT pg_catalog.set_config($1, $2, true)", {name, value});
}

void Application::EnterSources() {
  const std::string& mapping = plan_.mapping->name;
  const bool counts_once = plan_.mapping->from == mappings::Mapping::From::kEvent;
  entered_ = counts_once ? ledger_.EnterOnce(mapping, sources_) : ledger_.Enter(mapping, sources_);
  for (std::size_t i = 0; i < sources_.size(); ++i) {
    if (!entered_[i]) report_.Late(i);
  }
  old_ = ledger_.ContributionsOf(mapping, sources_);
  // Tables that only the ledger names may have been altered, too: then what was said goes by other names.
  if (FollowOrphanTables()) old_ = ledger_.ContributionsOf(mapping, sources_);
  std::erase_if(old_, [&](const Contribution& contribution) {
    const auto source = SourceOf(contribution);
    return !source || !entered_[*source];
  });
}

std::optional<std::size_t> Application::SourceOf(const Contribution& contribution) const {
  const auto found = by_id_.find({contribution.project, contribution.source});
  return found == by_id_.end() ? std::nullopt : std::optional{found->second};
}

void Application::SettleLevel(std::size_t level, std::vector<Instance>& instances) {
  const PlannedRow& planned = plan_.rows[level];
  std::map<json, Work> by_identity = WorksOf(planned, instances);
  const bool withdraws =
      std::any_of(by_identity.begin(), by_identity.end(), [](const auto& one) { return !one.second.withdrawn.empty(); });
  // A mere lookup: nothing to write, nothing to remember.
  NoteLookups(planned, instances);
  if (!planned.speaks && !withdraws) by_identity.clear();
  std::vector<Work> works = Booked(*planned.table, std::move(by_identity));
  LetGo(planned, works);
  Give(planned, works);
  SettleWorks(planned, works);
  if (!planned.row->add.empty()) AddCounters(planned, works);
  for (Work& work : works) {
    if (work.image.empty()) continue;
    for (Instance* instance : work.instances) instance->image = work.image;
  }
  if (planned.row->referenced) ShowRows(planned, instances);
}

void Application::NoteLookups(const PlannedRow& planned, const std::vector<Instance>& instances) {
  if (!report_.Explains()) return;
  for (const Instance& instance : instances) {
    if (!instance.image || (planned.speaks && instance.intent.holds)) continue;
    report_.Note(instance.source,
                 {Decision::Kind::kFound, planned.Name(), planned.table->Relation(), planned.table->IdentityOf(*instance.image),
                  "", nullptr, nullptr, "found by " + instance.found_by, planned.Line()});
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
  std::vector<json> only_withdrawn;
  for (std::size_t i = 0; i < old_.size(); ++i) {
    const Contribution& contribution = old_[i];
    if (contribution.relation != table.Relation() || handled_.contains(i)) continue;
    // What was said of this row under a name that the mapping no longer has is taken back before anything new is decided.
    const bool renamed = !IsRow(contribution) && by_identity.contains(contribution.identity);
    if (contribution.name != planned.row->name && !renamed) continue;
    handled_.insert(i);
    if (!by_identity.contains(contribution.identity)) only_withdrawn.push_back(contribution.identity);
    Work& work = by_identity[contribution.identity];
    work.withdrawn.push_back(&contribution);
    work.sources.insert(SourceOf(contribution).value());
  }
  const auto fetched = table.Fetch(TargetTable::Lock::kWrite, transaction_, only_withdrawn);
  for (std::size_t i = 0; i < only_withdrawn.size(); ++i) {
    if (fetched[i]) by_identity[only_withdrawn[i]].image = *fetched[i];
  }
  return by_identity;
}

/// Whether the mapping still has the row it was said of.
bool Application::IsRow(const Contribution& contribution) const {
  return std::any_of(plan_.rows.begin(), plan_.rows.end(), [&](const PlannedRow& planned) {
    return planned.row->name == contribution.name && planned.table->Relation() == contribution.relation;
  });
}

std::vector<Work> Application::Booked(const TargetTable& table, std::map<json, Work> by_identity) {
  std::vector<json> identities;
  for (const auto& [identity, work] : by_identity) identities.push_back(identity);
  std::vector<LedgerRow> rows = ledger_.RowsOf(table.Relation(), identities);
  std::vector<Work> works;
  for (auto& [identity, work] : by_identity) {
    work.ledger = std::move(rows[works.size()]);
    works.push_back(std::move(work));
  }
  return works;
}

/// What each instance contributes to its row.
void Application::Give(const PlannedRow& planned, std::vector<Work>& works) {
  Claims claims;
  for (Work& work : works) {
    work.given.reserve(work.instances.size());
    for (const Instance* instance : work.instances) {
      const Source& source = sources_[instance->source];
      Contribution& given = work.given.emplace_back();
      given.row_id = work.ledger.id;
      given.project = source.project.Text();
      given.mapping = plan_.mapping->name;
      given.source = source.id;
      given.name = planned.row->name;
      given.item = instance->item;
      given.stamp = source.stamp;
      given.goes = planned.row->gone_deletes;
      for (const CellValue& claim : instance->intent.set) claims.emplace_back(&given, &claim);
    }
  }
  AddClaims(transaction_, *planned.table, claims);
}

/// Gives the rows behind this one their `$name`.
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
  for (std::size_t i = 0; i < old_.size(); ++i) {
    if (!handled_.contains(i)) by_relation[old_[i].relation].push_back(&old_[i]);
  }
  for (const auto& [relation, contributions] : by_relation) SettleOrphansOf(relation, contributions);
}

/// Makes ready the tables that the mapping has no row for and that its sources once spoke of. Whether there are any.
bool Application::FollowOrphanTables() {
  for (const Contribution& contribution : old_) {
    const std::string& relation = contribution.relation;
    const bool is_planned = std::any_of(plan_.rows.begin(), plan_.rows.end(),
                                        [&](const PlannedRow& planned) { return planned.table->Relation() == relation; });
    if (is_planned || orphan_tables_.contains(relation)) continue;
    // Nobody looks at it but here, and the catalogue may be old or know nothing of it.
    CatalogRequest request;
    request.tables.emplace();
    if (const auto name = SchemaAndTable(relation)) request.tables->push_back({name->first, name->second});
    mappings::Catalog& catalog = orphan_catalogs_.emplace_back(ReadCatalog(transaction_, request));
    KnownTables{transaction_}.DeclareIdentities(catalog, {relation});
    const mappings::Table* definition = catalog.FindRelation(relation);
    PlannedRow& planned = orphan_tables_[relation];
    if (definition == nullptr || definition->Identity().empty()) continue;
    const std::set<std::string> read =
        KnownTables::ColumnsInLedger(transaction_, TargetTable{*definition, std::nullopt, plan_.role});
    planned.table = std::make_unique<TargetTable>(*definition, std::nullopt, plan_.role, read, plan_.mapping->timezone);
    KnownTables known{transaction_};
    known.Hold({planned.table.get()});
    if (!known.Follow({planned.table.get()}).is_current)
      throw Refusal(ErrorCode::kUnavailable, relation + " was altered while it was read", "the bridge tries again by itself");
  }
  return !orphan_tables_.empty();
}

/// The table of what was said under a name that the mapping has no more; nothing when it is gone itself.
const PlannedRow* Application::OrphanTable(const std::string& relation) {
  const auto known = orphan_tables_.find(relation);
  if (known != orphan_tables_.end()) return known->second.table ? &known->second : nullptr;
  PlannedRow planned;
  std::optional<mappings::Liveness> live;
  std::set<std::string> read;
  const TargetTable* table = nullptr;
  for (const PlannedRow& other : plan_.rows) {
    if (other.table->Relation() != relation) continue;
    table = other.table.get();
    planned.key_columns.insert(other.key_columns.begin(), other.key_columns.end());
    if (const auto known = LivenessOf(*other.row, table->Definition(), *plan_.mapping)) live.emplace(*known);
  }
  for (std::size_t column = 0; column < table->Definition().columns.size(); ++column) {
    if (table->Reads(column)) read.insert(table->At(column).name);
  }
  planned.table = std::make_unique<TargetTable>(table->Definition(), live, plan_.role, read, plan_.mapping->timezone);
  return &orphan_tables_.emplace(relation, std::move(planned)).first->second;
}

void Application::SettleOrphansOf(const std::string& relation, const std::vector<const Contribution*>& contributions) {
  const PlannedRow* planned = OrphanTable(relation);
  if (planned == nullptr) {
    std::vector<Contribution> gone;
    for (const Contribution* contribution : contributions) gone.push_back(*contribution);
    ledger_.Remove(gone);
    return;
  }
  std::map<json, Work> by_identity;
  std::vector<json> identities;
  for (const Contribution* contribution : contributions) {
    Work& work = by_identity[contribution->identity];
    if (work.withdrawn.empty()) identities.push_back(contribution->identity);
    work.withdrawn.push_back(contribution);
    work.sources.insert(SourceOf(*contribution).value());
  }
  const auto images = planned->table->Fetch(TargetTable::Lock::kWrite, transaction_, identities);
  for (std::size_t i = 0; i < identities.size(); ++i) {
    if (images[i]) by_identity[identities[i]].image = *images[i];
  }
  std::vector<Work> works = Booked(*planned->table, std::move(by_identity));
  LetGo(*planned, works);
  SettleWorks(*planned, works);
}

}  // namespace membridge::sync
