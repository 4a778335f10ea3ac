#include "sync/apply/target_table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "mappings/base/exact_json.hpp"
#include "mappings/base/table_name.hpp"
#include "mappings/language/zone.hpp"
#include "sync/apply/refusal.hpp"

namespace membridge::sync {
namespace {

using nlohmann::json;
using postgres::QuoteLiteral;
using postgres::QuoteName;

std::string Join(const std::vector<std::string>& parts, std::string_view between) {
  return fmt::format("{}", fmt::join(parts, between));
}

/// `"name" type`: a column of jsonb_to_recordset.
std::string Typed(std::string_view name, std::string_view type) {
  return QuoteName(name) + " " + std::string{type};
}

constexpr std::string_view kNumber = "membridge_n";  // which of the caller's rows a record is about

std::string PathLiteral(const std::vector<std::string>& path, std::size_t length) {
  std::vector<postgres::Param> steps(path.begin(), path.begin() + static_cast<std::ptrdiff_t>(length));
  return QuoteLiteral(postgres::ArrayOf(steps)) + "::pg_catalog.text[]";
}

constexpr std::string_view kLockNotAvailable = "55P03";

/// Behind a SELECT of rows `t`.
std::string_view ClauseOf(TargetTable::Lock lock) {
  return lock == TargetTable::Lock::kNone ? "" : " FOR NO KEY UPDATE OF t NOWAIT";
}

/// Whether a json object stands at the first `length` steps of the path.
bool HasContainer(const json& document, const std::vector<std::string>& path, std::size_t length) {
  const json* at = &document;
  for (std::size_t i = 0; i < length; ++i) {
    if (!at->is_object() || !at->contains(path[i])) return false;
    at = &(*at)[path[i]];
  }
  return at->is_object();
}

}  // namespace

TargetTable::TargetTable(const mappings::Table& table, std::optional<mappings::Liveness> live, std::optional<std::string> role,
                         const std::optional<std::set<std::string>>& read, std::optional<std::string> zone)
    : table_(table),
      relation_(NameOfTable(table.schema, table.name)),
      quoted_(QuoteName(table.schema) + "." + QuoteName(table.name)),
      live_(std::move(live)),
      role_(std::move(role)),
      zone_(std::move(zone)) {
  for (const std::string& column : table.Identity()) identity_.push_back(*IndexOf(column));
  for (const mappings::Column& column : table.columns)
    reads_.push_back(!read || read->contains(column.name) || (live_ && column.name == live_->ColumnName()));
  for (const std::size_t column : identity_) reads_[column] = true;
}

const std::string& TargetTable::TypeOf(std::size_t column) const {
  const mappings::Column& named = table_.columns[column];
  return named.sql_type.empty() ? named.type : named.sql_type;
}

std::string TargetTable::Equal(std::size_t column, const std::string& left, const std::string& right) const {
  const std::string& equality = table_.columns[column].equality;
  if (!equality.empty()) return fmt::format("({} {} {})", left, equality, right);
  return fmt::format("(({})::pg_catalog.text OPERATOR(pg_catalog.=) ({})::pg_catalog.text)", left, right);
}

std::string TargetTable::AsText(std::size_t column, const std::string& value) const {
  return At(column).IsArray() ? "pg_catalog.to_jsonb(" + value + ")::pg_catalog.text" : value + "::pg_catalog.text";
}

std::optional<std::size_t> TargetTable::IndexOf(const std::string& column) const {
  for (std::size_t i = 0; i < table_.columns.size(); ++i) {
    if (table_.columns[i].name == column) return i;
  }
  return std::nullopt;
}

json TargetTable::IdentityOf(const Image& image) const {
  json identity = json::object();
  for (const std::size_t column : identity_) identity[At(column).name] = image[column].value_or("");
  return identity;
}

json TargetTable::AsJson(const Image& image) const {
  json row = json::object();
  for (std::size_t i = 0; i < image.size(); ++i) {
    if (!reads_[i]) continue;
    const mappings::Column& column = At(i);
    json& value = row[column.name];
    if (!image[i]) continue;
    const bool has_json_form =
        column.IsJson() || column.IsArray() || column.category == 'B' ||
        (column.category == 'N' && image[i]->find_first_not_of("-0123456789") == std::string::npos && image[i]->size() < 19);
    if (has_json_form) value = mappings::ParseExact(*image[i]);
    if (!has_json_form || value.is_discarded()) value = *image[i];
  }
  return row;
}

std::size_t TargetTable::LiveColumn() const {
  return IndexOf(live_->ColumnName()).value();
}

bool TargetTable::IsLive(const Image& image) const {
  return !live_ || live_->IsLive(image[LiveColumn()]);
}

json TargetTable::DeadMark(Instant now) const {
  return live_->DeadMark(TimeFor(LiveColumn(), now));
}

json TargetTable::LiveMark() const {
  return live_->LiveMark();
}

void TargetTable::PutLiveMark(json& row) const {
  if (live_ && live_->NeedsMark() && !row.contains(live_->ColumnName())) row[live_->ColumnName()] = live_->LiveMark();
}

std::string TargetTable::TimeFor(std::size_t column, Instant moment) const {
  return zone_ && At(column).IsZoneless() ? mappings::LocalTime(moment, *zone_) : FormatRfc3339(moment);
}

std::optional<Instant> TargetTable::TimeIn(std::size_t column, const std::optional<std::string>& text) const {
  const auto moment = text ? ParseRfc3339(*text) : std::nullopt;
  return moment && zone_ && At(column).IsZoneless() ? mappings::InstantOfLocal(*moment, *zone_) : moment;
}

void TargetTable::RefuseAlike() const {
  std::string columns;
  for (const std::size_t column : identity_) columns += (columns.empty() ? "" : ", ") + At(column).name;
  throw Refusal(ErrorCode::kRowRejected, "two rows of " + relation_ + " are alike in (" + columns + ")",
                "remove one of them, or name more columns under `identity`");
}

postgres::Rows TargetTable::Run(postgres::Transaction& transaction, const std::string& sql, const json& parameter) const {
  if (role_) transaction.Run("SET LOCAL ROLE " + QuoteName(*role_));
  postgres::Rows rows = transaction.Run(sql, {mappings::ExactText(parameter)});
  if (role_) transaction.Run("SET LOCAL ROLE NONE");
  return rows;
}

postgres::Rows TargetTable::RunWrite(postgres::Transaction& transaction, const std::string& sql, const json& parameter) const {
  if (!zone_) return Run(transaction, sql, parameter);
  const postgres::Rows before =
      transaction.Run("SELECT pg_catalog.current_setting('TimeZone'), pg_catalog.set_config('TimeZone', $1, true)", {*zone_});
  postgres::Rows rows = Run(transaction, sql, parameter);
  transaction.Run("SELECT pg_catalog.set_config('TimeZone', $1, true)", {std::string{before.Text(0, 0)}});
  return rows;
}

/// What a statement answered under the mapping's time zone, as it reads in UTC: the ledger must not depend on the zone.
void TargetTable::ReadAgain(postgres::Transaction& transaction, std::vector<std::optional<Image>>& images) const {
  if (!zone_) return;
  std::vector<json> identities;
  std::vector<std::size_t> places;
  for (std::size_t i = 0; i < images.size(); ++i) {
    if (!images[i]) continue;
    identities.push_back(IdentityOf(*images[i]));
    places.push_back(i);
  }
  auto again = Fetch(Lock::kNone, transaction, identities);
  // A row that its own policy hides is known by what the statement answered.
  for (std::size_t i = 0; i < places.size(); ++i) {
    if (again[i]) images[places[i]] = std::move(again[i]);
  }
}

std::string TargetTable::SelectList() const {
  std::vector<std::string> parts;
  for (std::size_t i = 0; i < reads_.size(); ++i) {
    if (reads_[i]) parts.push_back(AsText(i, "t." + QuoteName(At(i).name)));
  }
  return Join(parts, ", ");
}

Image TargetTable::ImageAt(const postgres::Rows& rows, std::size_t row, std::size_t first) const {
  Image image;
  image.reserve(table_.columns.size());
  for (const bool is_read : reads_) image.push_back(is_read ? rows.Optional(row, first++) : std::nullopt);
  return image;
}

std::string TargetTable::NameOf(const KeyColumn& part) const {
  std::string name = At(part.column).name;
  for (const std::string& step : part.path) name += "." + step;
  return name;
}

json TargetTable::ValueOf(const KeyColumn& part, const Image& image) const {
  const auto& text = image[part.column];
  if (!text) return nullptr;
  const mappings::Column& column = At(part.column);
  if (part.path.empty()) return column.IsJson() || column.IsArray() ? mappings::ParseExact(*text) : json(*text);
  const json document = mappings::ParseExact(*text);
  const json* at = sync::At(document, part.path);
  return at == nullptr ? json(nullptr) : *at;
}

std::string TargetTable::KeyInRow(const KeyColumn& part) const {
  const std::string column = "t." + QuoteName(At(part.column).name);
  if (part.lowered) return "pg_catalog.lower(" + column + ")";
  if (part.path.empty()) return column;
  return fmt::format("({}::pg_catalog.jsonb OPERATOR(pg_catalog.#>>) {})", column, PathLiteral(part.path, part.path.size()));
}

std::string TargetTable::KeyInRecord(const KeyColumn& part) const {
  const std::string value = "r." + QuoteName(NameOf(part));
  return part.lowered ? "pg_catalog.lower(" + value + ")" : value;
}

std::string TargetTable::TypedKey(const KeyColumn& part) const {
  return Typed(NameOf(part), part.path.empty() ? TypeOf(part.column) : "pg_catalog.text");
}

namespace {

/// Rows of `values` with their numbers, as jsonb_to_recordset takes them.
json Numbered(const std::vector<json>& values) {
  json list = json::array();
  for (std::size_t i = 0; i < values.size(); ++i) {
    list.push_back(values[i]);
    list.back()[std::string{kNumber}] = i;
  }
  return list;
}

}  // namespace

std::vector<std::vector<Image>> TargetTable::Find(Lock lock, postgres::Transaction& transaction,
                                                  const std::vector<KeyColumn>& key, const std::vector<json>& values) const {
  std::vector<std::vector<Image>> found(values.size());
  // A null in a key is looked for with IS NULL; rows that have it in the same places share a statement.
  std::map<std::vector<bool>, std::vector<std::size_t>> by_nulls;
  for (std::size_t i = 0; i < values.size(); ++i) {
    std::vector<bool> nulls;
    for (const KeyColumn& part : key) nulls.push_back(values[i].at(NameOf(part)).is_null());
    by_nulls[nulls].push_back(i);
  }
  for (const auto& [nulls, members] : by_nulls) {
    std::vector<std::string> record{Typed(kNumber, "pg_catalog.int4")};
    std::vector<std::string> conditions;
    for (std::size_t k = 0; k < key.size(); ++k) {
      if (nulls[k]) {
        conditions.push_back("(" + KeyInRow(key[k]) + " IS NULL)");
        continue;
      }
      record.push_back(TypedKey(key[k]));
      const bool is_text = key[k].lowered || !key[k].path.empty();
      conditions.push_back(is_text ? fmt::format("({} OPERATOR(pg_catalog.=) {})", KeyInRow(key[k]), KeyInRecord(key[k]))
                                   : Equal(key[k].column, KeyInRow(key[k]), KeyInRecord(key[k])));
    }
    std::vector<json> wanted;
    for (const std::size_t member : members) wanted.push_back(values[member]);
    const std::string sql = fmt::format(
        "SELECT r.{}, {} FROM pg_catalog.jsonb_to_recordset($1::pg_catalog.jsonb) AS r({}) JOIN {} AS t ON {} ORDER BY 1{}",
        QuoteName(kNumber), SelectList(), Join(record, ", "), quoted_, Join(conditions, " AND "), ClauseOf(lock));
    const postgres::Rows rows = Run(transaction, sql, Numbered(wanted));
    for (std::size_t row = 0; row < rows.size(); ++row) {
      found[members[static_cast<std::size_t>(rows.Int(row, 0))]].push_back(ImageAt(rows, row, 1));
    }
  }
  return found;
}

std::vector<std::string> TargetTable::NumbersFor(Purpose purpose, postgres::Transaction& transaction,
                                                 const std::vector<KeyColumn>& key, const std::vector<json>& values) const {
  std::vector<std::string> record{Typed(kNumber, "pg_catalog.int4")};
  std::vector<std::string> parts;
  std::string names = purpose == Purpose::kMake ? relation_ : "looked for\x1f" + relation_;
  for (const KeyColumn& part : key) {
    record.push_back(TypedKey(part));
    parts.push_back(KeyInRecord(part));
    names += "\x1f" + NameOf(part);
  }
  const char* lock = purpose == Purpose::kMake   ? "pg_catalog.pg_try_advisory_xact_lock(h)"
                     : purpose == Purpose::kLook ? "pg_catalog.pg_advisory_xact_lock_shared(h)"
                                                 : "NULL";
  const std::string sql = fmt::format(
      "WITH keys AS MATERIALIZED (SELECT r.{0} AS n, pg_catalog.hash_record_extended(ROW({1}, {2}), 0) AS h FROM "
      "pg_catalog.jsonb_to_recordset($1::pg_catalog.jsonb) AS r({3})), "
      "taken AS MATERIALIZED (SELECT h, {4} AS got FROM (SELECT DISTINCT h FROM keys ORDER BY h) AS ordered) "
      "SELECT keys.n, keys.h, taken.got FROM keys JOIN taken ON (keys.h OPERATOR(pg_catalog.=) taken.h) ORDER BY keys.n",
      QuoteName(kNumber), QuoteLiteral(names) + "::pg_catalog.text", Join(parts, ", "), Join(record, ", "), lock);
  const postgres::Rows rows = Run(transaction, sql, Numbered(values));
  std::vector<std::string> numbers;
  for (std::size_t row = 0; row < rows.size(); ++row) {
    numbers.emplace_back(rows.Text(row, 1));
    if (purpose != Purpose::kMake || rows.Bool(row, 2)) continue;
    throw postgres::SqlFailure({.sqlstate = std::string{kLockNotAvailable},
                                .message = "another transaction of the bridge is making a row of " + relation_ + " with this key",
                                .schema = table_.schema,
                                .table = table_.name});
  }
  return numbers;
}

namespace {

/// The identity columns of a record under names that cannot meet the table's own.
std::string IdentityName(std::size_t position) {
  return fmt::format("membridge_k{}", position);
}

}  // namespace

std::vector<std::optional<Image>> TargetTable::Fetch(Lock lock, postgres::Transaction& transaction,
                                                     const std::vector<json>& identities) const {
  std::vector<std::optional<Image>> images(identities.size());
  if (identities.empty()) return images;
  std::vector<std::string> record{Typed(kNumber, "pg_catalog.int4")};
  std::vector<std::string> conditions;
  for (std::size_t k = 0; k < identity_.size(); ++k) {
    const std::string& name = At(identity_[k]).name;
    record.push_back(Typed(name, TypeOf(identity_[k])));
    conditions.push_back(Equal(identity_[k], "t." + QuoteName(name), "r." + QuoteName(name)));
  }
  const std::string sql = fmt::format(
      "SELECT r.{}, {} FROM pg_catalog.jsonb_to_recordset($1::pg_catalog.jsonb) AS r({}) JOIN {} AS t ON {} ORDER BY {}{}",
      QuoteName(kNumber), SelectList(), Join(record, ", "), quoted_, Join(conditions, " AND "),
      "t." + QuoteName(At(identity_[0]).name), ClauseOf(lock));
  const postgres::Rows rows = Run(transaction, sql, Numbered(identities));
  for (std::size_t row = 0; row < rows.size(); ++row) {
    auto& image = images[static_cast<std::size_t>(rows.Int(row, 0))];
    if (image) RefuseAlike();
    image = ImageAt(rows, row, 1);
  }
  return images;
}

std::vector<Content> TargetTable::Normalise(postgres::Transaction& transaction,
                                            const std::vector<std::pair<std::size_t, json>>& values) const {
  std::vector<Content> normal(values.size());
  std::map<std::size_t, json> by_column;
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (values[i].second.is_null()) {
      normal[i] = nullptr;
      continue;
    }
    by_column.try_emplace(values[i].first, json::array()).first->second.push_back({{"n", i}, {"v", values[i].second}});
  }
  if (by_column.empty()) return normal;
  std::vector<std::string> selects;
  json parameter = json::array();
  for (const auto& [column, list] : by_column) {
    selects.push_back(
        fmt::format("SELECT r.n, {} FROM pg_catalog.jsonb_to_recordset($1::pg_catalog.jsonb OPERATOR(pg_catalog.->) {}) "
                    "AS r(n pg_catalog.int4, v {})",
                    AsText(column, "r.v"), parameter.size(), TypeOf(column)));
    parameter.push_back(list);
  }
  const postgres::Rows rows = Run(transaction, Join(selects, " UNION ALL "), parameter);
  for (std::size_t row = 0; row < rows.size(); ++row) {
    const auto n = static_cast<std::size_t>(rows.Int(row, 0));
    const auto text = rows.Optional(row, 1);
    normal[n] = text ? json(*text) : json(nullptr);
  }
  return normal;
}

void TargetTable::RefuseTwins(postgres::Transaction& transaction, const std::vector<Image>& images) const {
  if (table_.HasUniqueIdentity()) return;
  std::vector<json> identities;
  for (const Image& image : images) identities.push_back(IdentityOf(image));
  std::sort(identities.begin(), identities.end());
  if (std::adjacent_find(identities.begin(), identities.end()) != identities.end()) RefuseAlike();
  Fetch(Lock::kNone, transaction, identities);
}

std::vector<Image> TargetTable::Insert(postgres::Transaction& transaction, const std::vector<json>& rows) const {
  // Columns that may be NULL and have no default are given as NULL, so that rows which differ only there share a statement.
  std::map<std::vector<std::size_t>, std::vector<std::size_t>> by_columns;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    std::vector<std::size_t> columns;
    for (std::size_t c = 0; c < table_.columns.size(); ++c) {
      const bool given = rows[i].contains(At(c).name);
      const bool harmless = std::any_of(rows.begin(), rows.end(), [&](const auto& row) { return row.contains(At(c).name); }) &&
                            !At(c).not_null && !At(c).has_default && !At(c).generated && !At(c).identity;
      if (given || harmless) columns.push_back(c);
    }
    by_columns[columns].push_back(i);
  }
  std::vector<Image> images(rows.size());
  for (const auto& [columns, members] : by_columns) {
    std::vector<std::string> record{Typed(kNumber, "pg_catalog.int4")};
    std::vector<std::string> names;
    std::vector<std::string> values;
    for (const std::size_t c : columns) {
      record.push_back(Typed(At(c).name, TypeOf(c)));
      names.push_back(QuoteName(At(c).name));
      values.push_back("r." + names.back());
    }
    std::vector<json> given;
    for (const std::size_t member : members) given.push_back(rows[member]);
    const std::string head = fmt::format(
        "INSERT INTO {} AS t ({}) SELECT {} FROM pg_catalog.jsonb_to_recordset($1::pg_catalog.jsonb) AS r({}) ORDER BY r.{}",
        quoted_, Join(names, ", "), Join(values, ", "), Join(record, ", "), QuoteName(kNumber));
    const postgres::Rows inserted = RunWrite(transaction, head + " RETURNING " + SelectList(), Numbered(given));
    if (inserted.size() != members.size()) throw Swallowed("an INSERT", relation_);
    for (std::size_t m = 0; m < members.size(); ++m) images[members[m]] = ImageAt(inserted, m, 0);
  }
  if (!zone_) return images;
  std::vector<std::optional<Image>> again(images.begin(), images.end());
  ReadAgain(transaction, again);
  for (std::size_t i = 0; i < images.size(); ++i) images[i] = std::move(*again[i]);
  return images;
}

std::vector<std::optional<Image>> TargetTable::Update(postgres::Transaction& transaction, const std::vector<RowChange>& changes,
                                                      const std::vector<const Image*>& before) const {
  // One statement per set of columns that change together.
  struct Shape {
    std::vector<std::string> record;
    std::vector<std::string> assignments;
    std::vector<std::size_t> members;
    json parameter = json::array();
  };
  std::map<std::string, Shape> shapes;
  for (std::size_t i = 0; i < changes.size(); ++i) {
    const RowChange& change = changes[i];
    std::vector<std::string> record{Typed(kNumber, "pg_catalog.int4")};
    std::vector<std::string> assignments;
    json values = json::object();
    for (std::size_t k = 0; k < identity_.size(); ++k) {
      record.push_back(Typed(IdentityName(k), TypeOf(identity_[k])));
      values[IdentityName(k)] = change.identity.at(At(identity_[k]).name);
    }
    for (const auto& [column, value] : change.columns) {
      const std::string name = QuoteName(At(column).name);
      record.push_back(Typed(At(column).name, TypeOf(column)));
      assignments.push_back(name + " = r." + name);
      values[At(column).name] = value;
    }
    std::size_t edit_number = 0;
    for (const auto& [column, edits] : change.paths) {
      const std::string name = QuoteName(At(column).name);
      const auto& text = (*before[i])[column];
      json document = text ? mappings::ParseExact(*text) : json();
      std::string expression = fmt::format("t.{}::pg_catalog.jsonb", name);
      if (!document.is_object()) {
        document = json::object();
        expression = "'{}'::pg_catalog.jsonb";
      }
      for (const PathEdit& edit : edits) {
        if (!edit.value) {
          expression = fmt::format("({} OPERATOR(pg_catalog.#-) {})", expression, PathLiteral(edit.path, edit.path.size()));
          continue;
        }
        json* at = &document;
        for (std::size_t length = 1; length < edit.path.size(); ++length) {
          if (!HasContainer(document, edit.path, length))
            expression =
                fmt::format("pg_catalog.jsonb_set({}, {}, '{{}}'::pg_catalog.jsonb)", expression, PathLiteral(edit.path, length));
          at = &(*at)[edit.path[length - 1]];
          if (!at->is_object()) *at = json::object();
        }
        const std::string value_name = fmt::format("membridge_e{}", edit_number++);
        record.push_back(Typed(value_name, "pg_catalog.jsonb"));
        // A JSON null would arrive as SQL NULL and make the whole document NULL.
        expression = fmt::format("pg_catalog.jsonb_set({}, {}, coalesce(r.{}, 'null'::pg_catalog.jsonb))", expression,
                                 PathLiteral(edit.path, edit.path.size()), value_name);
        values[value_name] = *edit.value;
      }
      assignments.push_back(fmt::format("{} = {}::{}", name, expression, TypeOf(column)));
    }
    Shape& shape = shapes[Join(assignments, ", ")];
    if (shape.members.empty()) {
      shape.record = std::move(record);
      shape.assignments = std::move(assignments);
    }
    values[std::string{kNumber}] = i;
    shape.members.push_back(i);
    shape.parameter.push_back(std::move(values));
  }

  std::vector<std::optional<Image>> after(changes.size());
  for (const auto& [key, shape] : shapes) {
    std::vector<std::string> conditions;
    for (std::size_t k = 0; k < identity_.size(); ++k)
      conditions.push_back(Equal(identity_[k], "t." + QuoteName(At(identity_[k]).name), "r." + IdentityName(k)));
    const std::string sql = fmt::format(
        "UPDATE {} AS t SET {} FROM pg_catalog.jsonb_to_recordset($1::pg_catalog.jsonb) AS r({}) WHERE {} RETURNING r.{}, {}",
        quoted_, key, Join(shape.record, ", "), Join(conditions, " AND "), QuoteName(kNumber), SelectList());
    const postgres::Rows rows = RunWrite(transaction, sql, shape.parameter);
    for (std::size_t row = 0; row < rows.size(); ++row) {
      auto& image = after[static_cast<std::size_t>(rows.Int(row, 0))];
      if (image) RefuseAlike();
      image = ImageAt(rows, row, 1);
    }
  }
  ReadAgain(transaction, after);
  return after;
}

void TargetTable::Add(postgres::Transaction& transaction, const std::vector<Increment>& increments) const {
  std::map<std::vector<std::size_t>, json> by_columns;
  for (const Increment& increment : increments) {
    std::vector<std::size_t> columns;
    json values = json::object();
    for (const auto& [column, value] : increment.columns) {
      columns.push_back(column);
      values[At(column).name] = value;
    }
    for (std::size_t k = 0; k < identity_.size(); ++k) values[IdentityName(k)] = increment.identity.at(At(identity_[k]).name);
    by_columns.try_emplace(columns, json::array()).first->second.push_back(std::move(values));
  }
  for (const auto& [columns, parameter] : by_columns) {
    std::vector<std::string> record;
    std::vector<std::string> conditions;
    std::vector<std::string> assignments;
    for (std::size_t k = 0; k < identity_.size(); ++k) {
      record.push_back(Typed(IdentityName(k), TypeOf(identity_[k])));
      conditions.push_back(Equal(identity_[k], "t." + QuoteName(At(identity_[k]).name), "r." + IdentityName(k)));
    }
    for (const std::size_t column : columns) {
      record.push_back(Typed(At(column).name, TypeOf(column)));
      assignments.push_back(fmt::format("{0} = (coalesce(t.{0}, 0) OPERATOR(pg_catalog.+) r.{0})", QuoteName(At(column).name)));
    }
    const postgres::Rows added =
        RunWrite(transaction,
                 fmt::format("UPDATE {} AS t SET {} FROM pg_catalog.jsonb_to_recordset($1::pg_catalog.jsonb) AS r({}) WHERE {}",
                             quoted_, Join(assignments, ", "), Join(record, ", "), Join(conditions, " AND ")),
                 parameter);
    if (added.Affected() != parameter.size()) throw Swallowed("an UPDATE", relation_);
  }
}

void TargetTable::Delete(postgres::Transaction& transaction, const std::vector<json>& identities) const {
  std::vector<std::string> record;
  std::vector<std::string> conditions;
  for (const std::size_t column : identity_) {
    record.push_back(Typed(At(column).name, TypeOf(column)));
    const std::string name = QuoteName(At(column).name);
    conditions.push_back(Equal(column, "t." + name, "r." + name));
  }
  const std::string rows = fmt::format("pg_catalog.jsonb_to_recordset($1::pg_catalog.jsonb) AS r({}) WHERE {}",
                                       Join(record, ", "), Join(conditions, " AND "));
  // Who refers to a row holds its key. The DELETE would wait for them; this does not.
  Run(transaction, fmt::format("SELECT 1 FROM {} AS t, {} FOR UPDATE OF t NOWAIT", quoted_, rows), json(identities));
  const postgres::Rows gone = RunWrite(transaction, fmt::format("DELETE FROM {} AS t USING {}", quoted_, rows), json(identities));
  if (gone.Affected() > identities.size()) RefuseAlike();
  if (gone.Affected() == identities.size()) return;
  const auto left = Fetch(Lock::kNone, transaction, identities);
  if (std::any_of(left.begin(), left.end(), [](const auto& image) { return image.has_value(); }))
    throw Swallowed("a DELETE", relation_);
}

}  // namespace membridge::sync
