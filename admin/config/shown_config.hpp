#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "admin/config/config.hpp"

namespace membridge::admin {

/// The configuration as it counts, defaults and variables filled in, in the shape of `membridge.yaml`. Keys, tokens and passwords
/// are `***`.
nlohmann::ordered_json ShownConfig(const Config& config);

/// JSON in YAML's own style: block maps and lists, scalars as JSON writes them.
std::string AsYaml(const nlohmann::ordered_json& value);

}  // namespace membridge::admin
