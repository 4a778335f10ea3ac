#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace membridge::mappings {

/// JSON whose numbers keep every digit.
///
/// A double bends 89014103211118510720 and forgets the zero of 1.10. A number that neither an int64, a uint64 nor a double writes
/// out exactly as PostgreSQL's numeric does is therefore held as an *exact number*: a binary value of nlohmann::json whose bytes
/// are its digits, without an exponent (`1e3` is 1000, `-0` is 0, `1.50` stays). What comes from Mem0, from a file or from a json
/// column is read with ParseExact and written with ExactText; a plain `parse` or `dump` would bend or mangle such numbers.
/// Equal digits are equal values, so == and < work as on all other values; 1.1 and 1.10 differ.

/// Parses JSON text. A discarded value when it is no JSON, or when it holds a number that PostgreSQL's numeric cannot hold
/// (131,072 digits before the point, 16,383 behind it). Of a key that comes twice the last value counts.
nlohmann::json ParseExact(std::string_view text);
nlohmann::ordered_json ParseExactInOrder(std::string_view text);

/// JSON text, compact or with `indent` blanks a level. Bytes that are no UTF-8 become U+FFFD.
std::string ExactText(const nlohmann::json& value, int indent = -1);
std::string ExactText(const nlohmann::ordered_json& value, int indent = -1);

/// Whether it is a number, exact ones included.
bool IsNumber(const nlohmann::json& value);
/// Whether it is an exact number.
bool IsExactNumber(const nlohmann::json& value);
/// The number that `text` spells in JSON's grammar, as ParseExact would read it; nothing when it spells none.
std::optional<nlohmann::json> NumberFrom(std::string_view text);
/// `number`, `string`, `object`, …: what a sentence calls the value.
const char* KindOf(const nlohmann::json& value);
/// 0 of any length.
bool IsZero(const nlohmann::json& number);
/// The sum, with all digits of both; what is no number counts as nothing.
nlohmann::json SumOf(const nlohmann::json& a, const nlohmann::json& b);
/// The value with every exact number replaced by the nearest integer or double, for libraries that only know those.
nlohmann::json WithPlainNumbers(nlohmann::json value);

}  // namespace membridge::mappings
