#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "admin/config/config.hpp"
#include "mappings/files/yaml_source.hpp"

namespace membridge::admin {

/// Returns the configuration in force, with defaults and variables filled in, in the shape of `membridge.yaml`. Keys, tokens and
/// passwords are `***`.
nlohmann::ordered_json ShownConfig(const Config& config);

/// Writes a shown configuration as YAML: block maps and lists, scalars as in JSON. A comment behind each value says where it
/// comes from: the line of `written`, the configuration's file, and the variables named there; or `default`.
std::string AsYaml(const nlohmann::ordered_json& value, const mappings::YamlNode& written);

}  // namespace membridge::admin
