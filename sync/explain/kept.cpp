#include "sync/explain/kept.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <set>

#include "mappings/base/digest.hpp"
#include "mappings/base/exact_json.hpp"
#include "sync/apply/cells.hpp"
#include "sync/apply/ledger.hpp"
#include "sync/apply/table_reader.hpp"
#include "sync/apply/target_table.hpp"
#include "sync/catalog/readable_columns.hpp"
#include "sync/explain/why.hpp"
#include "sync/queue/mirror.hpp"
#include "sync/queue/queue.hpp"
#include "sync/targets/known_ledger.hpp"
#include "sync/targets/ledger_tie.hpp"

namespace membridge::sync {
namespace {

using nlohmann::json;

/// How many rows are read together, and at most for one page, so that a call stays short even when many rows were settled since.
constexpr std::size_t kRowsAtOnce = 200;
constexpr std::size_t kRowsPerPage = 2000;

/// `17-3fa9c1d20b7e`: the ledger's row, and a digest of the cell with what both sides say.
std::string IdOf(std::int64_t row, const Disagreement& one) {
  const json said = json::array({one.relation, one.cell, one.current, one.claimed});
  return fmt::format("{}-{}", row, mappings::Sha256Hex(mappings::ExactText(said)).substr(0, 12));
}

std::optional<std::int64_t> NumberIn(std::string_view text) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc{} && end == text.data() + text.size() && number >= 0 ? std::optional{number} : std::nullopt;
}

/// A disagreement with both values as the ledger has them.
struct Open {
  std::int64_t row = 0;
  Content current, claimed;
  Disagreement told;
};

/// Compares what memories and people say in the present rows of a target.
class Asking {
 public:
  Asking(postgres::Transaction& there, const KeptTables& tables) : there_(there), tables_(tables), ledger_(there) {}

  std::vector<LedgerRow> RowsAfter(std::int64_t id) { return ledger_.WithKeptAfter(id, kRowsAtOnce); }
  std::optional<LedgerRow> Locked(std::int64_t id) { return ledger_.Locked(id); }
  void Save(const LedgerRow& row) { ledger_.Save(std::vector<const LedgerRow*>{&row}); }

  /// Returns the open disagreements of these rows, in their order. Skips rows of tables that no mapping in force writes.
  std::vector<Open> In(const std::vector<LedgerRow>& rows);

 private:
  const TargetTable* TableOf(const std::string& relation);
  std::optional<Open> Of(const LedgerRow& row, const std::string& name, const KeptCell& kept, const Image& image,
                         const std::vector<Contribution>& said);

  postgres::Transaction& there_;
  const KeptTables& tables_;
  Ledger ledger_;
  std::map<std::string, std::unique_ptr<TargetTable>> by_relation_;
};

const TargetTable* Asking::TableOf(const std::string& relation) {
  const auto known = by_relation_.find(relation);
  if (known != by_relation_.end()) return known->second.get();
  auto& table = by_relation_[relation];
  const mappings::Table* definition = tables_.catalog.FindRelation(relation);
  if (definition != nullptr && !definition->Identity().empty())
    table = std::make_unique<TargetTable>(*definition, std::nullopt, std::nullopt, ReadableColumns(there_, *definition));
  return table.get();
}

std::optional<Open> Asking::Of(const LedgerRow& row, const std::string& name, const KeptCell& kept, const Image& image,
                               const std::vector<Contribution>& said) {
  const TargetTable& table = *TableOf(row.relation);
  const auto cell = CellNamed(table, name);
  const Contribution* newest = nullptr;
  for (const Contribution& one : said) {
    const bool speaks = one.row_id == row.id && one.cells.contains(name);
    if (speaks && (newest == nullptr || one.IsNewerThan(*newest))) newest = &one;
  }
  if (!cell || newest == nullptr) return std::nullopt;
  const Content current = ReadCell(table, image, *cell);
  const Content& claimed = newest->cells.at(name).value;
  if (current == claimed) return std::nullopt;
  Open open{row.id, current, claimed, {}};
  Disagreement& one = open.told;
  one.relation = row.relation;
  one.identity = row.identity;
  one.cell = name;
  one.current = current.value_or(nullptr);
  one.claimed = claimed.value_or(nullptr);
  one.project = newest->project;
  one.mapping = newest->mapping;
  one.source = newest->source;
  one.memory = MemoryOfEvent(there_, *newest);
  one.stamp = FormatRfc3339(newest->stamp);
  one.place = PlaceOf(tables_.mappings, *newest, name);
  one.touched = row.theirs;
  one.since = *kept.since;
  one.id = IdOf(row.id, one);
  return open;
}

std::vector<Open> Asking::In(const std::vector<LedgerRow>& rows) {
  std::vector<std::int64_t> ids;
  std::map<std::string, std::vector<const LedgerRow*>> by_relation;
  for (const LedgerRow& row : rows) {
    const bool open = std::any_of(row.kept.begin(), row.kept.end(), [](const auto& one) { return one.second.IsOpen(); });
    if (!open || TableOf(row.relation) == nullptr) continue;
    ids.push_back(row.id);
    by_relation[row.relation].push_back(&row);
  }
  const std::vector<Contribution> said = ledger_.ContributionsTo(ids);
  std::map<std::int64_t, Image> images;
  for (const auto& [relation, members] : by_relation) {
    std::vector<json> identities;
    for (const LedgerRow* row : members) identities.push_back(row->identity);
    const auto fetched = TableReader{*TableOf(relation), there_}.Fetch(TableReader::Lock::kNone, identities);
    for (std::size_t i = 0; i < members.size(); ++i) {
      if (fetched[i]) images[members[i]->id] = *fetched[i];
    }
  }
  std::vector<Open> open;
  for (const LedgerRow& row : rows) {
    const auto image = images.find(row.id);
    if (image == images.end()) continue;
    for (const auto& [name, kept] : row.kept) {
      if (!kept.IsOpen()) continue;
      if (auto one = Of(row, name, kept, image->second, said)) open.push_back(std::move(*one));
    }
  }
  return open;
}

bool IsMeant(const KeptFilter& filter, const Disagreement& one) {
  const auto is = [](const std::optional<std::string>& wanted, const std::string& there) { return !wanted || *wanted == there; };
  const std::size_t dot = one.relation.find('.');
  const bool table = is(filter.table, one.relation) || is(filter.table, one.relation.substr(dot + 1));
  return table && is(filter.project, one.project) && is(filter.mapping, one.mapping) &&
         (is(filter.memory, one.source) || is(filter.memory, one.memory));
}

/// Marks the memory to be applied again from the mirror. Returns false when the source is not a memory in the mirror.
bool ApplyAgain(postgres::Session& state, const Disagreement& one) {
  if (!one.memory.empty()) return false;
  const ProjectId project{one.project};
  const MemoryId memory{one.source};
  postgres::Transaction transaction = state.Begin();
  const postgres::Rows rows = transaction.Run(
      "SELECT FROM membridge.memories WHERE bucket = $1 AND project = $2 AND memory_id = $3 AND record IS NOT NULL",
      {std::to_string(BucketOf(project, memory)), one.project, one.source});
  if (rows.empty()) return false;
  Mirror{transaction}.ForgetApplied(project, {memory});
  Queue{transaction}.Mark(project, {memory}, "reproject");
  transaction.Commit();
  return true;
}

std::string ValueInWords(const json& value) {
  if (value.is_null()) return "nothing";
  return value.is_string() ? "'" + value.get<std::string>() + "'" : mappings::ExactText(value);
}

}  // namespace

Result<KeptPage> ListKept(postgres::Transaction& there, const KeptTables& tables, const KeptFilter& filter, std::size_t limit,
                          const std::optional<std::string>& cursor) {
  const auto after = NumberIn(cursor.value_or("0"));
  if (!after) return Fail(ErrorCode::kRefused, "the cursor is not one of this list", "give `next` of the page before");
  KeptPage page;
  Asking asking{there, tables};
  std::int64_t last = *after;
  for (std::size_t looked_at = 0; page.cells.size() < limit;) {
    const std::vector<LedgerRow> rows = asking.RowsAfter(last);
    for (Open& one : asking.In(rows)) {
      // A page ends behind a row, never within it.
      if (page.cells.size() >= limit && one.row != last) {
        page.next = std::to_string(last);
        return page;
      }
      last = one.row;
      if (IsMeant(filter, one.told)) page.cells.push_back(std::move(one.told));
    }
    if (rows.size() < kRowsAtOnce) return page;
    last = rows.back().id;
    looked_at += rows.size();
    if (looked_at >= kRowsPerPage) break;
  }
  page.next = std::to_string(last);
  return page;
}

std::int64_t CountKept(postgres::Transaction& there) {
  return there
      .Run(
          "SELECT count(*) FROM membridge.rows AS l, LATERAL jsonb_each(l.kept) AS k (cell, entry) WHERE l.kept IS NOT NULL "
          "AND k.entry ? 's' AND NOT k.entry ? 't' "
          "AND EXISTS (SELECT FROM membridge.contributions AS c WHERE c.row_id = l.id AND c.cells ? k.cell)")
      .Int(0, 0);
}

Result<KeptDecision> DecideKept(postgres::Session& state, postgres::Session& there, const std::string& target,
                                const KeptTables& tables, const std::string& id, KeptChoice choice) {
  const auto missing = Fail(ErrorCode::kNotFound, "no disagreement " + id + " is open",
                            "it was settled, or one side says something else now: membridge kept list names those that are open");
  const auto row_id = NumberIn(std::string_view{id}.substr(0, id.find('-')));
  if (!row_id) return missing;
  const auto known = KnownLedger(state, there, target);
  if (!known) return tl::unexpected<Error>(known.error());
  postgres::Transaction transaction = there.Begin();
  EnterLedger(transaction, *known);
  Asking asking{transaction, tables};
  auto row = asking.Locked(*row_id);
  if (!row) return missing;
  std::optional<Open> meant;
  for (Open& one : asking.In({*row})) {
    if (one.told.id == id) meant = std::move(one);
  }
  if (!meant) return missing;
  const std::string& cell = meant->told.cell;
  if (choice == KeptChoice::kDismiss) {
    Dismiss(row->kept.at(cell), cell, meant->claimed);
  } else {
    // Records the present value as if the bridge had written it. The next claim then replaces it, and it is restored when no
    // memory claims the cell any more. A person's later change counts as a person's again.
    row->cells[cell] = CellEntry{meant->current, meant->current, {}};
    row->kept.at(cell).taken = true;
  }
  asking.Save(*row);
  transaction.Commit();
  const bool again = choice == KeptChoice::kTake && ApplyAgain(state, meant->told);
  return KeptDecision{std::move(meant->told), again};
}

std::string KeptText(const Disagreement& one) {
  const std::string speaker = one.memory.empty() ? one.source : fmt::format("event {} of memory {}", one.source, one.memory);
  return fmt::format("{}  {} {} {}\n    stands: {}\n    {} says {} (version {}, project {}, {})\n", one.id, one.relation,
                     mappings::ExactText(one.identity), one.cell, ValueInWords(one.current), speaker, ValueInWords(one.claimed),
                     one.stamp, one.project, one.place.empty() ? "mapping " + one.mapping : one.place);
}

nlohmann::ordered_json KeptJson(const std::string& target, const Disagreement& one) {
  return {{"id", one.id},
          {"target", target},
          {"table", one.relation},
          {"identity", one.identity},
          {"cell", one.cell},
          {"current", one.current},
          {"touched_at", one.touched ? nlohmann::ordered_json(FormatRfc3339(*one.touched)) : nlohmann::ordered_json()},
          {"claimed", one.claimed},
          {"project", one.project},
          {"memory", one.memory.empty() ? one.source : one.memory},
          {"version", one.stamp},
          {"mapping", one.mapping},
          {"place", one.place},
          {"since", FormatRfc3339(one.since)}};
}

}  // namespace membridge::sync
