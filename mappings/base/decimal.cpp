#include "mappings/base/decimal.hpp"

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>

namespace membridge::mappings {
namespace {

// What PostgreSQL's numeric holds.
constexpr std::int64_t kMostWholeDigits = 131'072;
constexpr std::int64_t kMostFractionDigits = 16'383;
constexpr std::int64_t kLargestExponent = 1'000'000;

bool IsDigit(char c) {
  return c >= '0' && c <= '9';
}

/// Takes the digits that `text` begins with.
std::string_view TakeDigits(std::string_view& text) {
  std::size_t length = 0;
  while (length < text.size() && IsDigit(text[length])) ++length;
  const std::string_view digits = text.substr(0, length);
  text.remove_prefix(length);
  return digits;
}

bool Take(std::string_view& text, std::string_view one_of) {
  if (text.empty() || one_of.find(text.front()) == std::string_view::npos) return false;
  text.remove_prefix(1);
  return true;
}

/// The parts of a number such as `-12.5`.
struct Decimal {
  bool negative = false;
  std::string whole, fraction;

  explicit Decimal(std::string_view text) {
    negative = Take(text, "-");
    whole = TakeDigits(text);
    if (Take(text, ".")) fraction = text;
  }

  /// All digits without the point, padded to these lengths: a whole number counted in units of the last place.
  std::string Digits(std::size_t whole_digits, std::size_t fraction_digits) const {
    return std::string(whole_digits - whole.size(), '0') + whole + fraction + std::string(fraction_digits - fraction.size(), '0');
  }
};

/// Puts a point before the last `fraction` digits. Leaves out leading zeros and the sign of zero.
std::string Assembled(bool negative, std::string digits, std::size_t fraction) {
  if (digits.size() <= fraction) digits.insert(0, fraction + 1 - digits.size(), '0');
  const std::size_t point = digits.size() - fraction;
  const std::size_t first = std::min(digits.find_first_not_of('0'), point - 1);
  const bool zero = digits.find_first_not_of('0') == std::string::npos;
  std::string text = negative && !zero ? "-" : "";
  text.append(digits, first, point - first);
  if (fraction > 0) text.append(".").append(digits, point, fraction);
  return text;
}

/// Adds digit by digit. Both numbers have the same length.
std::string Added(const std::string& a, const std::string& b) {
  std::string sum(a.size() + 1, '0');
  int carry = 0;
  for (std::size_t i = a.size(); i-- > 0;) {
    const int digit = (a[i] - '0') + (b[i] - '0') + carry;
    sum[i + 1] = static_cast<char>('0' + digit % 10);
    carry = digit / 10;
  }
  sum[0] = static_cast<char>('0' + carry);
  return sum;
}

/// Subtracts digit by digit. Both numbers have the same length, and a is not smaller than b.
std::string Subtracted(const std::string& a, const std::string& b) {
  std::string difference(a.size(), '0');
  int borrow = 0;
  for (std::size_t i = a.size(); i-- > 0;) {
    int digit = (a[i] - '0') - (b[i] - '0') - borrow;
    borrow = digit < 0 ? 1 : 0;
    if (digit < 0) digit += 10;
    difference[i] = static_cast<char>('0' + digit);
  }
  return difference;
}

}  // namespace

std::optional<std::string> PlainDecimal(std::string_view literal) {
  std::string_view rest = literal;
  const bool negative = Take(rest, "-");
  const std::string_view whole = TakeDigits(rest);
  if (whole.empty() || (whole.size() > 1 && whole.front() == '0')) return std::nullopt;
  std::string_view fraction;
  if (Take(rest, ".")) {
    fraction = TakeDigits(rest);
    if (fraction.empty()) return std::nullopt;
  }
  std::int64_t exponent = 0;
  if (Take(rest, "eE")) {
    const bool down = !rest.empty() && rest.front() == '-';
    Take(rest, "+-");
    const std::string_view digits = TakeDigits(rest);
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), exponent);
    if (digits.empty() || error != std::errc{} || exponent > kLargestExponent) return std::nullopt;
    if (down) exponent = -exponent;
  }
  if (!rest.empty()) return std::nullopt;
  std::string digits = std::string{whole} + std::string{fraction};
  const std::int64_t scale = static_cast<std::int64_t>(fraction.size()) - exponent;
  if (scale > kMostFractionDigits) return std::nullopt;
  const bool zero = digits.find_first_not_of('0') == std::string::npos;
  const std::int64_t whole_digits = static_cast<std::int64_t>(digits.size()) - scale;
  if (!zero && whole_digits > kMostWholeDigits) return std::nullopt;
  if (scale < 0 && !zero) digits.append(static_cast<std::size_t>(-scale), '0');
  return Assembled(negative, std::move(digits), static_cast<std::size_t>(std::max<std::int64_t>(scale, 0)));
}

std::string SumOfDecimals(std::string_view a, std::string_view b) {
  const Decimal one{a}, other{b};
  const std::size_t whole = std::max(one.whole.size(), other.whole.size());
  const std::size_t fraction = std::max(one.fraction.size(), other.fraction.size());
  const std::string first = one.Digits(whole, fraction), second = other.Digits(whole, fraction);
  if (one.negative == other.negative) return Assembled(one.negative, Added(first, second), fraction);
  const bool first_is_larger = first >= second;
  std::string difference = first_is_larger ? Subtracted(first, second) : Subtracted(second, first);
  return Assembled(first_is_larger ? one.negative : other.negative, std::move(difference), fraction);
}

}  // namespace membridge::mappings
