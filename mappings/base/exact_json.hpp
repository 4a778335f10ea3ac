#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace membridge::mappings {

/// JSON whose numbers keep every digit.
///
/// A double rounds 89014103211118510720 and loses the zero of 1.10. A number that no int64, uint64 or double prints exactly as
/// PostgreSQL's numeric does is therefore kept as an *exact number*: a binary value of nlohmann::json whose bytes are the digits,
/// without an exponent (`1e3` is 1000, `-0` is 0, `1.50` stays). Read values from Mem0, from files and from json columns with
/// ParseExact and write them with ExactText; a plain `parse` or `dump` would change such numbers. Equal digits are equal values,
/// so == and < work as on all other values; 1.1 and 1.10 differ. All functions here are thread-safe.

/// Parses JSON text. Returns a discarded value (`is_discarded()`) when the text is not JSON, or when it holds a number that
/// PostgreSQL's numeric cannot hold (131,072 digits before the point, 16,383 behind it). When a key occurs twice in an object,
/// the last value counts.
nlohmann::json ParseExact(std::string_view text);
nlohmann::ordered_json ParseExactInOrder(std::string_view text);

/// Returns the value as JSON text: compact, or with `indent` blanks per level. Bytes that are not UTF-8 become U+FFFD.
std::string ExactText(const nlohmann::json& value, int indent = -1);
std::string ExactText(const nlohmann::ordered_json& value, int indent = -1);

/// Whether the value is a number, exact or not.
bool IsNumber(const nlohmann::json& value);
/// Whether the value is an exact number.
bool IsExactNumber(const nlohmann::json& value);
/// Returns the number that `text` spells in JSON's grammar, as ParseExact reads it; nothing when the text is not a number.
std::optional<nlohmann::json> NumberFrom(std::string_view text);
/// Returns the name of the value's kind for messages: `number`, `string`, `object`, …
const char* KindOf(const nlohmann::json& value);
/// Whether the number is zero, however it is written (`0`, `0.00`).
bool IsZero(const nlohmann::json& number);
/// Returns the exact sum. An argument that is not a number is ignored.
nlohmann::json SumOf(const nlohmann::json& a, const nlohmann::json& b);
/// Replaces every exact number by the nearest integer or double, for libraries that only know those.
nlohmann::json WithPlainNumbers(nlohmann::json value);

}  // namespace membridge::mappings
