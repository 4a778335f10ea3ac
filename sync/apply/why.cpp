#include "sync/apply/why.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "sync/apply/cells.hpp"
#include "sync/apply/ledger.hpp"
#include "sync/apply/target_table.hpp"

namespace membridge::sync {
namespace {

using nlohmann::json;

/// `7`, or `tenant=1,id=7`.
Result<json> IdentityFrom(const TargetTable& table, const std::string& key) {
  const std::vector<std::string> columns = table.Definition().Identity();
  json identity = json::object();
  if (columns.size() == 1 && !key.starts_with(columns.front() + "=")) {
    identity[columns.front()] = key;
    return identity;
  }
  for (std::size_t i = 0; i < columns.size(); ++i) {
    const std::string lead = columns[i] + "=";
    const auto at = key.find(lead);
    if (at == std::string::npos || (at != 0 && key[at - 1] != ','))
      return Fail(ErrorCode::kNotFound, fmt::format("the key of {} has the columns {}", table.Relation(), fmt::join(columns, ", ")),
                  fmt::format("write it as {}=…", fmt::join(columns, "=…,")));
    const auto end = key.find(',', at);
    identity[columns[i]] = key.substr(at + lead.size(), end == std::string::npos ? end : end - at - lead.size());
  }
  return identity;
}

std::string PlaceOf(const std::vector<std::shared_ptr<const mappings::Mapping>>& mappings, const Contribution& contribution, const std::string& cell) {
  for (const auto& mapping : mappings) {
    if (mapping->name != contribution.mapping) continue;
    for (const mappings::Row& row : mapping->rows) {
      if (row.name != contribution.name) continue;
      for (const mappings::Assignment& assignment : row.set) {
        if (assignment.cell.name == cell) return fmt::format("{}:{}", mapping->file, assignment.cell_place.line);
      }
      return fmt::format("{}:{}", mapping->file, row.place.line);
    }
  }
  return "";
}

/// The last delivery that named each memory.
std::map<std::string, std::pair<std::string, std::string>> DeliveriesOf(postgres::Session& state, const std::vector<Contribution>& contributions) {
  std::map<std::string, std::pair<std::string, std::string>> last;
  std::set<std::string> sources;
  for (const Contribution& contribution : contributions) sources.insert(contribution.source);
  for (const std::string& source : sources) {
    const auto rows = state.Run(
        "SELECT id, received_at::text FROM membridge.deliveries WHERE memories @> ARRAY[$1] ORDER BY received_at DESC LIMIT 1", {source});
    if (!rows.empty()) last[source] = {std::string{rows.Text(0, 0)}, std::string{rows.Text(0, 1)}};
  }
  return last;
}

std::string Shown(const json& value) {
  if (value.is_null()) return "null";
  return value.is_string() ? "'" + value.get<std::string>() + "'" : value.dump(-1, ' ', false, json::error_handler_t::replace);
}

}  // namespace

Result<RowHistory> Why(postgres::Session& target, postgres::Session& state, const mappings::Catalog& catalog,
                       const std::vector<std::shared_ptr<const mappings::Mapping>>& mappings, const std::string& table, const std::string& key,
                       const std::optional<std::string>& column) {
  const auto dot = table.find('.');
  const mappings::Table* definition =
      dot == std::string::npos ? catalog.Find("", table) : catalog.Find(table.substr(0, dot), table.substr(dot + 1));
  if (definition == nullptr) return Fail(ErrorCode::kNotFound, fmt::format("there is no table {}", table), "name it as schema.table");
  const TargetTable rows{*definition, std::nullopt, std::nullopt};
  const auto identity = IdentityFrom(rows, key);
  if (!identity) return Within(identity.error(), "key");

  postgres::Transaction transaction = target.Begin();  // read only; never committed
  std::optional<Image> image;
  try {
    image = rows.Fetch(transaction, {*identity}).front();
  } catch (const postgres::SqlFailure& failure) {
    if (failure.IsTransient()) throw;
    return Fail(ErrorCode::kNotFound, fmt::format("{} is no key of {}", key, rows.Relation()), "give the primary key as the column prints it");
  }
  if (!image) return Fail(ErrorCode::kNotFound, fmt::format("{} has no row {}", rows.Relation(), key), "give the primary key, not another column");
  Ledger ledger{transaction};
  const auto known = ledger.Known(rows.Relation(), rows.IdentityOf(*image));
  if (!known) return Fail(ErrorCode::kNotFound, fmt::format("the bridge never wrote row {} of {}", key, rows.Relation()), "everything in it is other people's");

  RowHistory history{rows.Relation(), known->identity, known->created, {}};
  const std::vector<Contribution> contributions = ledger.ContributionsTo({known->id});
  const auto deliveries = DeliveriesOf(state, contributions);
  std::set<std::string> names;
  for (const Contribution& contribution : contributions) {
    for (const auto& [name, claimed] : contribution.cells) names.insert(name);
  }
  for (const auto& [name, entry] : known->cells) {
    if (!name.starts_with("{")) names.insert(name);
  }
  for (const std::string& name : names) {
    const auto cell = CellNamed(rows, name);
    if (!cell) continue;
    if (column && name != *column && !Covers(*cell, *column) && cell->column != *column) continue;
    CellHistory& one = history.cells.emplace_back();
    one.cell = name;
    const Content current = ReadCell(rows, *image, *cell);
    one.current = current.value_or(nullptr);
    const auto entry = known->cells.find(name);
    if (entry != known->cells.end()) {
      one.before = entry->second.before.value_or(nullptr);
      one.written = entry->second.written.value_or(nullptr);
    }
    one.is_persons = cell->kind != mappings::Cell::Kind::kElements && (entry == known->cells.end() || entry->second.written != current);
    std::vector<const Contribution*> claimants;
    for (const Contribution& contribution : contributions) {
      if (contribution.cells.contains(name)) claimants.push_back(&contribution);
    }
    std::sort(claimants.begin(), claimants.end(), [](const auto* a, const auto* b) { return a->IsNewerThan(*b); });
    for (const Contribution* claimant : claimants) {
      Testimony& testimony = one.claims.emplace_back();
      testimony.project = claimant->project;
      testimony.mapping = claimant->mapping;
      testimony.source = claimant->source;
      testimony.stamp = FormatRfc3339(claimant->stamp);
      testimony.place = PlaceOf(mappings, *claimant, name);
      testimony.value = claimant->cells.at(name).value.value_or(nullptr);
      testimony.wins = claimant == claimants.front();
      if (const auto delivery = deliveries.find(claimant->source); delivery != deliveries.end()) {
        testimony.delivery = delivery->second.first;
        testimony.received_at = delivery->second.second;
      }
    }
  }
  if (column && history.cells.empty())
    return Fail(ErrorCode::kNotFound, fmt::format("the bridge never wrote {} of row {} of {}", *column, key, rows.Relation()), "leave the column out to see what it wrote");
  return history;
}

std::string WhyText(const RowHistory& history) {
  std::string text = fmt::format("{} {}{}\n", history.table, history.identity.dump(), history.created_by_bridge ? ", made by the bridge" : "");
  for (const CellHistory& cell : history.cells) {
    text += fmt::format("  {} = {}{}\n", cell.cell, Shown(cell.current), cell.is_persons ? "  (a person's)" : "");
    if (cell.before) text += fmt::format("      before the bridge: {}\n", Shown(*cell.before));
    if (cell.is_persons && cell.written) text += fmt::format("      the bridge had written: {}\n", Shown(*cell.written));
    for (const Testimony& claim : cell.claims) {
      text += fmt::format("    {} {} says {} (version {}, project {}, {})\n", claim.wins ? "→" : " ", claim.source, Shown(claim.value), claim.stamp, claim.project,
                          claim.place.empty() ? "mapping " + claim.mapping : claim.place);
      if (claim.delivery) text += fmt::format("        last delivery {} at {}\n", *claim.delivery, *claim.received_at);
    }
    if (cell.claims.empty()) text += "      nothing says it any more\n";
  }
  return text;
}

json WhyJson(const RowHistory& history) {
  json cells = json::array();
  for (const CellHistory& cell : history.cells) {
    json claims = json::array();
    for (const Testimony& claim : cell.claims) {
      claims.push_back({{"memory", claim.source}, {"version", claim.stamp}, {"project", claim.project}, {"mapping", claim.mapping}, {"place", claim.place},
                        {"value", claim.value}, {"wins", claim.wins}, {"delivery", claim.delivery ? json(*claim.delivery) : json()},
                        {"received_at", claim.received_at ? json(*claim.received_at) : json()}});
    }
    cells.push_back({{"cell", cell.cell}, {"current", cell.current}, {"before", cell.before.value_or(nullptr)}, {"written", cell.written.value_or(nullptr)},
                     {"person", cell.is_persons}, {"claims", std::move(claims)}});
  }
  return {{"table", history.table}, {"identity", history.identity}, {"created_by_bridge", history.created_by_bridge}, {"cells", std::move(cells)}};
}

}  // namespace membridge::sync
