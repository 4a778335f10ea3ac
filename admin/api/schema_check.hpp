#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace membridge::admin::api {

/// What is wrong with single fields, by name (`filter.since`, `events[2]`); the whole value has the name `body`.
using FieldProblems = std::map<std::string, std::string>;

/// Compares a value with a schema of the API's document: what bodies and parameters there use of JSON Schema (type, enum,
/// required, properties, additionalProperties: false, items, minItems, maxItems, minLength, maxLength, minimum, maximum, pattern,
/// $ref within `root`). A schema that uses anything else throws std::logic_error: the check must not let pass what the document
/// refuses. Messages hold no values. `name` is what the value is called in `problems`.
void CheckValue(const nlohmann::json& value, const nlohmann::json& schema, const nlohmann::json& root, const std::string& name,
                FieldProblems& problems);

/// The schema a `$ref` stands for; the schema itself when it is none.
const nlohmann::json& Resolved(const nlohmann::json& schema, const nlohmann::json& root);

/// A parameter's text as its schema's type wants it; a text that cannot be read so stays text, and CheckValue() says what is
/// wrong.
nlohmann::json ReadAs(const std::string& text, const nlohmann::json& schema);

}  // namespace membridge::admin::api
