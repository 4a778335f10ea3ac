#include "sync/explain/why.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "mappings/base/digest.hpp"
#include "mappings/base/exact_json.hpp"
#include "sync/apply/cells.hpp"
#include "sync/apply/ledger.hpp"
#include "sync/apply/table_reader.hpp"
#include "sync/apply/target_table.hpp"
#include "sync/catalog/readable_columns.hpp"

namespace membridge::sync {

using nlohmann::json;

std::string PlaceOf(const std::vector<std::shared_ptr<const mappings::Mapping>>& mappings, const Contribution& contribution,
                    const std::string& cell) {
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

std::string MemoryOfEvent(postgres::Transaction& target, const Contribution& contribution) {
  const auto rows = target.Run(
      "SELECT memory FROM membridge.sources WHERE project = $1 AND mapping = $2 AND source = $3 AND memory IS NOT NULL",
      {contribution.project, contribution.mapping, contribution.source});
  return rows.empty() ? "" : std::string{rows.Text(0, 0)};
}

namespace {

/// How many sources that want a row are shown, the newest first.
constexpr std::size_t kMostWanting = 20;
/// How far back an event's delivery is looked for among those of its memory.
constexpr std::size_t kDeliveriesLookedAt = 1000;

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
      return Fail(ErrorCode::kNotFound,
                  fmt::format("the key of {} has the columns {}", table.Relation(), fmt::join(columns, ", ")),
                  fmt::format("write it as {}=…", fmt::join(columns, "=…,")));
    const auto end = key.find(',', at);
    identity[columns[i]] = key.substr(at + lead.size(), end == std::string::npos ? end : end - at - lead.size());
  }
  return identity;
}

/// The origin of a source.
struct Origin {
  std::string memory;  ///< of an event
  std::optional<std::string> delivery;
  std::optional<std::string> received_at;
};

/// The event's own delivery, or the last one that named the memory.
Origin OriginOf(postgres::Transaction& target, postgres::Session& state, const Contribution& contribution) {
  Origin origin;
  origin.memory = MemoryOfEvent(target, contribution);
  const std::string& memory = origin.memory.empty() ? contribution.source : origin.memory;
  const auto rows = state.Run(fmt::format("SELECT id, received_at::text FROM membridge.deliveries WHERE memories @> ARRAY[$1] "
                                          "ORDER BY received_at DESC LIMIT {}",
                                          origin.memory.empty() ? 1 : kDeliveriesLookedAt),
                              {memory});
  for (std::size_t row = 0; row < rows.size(); ++row) {
    const std::string id{rows.Text(row, 0)};
    if (!origin.memory.empty() && id != contribution.source && mappings::Uuid5(id, memory) != contribution.source) continue;
    origin.delivery = id;
    origin.received_at = std::string{rows.Text(row, 1)};
    break;
  }
  return origin;
}

Testimony TestimonyOf(const Contribution& contribution, const Origin& origin, std::string place) {
  Testimony testimony;
  testimony.project = contribution.project;
  testimony.mapping = contribution.mapping;
  testimony.source = contribution.source;
  testimony.memory = origin.memory;
  testimony.stamp = FormatRfc3339(contribution.stamp);
  testimony.place = std::move(place);
  testimony.delivery = origin.delivery;
  testimony.received_at = origin.received_at;
  return testimony;
}

std::string ShownValue(const json& value) {
  if (value.is_null()) return "null";
  return value.is_string() ? "'" + value.get<std::string>() + "'" : mappings::ExactText(value);
}

/// Returns the key of the row that `column=value` names by a column outside of the key. Returns other keys as given.
Result<std::string> KeyByColumn(postgres::Transaction& transaction, const mappings::Table& table, const std::string& named,
                                const std::string& key) {
  const std::size_t equals = key.find('=');
  if (equals == std::string::npos) return key;
  const std::string column = key.substr(0, equals);
  const std::vector<std::string> identity = table.Identity();
  const bool is_of_key = std::find(identity.begin(), identity.end(), column) != identity.end();
  if (table.Find(column) == nullptr || identity.empty() || is_of_key) return key;
  std::string columns;
  for (const auto& each : identity) columns += (columns.empty() ? "" : ", ") + postgres::QuoteName(each) + "::text";
  const auto rows =
      transaction.Run(fmt::format("SELECT {} FROM {}.{} WHERE {}::text = $1 LIMIT 2", columns, postgres::QuoteName(table.schema),
                                  postgres::QuoteName(table.name), postgres::QuoteName(column)),
                      {key.substr(equals + 1)});
  if (rows.empty())
    return Fail(ErrorCode::kNotFound, fmt::format("no row of {} has that value in {}", named, column),
                "compare it with the table");
  if (rows.size() > 1)
    return Fail(ErrorCode::kRefused, fmt::format("several rows of {} have that value in {}", named, column),
                "name the row by a unique column, or by its primary key");
  if (identity.size() == 1) return std::string{rows.Text(0, 0)};
  std::string found;
  for (std::size_t i = 0; i < identity.size(); ++i)
    found += fmt::format("{}{}={}", found.empty() ? "" : ",", identity[i], rows.Text(0, i));
  return found;
}

}  // namespace

Result<RowHistory> Why(postgres::Session& target, postgres::Session& state, const mappings::Catalog& catalog,
                       const std::vector<std::shared_ptr<const mappings::Mapping>>& mappings, const std::string& table,
                       const std::string& key, const std::optional<std::string>& column) {
  const mappings::Table* definition = catalog.FindRelation(table);
  if (definition == nullptr)
    return Fail(ErrorCode::kNotFound, fmt::format("there is no table {}", table), "name it as schema.table");
  postgres::Transaction transaction = target.Begin();  // read only; never committed
  const TargetTable rows{*definition, std::nullopt, std::nullopt, ReadableColumns(transaction, *definition)};
  const auto key_of_row = KeyByColumn(transaction, *definition, table, key);
  if (!key_of_row) return tl::unexpected<Error>(key_of_row.error());
  const auto identity = IdentityFrom(rows, *key_of_row);
  if (!identity) return Within(identity.error(), "key");

  std::optional<Image> image;
  try {
    image = TableReader{rows, transaction}.Fetch(TableReader::Lock::kNone, {*identity}).front();
  } catch (const postgres::SqlFailure& failure) {
    if (failure.IsTransient() || !failure.fields().sqlstate.starts_with("22")) throw;
    return Fail(ErrorCode::kNotFound, fmt::format("{} is no key of {}", key, rows.Relation()),
                "give the primary key as the column prints it");
  }
  if (!image)
    return Fail(ErrorCode::kNotFound, fmt::format("{} has no row {}", rows.Relation(), key),
                "give the primary key, not another column");
  Ledger ledger{transaction};
  const auto known = ledger.Known(rows.Relation(), rows.IdentityOf(*image));
  if (!known)
    return Fail(ErrorCode::kNotFound, fmt::format("the bridge never wrote row {} of {}", key, rows.Relation()),
                "everything in it is other people's");

  RowHistory history{rows.Relation(), known->identity, known->created, {}, {}};
  std::vector<Contribution> contributions = ledger.ContributionsTo({known->id});
  std::sort(contributions.begin(), contributions.end(), [](const auto& a, const auto& b) { return a.IsNewerThan(b); });
  std::map<const Contribution*, Origin> origins;
  for (const Contribution& contribution : contributions) {
    if (contribution.cells.empty() && history.wanted_by.size() == kMostWanting) continue;
    const Origin& origin = origins[&contribution] = OriginOf(transaction, state, contribution);
    if (contribution.cells.empty())
      history.wanted_by.push_back(TestimonyOf(contribution, origin, PlaceOf(mappings, contribution, "")));
  }
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
    one.is_persons =
        cell->kind != mappings::Cell::Kind::kElements && (entry == known->cells.end() || entry->second.written != current);
    std::vector<const Contribution*> claimants;
    for (const Contribution& contribution : contributions) {
      if (contribution.cells.contains(name)) claimants.push_back(&contribution);
    }
    for (const Contribution* claimant : claimants) {
      Testimony& testimony =
          one.claims.emplace_back(TestimonyOf(*claimant, origins[claimant], PlaceOf(mappings, *claimant, name)));
      testimony.value = claimant->cells.at(name).value.value_or(nullptr);
      testimony.wins = claimant == claimants.front();
    }
  }
  if (column && history.cells.empty() && !(history.created_by_bridge && rows.IndexOf(*column)))
    return Fail(ErrorCode::kNotFound, fmt::format("the bridge never wrote {} of row {} of {}", *column, key, rows.Relation()),
                "leave the column out to see what it wrote");
  return history;
}

namespace {

/// `m-7`, or `event 0e0e… of memory m-7`
std::string SpeakerOf(const Testimony& testimony) {
  return testimony.memory.empty() ? testimony.source : fmt::format("event {} of memory {}", testimony.source, testimony.memory);
}

std::string VersionOf(const Testimony& testimony) {
  return fmt::format("(version {}, project {}, {})", testimony.stamp, testimony.project,
                     testimony.place.empty() ? "mapping " + testimony.mapping : testimony.place);
}

std::string DeliveryLine(const Testimony& testimony) {
  if (!testimony.delivery) return "";
  return fmt::format("        {} {} at {}\n", testimony.memory.empty() ? "last delivery" : "delivery", *testimony.delivery,
                     *testimony.received_at);
}

json AsJson(const Testimony& testimony) {
  json object{{"memory", testimony.memory.empty() ? testimony.source : testimony.memory},
              {"version", testimony.stamp},
              {"project", testimony.project},
              {"mapping", testimony.mapping},
              {"place", testimony.place},
              {"delivery", testimony.delivery ? json(*testimony.delivery) : json()},
              {"received_at", testimony.received_at ? json(*testimony.received_at) : json()}};
  if (!testimony.memory.empty()) object["event"] = testimony.source;
  return object;
}

}  // namespace

std::string WhyText(const RowHistory& history) {
  std::string text = fmt::format("{} {}{}\n", history.table, mappings::ExactText(history.identity),
                                 history.created_by_bridge ? ", made by the bridge" : "");
  for (const Testimony& wanting : history.wanted_by)
    text += fmt::format("  for {} {}\n{}", SpeakerOf(wanting), VersionOf(wanting), DeliveryLine(wanting));
  for (const CellHistory& cell : history.cells) {
    text += fmt::format("  {} = {}{}\n", cell.cell, ShownValue(cell.current), cell.is_persons ? "  (a person's)" : "");
    if (cell.before) text += fmt::format("      before the bridge: {}\n", ShownValue(*cell.before));
    if (cell.is_persons && cell.written) text += fmt::format("      the bridge had written: {}\n", ShownValue(*cell.written));
    for (const Testimony& claim : cell.claims) {
      text += fmt::format("    {} {} says {} {}\n", claim.wins ? "→" : " ", SpeakerOf(claim), ShownValue(claim.value),
                          VersionOf(claim));
      text += DeliveryLine(claim);
    }
    if (cell.claims.empty()) text += "      no memory says it any more\n";
  }
  return text;
}

json WhyJson(const RowHistory& history) {
  json cells = json::array();
  for (const CellHistory& cell : history.cells) {
    json claims = json::array();
    for (const Testimony& claim : cell.claims) {
      json said = AsJson(claim);
      said["value"] = claim.value;
      said["wins"] = claim.wins;
      claims.push_back(std::move(said));
    }
    cells.push_back({{"cell", cell.cell},
                     {"current", cell.current},
                     {"before", cell.before.value_or(nullptr)},
                     {"written", cell.written.value_or(nullptr)},
                     {"person", cell.is_persons},
                     {"claims", std::move(claims)}});
  }
  json wanted_by = json::array();
  for (const Testimony& wanting : history.wanted_by) wanted_by.push_back(AsJson(wanting));
  return {{"table", history.table},
          {"identity", history.identity},
          {"created_by_bridge", history.created_by_bridge},
          {"wanted_by", std::move(wanted_by)},
          {"cells", std::move(cells)}};
}

}  // namespace membridge::sync
