#pragma once

#include <initializer_list>
#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>

namespace membridge {

/// kInfo: an operator's action took effect. kWarn: we recovered by ourselves. kError: someone must act, and the line says what.
enum class LogLevel { kInfo, kWarn, kError };

/// One field of a line. A field has the same name everywhere: project, memory, delivery, mapping, table, attempt, …
using LogField = std::pair<std::string_view, nlohmann::json>;

/// Writes one JSON object as one line to stderr. `event` is a constant in lower_snake; values that vary go into `fields`. Never
/// pass memory text, row values, tokens or passwords; a libpqxx message counts as row values. Thread-safe: lines never mix. Bytes
/// that are not UTF-8 become U+FFFD.
void Log(LogLevel level, std::string_view event, std::initializer_list<LogField> fields = {});

}  // namespace membridge
