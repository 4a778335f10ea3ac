#include "sync/explain/plan_text.hpp"

#include "tests/support/catch.hpp"

namespace membridge::sync {
namespace {

using Kind = Decision::Kind;
using Json = nlohmann::json;

Outcome Mixed() {
  Outcome outcome;
  outcome.wrote = true;
  outcome.decisions = {
      {Kind::kKept, "contact", "crm.contacts", {{"id", "7"}}, "name", "Ada", "Augusta", "not written by the bridge", 11},
      {Kind::kWritten, "contact", "crm.contacts", {{"id", "7"}}, "company", "Initech", "Globex", "", 12},
      {Kind::kRestored, "contact", "crm.contacts", {{"id", "7"}}, "phone", "+4930123456", nullptr, "", 13},
      {Kind::kUnchanged, "contact", "crm.contacts", {{"id", "7"}}, "email", "a@b.test", "a@b.test", "", 14},
      {Kind::kFound, "contact", "crm.contacts", {{"id", "7"}}, "", nullptr, nullptr, "", 9},
      {Kind::kCreated, "note", "crm.notes", {{"id", "132"}}, "", nullptr, {{"body", "Asked again"}, {"author", nullptr}}, "", 18},
      {Kind::kDeleted,
       "tagged",
       "crm.contact_tags",
       {{"contact_id", "7"}, {"tag_id", "3"}},
       "",
       nullptr,
       nullptr,
       "no memory says it any more",
       30},
      {Kind::kSkipped, "company", "companies", nullptr, "", nullptr, nullptr, "a key value is missing", 40},
  };
  return outcome;
}

TEST_CASE("a plan is told a line per decision", "[admin][plan]") {
  CHECK(PlanText("memory m-17", "contacts.yaml", Mixed()) ==
        "memory m-17 → contacts.yaml\n"
        "    contact  crm.contacts id=7                       found\n"
        "      =      name                                    'Ada' kept: not written by the bridge (memory says 'Augusta')\n"
        "      ~      company                                 'Initech' → 'Globex'\n"
        "      <      phone                                   '+4930123456' → null withdrawn\n"
        "  + note     crm.notes id=132                        new row\n"
        "      +      body                                    'Asked again'\n"
        "  - tagged   crm.contact_tags contact_id=7 tag_id=3  no memory says it any more\n"
        "    company  companies                               skipped: a key value is missing\n"
        "1 cell changed, 1 row created, 1 deleted, 1 kept, 1 withdrawn. Rolled back.\n");
  CHECK(WouldChange(Mixed()));
}

TEST_CASE("a plan in which nothing happens says so", "[admin][plan]") {
  Outcome outcome;
  outcome.decisions = {{Kind::kFound, "contact", "crm.contacts", {{"id", "7"}}, "", nullptr, nullptr, "", 9}};
  CHECK(PlanText("memory m-17", "contacts.yaml", outcome) ==
        "memory m-17 → contacts.yaml\n"
        "    contact  crm.contacts id=7  found\n"
        "0 cells changed, 0 rows created, 0 kept, nothing withdrawn. Rolled back.\n");
  CHECK_FALSE(WouldChange(outcome));
}

TEST_CASE("a plan that would park says where and why", "[admin][plan]") {
  Outcome outcome;
  outcome.kind = Outcome::Kind::kParked;
  outcome.place = "contacts.yaml:12";
  outcome.cause = "value too long for type character varying(32)";
  outcome.hint = "add \"| truncate(32)\"";
  outcome.sqlstate = "22001";
  CHECK(PlanText("memory m-17", "contacts.yaml", outcome) ==
        "memory m-17 → contacts.yaml\n"
        "would be parked at contacts.yaml:12: value too long for type character varying(32)\n"
        "add \"| truncate(32)\"\n"
        "Rolled back.\n");
  const auto json = PlanJson("m-17", "contacts.yaml", outcome);
  CHECK(json["outcome"] == "parked");
  CHECK(json["parked"]["sqlstate"] == "22001");
}

TEST_CASE("a plan as JSON holds every decision", "[admin][plan]") {
  const auto json = PlanJson("m-17", "contacts.yaml", Mixed());
  CHECK(json["would_change"] == true);
  CHECK(json["decisions"].size() == 8);
  CHECK(json["decisions"][1]["kind"] == "written");
  CHECK(json["decisions"][1]["before"] == "Initech");
  CHECK(json["decisions"][4]["cell"] == nullptr);
  CHECK(json["counts"]["withdrawn"] == 1);
}

}  // namespace
}  // namespace membridge::sync
