#include "mappings/files/live_reader.hpp"

#include <fmt/format.h>

#include "mappings/base/utf8.hpp"
#include "mappings/files/scalar.hpp"
#include "mappings/files/value_reader.hpp"

namespace membridge::mappings {
namespace {

using YamlKind = YamlNode::Kind;

constexpr const char* kLiveForms =
    "\"live\" is the soft-delete column: deleted_at (null is live), active (true is live), \"!isdeleted\" (false or null is "
    "live), or {column: state, is: 0}";

std::optional<Live> ReadByName(const YamlNode& node, Diagnostics& problems) {
  Live live;
  live.place = node.place;
  std::string_view name = node.text;
  if (!name.empty() && name.front() == '!') {
    live.shape = Live::Shape::kNot;
    name = Trimmed(name.substr(1));
  }
  live.column = std::string{name};
  if (!live.column.empty() && live.column[0] != '$') return live;
  problems.Error(node.place, kLiveForms);
  return std::nullopt;
}

std::optional<Constant> ReadConstant(const YamlNode& node, LoadContext& context) {
  NamesHere nothing;
  nothing.data = false;
  auto value = node.kind == YamlKind::kScalar ? ReadValue(node, nothing, context) : std::nullopt;
  if (value && std::holds_alternative<Constant>(*value)) return std::get<Constant>(std::move(*value));
  if (value || node.kind != YamlKind::kScalar)
    context.problems.Error(node.place, "\"is\" takes one constant: the value of a row that is alive");
  return std::nullopt;
}

std::optional<Live> ReadByValue(const YamlNode& node, LoadContext& context) {
  RefuseUnknownKeys(node, {"column", "is", "gone"}, "keyword of \"live\"", context.problems);
  const auto* column = node.Find("column");
  const auto* is = node.Find("is");
  if (column == nullptr || is == nullptr || column->kind != YamlKind::kScalar || column->text.empty() || column->text[0] == '$') {
    context.problems.Error(node.place, "\"live\" needs a column and the value of a row that is alive: {column: deleteat, is: 0}");
    return std::nullopt;
  }
  Live live;
  live.shape = Live::Shape::kValue;
  live.column = column->text;
  live.place = column->place;
  auto value = ReadConstant(*is, context);
  if (!value) return std::nullopt;
  live.is = std::move(*value);
  const auto* gone = node.Find("gone");
  if (gone == nullptr) return live;
  NamesHere here;
  here.data = false;  // a row is deleted when no source mentions it, so there is no data to read
  here.now = true;
  live.gone = ReadValue(*gone, here, context);
  if (!live.gone) return std::nullopt;
  const auto* constant = std::get_if<Constant>(&*live.gone);
  if (constant == nullptr && std::holds_alternative<Expression>(*live.gone)) return live;
  if (constant == nullptr || constant->value.is_structured()) {
    context.problems.Error(gone->place, "\"gone\" takes one value: what marks a row as deleted");
    return std::nullopt;
  }
  if (constant->value == live.is.value) {
    context.problems.Error(gone->place, fmt::format("\"gone\" and \"is\" are the same, {}: a deleted row would be alive",
                                                    constant->value.is_null() ? "null" : constant->value.get<std::string>()));
    return std::nullopt;
  }
  return live;
}

}  // namespace

std::optional<Live> ReadLive(const YamlNode& node, LoadContext& context) {
  if (node.kind == YamlKind::kScalar) return ReadByName(node, context.problems);
  if (node.kind == YamlKind::kMap) return ReadByValue(node, context);
  context.problems.Error(node.place, kLiveForms);
  return std::nullopt;
}

}  // namespace membridge::mappings
