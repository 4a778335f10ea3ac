#include <fstream>
#include <iterator>
#include <map>
#include <regex>

#include "mappings/language/functions.hpp"
#include "tests/mappings/support.hpp"
#include "tests/support/catch.hpp"

// The language reference and the code say the same, and the reference leaves nothing out.
namespace membridge::mappings {
namespace {

using nlohmann::json;

std::string TextOfFile(const std::string& name) {
  std::ifstream file{std::string{MEMBRIDGE_MAPPING_TESTS "/../../mappings/"} + name};
  return {std::istreambuf_iterator<char>{file}, {}};
}

/// What one entry of a list says: `- **`name(arguments)`** what it does. *Example*: ... *Missing*: ... *Mistake*: ...`
struct Entry {
  std::string title;  ///< `name(arguments)`
  std::string does;
  std::string example;
  std::string missing;
  std::string mistake;
};

/// What stands behind `*label*: `, up to the next label.
std::string Part(const std::string& text, const std::string& label) {
  const std::string mark = "*" + label + "*: ";
  const std::size_t at = text.find(mark);
  if (at == std::string::npos) return {};
  const std::size_t start = at + mark.size();
  std::string part = text.substr(start, std::min(text.find(" *M", start), text.find("\n  *M", start)) - start);
  while (!part.empty() && (part.back() == '\n' || part.back() == '.' || part.back() == ' ')) part.pop_back();
  return part;
}

/// The entries between `<!-- name: begin -->` and its end, by the word they begin with.
std::map<std::string, Entry> EntriesOf(const std::string& name) {
  const std::string readme = TextOfFile("README.md");
  const std::string begin = "<!-- " + name + ": begin -->\n";
  const std::size_t start = readme.find(begin);
  const std::size_t end = readme.find("<!-- " + name + ": end -->");
  REQUIRE(start != std::string::npos);
  REQUIRE(end != std::string::npos);
  const std::string list = readme.substr(start + begin.size(), end - start - begin.size());
  std::map<std::string, Entry> entries;
  const std::string bullet = "- **`";
  for (std::size_t at = list.find(bullet); at != std::string::npos;) {
    const std::size_t next = list.find("\n" + bullet, at);
    const std::string text = list.substr(at, next == std::string::npos ? next : next - at);
    const std::size_t close = text.find("`**");
    REQUIRE(close != std::string::npos);
    Entry entry;
    entry.title = text.substr(bullet.size(), close - bullet.size());
    entry.does = text.substr(close + 4, text.find("\n  *Example*") - close - 4);
    entry.example = Part(text, "Example");
    entry.missing = Part(text, "Missing");
    entry.mistake = Part(text, "Mistake");
    const std::string word = entry.title.substr(0, entry.title.find('('));
    INFO(word);
    CHECK(entries.emplace(word, entry).second);
    at = next == std::string::npos ? next : next + 1;
  }
  return entries;
}

void CheckIsWhole(const Entry& entry) {
  CAPTURE(entry.title);
  CHECK_FALSE(entry.does.empty());
  CHECK_FALSE(entry.example.empty());
  CHECK_FALSE(entry.missing.empty());
  CHECK_FALSE(entry.mistake.empty());
}

/// The examples of the page: YAML by name.
std::map<std::string, std::string> Examples() {
  const std::string readme = TextOfFile("README.md");
  std::map<std::string, std::string> examples;
  const std::string heading = "### Example: ";
  for (std::size_t at = readme.find(heading); at != std::string::npos; at = readme.find(heading, at + 1)) {
    const std::string name = readme.substr(at + heading.size(), readme.find('\n', at) - at - heading.size());
    const std::size_t fence = readme.find("```yaml\n", at) + 8;
    examples[name] = readme.substr(fence, readme.find("```", fence) - fence);
  }
  return examples;
}

std::vector<std::string> Keys(const json& object) {
  std::vector<std::string> keys;
  for (const auto& [key, value] : object.items()) keys.push_back(key);
  return keys;
}

/// Every keyword has an entry that says all four things, no entry is about anything else, and its example uses it.
void CheckKeywords(const std::string& list, const std::vector<std::string>& keywords) {
  const auto entries = EntriesOf(list);
  const auto examples = Examples();
  for (const std::string& keyword : keywords) {
    CAPTURE(list, keyword);
    const auto found = entries.find(keyword);
    CHECK(found != entries.end());
    if (found == entries.end()) continue;
    CheckIsWhole(found->second);
    // `[a contact](#example-a-contact)`
    const std::string& link = found->second.example;
    const std::string named = link.substr(1, link.find(']') - 1);
    const auto example = examples.find(named);
    CAPTURE(link);
    CHECK(example != examples.end());
    if (example == examples.end()) continue;
    CHECK(std::regex_search(example->second, std::regex{"(^|[\\s{,-])" + keyword + ":"}));
  }
  CHECK(entries.size() == keywords.size());
}

/// What is written in code: between the first pair of backquotes that can hold it.
std::string InCode(const std::string& text, std::size_t& at) {
  const std::size_t open = text.find('`', at);
  REQUIRE(open != std::string::npos);
  at = text.find('`', open + 1);
  REQUIRE(at != std::string::npos);
  return text.substr(open + 1, at++ - open - 1);
}

/// The memory that the examples of functions are about.
json ExampleData() {
  const std::string readme = TextOfFile("README.md");
  const std::size_t fence = readme.find("```json\n");
  REQUIRE(fence != std::string::npos);
  return json::parse(readme.substr(fence + 8, readme.find("```", fence + 8) - fence - 8));
}

}  // namespace

TEST_CASE("the reference says of every function what it does, by an example that holds, and what missing does to it",
          "[reference]") {
  const auto entries = EntriesOf("the functions");
  const json data = ExampleData();
  const std::string maps = "language: {german: de}";
  for (const Function& function : AllFunctions()) {
    const std::string name{function.name};
    CAPTURE(name);
    const auto found = entries.find(name);
    CHECK(found != entries.end());
    if (found == entries.end()) continue;
    const Entry& entry = found->second;
    CheckIsWhole(entry);
    CHECK(entry.title == name + std::string{function.arguments});
    CHECK(entry.does == function.doc);

    std::size_t at = 0;
    const std::string expression = InCode(entry.example, at);
    const std::string result = InCode(entry.example, at);
    CAPTURE(expression, result);
    const Value value = test::Evaluated(expression, data, maps);
    CHECK(value == Value{json::parse(result)});

    // The same call on nothing at all; of several in a row, the last one.
    const std::size_t bar = expression.rfind(" | " + name);
    REQUIRE(bar != std::string::npos);
    const Value nothing = test::Evaluated("memory.metadata.nothing" + expression.substr(bar), data, maps);
    if (entry.missing == "stays missing") {
      CHECK_FALSE(nothing.has_value());
    } else if (entry.missing == "the given value") {
      CHECK(nothing == Value{"en"});
    } else {
      std::size_t start = 0;
      CHECK(nothing == Value{json::parse(InCode(entry.missing, start))});
    }
  }
  CHECK(entries.size() == AllFunctions().size());
}

TEST_CASE("the reference says of every keyword what it does, which example uses it, what missing does and what goes wrong",
          "[reference]") {
  const json schema = json::parse(TextOfFile("mapping.schema.json"));
  CheckKeywords("the keywords of a file", Keys(schema.at("properties")));
  CheckKeywords("the keywords of a row", Keys(schema.at("definitions").at("row").at("properties")));
  CheckKeywords("the steps", Keys(schema.at("definitions").at("step").at("properties")));
}

}  // namespace membridge::mappings
