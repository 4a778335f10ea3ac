#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "mappings/files/yaml_source.hpp"

namespace membridge::mappings {

/// A plain scalar by YAML's core rules, when nothing is lost by it: `5` is a number and `true` a boolean, but `01067`, `1.10` and
/// `NO` stay the text they look like. Quoted ones are text.
nlohmann::json TypedScalar(const std::string& text, bool plain);

/// A node as JSON, every scalar as its text; `null` is null.
nlohmann::json AsText(const YamlNode& node);
/// The same with scalars typed.
nlohmann::json AsTyped(const YamlNode& node);

}  // namespace membridge::mappings
