#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "mappings/files/yaml_source.hpp"

namespace membridge::mappings {

/// Reads a plain scalar by YAML's core rules, but only where no character is lost: `5` is a number and `true` a boolean, but
/// `01067`, `1.10` and `NO` stay text. Quoted scalars are text.
nlohmann::json TypedScalar(const std::string& text, bool plain);

/// Returns a node as JSON with every scalar as text; `null` is null.
nlohmann::json AsText(const YamlNode& node);
/// Returns a node as JSON with scalars as TypedScalar() reads them.
nlohmann::json AsTyped(const YamlNode& node);

}  // namespace membridge::mappings
