#include "mappings/base/utf8.hpp"

#include <string>

#include "tests/support/catch.hpp"

using namespace membridge::mappings;
using namespace std::string_view_literals;

TEST_CASE("the first byte that is no UTF-8 is found", "[utf8]") {
  const auto npos = std::string_view::npos;
  for (const std::string_view good : {""sv, "plain"sv, "Grüße"sv, "\u00e9\u20ac\U0001F600"sv, "\0"sv, "\xEF\xBF\xBF"sv}) {
    CAPTURE(std::string{good});
    CHECK(FirstBadByte(good) == npos);
  }
  CHECK(FirstBadByte("ab\xFF"sv) == 2);
  CHECK(FirstBadByte("a\x80z"sv) == 1);
  CHECK(FirstBadByte("\xC0\xAF"sv) == 0);            // overlong
  CHECK(FirstBadByte("x\xE0\x80\x80"sv) == 1);       // overlong
  CHECK(FirstBadByte("x\xED\xA0\x80"sv) == 1);       // half of a surrogate pair
  CHECK(FirstBadByte("xy\xF4\x90\x80\x80"sv) == 2);  // beyond U+10FFFF
  CHECK(FirstBadByte("\u20ac\xE2\x82"sv) == 3);      // cut off
}

TEST_CASE("characters are counted and taken as people see code points", "[utf8]") {
  CHECK(CountCharacters("") == 0);
  CHECK(CountCharacters("Grüße \U0001F600") == 7);
  CHECK(FirstCharacters("Grüße", 3) == "Grü");
  CHECK(FirstCharacters("Grüße", 9) == "Grüße");
  CHECK(FirstCharacters("Grüße", 0).empty());
  CHECK(FirstCharacters("\U0001F600\U0001F600", 1) == "\U0001F600");
}

TEST_CASE("white space of every script goes from both ends, and nothing else", "[utf8]") {
  CHECK(Trimmed("").empty());
  CHECK(Trimmed(" \t\r\n\f\v").empty());
  CHECK(Trimmed(" a b ") == "a b");
  for (const char* space : {"\u00A0", "\u0085", "\u1680", "\u2003", "\u2028", "\u202F", "\u205F", "\u3000"}) {
    CAPTURE(std::string{space});
    CHECK(Trimmed(std::string{space} + "Ada" + space + space) == "Ada");
  }
  CHECK(Trimmed("\u200BAda\uFEFF") == "\u200BAda\uFEFF");  // no white space in Unicode's sense
  CHECK(Trimmed(" \xFF ") == "\xFF");
  CHECK(Trimmed("\xC2 Ada") == "\xC2 Ada");
}
