#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <random>
#include <valijson/adapters/nlohmann_json_adapter.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validation_results.hpp>
#include <valijson/validator.hpp>

#include "mappings/files/loader.hpp"
#include "mappings/files/scalar.hpp"
#include "tests/mappings/support.hpp"
#include "tests/support/catch.hpp"

// The JSON Schema that editors use and the loader give the same verdict on everything a schema can see.
namespace membridge::mappings {
namespace {

using nlohmann::json;

/// mapping.schema.json, read once.
const valijson::Schema& MappingSchema() {
  static const auto schema = [] {
    std::ifstream file{MEMBRIDGE_MAPPING_TESTS "/../../mappings/mapping.schema.json"};
    const json document = json::parse(file);
    auto parsed = std::make_unique<valijson::Schema>();
    valijson::SchemaParser parser;
    parser.populateSchema(valijson::adapters::NlohmannJsonAdapter{document}, *parsed);
    return parsed;
  }();
  return *schema;
}

bool SchemaAccepts(const std::string& yaml) {
  Diagnostics problems;
  const auto source = YamlSource::Parse("crm.yaml", yaml, problems);
  REQUIRE(source);
  const json document = AsTyped(source->Root());
  valijson::Validator validator;
  valijson::ValidationResults results;
  const bool accepted = validator.validate(MappingSchema(), valijson::adapters::NlohmannJsonAdapter{document}, &results);
  for (const auto& one : results) UNSCOPED_INFO(one.description);
  return accepted;
}

/// A file with one row, whose body is given in one line.
std::string OneRow(const std::string& body) {
  return "rows: {one: {" + body + "}}\n";
}

}  // namespace

TEST_CASE("schema and loader accept the same files", "[schema]") {
  const auto yaml = GENERATE(values<std::string>({
      OneRow("table: t, set: {a: b}"),
      OneRow("table: dw.t, key: {a: 1}"),
      OneRow("table: t, key: [{a: 1}, {lower(b): x, c.d: null}]"),
      OneRow("table: t, new: {a: 1}"),
      OneRow("table: t, force: {a.b: 1, 'c[]': [1, 2], 'd.e[]': x, '(f, g.h)': [1, 2]}"),
      OneRow("table: t, key: {a: 1}, create: false"),
      OneRow("table: t, key: {a: 1}, create: true, gone: delete, live: deletedAt, touch: {u: $now}"),
      OneRow("table: t, key: {a: 1}, history: {from: f, to: t}"),
      OneRow("table: t, key: {a: 1}, when: $memory.user_id, each: $memory.categories"),
      OneRow("table: t, key: {a: 1}, when: [$memory.user_id, $memory.text]"),
      OneRow("table: t, key: {a: 1}, rows: {two: {table: u, set: {x: $one.id}}}"),
      "from: memory\n" + OneRow("table: t, set: {a: null}"),
      "from: event\n" + OneRow("table: t, key: {a: $event.id}, add: {n: 1}"),
      "from: export\nask: {name: The name, age:, tags: {description: d, type: array of string}}\n" +
          OneRow("table: t, set: {a: $export.name, b: $export.age, c: $export.tags}"),
      "vars: {a: 1, b: text, c: true, d: null}\nmaps: {m: {x: y, 1: 2}, n: {}}\nsession: {role: r, search_path: a, app.b: "
      "$vars.a}\n" +
          OneRow("table: t, set: {a: b}"),
      "when: $memory.user_id\n" + OneRow("table: t, set: {a: b}"),
      OneRow("table: t, key: {a: 1}, live: '!isdeleted', gone: delete"),
      OneRow("table: t, key: {a: 1}, live: {column: deleteat, is: 0}"),
      OneRow("table: t, key: {a: 1}, live: {column: deleteat, is: null, gone: 1}, gone: delete"),
      OneRow("table: t, key: {a: 1}, live: {column: deleteat, is: 0, gone: '$now | epoch_ms'}, gone: delete"),
      OneRow("table: t, key: {a: 1}, live: {column: deleteat, is: $$5, gone: x}, gone: delete"),
      OneRow("table: t, key: {a: 1}, force: {b: $memory.text}, changed: systemmodstamp"),
      OneRow("table: t, key: {a: 1}, identity: [a, b]"),
      OneRow("table: t, key: {a: 1}, create: with_cells, set: {b: $memory.text}"),
      OneRow("table: t, key: {a: 1}, create: with_cells, force: {b: $memory.text}"),
      OneRow("table: t, key: {'attrs.\"plan.tier\"': 1, 'lower(\"my.email\")': x, '\"my.column\"': y}"),
      OneRow("table: t, set: {'attrs.\"plan.tier\"': 1, 'attrs.\"a b\"[]': [x], '(\"a.b\", c)': [1, 2]}"),
      OneRow("table: t, set: {'tags[;]': $memory.categories, 'more[,*,]': $memory.categories, 'last[ | ]': $memory.categories}"),
      OneRow("table: t, set: {a: b}, touch: {'\"my.column\"': $now}"),
      OneRow("table: '\"my.schema\".\"my.table\"', set: {a: b}"),
      OneRow("table: 'dw.\"my.table\"', set: {a: b}"),
      OneRow("table: t, set: {a: '$\"${memory.id}:x\" | uuid5(''ns'')', b: '$''text'' | upper', c: "
             "'$memory.metadata.\"plan.tier\"'}"),
      "session: {timezone: Europe/Berlin}\n" + OneRow("table: t, set: {a: $memory.updated_at}"),
      OneRow("table: t, key: {a: 1}") +
          "tests:\n  a case:\n    - person_deletes: {t: {a: 1}}\n    - person_deletes: {t: [{a: 1}, {a: 2}]}\n",
      OneRow("table: t, set: {a: b}") +
          "tests:\n  a case:\n    - given: {t: []}\n    - memory: {id: m}\n    - export: {}\n    - event: {}\n    - delete: m\n  "
          "  - edit: {t: {}}\n"
          "    - parks: {memory: {}, because: x}\n    - then: []\n    - then: {t: [{a: 1}, deleted], u: []}\n",
  }));
  CAPTURE(yaml);
  CHECK(test::ProblemsOf(yaml) == std::vector<std::string>{});
  CHECK(SchemaAccepts(yaml));
}

TEST_CASE("schema and loader accept the worked examples", "[schema]") {
  const auto* const name = GENERATE("contacts", "customer", "events", "profile");
  std::ifstream file{std::string{MEMBRIDGE_MAPPING_TESTS} + "/examples/" + name + ".yaml"};
  const std::string yaml{std::istreambuf_iterator<char>{file}, {}};
  CHECK(test::ProblemsOf(yaml) == std::vector<std::string>{});
  CHECK(SchemaAccepts(yaml));
}

TEST_CASE("schema and loader refuse the same files", "[schema]") {
  const auto yaml = GENERATE(values<std::string>({
      "from: memory\n",
      "rows: {}\n",
      "rows: [a]\n",
      "rows: {one: x}\n",
      "rows: {memory: {table: t, set: {a: b}}}\n",
      "rows: {2nd: {table: t, set: {a: b}}}\n",
      "form: memory\n" + OneRow("table: t, set: {a: b}"),
      "from: memories\n" + OneRow("table: t, set: {a: b}"),
      "when: memory.user_id\n" + OneRow("table: t, set: {a: b}"),
      "when: {a: b}\n" + OneRow("table: t, set: {a: b}"),
      "vars: [a]\n" + OneRow("table: t, set: {a: b}"),
      "vars: {a: $memory.id}\n" + OneRow("table: t, set: {a: b}"),
      "maps: {m: x}\n" + OneRow("table: t, set: {a: b}"),
      "session: {work_mem: x}\n" + OneRow("table: t, set: {a: b}"),
      "session: {role: [x]}\n" + OneRow("table: t, set: {a: b}"),
      "ask: {name: x}\n" + OneRow("table: t, set: {a: b}"),
      "from: export\n" + OneRow("table: t, set: {a: $export.user_id}"),
      "from: export\nask: {name: [x]}\n" + OneRow("table: t, set: {a: $export.name}"),
      "from: export\nask: {name: {type: txt}}\n" + OneRow("table: t, set: {a: $export.name}"),
      "from: export\nask: {name: {typo: string}}\n" + OneRow("table: t, set: {a: $export.name}"),
      OneRow("set: {a: b}"),
      OneRow("table: t"),
      OneRow("table: a.b.c, set: {a: b}"),
      OneRow("table: [t], set: {a: b}"),
      OneRow("table: $vars.t, set: {a: b}"),
      OneRow("tabel: t, table: t, set: {a: b}"),
      OneRow("table: t, set: [a]"),
      OneRow("table: t, set: {'a..b': c}"),
      OneRow("table: t, set: {'(a,)': [c, d]}"),
      OneRow("table: t, set: {lower(a): b}"),
      OneRow("table: t, key: {}"),
      OneRow("table: t, key: []"),
      OneRow("table: t, key: a"),
      OneRow("table: t, key: {'a[]': b}"),
      OneRow("table: t, key: {'(a, b)': b}"),
      OneRow("table: t, key: {a: [b]}"),
      OneRow("table: t, key: {a: b}, touch: {c.d: $now}"),
      OneRow("table: t, key: {a: b}, create: maybe"),
      OneRow("table: t, set: {a: b}, create: false"),
      OneRow("table: t, key: {a: b}, create: false, new: {c: d}"),
      OneRow("table: t, key: {a: b}, create: false, gone: delete"),
      OneRow("table: t, key: {a: b}, gone: keep"),
      OneRow("table: t, key: {a: b}, live: [c]"),
      OneRow("table: t, key: {a: b}, history: {from: c}"),
      OneRow("table: t, set: {a: b}, history: {from: c, to: d}"),
      OneRow("table: t, key: {a: b}, each: [c]"),
      OneRow("table: t, key: {a: b}, when: $"),
      OneRow("table: t, key: {a: b}, rows: [c]"),
      "from: event\n" + OneRow("table: t, set: {a: b}, add: {n: 1}"),
      OneRow("table: t, set: {a: b}") + "tests: [a]\n",
      OneRow("table: t, set: {a: b}") + "tests: {a: {memory: {}}}\n",
      OneRow("table: t, set: {a: b}") + "tests: {a: [{memroy: {}}]}\n",
      OneRow("table: t, set: {a: b}") + "tests: {a: [{memory: {}, then: []}]}\n",
      OneRow("table: t, set: {a: b}") + "tests: {a: [{memory: x}]}\n",
      OneRow("table: t, set: {a: b}") + "tests: {a: [{delete: {}}]}\n",
      OneRow("table: t, set: {a: b}") + "tests: {a: [{then: {t: [gone]}}]}\n",
      OneRow("table: t, set: {a: b}") + "tests: {a: [{then: {t: x}}]}\n",
      OneRow("table: t, set: {a: b}") + "tests: {a: [{parks: {memory: {}, beacuse: x}}]}\n",
  }));
  CAPTURE(yaml);
  CHECK_FALSE(test::ProblemsOf(yaml).empty());
  CHECK_FALSE(SchemaAccepts(yaml));
}

TEST_CASE("schema and loader refuse the same soft deletes, identities and lists in texts", "[schema]") {
  const auto yaml = GENERATE(values<std::string>({
      OneRow("table: t, key: {a: 1}, live: $row.gone"),
      OneRow("table: t, key: {a: 1}, live: '!'"),
      OneRow("table: t, key: {a: 1}, live: [gone]"),
      OneRow("table: t, key: {a: 1}, live: {column: gone}"),
      OneRow("table: t, key: {a: 1}, live: {is: 0}"),
      OneRow("table: t, key: {a: 1}, live: {column: gone, is: [0]}"),
      OneRow("table: t, key: {a: 1}, live: {column: gone, is: $now}"),
      OneRow("table: t, key: {a: 1}, live: {column: gone, is: 0, was: 1}"),
      OneRow("table: t, key: {a: 1}, live: {column: gone, is: 0, gone: 1}"),
      OneRow("table: t, key: {a: 1}, live: {column: gone, is: 0}, gone: delete"),
      OneRow("table: t, key: {a: 1}, live: {column: gone, is: 0, gone: [1]}, gone: delete"),
      OneRow("table: t, key: {a: 1}, changed: $now"),
      OneRow("table: t, key: {a: 1}, changed: [moved]"),
      OneRow("table: t, key: {a: 1}, identity: a"),
      OneRow("table: t, key: {a: 1}, identity: []"),
      OneRow("table: t, key: {a: 1}, identity: [a, a]"),
      OneRow("table: t, key: {a: 1}, identity: [$memory.id]"),
      OneRow("table: t, key: {a: 1}, create: with_cell, set: {b: $memory.text}"),
      OneRow("table: t, key: {a: 1}, create: with_cells"),
      OneRow("table: t, set: {'tags[a]': $memory.categories}"),
      OneRow("table: t, set: {'tags[;*,]': $memory.categories}"),
      OneRow("table: t, set: {'tags[*]': $memory.categories}"),
      OneRow("table: t, set: {'attrs.tags[;]': $memory.categories}"),
      OneRow("table: t, set: {'attrs.\"plan.tier': 1}"),
      OneRow("table: t, key: {'attrs.\"plan.tier': 1}"),
      OneRow("table: '\"my.schema\".\"my.table', set: {a: b}"),
      "session: {time_zone: UTC}\n" + OneRow("table: t, set: {a: b}"),
      OneRow("table: t, key: {a: 1}") + "tests:\n  a case:\n    - person_deletes: [t]\n",
  }));
  CAPTURE(yaml);
  CHECK_FALSE(test::ProblemsOf(yaml).empty());
  CHECK_FALSE(SchemaAccepts(yaml));
}

namespace {

/// Every value inside a document, itself included.
void Collect(json& document, std::vector<json*>& values) {
  values.push_back(&document);
  if (!document.is_structured()) return;
  for (json& part : document) Collect(part, values);
}

/// A document with one slip in its structure.
json Slipped(json document, std::mt19937_64& random) {
  const auto below = [&](std::size_t limit) { return std::uniform_int_distribution<std::size_t>{0, limit - 1}(random); };
  std::vector<json*> values;
  Collect(document, values);
  json& value = *values[below(values.size())];
  static const std::vector<const char*> kOthers{"5",
                                                "true",
                                                "null",
                                                "\"x\"",
                                                "\"$memory.text\"",
                                                "\"$\"",
                                                "[]",
                                                "{}",
                                                "[\"a\"]",
                                                "[{}]",
                                                "{\"a\": 1}",
                                                "\"!a\"",
                                                "\"with_cells\"",
                                                "{\"column\": \"a\", \"is\": 0}",
                                                "{\"column\": \"a\", \"is\": 0, \"gone\": 1}"};
  if (!value.is_object() || value.empty() || below(3) == 0) {
    value = json::parse(kOthers[below(kOthers.size())]);
    return document;
  }
  auto entry = value.begin();
  std::advance(entry, static_cast<std::ptrdiff_t>(below(value.size())));
  const std::string key = entry.key();
  const json held = entry.value();
  if (below(2) == 0) value.erase(key);
  static const std::vector<std::string> kKeys{"tabel", "set",     "key",      "new", "when",     "create",
                                              "gone",  "rows",    "history",  "add", "from",     "ask",
                                              "live",  "changed", "identity", "is",  "timezone", "person_deletes"};
  if (below(3) > 0) value[below(2) == 0 ? key + "x" : kKeys[below(kKeys.size())]] = held;
  return document;
}

}  // namespace

TEST_CASE("what the schema refuses the loader refuses, whatever slip is made", "[schema][property]") {
  const char* given = std::getenv("MEMBRIDGE_SEED");
  const std::uint64_t seed = given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device{}();
  std::mt19937_64 random{seed};
  INFO("MEMBRIDGE_SEED=" << seed);
  int refused = 0;
  int accepted = 0;
  for (const char* name : {"contacts", "customer", "events", "profile", "../../../deploy/mappings/salesforce",
                           "../../../deploy/mappings/attributes", "../../../deploy/mappings/tenants", "../../sync/language/live",
                           "../../sync/language/delimited", "../../sync/language/additions"}) {
    std::ifstream file{std::string{MEMBRIDGE_MAPPING_TESTS} + "/examples/" + name + ".yaml"};
    const std::string original{std::istreambuf_iterator<char>{file}, {}};
    Diagnostics none;
    const json document = AsTyped(YamlSource::Parse("crm.yaml", original, none)->Root());
    for (int round = 0; round < 100; ++round) {
      const std::string yaml = Slipped(document, random).dump();
      Diagnostics problems;
      const bool loads = LoadMapping("crm.yaml", yaml, {}, problems).has_value();
      const bool fits = SchemaAccepts(yaml);
      ++(fits ? accepted : refused);
      if (fits || !loads) continue;
      CAPTURE(name, yaml);
      FAIL_CHECK("the schema refuses what the loader takes");
    }
  }
  CHECK(refused > 20);
  CHECK(accepted > 20);
}

}  // namespace membridge::mappings
