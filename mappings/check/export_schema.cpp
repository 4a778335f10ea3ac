#include "mappings/check/export_schema.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "mappings/check/check.hpp"
#include "mappings/language/expression_node.hpp"

namespace membridge::mappings {
namespace {

using nlohmann::json;
using AskedValue = std::variant<Constant, Expression, TextWithHoles>;

/// The cell a field goes to: the first that takes the field as it is, else the first that takes it through functions.
struct Destination {
  const Cell* cell = nullptr;
  const Column* column = nullptr;
  bool changed = false;  ///< functions turn the field into another value
};

/// Whether the function leaves the field's type as it is.
bool Keeps(const Call& call) {
  const std::string_view name = call.function->name;
  return name == "truncate" || name == "trim" || name == "or" || name == "unique";
}

class Search {
 public:
  Search(const Mapping& mapping, const Catalog& catalog, const std::string& field)
      : mapping_(mapping), catalog_(catalog), field_(field) {}

  Destination Find() {
    for (const Row& row : mapping_.rows) {
      const Table* table = TableOf(row, mapping_, catalog_);
      if (table == nullptr) continue;
      for (const auto* assignments : {&row.set, &row.fresh}) {
        for (const Assignment& one : *assignments) Look(one, *table);
      }
      for (const Key& key : row.keys) {
        for (const Assignment& part : key.parts) Look(part, *table);
      }
    }
    return whole_.cell != nullptr ? whole_ : changed_;
  }

 private:
  void Look(const Assignment& one, const Table& table) {
    if (const auto* list = std::get_if<std::vector<AskedValue>>(&one.value)) {
      for (std::size_t i = 0; i < list->size(); ++i) {
        const Cell& cell = i < one.cell.members.size() ? one.cell.members[i] : one.cell;
        if (const auto* expression = std::get_if<Expression>(&(*list)[i])) Look(*expression, cell, table);
      }
    } else if (const auto* expression = std::get_if<Expression>(&one.value)) {
      Look(*expression, one.cell, table);
    }
  }

  void Look(const Expression& expression, const Cell& cell, const Table& table) {
    const auto* path = std::get_if<Path>(&expression.Root().operand);
    if (path == nullptr || path->name != "export" || expression.FieldsOf("export").count(field_) == 0) return;
    const auto& calls = expression.Root().calls;
    const bool changed = path->steps.size() != 1 || !std::all_of(calls.begin(), calls.end(), Keeps);
    Destination& found = changed ? changed_ : whole_;
    if (found.cell == nullptr) found = {&cell, table.Find(cell.column), changed};
  }

  const Mapping& mapping_;
  const Catalog& catalog_;
  const std::string& field_;
  Destination whole_;
  Destination changed_;
};

json OfColumnType(const Column& column) {
  const std::string type = column.base_type.substr(0, column.base_type.find('('));
  if (!column.enum_labels.empty()) return {{"type", "string"}, {"enum", column.enum_labels}};
  if (type == "smallint" || type == "integer" || type == "bigint") return {{"type", "integer"}};
  if (type == "numeric" || type == "real" || type == "double precision") return {{"type", "number"}};
  if (type == "boolean") return {{"type", "boolean"}};
  if (type == "date") return {{"type", "string"}, {"format", "date"}};
  if (type.compare(0, 9, "timestamp") == 0) return {{"type", "string"}, {"format", "date-time"}};
  if (column.IsJson()) return {{"type", "object"}};
  if (column.IsArray()) {
    Column element;
    element.type = element.base_type = column.element_type;
    return {{"type", "array"}, {"items", OfColumnType(element)}};
  }
  json text{{"type", "string"}};
  if (column.max_length) text["maxLength"] = *column.max_length;
  return text;
}

json OfAskType(const std::string& type) {
  constexpr std::string_view kList = "array of ";
  if (type.compare(0, kList.size(), kList) == 0) return {{"type", "array"}, {"items", OfAskType(type.substr(kList.size()))}};
  if (type == "date" || type == "date-time") return {{"type", "string"}, {"format", type}};
  return {{"type", type}};
}

/// Returns the field's JSON Schema type; nothing when no column gives one.
std::optional<json> TypeOf(const AskedField& field, const Destination& destination) {
  if (field.type) return OfAskType(*field.type);
  if (destination.cell == nullptr || destination.changed) return json{{"type", "string"}};
  if (destination.column == nullptr || !destination.cell->path.empty()) return std::nullopt;
  if (destination.cell->kind == Cell::Kind::kElements && destination.column->IsJson()) return std::nullopt;
  if (!destination.cell->delimiter.empty()) return json{{"type", "array"}, {"items", {{"type", "string"}}}};
  return OfColumnType(*destination.column);
}

std::string DescriptionOf(const AskedField& field, const Destination& destination) {
  if (!field.description.empty()) return field.description;
  return destination.column == nullptr || !destination.cell->path.empty() ? std::string{} : destination.column->comment;
}

}  // namespace

json ExportSchema(const Mapping& mapping, const Catalog& catalog) {
  json properties = json::object();
  for (const AskedField& field : mapping.ask) {
    const Destination destination = Search{mapping, catalog, field.name}.Find();
    json property;
    property["anyOf"] = json::array({TypeOf(field, destination).value_or(json{{"type", "string"}}), json{{"type", "null"}}});
    property["default"] = nullptr;
    const std::string description = DescriptionOf(field, destination);
    if (!description.empty()) property["description"] = description;
    properties[field.name] = std::move(property);
  }
  return {{"type", "object"}, {"title", mapping.name}, {"properties", properties}};
}

void CheckAskedFields(const Mapping& mapping, const Catalog& catalog, Diagnostics& problems) {
  for (const AskedField& field : mapping.ask) {
    const Destination destination = Search{mapping, catalog, field.name}.Find();
    if (destination.cell != nullptr && destination.column == nullptr) continue;  // the unknown column is reported where it stands
    if (!TypeOf(field, destination)) {
      problems.Error(
          field.place,
          fmt::format("\"{0}\" goes to {1}, which has no type to borrow; write {0}: {{description: ..., type: array of string}}",
                      field.name, destination.cell->name));
    }
    if (DescriptionOf(field, destination).empty()) {
      problems.Error(
          field.place,
          fmt::format("\"{}\" has no description, and its column no comment to borrow; say what to ask for", field.name));
    }
  }
}

}  // namespace membridge::mappings
