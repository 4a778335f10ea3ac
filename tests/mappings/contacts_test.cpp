#include <thread>

#include "mappings/memory.hpp"
#include "tests/mappings/support.hpp"
#include "tests/support/catch.hpp"

// The support desk of the language's first worked example, without a database: which rows it means for which memory.
namespace membridge::mappings {

using nlohmann::json;

namespace {

/// Everything an expression can see of a memory under a mapping.
struct Seen {
  Seen(const Mapping& mapping, json record) : memory(std::move(record)) {
    if (memory.contains("memory")) memory["text"] = memory["memory"];
    scope.Set("memory", &memory);
    scope.Set("vars", &mapping.vars);
    scope.Set("now", &now);
  }
  json memory;
  json now = "2026-08-03T00:00:00.000000Z";
  Scope scope;
};

const json kAda{{"id", "m1"},
                {"user_id", "user-ada"},
                {"memory", "Name is Augusta King. Works at Initech, prefers German"},
                {"categories", {"support", "Food & Drinks"}}};

}  // namespace

TEST_CASE("a memory speaks for the cells it has something to say about", "[contacts]") {
  const Mapping mapping = test::Example("contacts");
  const Seen ada{mapping, kAda};
  REQUIRE(Speaks(mapping, ada.scope));
  const auto contact = Intend(test::RowOf(mapping, "contact"), ada.scope);
  REQUIRE(contact);
  REQUIRE(contact->keys.size() == 1);  // no e-mail, so the second key says nothing
  CHECK(test::AsJson(contact->keys[0].parts) == json{{"account_id", 1}, {"identifier", "user-ada"}});
  CHECK(test::AsJson(contact->set) == json{{"identifier", "user-ada"},
                                           {"name", "Augusta King"},
                                           {"additional_attributes.company_name", "Initech"},
                                           {"custom_attributes.preferred_language", "de"}});
  CHECK(test::AsJson(contact->fresh) == json{{"created_at", ada.now}, {"contact_type", "1"}});
  CHECK(test::AsJson(Touch(test::RowOf(mapping, "contact"), ada.scope)) == json{{"updated_at", ada.now}});
}

TEST_CASE("one mapping serves many threads", "[contacts]") {
  const Mapping mapping = test::Example("contacts");
  const Row& contact = test::RowOf(mapping, "contact");
  constexpr std::size_t kThreads = 4;
  std::vector<json> seen(kThreads);
  {
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < kThreads; ++i) {
      threads.emplace_back([&, i] {
        json record = kAda;
        record["metadata"] = {{"email", "ada@example.test"}, {"phone", "030 123456"}};
        const Seen ada{mapping, record};
        for (int round = 0; round < 50; ++round) seen[i] = test::AsJson(Intend(contact, ada.scope)->set);
      });
    }
  }
  for (const json& one : seen) CHECK(one == seen[0]);
  CHECK(seen[0]["phone_number"] == "+4930123456");
}

TEST_CASE("a megabyte of text, however it is made up, is read like any other", "[contacts]") {
  const Mapping mapping = test::Example("contacts");
  const std::string start = GENERATE("works at ", "Name is ", "Name is A prefers ", "a@", "\xf0\x9f\x98\x80", "((((", "\\\"");
  CAPTURE(start);
  json record = kAda;
  std::string text;
  while (text.size() < (1U << 20)) text += start;
  record["memory"] = text;
  record["metadata"] = {{"email", text}, {"phone", text}};
  const Seen ada{mapping, record};
  REQUIRE(Speaks(mapping, ada.scope));
  const auto contact = Intend(test::RowOf(mapping, "contact"), ada.scope);
  REQUIRE(contact);
  CHECK(contact->keys.size() == 1);  // a megabyte is no address
  const auto note = Intend(test::RowOf(mapping, "note"), ada.scope);
  REQUIRE(note);
  CHECK(test::AsJson(note->set)["content"].get<std::string>().size() == text.size());
}

TEST_CASE("a memory of nobody says nothing", "[contacts]") {
  const Mapping mapping = test::Example("contacts");
  const Seen nobody{mapping, {{"id", "m1"}, {"memory", "Works at Initech"}, {"user_id", nullptr}}};
  CHECK_FALSE(Speaks(mapping, nobody.scope));
}

TEST_CASE("an address and a number are normalised, and the second key is used with the first", "[contacts]") {
  const Mapping mapping = test::Example("contacts");
  const Seen bob{mapping,
                 {{"id", "m3"},
                  {"user_id", "user-bob"},
                  {"memory", "Name is Bob Stone"},
                  {"metadata", {{"email", "Bob <Bob@Example.test>"}, {"phone", "030 123456"}}}}};
  const auto contact = Intend(test::RowOf(mapping, "contact"), bob.scope);
  REQUIRE(contact);
  REQUIRE(contact->keys.size() == 2);
  CHECK(test::AsJson(contact->keys[1].parts) == json{{"account_id", 1}, {"email", "bob@example.test"}});
  CHECK(test::AsJson(contact->set)["phone_number"] == "+4930123456");
  const auto company = Intend(test::RowOf(mapping, "company"), bob.scope);
  REQUIRE(company);
  CHECK(test::AsJson(company->keys[0].parts) == json{{"account_id", 1}, {"domain", "example.test"}});
}

TEST_CASE("a lookup whose key is missing is no row", "[contacts]") {
  const Mapping mapping = test::Example("contacts");
  const Seen ada{mapping, kAda};
  CHECK_FALSE(Intend(test::RowOf(mapping, "company"), ada.scope));
}

TEST_CASE("a row under each exists once per element, and what is nested below sees the element's row", "[contacts]") {
  const Mapping mapping = test::Example("contacts");
  Seen ada{mapping, kAda};
  const Row& label = test::RowOf(mapping, "label");
  const auto items = ItemsOf(label, ada.scope);
  REQUIRE(items.size() == 2);
  Scope inner{&ada.scope};
  inner.Set("item", &items[1]);
  CHECK(test::AsJson(Intend(label, inner)->keys[0].parts) == json{{"name", "food-drinks"}});
  const json label_row{{"id", 8}};
  const json contact_row{{"id", 100}};
  inner.Set("label", &label_row);
  inner.Set("contact", &contact_row);
  CHECK(test::AsJson(Intend(test::RowOf(mapping, "labelled"), inner)->keys[0].parts) ==
        json{{"tag_id", 8}, {"taggable_id", 100}, {"taggable_type", "Contact"}, {"context", "labels"}});
}

TEST_CASE("rows run in the order their references require", "[contacts]") {
  const Mapping mapping = test::Example("contacts");
  std::vector<std::string> names;
  for (const Row& row : mapping.rows) names.push_back(row.name);
  CHECK(names == std::vector<std::string>{"company", "contact", "note", "label", "labelled"});
  CHECK(mapping.rows[4].parent == 3);
  CHECK(test::RowOf(mapping, "contact").referenced);
  CHECK_FALSE(test::RowOf(mapping, "note").referenced);
  CHECK(test::RowOf(mapping, "contact").now_column == "updated_at");
}

TEST_CASE("what a row without a key needs is said by its own when", "[contacts]") {
  const Mapping mapping = test::Example("contacts");
  const Row& note = test::RowOf(mapping, "note");
  CHECK(note.keys.empty());
  CHECK(note.gone_deletes);
  const Seen ada{mapping, kAda};
  CHECK(Intend(note, ada.scope));
  json other = kAda;
  other["categories"] = {"food"};
  const Seen hungry{mapping, other};
  CHECK_FALSE(Intend(note, hungry.scope));
}

}  // namespace membridge::mappings
