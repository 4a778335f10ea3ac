#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>

#include "mappings/base/result.hpp"

namespace membridge::sync {

/// The values of a filled schema, ready for a mapping.
struct ExportAnswer {
  nlohmann::json values = nlohmann::json::object();  ///< only what was asked for and answered
  std::size_t extra_keys = 0;                        ///< keys that the schema does not have, dropped
};

/// Reads Mem0's answer to an export with this schema (as mappings::ExportSchema makes them). A language model wrote the answer:
/// null, `"None"` and the like mean that there is no value, so values and list elements like these are left out. Checks types and
/// enums. Does not check lengths and formats, because the mapping may cut a text and the column's type decides what a date is.
/// kRowRejected names the fields that do not fit, without their values.
Result<ExportAnswer> ReadExportAnswer(const nlohmann::json& answer, const nlohmann::json& schema);

}  // namespace membridge::sync
