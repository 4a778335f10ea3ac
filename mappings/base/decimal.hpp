#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace membridge::mappings {

/// Decimal numbers as text, with all their digits.

/// A number in JSON's grammar as PostgreSQL's numeric writes it: without an exponent, zero without a sign, zeros behind the point
/// as they were. Nothing when the text is no such number, or when numeric cannot hold it.
std::optional<std::string> PlainDecimal(std::string_view literal);

/// The exact sum of two numbers that PlainDecimal wrote. It has as many digits behind the point as the longer of the two.
std::string SumOfDecimals(std::string_view a, std::string_view b);

}  // namespace membridge::mappings
