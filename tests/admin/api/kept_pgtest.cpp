// Disagreements over the API: listed, taken, dismissed, written down.
#include "tests/admin/api/api_world.hpp"
#include "tests/support/catch.hpp"

using namespace membridge;
using nlohmann::json;
using test::ApiWorld;

namespace {

/// A memory that says where Ada works, and a person who knows better.
struct Office : ApiWorld {
  Office() {
    memory = Remember("ada", "Works at Initech");
    db.Run("UPDATE crm.contacts SET company = 'Hooli'");
    mem0.Update(memory, "Works at Globex", false);
    Deliver({memory});
    Settle();
  }
  json Listed() { return Get("/kept", test::kOperatorToken)["cells"]; }
  std::string Company() const { return db.Value("SELECT company FROM crm.contacts"); }

  std::string memory;
};

}  // namespace

TEST_CASE("a disagreement is taken over the API, written by a worker, and in the audit", "[api][kept][pg][sim]") {
  Office office;
  CHECK(office.Get("/overview")["kept"]["cells"] == 1);
  CHECK(office.Call("GET", "/kept", nullptr, test::kViewerToken).status == 403);
  const json cells = office.Listed();
  REQUIRE(cells.size() == 1);
  CHECK(cells[0]["table"] == "crm.contacts");
  CHECK(cells[0]["cell"] == "company");
  CHECK(cells[0]["current"] == "Hooli");
  CHECK(cells[0]["claimed"] == "Globex");
  CHECK(cells[0]["memory"] == office.memory);
  CHECK(cells[0]["place"].get<std::string>().find("contacts.yaml:") != std::string::npos);

  const int woken = office.woken;
  const json taken = office.Post("/kept/take", {{"id", cells[0]["id"]}}, test::kOperatorToken);
  CHECK(taken["applied_again"] == true);
  CHECK(office.woken == woken + 1);
  CHECK(office.Listed().empty());
  office.Settle();
  CHECK(office.Company() == "Globex");
  CHECK(office.Get("/overview")["kept"]["cells"] == 0);
  const json entry = office.Audit()[0];
  CHECK(entry["action"] == "kept.take");
  CHECK(entry["object"] == "default/crm.contacts.company");
  CHECK(entry["outcome"] == "done");
  CHECK(entry["detail"]["memory"] == office.memory);
  CHECK(entry.dump().find("Globex") == std::string::npos);
  CHECK(entry.dump().find("Hooli") == std::string::npos);

  office.mem0.Update(office.memory, "Works at Acme", false);
  office.Deliver({office.memory});
  office.Settle();
  CHECK(office.Company() == "Acme");
}

TEST_CASE("a disagreement is dismissed over the API until a memory says something else", "[api][kept][pg][sim]") {
  Office office;
  const json id = office.Listed()[0]["id"];
  CHECK(office.Call("POST", "/kept/dismiss", {{"id", "1-000000000000"}}).status == 404);
  CHECK(office.Post("/kept/dismiss", {{"id", id}})["applied_again"] == false);
  CHECK(office.Call("POST", "/kept/dismiss", {{"id", id}}).status == 404);
  CHECK(office.Listed().empty());
  office.mem0.Update(office.memory, "Works at Globex. Likes tea", false);
  office.Deliver({office.memory});
  office.Settle();
  CHECK(office.Listed().empty());
  CHECK(office.Company() == "Hooli");
  office.mem0.Update(office.memory, "Works at Acme", false);
  office.Deliver({office.memory});
  office.Settle();
  CHECK(office.Listed().size() == 1);
}

TEST_CASE("the list of disagreements refuses what it does not know", "[api][kept][pg][sim]") {
  Office office;
  CHECK(office.Call("GET", "/kept?cursor=nonsense").status == 400);
  CHECK(office.Call("GET", "/kept?cursor=default/x").status == 400);
  CHECK(office.Call("GET", "/kept?target=warehouse").status == 404);
  CHECK(office.Get("/kept?target=default&table=contacts&project=crm&mapping=contacts&limit=1")["cells"].size() == 1);
  CHECK(office.Get("/kept?memory=other")["cells"].empty());
  CHECK(office.Get("/kept?cursor=default/0")["cells"].size() == 1);
}
