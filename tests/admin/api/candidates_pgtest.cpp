// Rows that match together, over the API: side by side, chosen, written down. And drafts of mappings.
#include "tests/admin/api/api_world.hpp"
#include "tests/support/catch.hpp"

using namespace membridge;
using nlohmann::json;
using test::ApiWorld;

namespace {

/// Two contacts with Ada's user_ref, since somebody dropped the constraint that forbade it.
struct Twins : ApiWorld {
  Twins() {
    db.RunScript(
        "ALTER TABLE crm.contacts DROP CONSTRAINT contacts_user_ref_key; "
        "INSERT INTO crm.contacts (user_ref, name) VALUES ('ada', 'Ada King'), ('ada', 'Ada Byron')");
    memory = Remember("ada", "Works at Initech");
  }
  std::string Query() const { return "/parked/candidates?project=crm&memory=" + memory; }
  std::string Companies() const {
    return db.Value("SELECT string_agg(name || ': ' || coalesce(company, '-'), ', ' ORDER BY id) FROM crm.contacts");
  }

  std::string memory;
};

}  // namespace

TEST_CASE("of several rows that match a person chooses one over the API", "[api][parked][pg][sim]") {
  Twins twins;
  CHECK(twins.Call("GET", twins.Query(), nullptr, test::kViewerToken).status == 403);
  const json parked = twins.Get("/parked", test::kOperatorToken)["memories"];
  REQUIRE(parked.size() == 1);
  CHECK(parked[0]["sqlstate"] == "21000");
  const json found = twins.Get(twins.Query(), test::kOperatorToken);
  CHECK(found["table"] == "crm.contacts");
  CHECK(found["mapping"] == "contacts");
  REQUIRE(found["candidates"].size() == 2);
  CHECK(found["candidates"][0]["values"]["user_ref"] == "ada");
  const json& byron = found["candidates"][0]["values"]["name"] == "Ada Byron" ? found["candidates"][0] : found["candidates"][1];

  const json request{{"project", "crm"}, {"memory", twins.memory}, {"key", byron["key"]}};
  json wrong = request;
  wrong["key"] = "4711";
  CHECK(twins.Call("POST", "/parked/choose", wrong).status == 404);
  const int woken = twins.woken;
  const json chosen = twins.Post("/parked/choose", request, test::kOperatorToken);
  CHECK(chosen["memories"] == 1);
  CHECK(twins.woken == woken + 1);
  const json entry = twins.Audit()[0];
  CHECK(entry["action"] == "parked.choose");
  CHECK(entry["object"] == twins.memory);
  CHECK(entry["detail"]["table"] == "crm.contacts");
  CHECK(entry.dump().find("Byron") == std::string::npos);
  twins.Settle();
  CHECK(twins.Companies() == "Ada King: -, Ada Byron: Initech");
  CHECK(twins.Call("GET", twins.Query()).status == 404);
}

TEST_CASE("candidates of what is not ambiguous are not found", "[api][parked][pg][sim]") {
  ApiWorld world;
  const std::string memory = world.Remember("ada", "Works at Initech");
  CHECK(world.Call("GET", "/parked/candidates?project=crm&memory=" + memory).status == 404);
  CHECK(world.Call("GET", "/parked/candidates?project=crm&mapping=contacts&memory=" + memory).status == 404);
  CHECK(world.Call("GET", "/parked/candidates?project=crm&memory=unheard-of").status == 404);
  CHECK(world.Call("GET", "/parked/candidates?project=crm").status == 400);
}

TEST_CASE("a draft of a mapping is checked and previewed, and nothing of it stays", "[api][mappings][pg][sim]") {
  ApiWorld world;
  const std::string memory = world.Remember("ada", "Works at Initech");
  const std::string source = world.Get("/mappings/contacts")["source"];
  const auto draft = [&](const std::string& from, const std::string& to) {
    std::string text = source;
    text.replace(text.find(from), from.size(), to);
    return text;
  };
  CHECK(world.Call("POST", "/mappings/contacts/draft", {{"source", source}}, test::kViewerToken).status == 403);
  const json same = world.Post("/mappings/contacts/draft", {{"source", source}}, test::kOperatorToken);
  CHECK(same["problems"].empty());
  CHECK(same["preview"].is_null());

  const std::string louder = draft("([^.,;]+)') | trim\n      email", "([^.,;]+)') | trim | upper\n      email");
  const json loud = world.Post("/mappings/contacts/draft", {{"source", louder}, {"memory", memory}, {"read", "mirror"}});
  REQUIRE_FALSE(loud["preview"].is_null());
  CHECK(loud["preview"]["rows"][0]["before"]["company"] == "Initech");
  CHECK(loud["preview"]["rows"][0]["after"]["company"] == "INITECH");
  CHECK(world.db.Value("SELECT company FROM crm.contacts") == "Initech");

  const json wrong =
      world.Post("/mappings/contacts/draft", {{"source", draft("      company:", "      compny:")}, {"memory", memory}});
  REQUIRE(wrong["problems"].size() == 1);
  CHECK(wrong["problems"][0]["severity"] == "error");
  CHECK(wrong["problems"][0]["line"].get<int>() > 1);
  CHECK(wrong["preview"].is_null());
  CHECK_FALSE(world.Post("/mappings/contacts/draft", {{"source", "rows: ["}})["problems"].empty());
  CHECK_FALSE(world.Post("/mappings/contacts/draft", {{"source", ""}})["problems"].empty());
  CHECK(world.Call("POST", "/mappings/nothing/draft", {{"source", source}}).status == 404);
  CHECK(world.Call("POST", "/mappings/contacts/draft", json::object()).status == 400);
  CHECK(world.Get("/mappings/contacts")["source"] == source);
}
