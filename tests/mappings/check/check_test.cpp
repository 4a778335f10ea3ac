#include "mappings/check/check.hpp"

#include <fstream>

#include "mappings/check/export_schema.hpp"
#include "tests/mappings/support.hpp"
#include "tests/support/catch.hpp"

namespace membridge::mappings {
namespace {

using nlohmann::json;
using Lines = std::vector<std::string>;

Catalog CatalogOf(const std::string& name) {
  std::ifstream file{std::string{MEMBRIDGE_MAPPING_TESTS} + "/catalogs/" + name + ".json"};
  auto catalog = Catalog::FromJson(json::parse(file));
  REQUIRE(catalog);
  return *catalog;
}

Lines CheckedAgainst(const Catalog& catalog, const std::vector<const Mapping*>& mappings) {
  Diagnostics problems;
  CheckAgainst(catalog, mappings, problems);
  Lines lines;
  for (const Diagnostic& one : problems.Sorted()) lines.push_back(one.Text());
  return lines;
}

/// The problems of one customers row whose body is given, each line indented by four.
Lines OfCustomer(const std::string& body) {
  const Mapping mapping = test::Loaded("rows:\n  customer:\n    table: customers\n" + body);
  return CheckedAgainst(CatalogOf("desk"), {&mapping});
}

}  // namespace

TEST_CASE("the worked examples fit their tables", "[check]") {
  const Mapping contacts = test::Example("contacts");
  const Catalog desk = CatalogOf("desk");
  CHECK(CheckedAgainst(desk, {&contacts}) ==
        Lines{MEMBRIDGE_MAPPING_TESTS
              "/examples/contacts.yaml:29:10: warning: no unique index covers companies (account_id, domain); two rows "
              "may match. Unique here: (id), (account_id, domain) in part"});
  const Catalog warehouse = CatalogOf("warehouse");
  const Mapping events = test::Example("events");
  const Mapping customer = test::Example("customer");
  const Mapping profile = test::Example("profile");
  CHECK(CheckedAgainst(warehouse, {&events, &customer, &profile}) ==
        Lines{MEMBRIDGE_MAPPING_TESTS
              "/examples/customer.yaml:21:16: warning: dim_customer.country is character varying(2); longer text will "
              "park the memory: add \"| truncate(2)\"",
              MEMBRIDGE_MAPPING_TESTS
              "/examples/events.yaml:9:10: warning: no unique index covers dim_customer (tenant_id, customer_id, "
              "is_current); two rows may match. Unique here: (customer_sk), (tenant_id, customer_id) in part"});
}

TEST_CASE("a column that is not there", "[check]") {
  CHECK(OfCustomer("    create: false\n    key: {id: $memory.metadata.id}\n    set:\n      emial: $memory.metadata.email\n") ==
        Lines{"crm.yaml:7:7: error: customers has no column \"emial\"; did you mean \"email\"?"});
  CHECK(OfCustomer(
            "    create: false\n    key: {id: $memory.metadata.id}\n    set: {\"(email, agee)\": [$memory.metadata.a, 1]}\n") ==
        Lines{"crm.yaml:6:11: error: customers has no column \"agee\"; did you mean \"age\"?"});
}

TEST_CASE("a table that is not there", "[check]") {
  const Mapping mapping =
      test::Loaded("rows:\n  one:\n    table: contcts\n    set: {name: x}\n  two:\n    table: crm.zzzzzz\n    set: {name: x}\n");
  CHECK(CheckedAgainst(CatalogOf("desk"), {&mapping}) ==
        Lines{"crm.yaml:3:12: error: there is no table \"contcts\"; did you mean \"contacts\"?",
              "crm.yaml:6:12: error: there is no table \"crm.zzzzzz\""});
}

TEST_CASE("a table is found along the mapping's own search path", "[check]") {
  const Mapping mapping = test::Loaded(
      "session: {search_path: 'public, \"dw\"'}\nrows:\n  one:\n    table: dim_customer\n    create: false\n"
      "    key: {customer_sk: $memory.metadata.sk}\n");
  CHECK(CheckedAgainst(CatalogOf("warehouse"), {&mapping}).empty());
}

TEST_CASE("a required column that nothing gives", "[check]") {
  const Mapping mapping = test::Loaded(R"(# support desk
vars: {account: 1}


rows:

  person:

    table: contacts
    key: {account_id: $vars.account, phone_number: $memory.metadata.phone | phone('+49')}
    touch: {updated_at: $now}
session: {timezone: UTC}
)");
  CHECK(CheckedAgainst(CatalogOf("desk"), {&mapping}) ==
        Lines{"crm.yaml:9:5: error: contacts.created_at is NOT NULL without a default, and this row may be created: give it in "
              "\"new\"",
              "crm.yaml:10:10: warning: no unique index covers contacts (account_id, phone_number); two rows may match. "
              "Unique here: (id), (email, account_id), (account_id, identifier)"});
}

TEST_CASE("a required column may come from new, key, set, touch or nowhere when the row is never created", "[check]") {
  const auto* const row =
      GENERATE("    key: {a_key: 1}\n    new: {needed: 1}\n", "    key: {a_key: 1, needed: 1}\n",
               "    key: {a_key: 1}\n    set: {needed: $memory.metadata.x}\n",
               "    key: {a_key: 1}\n    set: {'(needed, other)': [1, 2]}\n", "    key: {a_key: 1}\n    touch: {needed: $now}\n",
               "    key: {a_key: 1}\n    create: false\n");
  CAPTURE(row);
  Table table{"public", "t", {}, {}, {}, {{"t_pkey", {"a_key"}, true, false}}, true, {}};
  for (const char* name : {"a_key", "needed", "other"}) {
    Column column;
    column.name = name;
    column.type = column.base_type = "text";
    column.not_null = column.name != "other";
    table.columns.push_back(column);
  }
  Catalog catalog;
  catalog.Add(table);
  const Mapping mapping = test::Loaded(std::string{"rows:\n  one:\n    table: t\n"} + row);
  CHECK(CheckedAgainst(catalog, {&mapping}).empty());
}

TEST_CASE("a path into a column that is not json", "[check]") {
  const Mapping mapping = test::Loaded(
      "rows:\n  person:\n    table: contacts\n    create: false\n    key: {id: $memory.metadata.id}\n    set:\n      name.first: "
      "$memory.metadata.name\n");
  CHECK(CheckedAgainst(CatalogOf("desk"), {&mapping}) ==
        Lines{"crm.yaml:7:7: error: contacts.name is character varying, not jsonb; it has no path \"first\""});
}

TEST_CASE("elements of a column that has none", "[check]") {
  CHECK(OfCustomer(
            "    create: false\n    key: {id: $memory.metadata.id}\n    set: {'tags[]': $memory.categories, 'email[]': x}\n") ==
        Lines{"crm.yaml:6:41: error: customers.email is character varying, neither an array nor jsonb; write it without []"});
}

TEST_CASE("generated and identity columns are the database's", "[check]") {
  CHECK(OfCustomer("    key: {id: $memory.metadata.id}\n    set: {full_name: $memory.text}\n") ==
        Lines{"crm.yaml:4:11: error: customers.id is an identity column: the database numbers it; leave it out",
              "crm.yaml:5:11: error: customers.full_name is generated: the database computes it; leave it out"});
}

TEST_CASE("a text that may be longer than its column", "[check]") {
  CHECK(OfCustomer("    create: false\n    key: {id: $memory.metadata.id}\n    set:\n      external_id: $memory.user_id\n") ==
        Lines{"crm.yaml:7:20: warning: customers.external_id is character varying(255); longer text will park the memory: add "
              "\"| truncate(255)\""});
  CHECK(OfCustomer("    create: false\n    key: {id: $memory.metadata.id}\n    set: {external_id: \"id ${memory.user_id}\"}\n") ==
        Lines{"crm.yaml:6:24: warning: customers.external_id is character varying(255); longer text will park the memory: "
              "put into its holes \"| truncate(255)\""});
}

TEST_CASE("a text that cannot be longer than its column is not warned of", "[check]") {
  const auto* const value =
      GENERATE("$memory.user_id | truncate", "$memory.user_id | truncate(255)", "$memory.user_id | lower | truncate(9) | upper",
               "$memory.id", "$memory.metadata.email | email", "$memory.text | uuid5", "$memory.text | or('x') | sha256",
               "$vars.short", "$memory.text | map(table)", "$memory.text | map(table) | or(vars.short)", "$now",
               "\"${memory.id}/${vars.short}\"", "$(memory.text | truncate(3)) | trim");
  CAPTURE(value);
  const Mapping mapping = test::Loaded(
      std::string{"vars: {short: abc}\nmaps: {table: {a: b}}\nrows:\n  customer:\n    table: customers\n    create: false\n"
                  "    key: {id: $memory.metadata.id}\n    set:\n      external_id: "} +
      value + "\n");
  CHECK(CheckedAgainst(CatalogOf("desk"), {&mapping}).empty());
}

TEST_CASE("truncate without n needs a column with a length", "[check]") {
  CHECK(OfCustomer("    create: false\n    key: {id: $memory.metadata.id}\n    set: {email: $memory.text | truncate}\n") ==
        Lines{"crm.yaml:6:18: error: customers.email is character varying, without a length of its own; write truncate(n)"});
}

TEST_CASE("truncate without n takes the length of its column", "[check]") {
  Mapping mapping = test::Loaded(
      "rows:\n  customer:\n    table: taggings\n    set:\n      context: $(memory.text | truncate) | or('none' | truncate)\n"
      "      (taggable_type, tag_id): [$memory.text | truncate, 1]\n");
  BindLengths(mapping, CatalogOf("desk"));
  const json memory{{"text", std::string(300, 'x')}};
  Scope scope;
  scope.Set("memory", &memory);
  const auto intent = Intend(mapping.rows[0], scope);
  REQUIRE(intent);
  CHECK(intent->set[0].value.get<std::string>().size() == 128);
  CHECK(intent->set[1].value[0].get<std::string>().size() == 300);  // this column has no length
}

TEST_CASE("a constant that its column's type rejects", "[check]") {
  const auto [cell, value, message] = GENERATE(table<std::string, std::string, std::string>({
      {"seniority", "seniour", "is app.seniority; it has no \"seniour\"; did you mean \"senior\"?"},
      {"visits", "many", "is integer; \"many\" is not an integer"},
      {"visits", "3000000000", "is integer; \"3000000000\" is not an integer"},
      {"age", "40000", "is smallint; \"40000\" is not a smallint"},
      {"active", "maybe", "is boolean; \"maybe\" is not a boolean"},
      {"born", "someday", "is date; \"someday\" is not a date"},
      {"deleted_at", "later", "is timestamp with time zone; \"later\" is not a timestamp with time zone"},
      {"token", "12", "is uuid; \"12\" is not a uuid"},
      {"visits", "[1, 2]", "is integer; it takes neither a list nor a map"},
      {"seniority", "$memory.text | map(level)", "is app.seniority; it has no \"boss\""},
      {"seniority", "$memory.text | or('boss')", "is app.seniority; it has no \"boss\""},
      {"visits", "$vars.word", "is integer; \"many\" is not an integer"},
  }));
  CAPTURE(cell, value);
  const Mapping mapping = test::Loaded(
      "vars: {word: many}\nmaps: {level: {l: lead, b: boss}}\nrows:\n  customer:\n    table: customers\n    create: false\n    "
      "key: {id: 1}\n    set:\n      " +
      cell + ": " + value + "\n");
  const std::string column = std::to_string(9 + cell.size());
  CHECK(CheckedAgainst(CatalogOf("desk"), {&mapping}) ==
        Lines{"crm.yaml:9:" + column + ": error: customers." + cell + " " + message});
}

TEST_CASE("constants that their columns take", "[check]") {
  CHECK(OfCustomer("    create: false\n    key: {id: 1}\n    set:\n      seniority: lead\n      active: yes\n      visits: +5\n  "
                   "    born: yesterday\n"
                   "      deleted_at: infinity\n      token: 6ba7b810-9dad-11d1-80b4-00c04fd430c8\n      tags: [a, 1.10]\n      "
                   "age: null\n")
            .empty());
}

TEST_CASE("null is no value for a NOT NULL column", "[check]") {
  const Mapping mapping =
      test::Loaded("rows:\n  one:\n    table: notes\n    create: false\n    key: {id: 1}\n    set: {content: null}\n");
  CHECK(CheckedAgainst(CatalogOf("desk"), {&mapping}) ==
        Lines{"crm.yaml:6:20: error: notes.content is NOT NULL; null cannot be written to it"});
}

TEST_CASE("a column asked of another row must exist, and created always does", "[check]") {
  const Mapping mapping = test::Loaded(
      "rows:\n  company:\n    table: companies\n    create: false\n    key: {id: 1}\n  customer:\n    table: customers\n    "
      "create: false\n"
      "    when: $company.created\n    key: {id: $company.idd}\n    set: {email: \"${row.visit}\"}\n");
  CHECK(CheckedAgainst(CatalogOf("desk"), {&mapping}) ==
        Lines{"crm.yaml:10:16: error: companies has no column \"idd\"; did you mean \"id\"?",
              "crm.yaml:11:21: error: customers has no column \"visit\"; did you mean \"visits\"?"});
}

TEST_CASE("a key on lower(column) is covered by an index on it", "[check]") {
  CHECK(OfCustomer("    key: {lower(email): $memory.metadata.email | email}\n").empty());
  CHECK(OfCustomer("    key: {lower(visits): 1}\n").back() ==
        "crm.yaml:4:11: error: customers.visits is integer; only text has a lower case");
}

TEST_CASE("rows that could not be remembered, and views, are refused", "[check]") {
  const Mapping loose =
      test::Loaded("rows:\n  one:\n    table: loose\n    set: {a: x}\n  two:\n    table: overview\n    set: {a: x}\n");
  CHECK(CheckedAgainst(CatalogOf("desk"), {&loose}) ==
        Lines{"crm.yaml:3:12: error: loose has neither a primary key nor a unique index of NOT NULL columns, so its rows could "
              "not be "
              "remembered; add one, or name columns that tell them apart: identity: [...]",
              "crm.yaml:6:12: error: overview cannot be written: it is a view; name its table"});
}

TEST_CASE("the soft-delete column, history and counters have types of their own", "[check]") {
  CHECK(
      OfCustomer("    key: {lower(email): a}\n    live: visits\n    history: {from: born, to: token}\n") ==
      Lines{"crm.yaml:5:5: error: customers.visits is integer; \"live\" takes a time (null is live) or a boolean (true is live)",
            "crm.yaml:6:5: error: customers.token is uuid; \"history\" takes two times"});
  const Mapping counting =
      test::Loaded("from: event\nrows:\n  one:\n    table: customers\n    key: {lower(email): a}\n    add: {born: 1}\n");
  CHECK(CheckedAgainst(CatalogOf("desk"), {&counting}) ==
        Lines{"crm.yaml:6:11: error: customers.born is date; \"add\" counts in numbers"});
}

TEST_CASE("two mappings on one cell", "[check]") {
  const std::string head = "rows:\n  one:\n    table: customers\n    create: false\n    key: {id: 1}\n";
  Diagnostics problems;
  const auto first = LoadMapping("first.yaml", head + "    set: {'(email, age)': [a, 1], visits: 1}\n", {}, problems);
  const auto second = LoadMapping("second.yaml", head + "    force: {email: b}\n    touch: {deleted_at: $now}\n", {}, problems);
  REQUIRE(first);
  REQUIRE(second);
  CHECK(CheckedAgainst(CatalogOf("desk"), {&*first, &*second}) ==
        Lines{"second.yaml:6:13: error: customers.email is also written by first.yaml:6:11; a cell belongs to one mapping"});
}

TEST_CASE("a catalogue survives being written to a file", "[check]") {
  const Catalog desk = CatalogOf("desk");
  const json written = desk.ToJson();
  const auto read = Catalog::FromJson(json::parse(written.dump()));
  REQUIRE(read);
  CHECK(read->ToJson() == written);
  const Table* customers = read->Find("", "customers");
  REQUIRE(customers != nullptr);
  CHECK(customers->Find("id")->identity_always);
  CHECK(customers->Find("seniority")->enum_labels.size() == 4);
  CHECK(customers->Identity() == Lines{"id"});
  CHECK(read->Find("public", "Customers") == nullptr);
}

TEST_CASE("what is no catalogue is refused with a hint", "[check]") {
  const auto* const text =
      GENERATE("{}", "[]", "5", R"({"tables": [{"name": "t"}]})", R"({"tables": [{"schema": "s", "name": 5, "columns": []}]})");
  CAPTURE(text);
  const auto read = Catalog::FromJson(json::parse(text));
  REQUIRE_FALSE(read);
  CHECK(read.error().code == ErrorCode::kBadMapping);
  CHECK(read.error().hint == "write it anew with membridge catalog");
}

TEST_CASE("an export asks for each field by its column's type", "[check]") {
  const json schema = ExportSchema(test::Example("profile"), CatalogOf("warehouse"));
  const auto property = [](const json& type, const std::string& description) {
    return json{{"anyOf", json::array({type, json{{"type", "null"}}})}, {"default", nullptr}, {"description", description}};
  };
  const json text_list{{"type", "array"}, {"items", {{"type", "string"}}}};
  const json& properties = schema.at("properties");
  CHECK(schema.at("type") == "object");
  CHECK(properties.size() == 9);
  CHECK(properties.at("full_name") == property({{"type", "string"}, {"maxLength", 120}}, "The person's full name"));
  CHECK(properties.at("current_role") ==
        property({{"type", "string"}, {"maxLength", 80}}, "Current job title, without the company"));
  CHECK(properties.at("company") == property({{"type", "string"}}, "Current employer"));
  CHECK(properties.at("years_experience") == property({{"type", "integer"}}, "Years of professional experience"));
  CHECK(properties.at("seniority") ==
        property({{"type", "string"}, {"enum", {"junior", "mid", "senior", "lead"}}}, "Seniority of the current role"));
  CHECK(properties.at("skills") == property(text_list, "Skills the person says they use, one each"));
  CHECK(properties.at("started_on") == property({{"type", "string"}, {"format", "date"}}, "When the current job began"));
  CHECK(properties.at("remote") == property({{"type", "boolean"}}, "Whether the person works remotely"));
  CHECK(properties.at("languages") == property(text_list, "Spoken languages"));
}

TEST_CASE("a field that passes through functions is asked for as text", "[check]") {
  const Mapping mapping = test::Loaded(
      "from: export\nask: {since: When it began}\nrows:\n  profile:\n    table: app.user_profile\n    key: {user_id: "
      "$export.user_id}\n"
      "    set: {started_on: $export.since | date}\n");
  const json schema = ExportSchema(mapping, CatalogOf("warehouse"));
  CHECK(schema["properties"]["since"]["anyOf"][0] == json{{"type", "string"}});
}

TEST_CASE("a field without a type or a description to borrow", "[check]") {
  const Mapping mapping = test::Loaded(
      "from: export\nask:\n  tongues:\n  company:\nrows:\n  profile:\n    table: app.user_profile\n    key: {user_id: "
      "$export.user_id}\n"
      "    set: {preferences.tongues: $export.tongues, company: $export.company}\n");
  CHECK(CheckedAgainst(CatalogOf("warehouse"), {&mapping}) ==
        Lines{"crm.yaml:3:3: error: \"tongues\" goes to preferences.tongues, which has no type to borrow; write tongues: "
              "{description: ..., "
              "type: array of string}",
              "crm.yaml:3:3: error: \"tongues\" has no description, and its column no comment to borrow; say what to ask for",
              "crm.yaml:4:3: error: \"company\" has no description, and its column no comment to borrow; say what to ask for"});
}

}  // namespace membridge::mappings
