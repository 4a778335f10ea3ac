#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "mappings/evaluate.hpp"
#include "mappings/files/loader.hpp"

namespace membridge::mappings::test {

/// What loading this text as `crm.yaml` reports, one line each, in order.
std::vector<std::string> ProblemsOf(const std::string& yaml, const std::map<std::string, std::string>& vars = {});

/// The mapping; a case that expects one fails with its problems.
Mapping Loaded(const std::string& yaml, const std::map<std::string, std::string>& vars = {});
/// One of the worked examples beside the tests, by name.
Mapping Example(const std::string& name);

/// What the expression (without `$`) yields for the names in `data`; lookup tables as under `maps`.
Value Evaluated(const std::string& expression, const nlohmann::json& data = nlohmann::json::object(),
                const std::string& maps = "");

/// The data with all fields of `memory` in its `metadata`, too: only there a record may hold what a test likes.
nlohmann::json WithMetadata(nlohmann::json data);

/// The row of that name.
const Row& RowOf(const Mapping& mapping, const std::string& name);
/// Cell values as an object by cell name.
nlohmann::json AsJson(const std::vector<CellValue>& values);

}  // namespace membridge::mappings::test
