#include "sync/explain/case_runner.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <set>
#include <stdexcept>

#include "mappings/base/exact_json.hpp"
#include "mappings/check/check.hpp"
#include "sync/apply/applier.hpp"
#include "sync/apply/missing_rows.hpp"
#include "sync/apply/table_reader.hpp"
#include "sync/apply/target_table.hpp"
#include "sync/explain/case_tables.hpp"
#include "sync/explain/given_source.hpp"
#include "sync/explain/plan_text.hpp"

namespace membridge::sync {
namespace {

using mappings::TestStep;
using nlohmann::json;

/// A row that the last step touched, as it is now.
struct TouchedRow {
  std::optional<Image> image;  ///< nothing: it went
  json was;
  bool matched = false;
};

class CaseRunner {
 public:
  CaseRunner(postgres::Transaction& transaction, const Applier& applier, const mappings::Catalog& catalog, Instant now)
      : transaction_(transaction), applier_(applier), tables_(transaction, applier.Definition(), catalog), now_(now) {}

  /// A case begins now. Every step is a second later than the one before.
  void Take(const TestStep& step) {
    if (begun_) now_ += std::chrono::seconds{1};
    begun_ = true;
    switch (step.kind) {
      case TestStep::Kind::kGiven:
        return tables_.Given(step.body);
      case TestStep::Kind::kEdit:
        return tables_.Edit(step.body);
      case TestStep::Kind::kPersonDeletes:
        return tables_.Delete(step.body);
      case TestStep::Kind::kMemory:
        return Apply(From(mappings::Mapping::From::kMemory, step.body));
      case TestStep::Kind::kExport:
        return Apply(From(mappings::Mapping::From::kExport, step.body));
      case TestStep::Kind::kEvent:
        return Apply(From(mappings::Mapping::From::kEvent, step.body));
      case TestStep::Kind::kDelete:
        return Apply(Gone(step.body.get<std::string>()));
      case TestStep::Kind::kParks:
        return Parks(step.body);
      case TestStep::Kind::kThen:
        return Then(step.body);
    }
  }

  /// The decisions of the last step that applied something.
  std::string Plan() const { return plan_; }
  /// The rows that the case has met so far: identities by relation.
  const std::map<std::string, std::set<json>>& Met() const { return met_; }

 private:
  Source From(mappings::Mapping::From from, const json& body) {
    auto source = SourceFrom(from, body, now_);
    if (!source) throw CaseFailed(source.error().message);
    source->project = ProjectId{"membridge test"};
    source->fence = ++fence_;
    return std::move(*source);
  }

  Source Gone(const std::string& id) {
    Source source;
    source.project = ProjectId{"membridge test"};
    source.id = id;
    source.stamp = now_;
    source.fence = ++fence_;
    source.speaks = false;
    source.gone = true;
    return source;
  }

  Outcome ApplyOne(const Source& source) {
    Outcome outcome = applier_.Apply(transaction_, {source}, now_, true).front();
    for (const Decision& decision : outcome.decisions) {
      if (decision.identity.is_null()) continue;
      met_[decision.table].insert(decision.identity);
      if (decision.cell.empty()) tables_.Remember(decision.row, decision.table, decision.identity);
    }
    return outcome;
  }

  void Apply(const Source& source) {
    const Outcome outcome = ApplyOne(source);
    plan_ = PlanText(NameOf(source), applier_.Definition().file, outcome);
    if (outcome.kind == Outcome::Kind::kParked) throw CaseFailed("parked: " + outcome.cause);
    touched_.clear();
    Gather(outcome);
    sources_.insert_or_assign(source.id, source);
    ApplyWoken();
  }

  void Gather(const Outcome& outcome) {
    for (const Touched& touched : outcome.touched) {
      TouchedRow& row = touched_[touched.table][touched.identity];
      if (!touched.deleted.is_null()) row.was = touched.deleted;
    }
  }

  /// Applies sources again that had missed a row which the step made, as workers do.
  void ApplyWoken() {
    constexpr int kRounds = 50;
    for (int round = 0; round < kRounds; ++round) {
      Waits::Match(transaction_);
      const postgres::Rows woken = transaction_.Run(
          "SELECT DISTINCT source FROM membridge.waiting WHERE woken AND project = 'membridge test' AND mapping = $1 ORDER BY 1",
          {applier_.Definition().name});
      if (woken.empty()) return;
      for (std::size_t row = 0; row < woken.size(); ++row) {
        Source& source = sources_.at(std::string{woken.Text(row, 0)});
        source.fence = ++fence_;
        const Outcome outcome = ApplyOne(source);
        if (outcome.kind == Outcome::Kind::kParked)
          throw CaseFailed(NameOf(source) + ", which waited for a row of this step, is parked: " + outcome.cause);
        Gather(outcome);
      }
    }
    throw CaseFailed("memories make rows for one another without end");
  }

  void Parks(const json& body) {
    const char* kind = body.contains("memory") ? "memory" : body.contains("export") ? "export" : "event";
    const auto from = applier_.Definition().from;
    const Source source = From(from, body.value(kind, json::object()));
    const Outcome outcome = ApplyOne(source);
    plan_ = PlanText(NameOf(source), applier_.Definition().file, outcome);
    touched_.clear();
    if (outcome.kind != Outcome::Kind::kParked) throw CaseFailed("it was expected to be parked, and was applied");
    const std::string because = body.contains("because") && body["because"].is_string() ? body["because"].get<std::string>() : "";
    if (outcome.cause.find(because) == std::string::npos)
      throw CaseFailed(fmt::format("it was parked because \"{}\", not \"{}\"", outcome.cause, because));
  }

  void Then(const json& body) {
    std::map<std::string, const json*> expected;
    std::string problems;
    for (const auto& [name, rows] : body.items()) expected[tables_.Named(name).Relation()] = &rows;
    for (auto& [relation, rows] : touched_) {
      if (!expected.contains(relation))
        problems += fmt::format("  {}: {} touched, none expected\n", relation, Counted(rows.size()));
    }
    for (const auto& [relation, rows] : expected) problems += Compare(tables_.Named(relation), *rows, touched_[relation]);
    if (!problems.empty()) throw CaseFailed(problems.substr(0, problems.size() - 1));
  }

  static std::string Counted(std::size_t rows) { return rows == 1 ? "1 row" : fmt::format("{} rows", rows); }

  std::string Compare(const TargetTable& table, const json& expected, std::map<json, TouchedRow>& touched) {
    std::vector<json> identities;
    for (const auto& [identity, row] : touched) identities.push_back(identity);
    const auto images = TableReader{table, transaction_}.Fetch(TableReader::Lock::kNone, identities);
    std::size_t next = 0;
    for (auto& [identity, row] : touched) {
      row.image = images[next++];
      row.matched = false;
    }
    std::string problems;
    for (const json& row : expected) {
      std::string closest;
      std::size_t fewest = SIZE_MAX;
      bool found = false;
      for (auto& [identity, candidate] : touched) {
        if (candidate.matched) continue;
        if (row.is_string()) {
          found = !candidate.image;
          if (found) candidate.matched = true;
          if (found) break;
          continue;
        }
        if (!candidate.image) continue;
        const std::vector<std::string> differences = DifferencesOf(table, row, *candidate.image);
        if (differences.empty()) {
          candidate.matched = found = true;
          break;
        }
        if (differences.size() < fewest) {
          fewest = differences.size();
          closest = fmt::format("; closest is {} with {}", mappings::ExactText(identity), fmt::join(differences, ", "));
        }
      }
      if (!found)
        problems += fmt::format("  {}: expected {}{}\n", table.Relation(), mappings::ExactText(row),
                                closest.empty() ? ", and no such row was touched" : closest);
    }
    for (const auto& [identity, row] : touched) {
      if (row.matched) continue;
      problems += fmt::format(
          "  {}: not expected: {}\n", table.Relation(),
          row.image ? mappings::ExactText(table.AsJson(*row.image)) : "a deleted row " + mappings::ExactText(identity));
    }
    return problems;
  }

  /// Column by column: what is expected, read by the column's type, against what stands there.
  std::vector<std::string> DifferencesOf(const TargetTable& table, const json& expected, const Image& image) {
    std::vector<std::string> differences;
    for (const auto& [name, value] : expected.items()) {
      const auto column = table.IndexOf(name);
      if (!column) throw CaseFailed(fmt::format("{} has no column \"{}\"", table.Relation(), name));
      const json wanted = tables_.Resolved(value, true);
      const std::optional<std::string>& there = image[*column];
      if (wanted.is_null() ? !there.has_value() : there && IsEqual(table, *column, wanted, *there)) continue;
      differences.push_back(fmt::format("{} = {} instead of {}", name, there ? *there : "null", mappings::ExactText(wanted)));
    }
    return differences;
  }

  bool IsEqual(const TargetTable& table, std::size_t column, const json& wanted, const std::string& there) {
    transaction_.Savepoint("compare");
    try {
      const auto normal = TableReader{table, transaction_}.Normalise({{column, wanted}}).front();
      transaction_.Release("compare");
      if (!normal || !normal->is_string()) return false;
      if (!table.At(column).IsJson() && !table.At(column).IsArray()) return normal->get<std::string>() == there;
      return mappings::ParseExact(normal->get<std::string>()) == mappings::ParseExact(there);
    } catch (const postgres::SqlFailure& failure) {
      if (failure.IsTransient()) throw;
      transaction_.RollbackTo("compare");
      transaction_.Release("compare");
      return false;  // the column cannot hold what is expected of it
    }
  }

  postgres::Transaction& transaction_;
  const Applier& applier_;
  CaseTables tables_;
  Instant now_;
  bool begun_ = false;
  std::int64_t fence_ = 0;
  std::map<std::string, Source> sources_;      // as they were applied last, by id
  std::map<std::string, std::set<json>> met_;  // by relation
  std::string plan_;
  std::map<std::string, std::map<json, TouchedRow>> touched_;  // by relation and identity
};

/// Returns rows that the case met and that still exist after it was rolled back, so they existed before it. Identities only, no
/// values.
std::string OthersRows(postgres::Session& session, const mappings::Mapping& mapping, const mappings::Catalog& catalog,
                       const std::map<std::string, std::set<json>>& met) {
  constexpr std::size_t kMostNamed = 5;
  std::vector<std::string> others;
  try {
    postgres::Transaction transaction = session.Begin();
    others = CaseTables{transaction, mapping, catalog}.Present(met, kMostNamed);
  } catch (const postgres::SqlFailure& failure) {
    if (failure.IsTransient()) throw;  // else a policy forbids reading the rows outside of the mapping's session
  }
  if (others.empty()) return {};
  return fmt::format(
      "\n  not the case's own, but {} of the target: {}; name something in the case that no row there has, or run it "
      "with --scratch",
      others.size() == 1 ? "a row" : "rows", fmt::join(others, ", "));
}

std::string Told(const postgres::SqlFailure& failure) {
  const auto& fields = failure.fields();
  const bool in_the_way = fields.sqlstate == "23505" && !fields.detail.empty();
  return fmt::format("PostgreSQL: {} {}{}", fields.sqlstate, fields.message,
                     in_the_way ? fmt::format(": {} If no step of the case made that row, it is one of the target: run the case "
                                              "with --scratch",
                                              fields.detail)
                                : "");
}

CaseResult RunCase(postgres::Session& session, const Applier& applier, const mappings::Catalog& catalog,
                   const mappings::TestCase& one, Instant now) {
  CaseResult result;
  result.name = one.name;
  result.place = one.place;
  std::map<std::string, std::set<json>> met;
  {
    postgres::Transaction transaction = session.Begin();  // never committed
    CaseRunner runner{transaction, applier, catalog, now};
    try {
      for (const TestStep& step : one.steps) {
        result.place = step.place;
        runner.Take(step);
      }
      result.passed = true;
      return result;
    } catch (const CaseFailed& failed) {
      result.failure = std::string{failed.what()} + (runner.Plan().empty() ? "" : "\n" + runner.Plan());
    } catch (const postgres::SqlFailure& failure) {
      if (failure.IsTransient()) throw;
      result.failure = Told(failure);
    }
    met = runner.Met();
  }
  result.failure += OthersRows(session, applier.Definition(), catalog, met);
  return result;
}

}  // namespace

std::vector<CaseResult> RunCases(postgres::Session& session, const std::shared_ptr<const mappings::Mapping>& mapping,
                                 const std::shared_ptr<const mappings::Catalog>& catalog, Instant now) {
  const Applier applier{mapping, catalog};
  mappings::Catalog declared = *catalog;
  mappings::DeclareIdentities(declared, {mapping.get()});
  std::vector<CaseResult> results;
  for (const mappings::TestCase& one : mapping->tests) results.push_back(RunCase(session, applier, declared, one, now));
  return results;
}

}  // namespace membridge::sync
