#pragma once

#include <map>
#include <optional>
#include <string>

#include "mappings/base/diagnostic.hpp"
#include "mappings/mapping.hpp"

namespace membridge::mappings {

/// Reads a mapping from YAML text. Adds every problem to `problems` with its place, and returns nothing when one is an error.
/// `vars` override the file's `vars`; naming a variable that the file does not declare is an error. Never throws on bad input.
/// Thread-safe.
std::optional<Mapping> LoadMapping(const std::string& file, const std::string& yaml,
                                   const std::map<std::string, std::string>& vars, Diagnostics& problems);

/// Reads a mapping from a file in the same way. A file that cannot be read is a problem, too.
std::optional<Mapping> LoadMappingFile(const std::string& file, const std::map<std::string, std::string>& vars,
                                       Diagnostics& problems);

/// Reads the bytes of a mapping file: at most one byte more than may be loaded. Returns nothing when the file cannot be read.
std::optional<std::string> ReadMappingFile(const std::string& file);

}  // namespace membridge::mappings
