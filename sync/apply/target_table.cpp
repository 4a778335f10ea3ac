#include "sync/apply/target_table.hpp"

#include <utility>

#include "mappings/base/exact_json.hpp"
#include "mappings/base/table_name.hpp"
#include "mappings/language/zone.hpp"
#include "sync/apply/refusal.hpp"
#include "sync/postgres/session.hpp"

namespace membridge::sync {

using nlohmann::json;
using postgres::QuoteName;

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
    if (reads_[i]) row[At(i).name] = AsJson(i, image[i]);
  }
  return row;
}

json TargetTable::AsJson(std::size_t index, const std::optional<std::string>& text) const {
  if (!text) return nullptr;
  const mappings::Column& column = At(index);
  const bool has_json_form =
      column.IsJson() || column.IsArray() || column.category == 'B' ||
      (column.category == 'N' && text->find_first_not_of("-0123456789") == std::string::npos && text->size() < 19);
  json value;
  if (has_json_form) value = mappings::ParseExact(*text);
  if (!has_json_form || value.is_discarded()) value = *text;
  return value;
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

void TargetTable::RefuseAlike() const {
  std::string columns;
  for (const std::size_t column : identity_) columns += (columns.empty() ? "" : ", ") + At(column).name;
  throw Refusal(ErrorCode::kRowRejected, "two rows of " + relation_ + " are alike in (" + columns + ")",
                "remove one of them, or name more columns under `identity`");
}

}  // namespace membridge::sync
