#include "mappings/evaluate.hpp"

#include "tests/mappings/support.hpp"
#include "tests/support/catch.hpp"

// Events, exports and versions of the worked examples, and the corners of the language they do not reach.
namespace membridge::mappings {
namespace {

using nlohmann::json;
using test::AsJson;
using test::RowOf;

/// The intent of the only row of a mapping whose row body is given, for these names.
std::optional<RowIntent> IntentOf(const std::string& body, const json& data, const std::string& from = "memory") {
  static std::vector<std::unique_ptr<Mapping>> kept;  // an intent points into its mapping
  kept.push_back(std::make_unique<Mapping>(test::Loaded("from: " + from + "\nrows:\n  one:\n    table: t\n" + body)));
  Scope scope;
  const json complete = test::WithMetadata(data);
  for (const auto& [name, value] : complete.items()) scope.Set(name, &value);
  return Intend(kept.back()->rows[0], scope);
}

json SetOf(const std::string& cells, const json& memory) {
  const auto intent = IntentOf("    set:\n" + cells, {{"memory", memory}});
  REQUIRE(intent);
  return AsJson(intent->set);
}

}  // namespace

TEST_CASE("an event becomes a fact and counters", "[evaluate]") {
  const Mapping mapping = test::Example("events");
  CHECK(mapping.from == Mapping::From::kEvent);
  const json event{{"id", "e1"}, {"type", "ADD"}, {"time", "2026-08-03T10:00:00Z"}};
  const json memory{
      {"id", "m1"}, {"user_id", "user-ada"}, {"text", "Likes tea"}, {"categories", {"food", "drinks"}}, {"metadata", nullptr}};
  const json customer{{"customer_sk", 2}};
  const json fact{{"created", true}};
  Scope scope;
  scope.Set("event", &event);
  scope.Set("memory", &memory);
  scope.Set("vars", &mapping.vars);
  scope.Set("customer", &customer);
  scope.Set("fact", &fact);
  const auto intent = Intend(RowOf(mapping, "fact"), scope);
  REQUIRE(intent);
  CHECK(AsJson(intent->keys[0].parts) == json{{"event_id", "e1"}, {"occurred_at", "2026-08-03T10:00:00Z"}});
  CHECK(AsJson(intent->fresh) == json{{"tenant_id", 1},
                                      {"customer_sk", 2},
                                      {"memory_id", "m1"},
                                      {"event", "ADD"},
                                      {"memory", "Likes tea"},
                                      {"categories", {"food", "drinks"}}});
  const Row& daily = RowOf(mapping, "daily");
  const auto items = ItemsOf(daily, scope);
  REQUIRE(items == std::vector<json>{"food", "drinks"});
  Scope inner{&scope};
  inner.Set("item", &items[0]);
  CHECK(AsJson(Intend(daily, inner)->keys[0].parts) ==
        json{{"tenant_id", 1}, {"day", "2026-08-03"}, {"event", "ADD"}, {"category", "food"}});
  CHECK(AsJson(Add(daily, inner)) == json{{"events", 1}, {"memory_chars", 9}});
}

TEST_CASE("an event seen before counts nothing, and one without a memory's text counts none", "[evaluate]") {
  const Mapping mapping = test::Example("events");
  const json event{{"id", "e2"}, {"type", "DELETE"}, {"time", "2026-08-03T11:00:00Z"}};
  const json memory{{"id", "m1"}};
  json fact{{"created", true}};
  Scope scope;
  scope.Set("event", &event);
  scope.Set("memory", &memory);
  scope.Set("vars", &mapping.vars);
  scope.Set("fact", &fact);
  const Row& daily = RowOf(mapping, "daily");
  CHECK(ItemsOf(daily, scope) == std::vector<json>{"none"});
  CHECK(AsJson(Add(daily, scope)) == json{{"events", 1}, {"memory_chars", 0}});
  fact["created"] = false;
  CHECK_FALSE(Intend(daily, scope));
}

TEST_CASE("values that mention the row come late, from the row as it will be", "[evaluate]") {
  const Mapping mapping = test::Example("customer");
  const Row& customer = RowOf(mapping, "customer");
  REQUIRE(customer.history);
  CHECK(customer.history->from == "valid_from");
  CHECK(customer.referenced);
  const json memory{{"id", "m1"},
                    {"user_id", "user-ada"},
                    {"text", "Works as a Director, employed by Globex"},
                    {"metadata", {{"country", "gb"}}}};
  Scope scope;
  scope.Set("memory", &memory);
  scope.Set("vars", &mapping.vars);
  const auto intent = Intend(customer, scope);
  REQUIRE(intent);
  CHECK(AsJson(intent->set) == json{{"job_title", "Director"}, {"company", "Globex"}, {"country", "GB"}});
  CHECK(intent->set[0].to->force);
  CHECK(AsJson(intent->fresh) == json{{"source_memory_id", "m1"}});
  const json row{{"job_title", "Director"}, {"company", "Globex"}, {"country", "GB"}, {"customer_sk", 9}, {"full_name", nullptr}};
  scope.Set("row", &row);
  const LateValues late = Late(customer, scope);
  CHECK(late.set.empty());
  // sha256 of {"company":"Globex","country":"GB","full_name":null,"job_title":"Director"}
  CHECK(AsJson(late.fresh) == json{{"row_hash", "\\x4d1732ce079db1cfb0c5ee650a0900bb131bffbecb17b99c626524734dd6839c"}});
}

TEST_CASE("an export speaks for what it found, and null is not a find", "[evaluate]") {
  const Mapping mapping = test::Example("profile");
  const json answer{{"user_id", "alice"}, {"full_name", "Alice Ng"}, {"years_experience", 8},     {"skills", {"Python", "AWS"}},
                    {"remote", false},    {"company", nullptr},      {"languages", {"en", "zh"}}, {"seniority", "senior"}};
  Scope scope;
  scope.Set("export", &answer);
  const auto intent = Intend(RowOf(mapping, "profile"), scope);
  REQUIRE(intent);
  CHECK(AsJson(intent->keys[0].parts) == json{{"user_id", "alice"}});
  CHECK(AsJson(intent->set) == json{{"full_name", "Alice Ng"},
                                    {"years_experience", 8},
                                    {"seniority", "senior"},
                                    {"skills[]", {"Python", "AWS"}},
                                    {"remote", false},
                                    {"preferences.languages", {"en", "zh"}}});
}

TEST_CASE("a group is decided as one: without one of its values it says nothing", "[evaluate]") {
  const std::string cells =
      "      (street, zip, city): [$memory.metadata.street, 01067, $memory.metadata.city | or('Dresden')]\n";
  CHECK(SetOf(cells, {{"street", "Main 1"}}) == json{{"(street, zip, city)", {"Main 1", "01067", "Dresden"}}});
  CHECK(SetOf(cells, {{"city", "Berlin"}}) == json::object());
  CHECK(SetOf("      (a,b): null\n", json::object()) == json{{"(a, b)", {nullptr, nullptr}}});
  CHECK(SetOf("      (a, b.c): [5, 5]\n", json::object()) == json{{"(a, b.c)", {"5", 5}}});
  CHECK(SetOf("      (a, b): [null, x]\n", json::object()) == json{{"(a, b)", {nullptr, "x"}}});
}

TEST_CASE("elements are a list, also when one is given", "[evaluate]") {
  CHECK(SetOf("      tags[]: $memory.metadata.x\n", {{"x", "a"}}) == json{{"tags[]", {"a"}}});
  CHECK(SetOf("      tags[]: $memory.metadata.x\n", {{"x", {"a", "b"}}}) == json{{"tags[]", {"a", "b"}}});
  CHECK(SetOf("      tags[]: vip\n", json::object()) == json{{"tags[]", {"vip"}}});
  CHECK(SetOf("      tags[]: [vip, $memory.metadata.x, $memory.metadata.y]\n", {{"x", "a"}}) == json{{"tags[]", {"vip", "a"}}});
  CHECK(SetOf("      attrs.tags[]: [1, two]\n", json::object()) == json{{"attrs.tags[]", {1, "two"}}});
  CHECK(SetOf("      tags[]: null\n", json::object()) == json{{"tags[]", nullptr}});
  CHECK(SetOf("      tags[]: $memory.metadata.x\n", json::object()) == json::object());
}

TEST_CASE("a constant is read by the column, but typed inside json", "[evaluate]") {
  CHECK(SetOf("      a: 5\n      b.c: 5\n      d.e: yes\n      f.g: true\n      h.i: 01\n", json::object()) ==
        json{{"a", "5"}, {"b.c", 5}, {"d.e", "yes"}, {"f.g", true}, {"h.i", "01"}});
}

TEST_CASE("a hole without a value makes the whole text missing", "[evaluate]") {
  CHECK(SetOf("      url: \"https://${memory.metadata.domain | lower}/${memory.metadata.n}\"\n",
              {{"domain", "EXAMPLE.test"}, {"n", 5}}) == json{{"url", "https://example.test/5"}});
  CHECK(SetOf("      url: \"https://${memory.metadata.domain}\"\n", json::object()) == json::object());
  CHECK(SetOf("      text: \"${memory.metadata.list}: ${memory.metadata.object}\"\n",
              {{"list", {"a", 1, {"b"}}}, {"object", {{"k", "v"}}}}) == json{{"text", "a, 1, b: {\"k\":\"v\"}"}});
  CHECK(SetOf("      price: $$${memory.metadata.n}\n", {{"n", 5}}) == json{{"price", "$5"}});
  CHECK(SetOf("      price: $$ ${memory.metadata.n}\n", {{"n", 5}}) == json{{"price", "$ 5"}});
  CHECK(SetOf("      brace: \"a } ${'}' | or('x')} {\"\n", json::object()) == json{{"brace", "a } } {"}});
}

TEST_CASE("the first key is left out when one of its values is missing; null written out is a value", "[evaluate]") {
  const std::string body =
      "    key:\n      - {a: $memory.metadata.a, b: $memory.metadata.b}\n      - {lower(c): $memory.metadata.c}\n      - {d: "
      "null, e: 1}\n";
  const auto intent = IntentOf(body, {{"memory", {{"a", 1}, {"c", "x"}}}});
  REQUIRE(intent);
  REQUIRE(intent->keys.size() == 2);
  CHECK(AsJson(intent->keys[0].parts) == json{{"lower(c)", "x"}});
  CHECK(AsJson(intent->keys[1].parts) == json{{"d", nullptr}, {"e", "1"}});
  CHECK_FALSE(IntentOf("    key: {a: $memory.metadata.a}\n", {{"memory", json::object()}}));
}

TEST_CASE("each yields one instance per element, and one when there is no each", "[evaluate]") {
  const auto items = [](const std::string& each, const json& memory) {
    const Mapping mapping = test::Loaded("rows:\n  one:\n    table: t\n    set: {a: b}\n" + each);
    const json record{{"metadata", memory}};
    Scope scope;
    scope.Set("memory", &record);
    return ItemsOf(mapping.rows[0], scope);
  };
  CHECK(items("", json::object()) == std::vector<json>{nullptr});
  CHECK(items("    each: $memory.metadata.x\n", json::object()).empty());
  CHECK(items("    each: $memory.metadata.x\n", {{"x", nullptr}}).empty());
  CHECK(items("    each: $memory.metadata.x\n", {{"x", "a"}}) == std::vector<json>{"a"});
  CHECK(items("    each: $memory.metadata.x\n", {{"x", {"a", nullptr, 5}}}) == std::vector<json>{"a", 5});
  CHECK(items("    each: $memory.metadata.x | entries\n", {{"x", {{"k", "v"}}}}) ==
        std::vector<json>{{{"key", "k"}, {"value", "v"}}});
}

TEST_CASE("counters take numbers only", "[evaluate]") {
  const Mapping mapping = test::Loaded(
      "from: event\nrows:\n  one:\n    table: t\n    key: {a: 1}\n    add: {a1: 2, b: -1.5, c: $memory.metadata.n, d: "
      "$memory.metadata.s, e: "
      "$memory.metadata.t, f: word}\n");
  const json memory{{"metadata", {{"n", 3}, {"s", "4"}, {"t", "four"}}}};
  Scope scope;
  scope.Set("memory", &memory);
  CHECK(AsJson(Add(mapping.rows[0], scope)) == json{{"a1", 2}, {"b", -1.5}, {"c", 3}, {"d", 4}});
}

TEST_CASE("a setting of the session is text from constants and variables", "[evaluate]") {
  const Mapping mapping = test::Loaded(
      "vars: {tenant: 7}\nsession: {app.tenant: $vars.tenant, role: writer, app.path: \"t-${vars.tenant}\"}\nrows: {one: {table: "
      "t, set: {a: b}}}\n");
  Scope scope;
  scope.Set("vars", &mapping.vars);
  CHECK(TextOfSetting(mapping.session.at("app.tenant"), scope) == "7");
  CHECK(TextOfSetting(mapping.session.at("role"), scope) == "writer");
  CHECK(TextOfSetting(mapping.session.at("app.path"), scope) == "t-7");
}

TEST_CASE("scopes nest, and the inner one wins", "[evaluate]") {
  const json outer_value = 1;
  const json inner_value = 2;
  Scope outer;
  outer.Set("a", &outer_value);
  outer.Set("b", &outer_value);
  Scope inner{&outer};
  inner.Set("a", &inner_value);
  inner.Set("b", nullptr);
  CHECK(*inner.Find("a") == 2);
  CHECK(inner.Find("b") == nullptr);
  CHECK(inner.Find("c") == nullptr);
  outer.Set("a", &inner_value);
  CHECK(*outer.Find("a") == 2);
}

}  // namespace membridge::mappings
