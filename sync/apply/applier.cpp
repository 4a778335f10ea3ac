#include "sync/apply/applier.hpp"

#include <algorithm>
#include <new>
#include <stdexcept>

#include "mappings/base/table_name.hpp"
#include "mappings/check/check.hpp"
#include "sync/apply/application.hpp"
#include "sync/apply/dependencies.hpp"
#include "sync/apply/known_tables.hpp"
#include "sync/apply/mapping_settings.hpp"
#include "sync/apply/plan.hpp"
#include "sync/apply/refusal.hpp"
#include "sync/apply/touched_tables.hpp"
#include "sync/catalog/catalog_reader.hpp"
#include "sync/postgres/remedy.hpp"

namespace membridge::sync {
namespace {

/// Whether a source that failed so may be parked at once, while its transaction goes on.
bool IsParked(const postgres::SqlFailure& failure) {
  const postgres::Remedy remedy = postgres::RemedyFor(failure);
  return remedy == postgres::Remedy::kPark || remedy == postgres::Remedy::kLookAtTables;
}

/// Returns a hint for the operator, by PostgreSQL's SQLSTATE.
std::string HintFor(const postgres::SqlFailure::Fields& fields) {
  const std::string& state = fields.sqlstate;
  if (!fields.hint.empty()) return fields.hint;
  if (state == "23505") return "another row holds this value: make the mapping find that row by a key, or change the other row";
  if (state == "23502") return "give the column a value in `new`, or a default in the table";
  if (state == "23503")
    return "the row that this one refers to does not exist (yet), or other rows still refer to the row to be deleted";
  if (state == "23514") return "the table's check refuses the value: change the value, the check, or add a `when`";
  if (state == "22001") return "the text is too long for its column: add `| truncate`";
  if (state.starts_with("22"))
    return "the value does not fit its column's type: convert it in the mapping, or leave it out with a `when`";
  if (state == "42501") return "grant the bridge's role what it needs, or set `session: {role: …}`";
  if (state.starts_with("42")) return "the table changed since the mapping was checked: run `membridge check`";
  return "";
}

constexpr const char* kCheckHint = "the table was altered: run `membridge check`, and fix the mapping or the table";

/// The result of sources that were tried together.
struct Attempt {
  std::optional<std::vector<Outcome>> outcomes;  ///< nothing: refused
  Outcome refused;
  postgres::SqlFailure::Fields fields{};  ///< of a refusal of PostgreSQL's
  Leaned leaned_on;
};

/// Runs `work` and returns its result or the refusal.
template <class Work>
Attempt Attempted(const Work& work) {
  Attempt attempt;
  attempt.refused.kind = Outcome::Kind::kParked;
  try {
    attempt.outcomes = work();
  } catch (const postgres::SqlFailure& failure) {
    if (!IsParked(failure)) throw;
    attempt.fields = failure.fields();
    attempt.refused.code = failure.IsRowRejected() ? ErrorCode::kRowRejected : ErrorCode::kBadMapping;
    attempt.refused.cause = attempt.fields.message + (attempt.fields.detail.empty() ? "" : " (" + attempt.fields.detail + ")");
    attempt.refused.hint = HintFor(attempt.fields);
    attempt.refused.sqlstate = attempt.fields.sqlstate;
  } catch (const Refusal& refusal) {
    attempt.refused.code = refusal.code;
    attempt.refused.cause = refusal.what();
    attempt.refused.hint = refusal.hint;
    attempt.refused.candidates = refusal.candidates;
    if (!refusal.candidates.empty()) attempt.refused.sqlstate = kAmbiguous;
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const std::exception& unexpected) {
    attempt.refused.code = ErrorCode::kRowRejected;
    attempt.refused.cause = std::string{"unexpected: "} + unexpected.what();
  }
  return attempt;
}

/// Whether a statement failed because it names something that the table does not have any more.
bool IsOfOldCatalogue(const postgres::SqlFailure& failure) {
  const std::string& state = failure.fields().sqlstate;
  return state == "42P01" || state == "42703" || state == "3F000";
}

/// Refuses a mapping that does not fit the tables as just read. It does not check unmapped columns: when an INSERT needs one, the
/// refused row says so.
void RefuseMisfits(const mappings::Mapping& mapping, const mappings::Catalog& catalog) {
  std::map<std::string, std::set<std::string>> named;
  for (const mappings::Row& row : mapping.rows) {
    const mappings::Table* table = mappings::TableOf(row, mapping, catalog);
    const auto read = ColumnsRead(mapping, row);
    if (table != nullptr && read) named[NameOfTable(table->schema, table->name)].insert(read->begin(), read->end());
  }
  mappings::Catalog loose;
  loose.SetSearchPath(catalog.SearchPath());
  for (const mappings::Table* table : catalog.Tables()) {
    mappings::Table copy = *table;
    std::set<std::string>& kept = named[NameOfTable(copy.schema, copy.name)];
    for (const mappings::UniqueIndex& index : copy.unique_indexes) kept.insert(index.columns.begin(), index.columns.end());
    for (mappings::Column& column : copy.columns) {
      if (!kept.contains(column.name)) column.not_null = false;
    }
    loose.Add(std::move(copy));
  }
  mappings::Diagnostics problems;
  mappings::CheckAgainst(loose, {&mapping}, problems);
  for (const auto& problem : problems.Sorted()) {
    if (problem.severity == mappings::Severity::kError) throw Refusal(ErrorCode::kBadMapping, problem.Text(), kCheckHint);
  }
}

/// Applies the sources inside a savepoint. Leaves out claims of the sources in `passed_over`, which could not be written.
Attempt Try(const MappingPlan& plan, postgres::Transaction& transaction, const std::vector<Source>& sources, Instant now,
            bool explain, const Leaned& passed_over) {
  // One name for every depth: a later savepoint of the same name hides the earlier one until it is released.
  transaction.Savepoint("apply");
  Application application{plan, transaction, sources, now, explain, passed_over};
  Attempt attempt = Attempted([&] { return application.Run(Application::Deferred::kAsked); });
  if (attempt.outcomes) {
    transaction.Release("apply");
    return attempt;
  }
  transaction.RollbackTo("apply");
  transaction.Release("apply");
  const mappings::Row* row = application.At();
  attempt.refused.place = plan.mapping->file + (row == nullptr ? "" : ":" + std::to_string(row->place.line));
  attempt.leaned_on = application.LeanedOn();
  return attempt;
}

/// A source may be refused because of older claims of others that became the newest. This tries again without these claims, whose
/// sources must then be applied anew. Returns nothing when that does not help.
std::optional<Outcome> PassOver(const MappingPlan& plan, postgres::Transaction& transaction, const Source& source, Instant now,
                                bool explain, Leaned leaned_on) {
  Leaned passed_over;
  for (std::size_t before = 0; true; before = passed_over.size()) {
    passed_over.insert(leaned_on.begin(), leaned_on.end());
    if (passed_over.size() == before) return std::nullopt;
    Attempt attempt = Try(plan, transaction, {source}, now, explain, passed_over);
    leaned_on = std::move(attempt.leaned_on);
    if (!attempt.outcomes) continue;
    Outcome outcome = std::move(attempt.outcomes->front());
    for (const auto& [project, memory] : passed_over) outcome.passed_over.emplace_back(project, memory);
    return outcome;
  }
}

std::vector<Outcome> ApplyOrHalve(const MappingPlan& plan, postgres::Transaction& transaction, const std::vector<Source>& sources,
                                  Instant now, bool explain) {
  Attempt attempt = Try(plan, transaction, sources, now, explain, {});
  if (attempt.outcomes) return std::move(*attempt.outcomes);
  if (sources.size() == 1) {
    if (auto outcome = PassOver(plan, transaction, sources.front(), now, explain, attempt.leaned_on))
      return {std::move(*outcome)};
    Waits::Forget(transaction, plan.mapping->name, sources.front());
    attempt.refused.depends_on = DependenciesOf(transaction, attempt.fields);
    return {attempt.refused};
  }
  const auto middle = sources.begin() + static_cast<std::ptrdiff_t>(sources.size() / 2);
  std::vector<Outcome> outcomes = ApplyOrHalve(plan, transaction, {sources.begin(), middle}, now, explain);
  std::vector<Outcome> rest = ApplyOrHalve(plan, transaction, {middle, sources.end()}, now, explain);
  std::move(rest.begin(), rest.end(), std::back_inserter(outcomes));
  return outcomes;
}

}  // namespace

Applier::Applier(std::shared_ptr<const mappings::Mapping> mapping, std::shared_ptr<const mappings::Catalog> catalog,
                 bool tells_changes)
    : mapping_(std::move(mapping)),
      tells_changes_(tells_changes),
      plan_(MakePlan(*mapping_, std::move(catalog), {}, tells_changes)) {}

Applier::~Applier() = default;

std::shared_ptr<const MappingPlan> Applier::PlanIn(postgres::Transaction& transaction, const std::vector<Source>& sources,
                                                   Instant now) const {
  constexpr int kLooks = 4;
  for (int look = 0; look < kLooks; ++look) {
    std::shared_ptr<const MappingPlan> plan;
    {
      const std::lock_guard lock{mutex_};
      plan = plan_;
    }
    std::vector<const TargetTable*> tables;
    for (const PlannedRow& planned : plan->rows) tables.push_back(planned.table.get());
    if (tables.empty()) return plan;
    bool is_old = false;
    bool is_narrow = false;
    try {
      KnownTables known{transaction};
      // Row security may use the mapping's session settings, and planning a statement already evaluates it.
      MappingSettings settings{transaction, plan->settings};
      known.Hold(TouchedTables(*plan, transaction, sources, now));
      settings.Leave();
      const auto followed = known.Follow(tables);
      is_old = !followed.is_current;
      for (const TargetTable* table : tables) {
        const auto remembered = followed.remembered.find(table->Relation());
        if (remembered == followed.remembered.end()) continue;
        for (const std::string& column : remembered->second)
          is_narrow = is_narrow || !table->Reads(table->IndexOf(column).value());
      }
      if (is_narrow) {
        const std::lock_guard lock{mutex_};
        for (const auto& [relation, columns] : followed.remembered) remembered_[relation].insert(columns.begin(), columns.end());
      }
    } catch (const postgres::SqlFailure& failure) {
      if (!IsOfOldCatalogue(failure)) throw;
      transaction.RollbackTo("plan");
      is_old = true;
    }
    if (!is_old && !is_narrow) return plan;
    Renew(transaction, *plan, is_old);
  }
  throw Refusal(ErrorCode::kUnavailable, "the tables of mapping " + mapping_->name + " are altered faster than they can be read",
                "the bridge tries again by itself");
}

void Applier::Renew(postgres::Transaction& transaction, const MappingPlan& old, bool is_old) const {
  std::shared_ptr<const mappings::Catalog> catalog = old.catalog;
  if (is_old) {
    CatalogRequest request;
    request.tables.emplace();
    for (const PlannedRow& planned : old.rows) {
      const mappings::Table& table = planned.table->Definition();
      request.tables->push_back({table.schema, table.name});
    }
    catalog = std::make_shared<const mappings::Catalog>(ReadCatalog(transaction, request));
    RefuseMisfits(*mapping_, *catalog);
  }
  const std::lock_guard lock{mutex_};
  try {
    plan_ = MakePlan(*mapping_, std::move(catalog), remembered_, tells_changes_);
  } catch (const std::invalid_argument& problem) {
    throw Refusal(ErrorCode::kBadMapping, problem.what(), kCheckHint);
  }
}

std::vector<Outcome> Applier::Apply(postgres::Transaction& transaction, const std::vector<Source>& sources, Instant now,
                                    bool explain, Refused refused) const {
  if (sources.empty()) return {};
  transaction.Savepoint("plan");
  if (refused == Refused::kThrown) {
    const auto plan = PlanIn(transaction, sources, now);
    transaction.Release("plan");
    return Application{*plan, transaction, sources, now, explain, {}}.Run(Application::Deferred::kLeft);
  }
  std::shared_ptr<const MappingPlan> plan;
  const Attempt attempt = Attempted([&] {
    plan = PlanIn(transaction, sources, now);
    return std::vector<Outcome>{};
  });
  if (!attempt.outcomes) transaction.RollbackTo("plan");
  transaction.Release("plan");
  if (attempt.outcomes) return ApplyOrHalve(*plan, transaction, sources, now, explain);
  std::vector<Outcome> parked(sources.size(), attempt.refused);
  for (Outcome& outcome : parked) outcome.place = mapping_->file;
  return parked;
}

}  // namespace membridge::sync
