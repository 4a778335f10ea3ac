#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace membridge::admin::api {

/// The problems of single fields by name (`filter.since`, `events[2]`). The whole value has the name `body`.
using FieldProblems = std::map<std::string, std::string>;

/// Returns all of them as one sentence, for people.
std::string InWords(const FieldProblems& problems);

/// Checks a value against a schema of the API's document. It supports the part of JSON Schema that bodies and parameters use
/// there (type, enum, required, properties, additionalProperties: false, items, minItems, maxItems, minLength, maxLength,
/// minimum, maximum, pattern, $ref within `root`). It throws std::logic_error for a schema with any other keyword, because the
/// check must not accept what the document refuses. Messages contain no values. `name` is the name of the value in `problems`.
void CheckValue(const nlohmann::json& value, const nlohmann::json& schema, const nlohmann::json& root, const std::string& name,
                FieldProblems& problems);

/// Returns the schema that a `$ref` refers to; any other schema is returned itself.
const nlohmann::json& Resolved(const nlohmann::json& schema, const nlohmann::json& root);

/// Converts a parameter's text to the type of its schema. A text that cannot be converted stays text, and CheckValue() then
/// reports it.
nlohmann::json ReadAs(const std::string& text, const nlohmann::json& schema);

}  // namespace membridge::admin::api
