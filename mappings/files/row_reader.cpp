#include "mappings/files/row_reader.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "mappings/base/table_name.hpp"
#include "mappings/files/cell_reader.hpp"
#include "mappings/files/live_reader.hpp"
#include "mappings/files/row_rules.hpp"
#include "mappings/files/value_reader.hpp"
#include "mappings/language/expression_node.hpp"

namespace membridge::mappings {
namespace {

using YamlKind = YamlNode::Kind;

constexpr std::size_t kMostRows = 200;

const std::vector<std::string> kRowKeywords{"table", "key",    "new",  "set",  "force",   "touch",    "changed", "when",
                                            "each",  "create", "gone", "live", "history", "identity", "add",     "rows"};
const std::vector<std::string> kReserved{"memory", "export", "event", "item", "now", "vars", "row", "true", "false", "null"};

bool IsName(const std::string& text) {
  if (text.empty() || (text[0] >= '0' && text[0] <= '9') || text[0] == '-') return false;
  return std::all_of(text.begin(), text.end(), [](unsigned char c) { return std::isalnum(c) != 0 || c == '_' || c == '-'; });
}

bool ExpectRowKind(const YamlNode& node, YamlKind kind, const std::string& message, Diagnostics& problems) {
  if (node.kind == kind) return true;
  problems.Error(node.place, fmt::format("{}, not {}", message, node.KindName()));
  return false;
}

using ItemShape = NamesHere::ItemShape;

/// Returns the shape of the elements of `each`, as far as its expression shows it.
ItemShape ShapeOfItems(const Expression& each) {
  const Expression::Node& node = each.Root();
  const auto* path = std::get_if<Path>(&node.operand);
  const auto* field = path != nullptr && path->steps.size() == 1 ? std::get_if<std::string>(&path->steps[0]) : nullptr;
  auto shape = field != nullptr && path->name == "memory" && *field == "categories" ? ItemShape::kText : ItemShape::kAny;
  for (const Call& call : node.calls) {
    const std::string_view name = call.function->name;
    if (name == "entries") {
      shape = ItemShape::kEntry;
    } else if (name == "captures" || name == "split") {
      shape = ItemShape::kText;
    } else if (name != "unique" && !(shape == ItemShape::kText && (name == "lower" || name == "upper" || name == "trim" ||
                                                                   name == "replace" || name == "capture"))) {
      shape = ItemShape::kAny;
    }
  }
  return shape;
}

class RowReader {
 public:
  RowReader(LoadContext& context, std::vector<Row>& rows) : context_(context), rows_(rows) {}

  /// `item`: the shape of the current element of the enclosing rows' `each`; nothing when there is no `each`.
  void ReadAll(const YamlNode& node, std::optional<std::size_t> parent, std::optional<ItemShape> item) {
    if (!ExpectRowKind(node, YamlKind::kMap, "rows are a map by name", context_.problems)) return;
    for (const auto& [name, body] : node.entries) {
      if (rows_.size() < kMostRows) Read(name, body, parent, item);
    }
  }

 private:
  void Read(const YamlNode& name, const YamlNode& body, std::optional<std::size_t> parent, std::optional<ItemShape> item) {
    Row row;
    row.name = name.text;
    row.place = name.place;
    row.parent = parent;
    if (!ExpectRowKind(body, YamlKind::kMap, "a row is a map of keywords", context_.problems)) return;
    RefuseUnknownKeys(body, kRowKeywords, "row keyword", context_.problems);
    for (const auto& [key, value] : body.entries) row.keywords[key.text] = key.place;

    NamesHere here;
    here.rows = true;
    here.own_name = row.name;
    here.item = item.has_value();
    here.item_shape = item.value_or(ItemShape::kAny);
    if (const auto* each = body.Find("each")) {
      row.each = ReadExpression(*each, here, context_);
      item = row.each ? ShapeOfItems(*row.each) : ItemShape::kAny;
      here.item = true;
      here.item_shape = *item;
    }
    if (const auto* when = body.Find("when")) row.when = ReadConditions(*when, here, context_);
    ReadTable(body, row);
    if (const auto* key = body.Find("key")) ReadKeys(*key, here, row);
    here.row = true;
    ReadCells(body, "new", here, row.fresh);
    ReadCells(body, "set", here, row.set);
    ReadCells(body, "force", here, row.set);
    ReadCells(body, "touch", here, row.touch);
    here.row = false;
    ReadCells(body, "add", here, row.add);
    ReadSwitches(body, row);
    for (const Assignment& touch : row.touch) {
      const auto* expression = std::get_if<Expression>(&touch.value);
      if (expression != nullptr && expression->Is("now") && touch.cell.kind == Cell::Kind::kColumn)
        row.now_column = touch.cell.column;
    }
    if (const auto* changed = body.Find("changed")) ReadChanged(*changed, row);
    CheckRow(row, context_);
    WarnOfFalse(row, context_);
    const std::size_t index = rows_.size();
    rows_.push_back(std::move(row));
    if (const auto* nested = body.Find("rows")) ReadAll(*nested, index, item);
  }

  void ReadTable(const YamlNode& body, Row& row) {
    const auto* table = body.Find("table");
    if (table == nullptr) {
      context_.problems.Error(row.place, fmt::format("row \"{}\" needs a \"table\"", row.name));
      return;
    }
    row.table_place = table->place;
    auto name = table->kind == YamlKind::kScalar && table->text[0] != '$' ? SchemaAndTable(table->text) : std::nullopt;
    if (name) {
      row.schema = std::move(name->first);
      row.table = std::move(name->second);
      return;
    }
    row.table = table->text;
    context_.problems.Error(table->place, "a table is written as name or schema.name");
  }

  void ReadKeys(const YamlNode& node, const NamesHere& here, Row& row) {
    const auto read = [&](const YamlNode& one) {
      if (!ExpectRowKind(one, YamlKind::kMap, "a key is a map of columns", context_.problems)) return;
      Key key;
      key.place = one.place;
      ReadCells(one, here, true, false, key.parts);
      if (one.entries.empty())
        context_.problems.Error(one.place,
                                "a key without columns finds nothing; leave \"key\" out for a row of the memory's own");
      row.keys.push_back(std::move(key));
    };
    if (node.kind != YamlKind::kList) return read(node);
    for (const YamlNode& one : node.items) read(one);
    if (node.items.empty())
      context_.problems.Error(node.place, "a list of keys needs at least one; leave \"key\" out for a row of the memory's own");
  }

  void ReadCells(const YamlNode& body, const std::string& keyword, const NamesHere& here, std::vector<Assignment>& assignments) {
    const auto* node = body.Find(keyword);
    if (node == nullptr) return;
    if (!ExpectRowKind(*node, YamlKind::kMap, fmt::format("\"{}\" is a map of columns", keyword), context_.problems)) return;
    ReadCells(*node, here, false, keyword == "force", assignments);
  }

  void ReadCells(const YamlNode& node, const NamesHere& here, bool in_key, bool force, std::vector<Assignment>& assignments) {
    for (const auto& [key, value] : node.entries) {
      auto cell = ReadCell(key, context_.problems);
      auto spec = ReadValue(value, here, context_);
      if (!cell || !spec) continue;
      if (!Fits(*cell, *spec, in_key, key.place, value.place)) continue;
      Assignment assignment{std::move(*cell), std::move(*spec), key.place, value.place, force, false, false};
      std::set<std::string> names;
      ForEachExpression(assignment.value, [&](const Expression& expression) { names.merge(expression.Names()); });
      assignment.uses_row = names.erase("row") > 0;
      names.erase("vars");
      assignment.derived = assignment.uses_row && names.empty();
      names.erase("now");
      assignment.constant = names.empty();
      assignment.written = value.text;
      assignments.push_back(std::move(assignment));
    }
  }

  bool Fits(const Cell& cell, const ValueSpec& value, bool in_key, const Place& cell_place, const Place& value_place) {
    const auto refuse = [&](const Place& place, const std::string& message) {
      context_.problems.Error(place, message);
      return false;
    };
    if (cell.kind == Cell::Kind::kLowered && !in_key)
      return refuse(cell_place, "lower(column) is for keys only; pipe the value through lower");
    if (in_key && (cell.kind == Cell::Kind::kElements || cell.kind == Cell::Kind::kGroup)) {
      return refuse(cell_place, fmt::format("{} cannot be part of a key", cell.name));
    }
    const auto* list = std::get_if<std::vector<std::variant<Constant, Expression, TextWithHoles>>>(&value);
    const auto* constant = std::get_if<Constant>(&value);
    const bool constant_list = constant != nullptr && constant->value.is_array();
    const bool null = constant != nullptr && constant->value.is_null();
    if (cell.kind == Cell::Kind::kGroup && !null) {
      const std::size_t size = list != nullptr ? list->size() : constant_list ? constant->value.size() : 0;
      if (list == nullptr && !constant_list)
        return refuse(value_place, "a group of columns takes a list of values, one for each");
      if (size != cell.members.size()) {
        return refuse(value_place, fmt::format("the group has {} columns, the list {} values", cell.members.size(), size));
      }
    }
    if (in_key && (list != nullptr || constant_list)) return refuse(value_place, "a key column takes one value, not a list");
    return true;
  }

  void ReadSwitches(const YamlNode& body, Row& row) {
    if (const auto* create = body.Find("create")) {
      if (create->text == "false" && create->plain) {
        row.create = false;
      } else if (create->text == "with_cells") {
        row.create_with_cells = true;
      } else if (create->text != "true" || !create->plain) {
        context_.problems.Error(create->place, "\"create\" is true, false or with_cells");
      }
    }
    if (const auto* gone = body.Find("gone")) {
      if (gone->text == "delete") {
        row.gone_deletes = true;
      } else {
        context_.problems.Error(gone->place, "\"gone\" can only be delete; leave it out and the row stays");
      }
    }
    if (const auto* live = body.Find("live")) row.live = ReadLive(*live, context_);
    if (const auto* identity = body.Find("identity")) ReadIdentity(*identity, row);
    if (const auto* history = body.Find("history")) ReadHistory(*history, row);
  }

  void ReadChanged(const YamlNode& node, Row& row) {
    if (node.kind == YamlKind::kScalar && !node.text.empty() && node.text[0] != '$') {
      row.changed = node.text;
    } else {
      context_.problems.Error(node.place, "\"changed\" is the name of a column that others move when they change the row");
    }
  }

  void ReadIdentity(const YamlNode& node, Row& row) {
    if (!ExpectRowKind(node, YamlKind::kList, "\"identity\" is a list of columns, as in [user_id, role_id]", context_.problems))
      return;
    for (const YamlNode& column : node.items) {
      if (column.kind != YamlKind::kScalar || column.text.empty() || column.text[0] == '$') {
        context_.problems.Error(column.place, "\"identity\" takes names of columns");
      } else if (std::find(row.identity.begin(), row.identity.end(), column.text) != row.identity.end()) {
        context_.problems.Error(column.place, fmt::format("{} stands twice in \"identity\"", column.text));
      } else {
        row.identity.push_back(column.text);
      }
    }
    if (node.items.empty()) context_.problems.Error(node.place, "\"identity\" needs at least one column");
  }

  void ReadHistory(const YamlNode& node, Row& row) {
    if (!ExpectRowKind(node, YamlKind::kMap, "\"history\" is written as {from: column, to: column}", context_.problems)) return;
    RefuseUnknownKeys(node, {"from", "to"}, "history keyword", context_.problems);
    const auto* from = node.Find("from");
    const auto* to = node.Find("to");
    if (from == nullptr || to == nullptr || from->text.empty() || to->text.empty() || from->text == to->text) {
      context_.problems.Error(node.place, "\"history\" needs two columns: {from: valid_from, to: valid_to}");
      return;
    }
    row.history = History{from->text, to->text};
  }

  LoadContext& context_;
  std::vector<Row>& rows_;
};

void Collect(const YamlNode& rows, std::map<std::string, std::size_t>& lines, std::vector<std::string>& names,
             Diagnostics& problems) {
  for (const auto& [name, body] : rows.entries) {
    if (names.size() == kMostRows) {
      problems.Error(name.place, fmt::format("more than {} rows in one mapping", kMostRows));
    }
    const auto [known, fresh] = lines.emplace(name.text, name.place.line);
    if (!fresh) {
      problems.Error(name.place, fmt::format("another row is named \"{}\", on line {}", name.text, known->second));
    } else if (std::find(kReserved.begin(), kReserved.end(), name.text) != kReserved.end()) {
      problems.Error(name.place, fmt::format("\"{}\" has a meaning of its own; name the row differently", name.text));
    } else if (!IsName(name.text)) {
      problems.Error(name.place, fmt::format("\"{}\" is no name: letters, digits and _, not a digit first", name.text));
    }
    names.push_back(name.text);
    if (const auto* nested = body.Find("rows")) Collect(*nested, lines, names, problems);
  }
}

}  // namespace

std::vector<std::string> CollectRowNames(const YamlNode& rows, Diagnostics& problems) {
  std::map<std::string, std::size_t> lines;
  std::vector<std::string> names;
  Collect(rows, lines, names, problems);
  return names;
}

std::vector<Row> ReadRows(const YamlNode& rows, LoadContext& context) {
  std::vector<Row> read;
  RowReader{context, read}.ReadAll(rows, std::nullopt, std::nullopt);
  return read;
}

}  // namespace membridge::mappings
