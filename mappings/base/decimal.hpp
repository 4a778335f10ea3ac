#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace membridge::mappings {

/// Decimal numbers as text, with all their digits.

/// Rewrites a number of JSON's grammar as PostgreSQL's numeric prints it: without an exponent, without a sign on zero, with the
/// zeros behind the point kept. Returns nothing when the text is not such a number, or when numeric cannot hold it.
std::optional<std::string> PlainDecimal(std::string_view literal);

/// Returns the exact sum of two numbers that PlainDecimal wrote. The sum has as many digits behind the point as the longer of the
/// two.
std::string SumOfDecimals(std::string_view a, std::string_view b);

}  // namespace membridge::mappings
