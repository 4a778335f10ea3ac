#include "mappings/files/asked_fields.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "mappings/files/value_reader.hpp"

namespace membridge::mappings {
namespace {

using YamlKind = YamlNode::Kind;

std::optional<std::string> ReadText(const YamlNode& node, Diagnostics& problems) {
  if (node.kind == YamlKind::kScalar) return node.IsNull() ? "" : node.text;
  problems.Error(node.place, fmt::format("text belongs here, not {}", node.KindName()));
  return std::nullopt;
}

void ReadDetails(const YamlNode& body, AskedField& field, Diagnostics& problems) {
  RefuseUnknownKeys(body, {"description", "type"}, "keyword of an asked-for field", problems);
  if (const auto* description = body.Find("description")) field.description = ReadText(*description, problems).value_or("");
  const auto* type = body.Find("type");
  if (type == nullptr) return;
  field.type = ReadText(*type, problems);
  if (!field.type || IsAskType(*field.type)) return;
  problems.Error(type->place, fmt::format("unknown type \"{}\"{}", *field.type, DidYouMean(*field.type, AskTypes())));
}

void AddFields(const Expression& expression, std::set<std::string>& used) {
  used.merge(expression.FieldsOf("export"));
}

void AddFields(const std::vector<Assignment>& assignments, std::set<std::string>& used) {
  for (const Assignment& one : assignments)
    ForEachExpression(one.value, [&](const Expression& expression) { AddFields(expression, used); });
}

}  // namespace

const std::vector<std::string>& AskTypes() {
  static const std::vector<std::string> kTypes{
      "string",          "integer",          "number",          "boolean",          "date",          "date-time",      "object",
      "array of string", "array of integer", "array of number", "array of boolean", "array of date", "array of object"};
  return kTypes;
}

bool IsAskType(const std::string& type) {
  return std::find(AskTypes().begin(), AskTypes().end(), type) != AskTypes().end();
}

void ReadAsk(const YamlNode& root, LoadContext& context) {
  const auto* ask = root.Find("ask");
  if (context.mapping.from != Mapping::From::kExport) {
    if (ask != nullptr) context.problems.Error(ask->place, "\"ask\" needs \"from: export\": other memories are not asked");
    return;
  }
  if (ask == nullptr || ask->kind != YamlKind::kMap || ask->entries.empty()) {
    context.problems.Error(ask == nullptr ? root.place : ask->place,
                           "\"from: export\" needs \"ask\", a map of the fields to ask for");
    return;
  }
  for (const auto& [name, body] : ask->entries) {
    AskedField field;
    field.name = name.text;
    field.place = name.place;
    if (body.kind == YamlKind::kScalar) field.description = body.IsNull() ? "" : body.text;
    if (body.kind == YamlKind::kMap) ReadDetails(body, field, context.problems);
    if (body.kind == YamlKind::kList)
      context.problems.Error(body.place, "a field takes its description, or {description: ..., type: ...}");
    context.asked.push_back(field.name);
    context.mapping.ask.push_back(std::move(field));
  }
}

void RefuseUnusedFields(LoadContext& context) {
  std::set<std::string> used;
  for (const Expression& condition : context.mapping.when) AddFields(condition, used);
  for (const Row& row : context.mapping.rows) {
    for (const Expression& condition : row.when) AddFields(condition, used);
    if (row.each) AddFields(*row.each, used);
    for (const Key& key : row.keys) AddFields(key.parts, used);
    for (const auto* assignments : {&row.fresh, &row.set, &row.touch, &row.add}) AddFields(*assignments, used);
  }
  for (const AskedField& field : context.mapping.ask) {
    if (used.count(field.name) > 0) continue;
    context.problems.Error(
        field.place, fmt::format("\"{}\" is asked for, but no row uses it; write $export.{} in one", field.name, field.name));
  }
}

}  // namespace membridge::mappings
