#pragma once

#include <string>
#include <vector>

#include "mappings/files/load_context.hpp"

namespace membridge::mappings {

/// Reads `ask` into the mapping and adds its fields to the names that expressions may use.
void ReadAsk(const YamlNode& root, LoadContext& context);

/// Reports fields under `ask` that no row uses. Each field costs work of a language model.
void RefuseUnusedFields(LoadContext& context);

/// Whether `type` is a valid type under `ask`: `string`, `array of integer`, … (see AskTypes()).
bool IsAskType(const std::string& type);
const std::vector<std::string>& AskTypes();

}  // namespace membridge::mappings
