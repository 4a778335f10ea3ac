#include "admin/api/document.hpp"

#include <algorithm>
#include <optional>
#include <stdexcept>

#include "mappings/base/diagnostic.hpp"
#include "receiver/http/router.hpp"

namespace membridge::admin::api {
namespace {

using nlohmann::json;

std::string Uppercase(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
  return text;
}

Role RoleOf(const json& description) {
  const auto role = RoleNamed(description.at("x-role").get<std::string>());
  if (!role) throw std::logic_error("an operation of the document has an unknown role");
  return *role;
}

int SuccessOf(const json& responses) {
  for (const auto& [status, ignored] : responses.items()) {
    if (status.starts_with('2')) return std::stoi(status);
  }
  throw std::logic_error("an operation of the document never goes well");
}

Operation OperationFrom(const std::string& method, const std::string& path, const json& description) {
  Operation operation{.id = description.at("operationId"),
                      .method = Uppercase(method),
                      .path = path,
                      .pattern = receiver::http::PathPattern{path}};
  operation.role = RoleOf(description);
  operation.tag = description.at("tags").at(0).get<std::string>();
  operation.audit = description.value("x-audit", "");
  operation.status = SuccessOf(description.at("responses"));
  for (const json& parameter : description.value("parameters", json::array())) {
    auto& into = parameter.at("in") == "path" ? operation.path_parameters : operation.query_parameters;
    into.push_back({parameter.at("name"), parameter.value("required", false), parameter.at("schema")});
  }
  if (description.contains("requestBody"))
    operation.body = description["requestBody"].at("content").at("application/json").at("schema");
  return operation;
}

/// Takes the next `name=value` of a query, decoded; nothing when it cannot be decoded.
std::optional<std::pair<std::string, std::string>> TakePair(std::string_view& query) {
  const std::string_view pair = query.substr(0, query.find('&'));
  query.remove_prefix(std::min(query.size(), pair.size() + 1));
  const auto decoded = [](std::string_view encoded) {
    std::string text{encoded};
    std::replace(text.begin(), text.end(), '+', ' ');
    return receiver::http::PercentDecode(text);
  };
  const std::size_t equals = std::min(pair.find('='), pair.size());
  auto name = decoded(pair.substr(0, equals));
  auto value = decoded(pair.substr(std::min(equals + 1, pair.size())));
  if (!name || !value) return std::nullopt;
  return std::pair{std::move(*name), std::move(*value)};
}

std::string UnknownParameter(const Operation& operation, const std::string& name) {
  std::vector<std::string> names;
  for (const Parameter& parameter : operation.query_parameters) names.push_back(parameter.name);
  return "there is no such parameter" + mappings::DidYouMean(name, names);
}

const Parameter* Named(const std::vector<Parameter>& parameters, const std::string& name) {
  const auto found = std::find_if(parameters.begin(), parameters.end(), [&](const Parameter& each) { return each.name == name; });
  return found == parameters.end() ? nullptr : &*found;
}

}  // namespace

Document::Document(std::string_view text) : root_(json::parse(text)) {
  for (const auto& [path, methods] : root_.at("paths").items()) {
    for (const auto& [method, description] : methods.items()) operations_.push_back(OperationFrom(method, path, description));
  }
  std::stable_sort(operations_.begin(), operations_.end(),
                   [](const Operation& a, const Operation& b) { return a.path_parameters.size() < b.path_parameters.size(); });
}

json Document::ReadQuery(const Operation& operation, std::string_view query, FieldProblems& problems) const {
  json values = json::object();
  while (!query.empty()) {
    const auto pair = TakePair(query);
    if (!pair) {
      problems.emplace("query", "is not properly percent-encoded");
      return values;
    }
    const auto& [name, text] = *pair;
    const Parameter* parameter = Named(operation.query_parameters, name);
    if (parameter == nullptr) {
      problems.emplace(name, UnknownParameter(operation, name));
    } else if (values.contains(name)) {
      problems.emplace(name, "is given twice");
    } else {
      values[name] = ReadAs(text, parameter->schema);
      CheckValue(values[name], parameter->schema, root_, name, problems);
    }
  }
  for (const Parameter& parameter : operation.query_parameters) {
    if (values.contains(parameter.name)) continue;
    if (parameter.required) problems.emplace(parameter.name, "is needed");
    if (parameter.schema.contains("default")) values[parameter.name] = parameter.schema["default"];
  }
  return values;
}

json Document::ReadPath(const Operation& operation, const std::vector<std::string_view>& encoded, FieldProblems& problems) const {
  json values = json::object();
  for (std::size_t i = 0; i < operation.path_parameters.size(); ++i) {
    const Parameter& parameter = operation.path_parameters[i];
    const auto text = receiver::http::PercentDecode(encoded.at(i));
    values[parameter.name] = text ? ReadAs(*text, parameter.schema) : json("");
    if (!text) problems.emplace(parameter.name, "is not properly percent-encoded");
    CheckValue(values[parameter.name], parameter.schema, root_, parameter.name, problems);
  }
  return values;
}

Document::Found Document::Find(std::string_view method, std::string_view path) const {
  Found found;
  if (method == "HEAD") method = "GET";
  for (const Operation& operation : operations_) {
    auto values = operation.pattern.Match(path);
    if (!values) continue;
    if (operation.method == method) return {.operation = &operation, .values = std::move(*values)};
    found.allowed.insert(operation.method);
    if (operation.method == "GET") found.allowed.insert("HEAD");
  }
  return found;
}

void Document::CheckBody(const Operation& operation, const json& body, FieldProblems& problems) const {
  CheckValue(body, operation.body, root_, "", problems);
}

}  // namespace membridge::admin::api
