#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "admin/config/config.hpp"

namespace membridge::admin {

/// Returns the configuration in force, with defaults and variables filled in, in the shape of `membridge.yaml`. Keys, tokens and
/// passwords are `***`.
nlohmann::ordered_json ShownConfig(const Config& config);

/// Writes JSON as YAML: block maps and lists, scalars as in JSON.
std::string AsYaml(const nlohmann::ordered_json& value);

}  // namespace membridge::admin
