#pragma once

#include <map>
#include <optional>
#include <string>

#include "mappings/base/diagnostic.hpp"
#include "mappings/mapping.hpp"

namespace membridge::mappings {

/// Reads a mapping from YAML text. Every problem is added to `problems`, with its place; nothing is returned when one is an
/// error. `vars` override the file's; naming a variable that the file does not declare is an error. Never throws on bad input.
std::optional<Mapping> LoadMapping(const std::string& file, const std::string& yaml,
                                   const std::map<std::string, std::string>& vars, Diagnostics& problems);

/// The same, from disk. A file that cannot be read is a problem too.
std::optional<Mapping> LoadMappingFile(const std::string& file, const std::map<std::string, std::string>& vars,
                                       Diagnostics& problems);

/// A mapping file as it is on disk, cut after one byte more than may be loaded. Nothing: it cannot be read.
std::optional<std::string> ReadMappingFile(const std::string& file);

}  // namespace membridge::mappings
