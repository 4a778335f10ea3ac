#include "sync/apply/applier.hpp"

#include <algorithm>
#include <new>
#include <stdexcept>

#include "mappings/check/check.hpp"
#include "sync/apply/application.hpp"
#include "sync/apply/dependencies.hpp"
#include "sync/postgres/remedy.hpp"

namespace membridge::sync {
namespace {

/// Whether a source that failed with it may be parked where it stands, and its transaction go on.
bool IsParked(const postgres::SqlFailure& failure) {
  const postgres::Remedy remedy = postgres::RemedyFor(failure);
  return remedy == postgres::Remedy::kPark || remedy == postgres::Remedy::kLookAtTables;
}

/// What usually helps, by what PostgreSQL said.
std::string HintFor(const postgres::SqlFailure::Fields& fields) {
  const std::string& state = fields.sqlstate;
  if (!fields.hint.empty()) return fields.hint;
  if (state == "23505") return "another row holds this value: make the mapping find that row by a key, or change the other row";
  if (state == "23502") return "give the column a value in `new`, or a default in the table";
  if (state == "23503") return "the row referred to is not there (yet), or something still refers to the row that should go";
  if (state == "23514") return "the table's check refuses the value: change the value, the check, or add a `when`";
  if (state == "22001") return "the text is too long for its column: add `| truncate`";
  if (state.starts_with("22"))
    return "the value does not fit its column's type: convert it in the mapping, or leave it out with a `when`";
  if (state == "42501") return "grant the bridge's role what it needs, or set `session: {role: …}`";
  if (state.starts_with("42")) return "the table changed since the mapping was checked: run `membridge check`";
  return "";
}

}  // namespace

struct Applier::Plan : MappingPlan {
  struct Attempt {
    std::optional<std::vector<Outcome>> outcomes;  ///< nothing: refused
    Outcome refused;
    postgres::SqlFailure::Fields fields;  ///< of a refusal of PostgreSQL's
    Leaned leaned_on;
  };
  Attempt Try(postgres::Transaction& transaction, const std::vector<Source>& sources, Instant now, bool explain,
              const Leaned& passed_over) const;
  std::optional<Outcome> PassOver(postgres::Transaction& transaction, const Source& source, Instant now, bool explain,
                                  Leaned leaned_on) const;
  std::vector<Outcome> ApplyOrHalve(postgres::Transaction& transaction, const std::vector<Source>& sources, Instant now,
                                    bool explain) const;
};

Applier::Applier(std::shared_ptr<const mappings::Mapping> mapping, std::shared_ptr<const mappings::Catalog> catalog) {
  auto plan = std::make_unique<Plan>();
  // `truncate` without a number means this target's column, so each applier binds a copy of its own.
  auto bound = std::make_shared<mappings::Mapping>(*mapping);
  mappings::BindLengths(*bound, *catalog);
  plan->mapping = std::move(bound);
  const bool declares =
      std::any_of(mapping->rows.begin(), mapping->rows.end(), [](const auto& row) { return !row.identity.empty(); });
  if (declares) {
    auto declared = std::make_shared<mappings::Catalog>(*catalog);
    mappings::DeclareIdentities(*declared, {mapping.get()});
    catalog = std::move(declared);
  }
  plan->catalog = std::move(catalog);
  mappings::Scope scope;
  scope.Set("vars", &plan->mapping->vars);
  for (const auto& [name, spec] : plan->mapping->session) {
    const auto text = mappings::TextOfSetting(spec, scope);
    if (!text) continue;
    if (name == "role") {
      plan->role = *text;
      continue;
    }
    plan->settings.emplace_back(name, *text);
  }
  for (const mappings::Row& row : plan->mapping->rows) {
    const mappings::Table* table = mappings::TableOf(row, *plan->mapping, *plan->catalog);
    if (table == nullptr) throw std::invalid_argument(plan->mapping->file + ": there is no table " + row.TableName());
    PlannedRow& planned = plan->rows.emplace_back();
    planned.row = &row;
    planned.table =
        std::make_unique<TargetTable>(*table, LivenessOf(row, *table, *plan->mapping), plan->role, plan->mapping->timezone);
    planned.speaks = row.create || !row.set.empty();
    planned.remembers = row.add.empty() || !row.set.empty();
    for (const mappings::Key& key : row.keys) {
      for (const mappings::Assignment& part : key.parts) planned.key_columns.insert(part.cell.column);
    }
  }
  plan_ = std::move(plan);
}

Applier::~Applier() = default;

const mappings::Mapping& Applier::Definition() const {
  return *plan_->mapping;
}

std::vector<Outcome> Applier::Apply(postgres::Transaction& transaction, const std::vector<Source>& sources, Instant now,
                                    bool explain, Refused refused) const {
  if (sources.empty()) return {};
  if (refused == Refused::kThrown)
    return Application{*plan_, transaction, sources, now, explain, {}}.Run(Application::Deferred::kLeft);
  return plan_->ApplyOrHalve(transaction, sources, now, explain);
}

/// Applies them inside a savepoint of its own. What they lean on in vain is left out: claims of the sources in `passed_over`.
Applier::Plan::Attempt Applier::Plan::Try(postgres::Transaction& transaction, const std::vector<Source>& sources, Instant now,
                                          bool explain, const Leaned& passed_over) const {
  // One name for every depth: a later savepoint of the same name hides the earlier one until it is released.
  transaction.Savepoint("apply");
  Attempt attempt;
  attempt.refused.kind = Outcome::Kind::kParked;
  Application application{*this, transaction, sources, now, explain, passed_over};
  try {
    attempt.outcomes = application.Run(Application::Deferred::kAsked);
    transaction.Release("apply");
    return attempt;
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
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const std::exception& unexpected) {
    attempt.refused.code = ErrorCode::kRowRejected;
    attempt.refused.cause = std::string{"unexpected: "} + unexpected.what();
  }
  transaction.RollbackTo("apply");
  transaction.Release("apply");
  const mappings::Row* row = application.At();
  attempt.refused.place = mapping->file + (row == nullptr ? "" : ":" + std::to_string(row->place.line));
  attempt.leaned_on = application.LeanedOn();
  return attempt;
}

/// A source that is refused may be refused for what others said before it: then the claims it fell back on are passed over, and
/// those who made them are to be applied anew. Nothing when that does not help.
std::optional<Outcome> Applier::Plan::PassOver(postgres::Transaction& transaction, const Source& source, Instant now,
                                               bool explain, Leaned leaned_on) const {
  Leaned passed_over;
  for (std::size_t before = 0; true; before = passed_over.size()) {
    passed_over.insert(leaned_on.begin(), leaned_on.end());
    if (passed_over.size() == before) return std::nullopt;
    Attempt attempt = Try(transaction, {source}, now, explain, passed_over);
    leaned_on = std::move(attempt.leaned_on);
    if (!attempt.outcomes) continue;
    Outcome outcome = std::move(attempt.outcomes->front());
    for (const auto& [project, memory] : passed_over) outcome.passed_over.emplace_back(project, memory);
    return outcome;
  }
}

std::vector<Outcome> Applier::Plan::ApplyOrHalve(postgres::Transaction& transaction, const std::vector<Source>& sources,
                                                 Instant now, bool explain) const {
  Attempt attempt = Try(transaction, sources, now, explain, {});
  if (attempt.outcomes) return std::move(*attempt.outcomes);
  if (sources.size() == 1) {
    if (auto outcome = PassOver(transaction, sources.front(), now, explain, attempt.leaned_on)) return {std::move(*outcome)};
    Waits::Forget(transaction, mapping->name, sources.front());
    attempt.refused.depends_on = DependenciesOf(transaction, attempt.fields);
    return {attempt.refused};
  }
  const auto middle = sources.begin() + static_cast<std::ptrdiff_t>(sources.size() / 2);
  std::vector<Outcome> outcomes = ApplyOrHalve(transaction, {sources.begin(), middle}, now, explain);
  std::vector<Outcome> rest = ApplyOrHalve(transaction, {middle, sources.end()}, now, explain);
  std::move(rest.begin(), rest.end(), std::back_inserter(outcomes));
  return outcomes;
}

}  // namespace membridge::sync
