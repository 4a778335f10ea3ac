#include "admin/api/mem0_document.hpp"

#include <algorithm>
#include <utility>

#include "mappings/base/letter_case.hpp"

namespace membridge::admin::api {
namespace {

using nlohmann::ordered_json;
using sync::mem0::ApiOperation;
using sync::mem0::ApiParameter;
using Type = ApiParameter::Type;

constexpr const char* kTag = "mem0";

bool IsInPath(const ApiParameter& parameter) {
  return parameter.place == ApiParameter::Place::kPath && parameter.required;
}

bool IsStructured(const ApiParameter& parameter) {
  return parameter.type == Type::kObject || parameter.type == Type::kObjects || parameter.type == Type::kTexts ||
         parameter.type == Type::kUuids;
}

/// Appends words to a name: `delete-many` and `members list` become `DeleteMany` and `MembersList`.
void AppendInCamelCase(std::string& name, std::string_view words) {
  bool begins = true;
  for (const char c : words) {
    if (c == '-' || c == ' ') {
      begins = true;
    } else {
      name += begins && c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
      begins = false;
    }
  }
}

ordered_json TextSchema(const ApiParameter& parameter) {
  ordered_json schema{{"type", "string"}, {"minLength", 1}};
  if (parameter.type == Type::kUuid) schema["format"] = "uuid";
  if (parameter.choices.empty()) return schema;
  for (const std::string_view choice : parameter.choices) schema["enum"].push_back(choice);
  if (parameter.clears) schema["enum"].push_back("none");
  return schema;
}

ordered_json ListSchema(const ApiParameter& parameter) {
  const bool of_objects = parameter.type == Type::kObjects;
  return {
      {"type", "array"}, {"items", {{"type", of_objects ? "object" : "string"}}}, {"minItems", 1}, {"maxItems", parameter.most}};
}

ordered_json SchemaOf(const ApiParameter& parameter) {
  ordered_json schema;
  switch (parameter.type) {
    case Type::kWhole:
      schema = {{"type", "integer"}, {"minimum", 1}};
      if (parameter.most != 0) schema["maximum"] = parameter.most;
      break;
    case Type::kShare:
      schema = {{"type", "number"}, {"minimum", 0}, {"maximum", 1}};
      break;
    case Type::kFlag:
      schema = {{"type", "boolean"}};
      break;
    case Type::kObject:
      schema = {{"type", "object"}};
      break;
    case Type::kTexts:
    case Type::kUuids:
    case Type::kObjects:
      schema = ListSchema(parameter);
      break;
    default:
      schema = TextSchema(parameter);
  }
  schema["description"] = parameter.text;
  return schema;
}

/// What destroys takes, too. It is the same as for other actions on many.
std::vector<std::pair<std::string, ordered_json>> CountingFields() {
  return {
      {"dry_run", {{"type", "boolean"}, {"description", "Only count what is meant"}}},
      {"expected_count",
       {{"type", "integer"}, {"minimum", 0}, {"description", "The count as it was told: do it, unless more are meant by now"}}}};
}

std::string DescriptionOf(const ApiOperation& operation) {
  std::string text = "At Mem0: " + std::string{operation.method} + " " + std::string{operation.path} + ". The answer is Mem0's.";
  if (operation.Destroys()) text += " Call it with dry_run first, then with expected_count.";
  if (operation.is_asynchronous)
    text += " Mem0 may do it later: show the event that event_id names until its status is SUCCEEDED or FAILED.";
  switch (operation.cost) {
    case ApiOperation::Cost::kSearch:
      return text + " Counts as a retrieval of the plan.";
    case ApiOperation::Cost::kAdd:
      return text + " Counts as an addition of the plan.";
    case ApiOperation::Cost::kModel:
      return text + " A model of Mem0 reads all that is meant.";
    case ApiOperation::Cost::kCall:
      break;
  }
  return text;
}

ordered_json PathOrQuery(const std::string& name, const char* in, bool required, ordered_json schema) {
  ordered_json parameter{{"name", name}, {"in", in}, {"required", required}};
  if (schema.contains("description")) parameter["description"] = schema["description"];
  schema.erase("description");
  parameter["schema"] = std::move(schema);
  return parameter;
}

ordered_json ResponsesOf(const ApiOperation& operation) {
  const std::string what{operation.text};
  ordered_json responses;
  responses["200"] = {{"description", what},
                      {"content", {{"application/json", {{"schema", {{"$ref", "#/components/schemas/Mem0Answer"}}}}}}}};
  for (const auto& [status, name] : std::vector<std::pair<const char*, const char*>>{{"400", "BadRequest"},
                                                                                     {"401", "Unauthorized"},
                                                                                     {"403", "Forbidden"},
                                                                                     {"404", "NotFound"},
                                                                                     {"409", "Conflict"},
                                                                                     {"413", "TooLarge"},
                                                                                     {"415", "UnsupportedMediaType"},
                                                                                     {"422", "RefusedByMem0"},
                                                                                     {"429", "TooManyAttempts"},
                                                                                     {"500", "Internal"},
                                                                                     {"502", "Mem0Unavailable"},
                                                                                     {"503", "Unavailable"}}) {
    const std::string_view code{status};
    if (!RouteOf(operation).has_body && (code == "413" || code == "415")) continue;
    responses[status] = {{"$ref", std::string{"#/components/responses/"} + name}};
  }
  return responses;
}

ordered_json Described(const ApiOperation& operation) {
  const Mem0Route route = RouteOf(operation);
  ordered_json described{{"operationId", route.id},
                         {"tags", ordered_json::array({kTag})},
                         {"summary", operation.text},
                         {"description", DescriptionOf(operation)},
                         {"x-role", operation.role}};
  const bool changes = operation.effect != ApiOperation::Effect::kReads;
  if (changes) described["x-audit"] = NameOf(operation);
  if (!changes && route.method != "GET") described["x-reads"] = true;
  if (operation.has_texts) described["x-untrusted"] = true;
  if (operation.Destroys()) described["x-destroys"] = true;
  ordered_json parameters = ordered_json::array();
  ordered_json fields = ordered_json::object();
  std::vector<std::string> required;
  const auto add = [&](const std::string& name, bool is_required, ordered_json schema) {
    if (!route.has_body) {
      parameters.push_back(PathOrQuery(name, "query", is_required, std::move(schema)));
      return;
    }
    fields[name] = std::move(schema);
    if (is_required) required.push_back(name);
  };
  parameters.push_back(
      PathOrQuery("project", "path", true, {{"type", "string"}, {"description", "The project of the bridge's configuration"}}));
  for (const ApiParameter& parameter : operation.parameters) {
    const std::string name{parameter.name};
    if (IsInPath(parameter))
      parameters.push_back(PathOrQuery(name, "path", true, SchemaOf(parameter)));
    else
      add(name, parameter.required, SchemaOf(parameter));
  }
  if (operation.Destroys()) {
    for (auto& [name, schema] : CountingFields()) add(name, false, std::move(schema));
  }
  described["parameters"] = std::move(parameters);
  if (route.has_body) {
    ordered_json schema{{"type", "object"}, {"properties", std::move(fields)}, {"additionalProperties", false}};
    if (!required.empty()) schema["required"] = std::move(required);
    described["requestBody"] = {{"required", true}, {"content", {{"application/json", {{"schema", std::move(schema)}}}}}};
  }
  described["responses"] = ResponsesOf(operation);
  return described;
}

}  // namespace

Mem0Route RouteOf(const ApiOperation& operation) {
  Mem0Route route{.id = "mem0", .method = "POST", .path = "/mem0/{project}/" + std::string{operation.noun}};
  AppendInCamelCase(route.id, operation.noun);
  AppendInCamelCase(route.id, operation.verb);
  for (const ApiParameter& parameter : operation.parameters) {
    if (IsInPath(parameter)) route.path += "/{" + std::string{parameter.name} + "}";
  }
  std::string verb{operation.verb};
  if (const auto blank = verb.find(' '); blank != std::string::npos) {
    route.path += "/" + verb.substr(0, blank);
    verb.erase(0, blank + 1);
  }
  const bool fits_query = operation.effect == ApiOperation::Effect::kReads &&
                          std::none_of(operation.parameters.begin(), operation.parameters.end(), IsStructured);
  if (fits_query) route.method = "GET";
  if (verb == "update") route.method = "PATCH";
  if (verb == "delete") route.method = "DELETE";
  route.has_body = route.method == "POST" || route.method == "PATCH";
  const bool is_plain = verb == "show" || verb == "add" || verb == "create" || verb == "set" || verb == "update" ||
                        verb == "delete" || (verb == "list" && fits_query);
  if (!is_plain) route.path += "/" + verb;
  return route;
}

void AddMem0Paths(ordered_json& document) {
  document["tags"].push_back({{"name", kTag}});
  for (const ApiOperation& operation : sync::mem0::ApiOperations()) {
    const Mem0Route route = RouteOf(operation);
    document["paths"][route.path][LoweredAscii(route.method)] = Described(operation);
  }
}

}  // namespace membridge::admin::api
