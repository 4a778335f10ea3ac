#include <fmt/format.h>

#include "mappings/check/catalog.hpp"
#include "mappings/memory.hpp"

// The JSON file that `check --offline` reads. Every field has its own name; fields with their default value are left out.
namespace membridge::mappings {
namespace {

using nlohmann::json;

json JsonOf(const Column& column) {
  json written{{"name", column.name}, {"type", column.type}};
  if (column.base_type != column.type) written["base_type"] = column.base_type;
  if (column.category != 'X') written["category"] = std::string(1, column.category);
  if (column.not_null) written["not_null"] = true;
  if (column.has_default) written["has_default"] = true;
  if (column.default_value) written["default_value"] = *column.default_value;
  if (column.generated) written["generated"] = true;
  if (column.identity) written["identity"] = column.identity_always ? "always" : "by default";
  if (column.max_length) written["max_length"] = *column.max_length;
  if (!column.enum_labels.empty()) written["enum_labels"] = column.enum_labels;
  if (!column.element_type.empty()) written["element_type"] = column.element_type;
  if (!column.comment.empty()) written["comment"] = column.comment;
  return written;
}

Column ReadColumn(const json& written) {
  Column column;
  column.name = written.at("name").get<std::string>();
  column.type = written.at("type").get<std::string>();
  column.base_type = written.value("base_type", column.type);
  const std::string category = written.value("category", std::string{"X"});
  if (!category.empty()) column.category = category.front();
  column.not_null = written.value("not_null", false);
  column.has_default = written.value("has_default", false);
  if (written.contains("default_value")) column.default_value = written.at("default_value").get<std::string>();
  column.generated = written.value("generated", false);
  column.identity = written.contains("identity");
  column.identity_always = written.value("identity", std::string{}) == "always";
  if (written.contains("max_length")) column.max_length = written.at("max_length").get<int>();
  column.enum_labels = written.value("enum_labels", std::vector<std::string>{});
  column.element_type = written.value("element_type", std::string{});
  column.comment = written.value("comment", std::string{});
  return column;
}

json JsonOf(const Table& table) {
  json columns = json::array();
  for (const Column& column : table.columns) columns.push_back(JsonOf(column));
  json indexes = json::array();
  for (const UniqueIndex& index : table.unique_indexes) {
    json written{{"name", index.name}, {"columns", index.columns}};
    if (index.primary) written["primary"] = true;
    if (index.partial) written["partial"] = true;
    indexes.push_back(std::move(written));
  }
  json written{{"schema", table.schema}, {"name", table.name}, {"columns", columns}, {"unique_indexes", indexes}};
  if (!table.insertable) written["insertable"] = false;
  if (!table.declared_identity.empty()) written["declared_identity"] = table.declared_identity;
  return written;
}

Table ReadTable(const json& written) {
  Table table;
  table.schema = written.at("schema").get<std::string>();
  table.name = written.at("name").get<std::string>();
  for (const json& column : written.at("columns")) table.columns.push_back(ReadColumn(column));
  for (const json& index : written.value("unique_indexes", json::array())) {
    table.unique_indexes.push_back({index.value("name", std::string{}), index.at("columns").get<std::vector<std::string>>(),
                                    index.value("primary", false), index.value("partial", false)});
  }
  table.insertable = written.value("insertable", true);
  table.declared_identity = written.value("declared_identity", std::vector<std::string>{});
  return table;
}

}  // namespace

json Catalog::ToJson() const {
  json tables = json::array();
  for (const auto& [key, table] : tables_) tables.push_back(JsonOf(table));
  return {{"search_path", search_path_}, {"tables", tables}};
}

Result<Catalog> Catalog::FromJson(const json& written) {
  constexpr const char* kHint = "write it anew with membridge catalog";
  if (IsDeeperThan(written, kDeepestRecord)) return Fail(ErrorCode::kBadMapping, "the catalogue is nested too deep", kHint);
  try {
    Catalog catalog;
    if (written.contains("search_path")) catalog.SetSearchPath(written.at("search_path").get<std::vector<std::string>>());
    for (const json& table : written.at("tables")) catalog.Add(ReadTable(table));
    return catalog;
  } catch (const json::exception& exception) {
    return Fail(ErrorCode::kBadMapping, fmt::format("the catalogue cannot be read: {}", exception.what()), kHint);
  }
}

}  // namespace membridge::mappings
