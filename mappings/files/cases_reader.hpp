#pragma once

#include <vector>

#include "mappings/base/diagnostic.hpp"
#include "mappings/files/yaml_source.hpp"
#include "mappings/mapping.hpp"

namespace membridge::mappings {

/// Reads `tests`: cases by name, each a list of steps. Problems are reported.
std::vector<TestCase> ReadTests(const YamlNode& tests, Diagnostics& problems);

}  // namespace membridge::mappings
