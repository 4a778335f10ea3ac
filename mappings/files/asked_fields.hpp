#pragma once

#include <string>
#include <vector>

#include "mappings/files/load_context.hpp"

namespace membridge::mappings {

/// Reads `ask` into the mapping and the names an expression may use.
void ReadAsk(const YamlNode& root, LoadContext& context);

/// Reports asked-for fields that nothing uses: each costs an answer of a language model.
void RefuseUnusedFields(LoadContext& context);

/// Whether `type` under `ask` is one there is: `text`, `array of integer`, …; how JSON Schema spells it.
bool IsAskType(const std::string& type);
const std::vector<std::string>& AskTypes();

}  // namespace membridge::mappings
