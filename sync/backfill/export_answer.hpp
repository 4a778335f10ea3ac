#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>

#include "mappings/base/result.hpp"

namespace membridge::sync {

/// What a filled schema says, ready for a mapping.
struct ExportAnswer {
  nlohmann::json values = nlohmann::json::object();  ///< only what was asked for and answered
  std::size_t extra_keys = 0;                        ///< keys nobody asked for, dropped
};

/// Reads Mem0's answer to an export with this schema (as mappings::ExportSchema makes them). A language model wrote it: null,
/// `"None"` and the like mean that there is no answer, and the value is left out; elements of lists likewise. Lengths and formats
/// are not checked here, since the mapping may cut a text and the column knows better what a date is; types and enums are.
/// kRowRejected names the fields that do not fit, without their values.
Result<ExportAnswer> ReadExportAnswer(const nlohmann::json& answer, const nlohmann::json& schema);

}  // namespace membridge::sync
