#include "sync/apply/applier.hpp"

#include <algorithm>
#include <stdexcept>

#include "mappings/check/check.hpp"
#include "sync/apply/application.hpp"

namespace membridge::sync {
namespace {

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
  std::vector<Outcome> ApplyOrHalve(postgres::Transaction& transaction, const std::vector<Source>& sources, Instant now,
                                    bool explain) const;
};

Applier::Applier(std::shared_ptr<const mappings::Mapping> mapping, std::shared_ptr<const mappings::Catalog> catalog) {
  auto plan = std::make_unique<Plan>();
  // `truncate` without a number means this target's column, so each applier binds a copy of its own.
  auto bound = std::make_shared<mappings::Mapping>(*mapping);
  mappings::BindLengths(*bound, *catalog);
  plan->mapping = std::move(bound);
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
    planned.table = std::make_unique<TargetTable>(*table, row.live, plan->role);
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
                                    bool explain) const {
  if (sources.empty()) return {};
  return plan_->ApplyOrHalve(transaction, sources, now, explain);
}

std::vector<Outcome> Applier::Plan::ApplyOrHalve(postgres::Transaction& transaction, const std::vector<Source>& sources,
                                                 Instant now, bool explain) const {
  // One name for every depth: a later savepoint of the same name hides the earlier one until it is released.
  transaction.Savepoint("apply");
  Outcome refused;
  refused.kind = Outcome::Kind::kParked;
  Application application{*this, transaction, sources, now, explain};
  try {
    std::vector<Outcome> outcomes = application.Run();
    transaction.Release("apply");
    return outcomes;
  } catch (const postgres::SqlFailure& failure) {
    if (failure.IsTransient()) throw;
    const auto& fields = failure.fields();
    refused.code = failure.IsRowRejected() ? ErrorCode::kRowRejected : ErrorCode::kBadMapping;
    refused.cause = fields.message + (fields.detail.empty() ? "" : " (" + fields.detail + ")");
    refused.hint = HintFor(fields);
    refused.sqlstate = fields.sqlstate;
  } catch (const Refusal& refusal) {
    refused.code = refusal.code;
    refused.cause = refusal.what();
    refused.hint = refusal.hint;
  }
  transaction.RollbackTo("apply");
  transaction.Release("apply");
  if (sources.size() == 1) {
    Waits::Forget(transaction, mapping->name, sources.front());
    const mappings::Row* row = application.At();
    refused.place = mapping->file + (row == nullptr ? "" : ":" + std::to_string(row->place.line));
    return {refused};
  }
  const auto middle = sources.begin() + static_cast<std::ptrdiff_t>(sources.size() / 2);
  std::vector<Outcome> outcomes = ApplyOrHalve(transaction, {sources.begin(), middle}, now, explain);
  std::vector<Outcome> rest = ApplyOrHalve(transaction, {middle, sources.end()}, now, explain);
  std::move(rest.begin(), rest.end(), std::back_inserter(outcomes));
  return outcomes;
}

}  // namespace membridge::sync
