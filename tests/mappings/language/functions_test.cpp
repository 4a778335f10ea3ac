#include "mappings/language/functions.hpp"

#include <set>

#include "mappings/base/exact_json.hpp"
#include "tests/mappings/support.hpp"
#include "tests/support/catch.hpp"

// The closed list of functions: what each yields for what it is meant for, and for what it is not.
namespace membridge::mappings {
namespace {

using nlohmann::json;
using test::Evaluated;

const json kNothing = "<missing>";

/// A value as JSON, with a word for missing.
json Shown(const Value& value) {
  return value ? *value : kNothing;
}

struct Case {
  std::string pipe;  ///< behind `memory.metadata.x`
  json x;
  json expected;
};

void CheckAll(const std::vector<Case>& cases, const std::string& maps = "") {
  for (const Case& one : cases) {
    CAPTURE(one.pipe, one.x.dump());
    const json data{{"memory", one.x == kNothing ? json::object() : json{{"x", one.x}}}};
    CHECK(Shown(Evaluated("memory.metadata.x | " + one.pipe, data, maps)) == one.expected);
  }
}

}  // namespace

TEST_CASE("the list of functions is closed, and each has a line of its own", "[functions]") {
  std::set<std::string_view> names;
  for (const Function& one : AllFunctions()) {
    CAPTURE(one.name);
    names.insert(one.name);
    CHECK_FALSE(one.doc.empty());
    CHECK(one.doc.find('\n') == std::string_view::npos);
    CHECK(one.fewest <= one.most);
    CHECK((one.most == 0) == one.arguments.empty());
    CHECK(FindFunction(one.name) == &one);
  }
  CHECK(names == std::set<std::string_view>{"lower",  "upper",   "trim", "truncate", "capture", "captures", "replace", "split",
                                            "join",   "html",    "or",   "map",      "is",      "has",      "not",     "first",
                                            "unique", "entries", "pick", "length",   "email",   "phone",    "number",  "date",
                                            "uuid5",  "sha256",  "yes",  "time",     "at",      "epoch",    "epoch_ms"});
  CHECK(FindFunction("eval") == nullptr);
}

TEST_CASE("missing stays missing in every function but or, is, has and not", "[functions]") {
  for (const Function& one : AllFunctions()) {
    std::string call{one.name};
    if (one.fewest > 0) {
      call += one.first == Function::First::kLookup ? "(table" : one.first == Function::First::kZone ? "('UTC'" : "('a'";
    }
    for (std::size_t i = 1; i < one.fewest; ++i) call += ", 'a'";
    if (one.fewest > 0) call += ")";
    CAPTURE(call);
    const json from_missing =
        Shown(Evaluated("memory.metadata.nowhere | " + call, {{"memory", json::object()}}, "table: {a: b}"));
    const json from_null = Shown(Evaluated("null | " + call, json::object(), "table: {a: b}"));
    if (one.sees_missing) {
      CHECK(from_missing != kNothing);
    } else {
      CHECK(from_missing == kNothing);
      CHECK(from_null == nullptr);
    }
  }
}

TEST_CASE("no function throws on any kind of value", "[functions]") {
  const std::vector<json> values{"",
                                 "text",
                                 5,
                                 -1.5,
                                 true,
                                 false,
                                 json::array(),
                                 json::object(),
                                 {{"a", 1}},
                                 {1, "b", nullptr, json::array({1})},
                                 json::array({json{{"a", 1}}})};
  for (const Function& one : AllFunctions()) {
    for (const json& value : values) {
      for (const char* argument : {"'a'", "5", "memory.metadata.x", "null"}) {
        const bool literal = one.first == Function::First::kPattern || one.first == Function::First::kSeparator;
        if (one.name == "truncate" && std::string{argument} != "5" && std::string{argument} != "memory.metadata.x") continue;
        std::string call{one.name};
        if (one.fewest > 0)
          call += one.first == Function::First::kLookup ? "(table"
                  : one.first == Function::First::kZone ? "('UTC'"
                  : literal                             ? "('a'"
                                                        : std::string{"("} + argument;
        for (std::size_t i = 1; i < one.fewest; ++i) call += std::string{", "} + argument;
        if (one.fewest > 0) call += ")";
        CAPTURE(call, value.dump());
        const Value result = Evaluated("memory.metadata.x | " + call, {{"memory", {{"x", value}}}}, "table: {a: b}");
        CHECK((!result || !result->is_discarded()));
      }
    }
  }
}

TEST_CASE("letters and white space", "[functions]") {
  CheckAll({
      {"lower", "MÜLLER Straße Ω", "müller straße ω"},
      {"lower", 5, "5"},
      {"lower", true, "true"},
      {"lower", {{"a", 1}}, kNothing},
      {"lower", {"A", 5, nullptr, json::object()}, {"a", "5"}},
      {"upper", "müller straße", "MÜLLER STRASSE"},
      {"upper", "i", "I"},
      {"trim", " \t a b \n\u00a0\u3000", "a b"},
      {"trim", "  ", kNothing},
      {"trim", {" a ", " "}, {"a"}},
      {"truncate(3)", "äöüß", "äöü"},
      {"truncate(3)", "ab", "ab"},
      {"truncate(3)", 12345, "123"},
      {"truncate(1)", "😀😀", "😀"},
      {"truncate(memory.metadata.x)", 5, "5"},
      {"truncate(memory.metadata.x)", "abc", kNothing},
      {"truncate", "as long as its column, once bound", "as long as its column, once bound"},
      {"html", "<a href=\"x\">Tom & 'Jerry'</a>", "&lt;a href=&quot;x&quot;&gt;Tom &amp; &#39;Jerry&#39;&lt;/a&gt;"},
  });
}

TEST_CASE("patterns", "[functions]") {
  CheckAll({
      {"capture('(?i)\\bworks at ([^.,]+)')", "Works at Initech, prefers German", "Initech"},
      {"capture('(?i)\\bworks at ([^.,]+)')", "Likes tea", kNothing},
      {"capture('\\d+')", "order 12 of 34", "12"},
      {"capture('a (x)|b (y)')", "b y", "y"},
      {"capture('(x)?y')", "y", kNothing},
      {"capture('()')", "y", ""},
      {"capture('(.)$')", {"ab", "", "cd"}, {"b", "d"}},
      {"captures('#(\\w+)')", "#a and #bc", {"a", "bc"}},
      {"captures('#\\w+')", "#a and #bc", {"#a", "#bc"}},
      {"captures('#(\\w+)')", "none", kNothing},
      {"captures('x*')", "axb", {"", "x", "", ""}},
      {"captures('(\\w+)')", {"a b", "c"}, {"a", "b", "c"}},
      {"replace('[^a-z0-9_-]+', '-')", "food & drinks", "food-drinks"},
      {"replace('(\\w+) (\\w+)', '\\2, \\1')", "Ada Lovelace", "Lovelace, Ada"},
      {"replace('x*', '-')", "axb", "-a--b-"},
      {"replace('a', '')", "banana", "bnn"},
      {"replace('a', memory.metadata.nothing)", "banana", kNothing},
      {"split(',')", "a,,b, c", {"a", "b", " c"}},
      {"split(',') | trim", "a, b ,c", {"a", "b", "c"}},
      {"split('.')", "a.b", {"a", "b"}},
      {"split('|')", "a|b", {"a", "b"}},
      {"split('[,;] *')", "a, b;c", {"a", "b", "c"}},
      {"split('ü')", "aüb", {"a", "b"}},
      {"split(',')", ",", kNothing},
      {"split(',')", {"a,b", "c"}, {"a", "b", "c"}},
      {"join(', ')", {"a", 5, nullptr, true}, "a, 5, true"},
      {"join(', ')", "a", "a"},
      {"join(', ')", json::array(), kNothing},
      {"join(', ')", {{"a", 1}}, kNothing},
  });
}

TEST_CASE("choices", "[functions]") {
  CheckAll(
      {
          {"or('en')", kNothing, "en"},
          {"or('en')", nullptr, "en"},
          {"or('en')", "", ""},
          {"or('en')", "de", "de"},
          {"or(memory.metadata.y)", kNothing, kNothing},
          {"or(null)", kNothing, nullptr},
          {"map(language)", "german", "de"},
          {"map(language)", "klingon", kNothing},
          {"map(language) | or('en')", "klingon", "en"},
          {"map('language')", "german", "de"},
          {"map(language)", {"german", "klingon"}, {"de"}},
          {"map(language)", 5, true},
          {"map(language)", "unknown", nullptr},
          {"is('a', 'b')", "b", true},
          {"is('a')", "b", false},
          {"is('5')", 5, true},
          {"is(true)", "true", true},
          {"is('a')", kNothing, false},
          {"is(null)", kNothing, true},
          {"is(null)", "a", false},
          {"is(memory.metadata.list)", "a", false},
          {"has('support', 'complaint')", {"food", "complaint"}, true},
          {"has('support')", {"food"}, false},
          {"has('support')", kNothing, false},
          {"has('port')", "support", true},
          {"has('a')", {{"a", nullptr}}, true},
          {"has(5)", {"5"}, true},
          {"not", kNothing, true},
          {"not", "", true},
          {"not", 0, true},
          {"not", false, true},
          {"not", json::array(), true},
          {"not", json::object(), true},
          {"not", "x", false},
          {"not", 0.5, false},
          {"not", {0}, false},
      },
      "language: {german: de, 5: true, unknown: null}");
}

TEST_CASE("lists and objects", "[functions]") {
  CheckAll({
      {"first", {nullptr, "a", "b"}, "a"},
      {"first", json::array(), kNothing},
      {"first", "a", "a"},
      {"unique", {"b", "a", "b", 1, 1, "1"}, {"b", "a", 1, "1"}},
      {"unique", "a", "a"},
      {"entries", {{"b", 1}, {"a", 2}}, {{{"key", "a"}, {"value", 2}}, {{"key", "b"}, {"value", 1}}}},
      {"entries", "a", kNothing},
      {"pick('a', 'c')", {{"a", 1}, {"b", 2}}, {{"a", 1}}},
      {"pick('a')", json::array({json{{"a", 1}, {"b", 2}}, "x"}), json::array({json{{"a", 1}}})},
      {"pick('a')", "x", kNothing},
      {"length", "äöü", 3},
      {"length", json::array({1, 2}), 2},
      {"length", {{"a", 1}}, 1},
      {"length", 1234, 4},
      {"length", "", 0},
  });
}

TEST_CASE("addresses", "[functions]") {
  CheckAll({
      {"email", "Bob <Bob@Example.test>", "bob@example.test"},
      {"email", " MAILTO:bob@example.test ", "bob@example.test"},
      {"email", "\"Stone, Bob\" <bob.stone+crm@mail.example.co.uk>", "bob.stone+crm@mail.example.co.uk"},
      {"email", "jörg@bücher.example", "jörg@bücher.example"},
      {"email", {"a@b.test", "no", "C@D.TEST"}, {"a@b.test", "c@d.test"}},
      {"email", "bob", kNothing},
      {"email", "bob@localhost", kNothing},
      {"email", "bob@@example.test", kNothing},
      {"email", "bob@example..test", kNothing},
      {"email", ".bob@example.test", kNothing},
      {"email", "bob@-example.test", kNothing},
      {"email", "bob@10.0.0.1", kNothing},
      {"email", "a b@example.test", kNothing},
      {"email", "bob@example.test, ann@example.test", kNothing},
      {"email", std::string(65, 'a') + "@example.test", kNothing},
      {"email", 5, kNothing},
      {"email", "", kNothing},
  });
}

TEST_CASE("telephone numbers", "[functions]") {
  CheckAll({
      {"phone('+49')", "030 123456", "+4930123456"},
      {"phone('DE')", "030/123456", "+4930123456"},
      {"phone('+49')", "+44 20 7946 0958", "+442079460958"},
      {"phone('+49')", "0044 20 7946 0958", "+442079460958"},
      {"phone", "+49 (0)30 123456", "+4930123456"},
      {"phone", "030 123456", kNothing},
      {"phone('+49')", "12", kNothing},
      {"phone('+49')", "call me", kNothing},
      {"phone('+49')", "", kNothing},
      {"phone('+999')", "030 123456", kNothing},
      {"phone('nowhere')", "030 123456", kNothing},
      {"phone('+49')", std::string(1000, '1'), kNothing},
      {"phone('+1')", 2125550123, "+12125550123"},
  });
}

TEST_CASE("numbers", "[functions]") {
  CheckAll({
      {"number", " 8 ", 8},
      {"number", "-1.5", -1.5},
      {"number", "+3", 3},
      {"number", "1e3", 1000},
      {"number", "1.10", *NumberFrom("1.10")},
      {"number", "-0", 0},
      {"number", "-007.50", *NumberFrom("-7.50")},
      {"number", *NumberFrom("1.10"), *NumberFrom("1.10")},
      {"number", "007", 7},
      {"number", 5, 5},
      {"number", "9223372036854775807", 9223372036854775807},
      {"number", "9223372036854775808", 9223372036854775808U},
      {"number", "89014103211118510720", *NumberFrom("89014103211118510720")},
      {"number", "0.12345678901234567", *NumberFrom("0.12345678901234567")},
      {"number", "1e999", *NumberFrom("1e999")},
      {"number", "eight", kNothing},
      {"number", "8 years", kNothing},
      {"number", "1,000", kNothing},
      {"number", ".5", kNothing},
      {"number", "5.", kNothing},
      {"number", "0x10", kNothing},
      {"number", "", kNothing},
      {"number", "nan", kNothing},
      {"number", "Infinity", kNothing},
      {"number", true, kNothing},
      {"number", {"1", "x", 2}, {1, 2}},
  });
}

TEST_CASE("days", "[functions]") {
  CheckAll({
      {"date", "2026-08-03T23:30:00-07:00", "2026-08-04"},
      {"date", "2026-08-03", "2026-08-03"},
      {"date", " 2026-08-03 10:00:00 ", "2026-08-03"},
      {"date", "2026-02-30", kNothing},
      {"date", "tomorrow", kNothing},
      {"date", 20260803, kNothing},
      {"date", {"2026-08-03", "x"}, {"2026-08-03"}},
  });
}

TEST_CASE("ids", "[functions]") {
  CheckAll({
      // Python: uuid.uuid5(uuid.NAMESPACE_DNS, "python.org")
      {"uuid5('dns')", "python.org", "886313e1-3b8a-5372-9b90-0c9aee199e5d"},
      {"uuid5('6ba7b810-9dad-11d1-80b4-00c04fd430c8')", "python.org", "886313e1-3b8a-5372-9b90-0c9aee199e5d"},
      {"uuid5", 5, "ffc52b5a-fa6f-57d0-bfc4-dbbb549be87e"},
      {"uuid5('contacts')", "a", "d02e01a2-5e2e-5438-8fd1-52a09602658d"},
      {"uuid5", {{"a", 1}}, kNothing},
      {"sha256", "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
      {"sha256", {{"b", 1}, {"a", nullptr}}, "c0bf82ad036cb0a5a03d6759c1b7b8b1f70a39b32dd96ed3977c7f2831ee3b56"},
      {"sha256", 5, "ef2d127de37b942baad06145e54b0c619a1f22327b2ebbcfbec78f5564afe39d"},
  });
}

TEST_CASE("a pipe reads from left to right, and parentheses group", "[functions]") {
  const json data{{"memory", {{"text", "Prefers GERMAN"}, {"list", {{{"a", {1, 2, 3}}}}}, {"odd key", "v"}, {"a-b", "w"}}}};
  CHECK(Shown(Evaluated("memory.text | capture('(?i)prefers (\\w+)') | lower | map(language) | or('en')", data,
                        "language: {german: de}")) == "de");
  CHECK(Shown(Evaluated("memory.metadata.nowhere | or(memory.text | lower)", data)) == "prefers german");
  CHECK(Shown(Evaluated("(memory.metadata.nowhere | or('X')) | lower", data)) == "x");
  CHECK(Shown(Evaluated("memory.metadata.list[0].a[-1]", data)) == 3);
  CHECK(Shown(Evaluated("memory.metadata.list[0].a[-4]", data)) == kNothing);
  CHECK(Shown(Evaluated("memory.metadata.list[1]", data)) == kNothing);
  CHECK(Shown(Evaluated("memory.metadata['odd key']", data)) == "v");
  CHECK(Shown(Evaluated("memory.metadata.a-b", data)) == "w");
  CHECK(Shown(Evaluated("memory.metadata.nowhere.deeper", data)) == kNothing);
  CHECK(Shown(Evaluated("'it''s'", data)) == "it's");
  CHECK(Shown(Evaluated("-1.5", data)) == -1.5);
  CHECK(Shown(Evaluated("null", data)) == nullptr);
  CHECK(Shown(Evaluated("true | not", data)) == false);
}

TEST_CASE("a long text stays linear, whatever the pattern", "[functions]") {
  const std::string text(1 << 20, 'a');
  const json data{{"memory", {{"x", text}}}};
  CHECK(Shown(Evaluated("memory.metadata.x | capture('(a*)*b')", data)) == kNothing);
  CHECK(Shown(Evaluated("memory.metadata.x | capture('(a+)$') | length", data)) == 1 << 20);
  CHECK(Shown(Evaluated("memory.metadata.x | replace('a+', 'b') | length", data)).get<int>() < 1 << 20);
  CHECK(Shown(Evaluated("memory.metadata.x | captures('aa') | length", data)) == 1 << 19);
  CHECK(Shown(Evaluated("memory.metadata.x | split('a')", data)) == kNothing);
  CHECK(Shown(Evaluated("memory.metadata.x | upper | sha256 | length", data)) == 64);
  CHECK(Shown(Evaluated("memory.metadata.x | phone('+49')", data)) == kNothing);
  CHECK(Shown(Evaluated("memory.metadata.x | email", data)) == kNothing);
}

TEST_CASE("a match in a long text is found across the windows it is searched in", "[functions]") {
  const std::string gap(100000, '.');
  const json data{{"memory", {{"x", gap + "#one" + gap + "#two"}}}};
  CHECK(Shown(Evaluated("memory.metadata.x | captures('#(\\w+)')", data)) == json{"one", "two"});
  CHECK(Shown(Evaluated("memory.metadata.x | replace('#\\w+', 'x') | length", data)) == 200002);
  CHECK(Shown(Evaluated("memory.metadata.x | split('#\\w+') | length", data)) == 2);
  CHECK(Shown(Evaluated("memory.metadata.x | captures('\\w+$')", data)) == json::array({"two"}));
}

}  // namespace membridge::mappings
