#include <thread>

#include "admin/access/audit.hpp"
#include "admin/access/audit_check.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/postgres.hpp"

using namespace membridge;
using namespace membridge::admin;

namespace {

AuditEntry Entry(const std::string& action, const std::string& object = "x") {
  return {.actor = "cli:ada", .source = "local", .action = action, .object = object, .detail = {{"memories", 3}}};
}

/// Past the trigger, as somebody who owns the database could.
void Tamper(const test::PgDatabase& db, const std::string& sql) {
  db.RunScript("ALTER TABLE membridge.audit DISABLE TRIGGER audit_is_append_only; " + sql +
               "; ALTER TABLE membridge.audit ENABLE TRIGGER audit_is_append_only");
}

}  // namespace

TEST_CASE("every audit entry vouches for the one before", "[audit][pg]") {
  const test::PgDatabase db;
  auto session = db.Session();
  CHECK(VerifyAudit(session).Intact());
  const AuditRecord first = AppendToAudit(session, Entry("parked.retry"));
  const AuditRecord second = AppendToAudit(session, Entry("parked.drop"));
  CHECK(first.number == 1);
  CHECK(first.previous.empty());
  CHECK(second.number == 2);
  CHECK(second.previous == first.hash);
  CHECK(second.hash == HashOf(second));
  const AuditVerdict verdict = VerifyAudit(session);
  CHECK(verdict.problem.empty());
  CHECK(verdict.entries == 2);
  CHECK(verdict.head == second.hash);
}

TEST_CASE("an audit entry is there only when what it tells of is", "[audit][pg]") {
  const test::PgDatabase db;
  auto session = db.Session();
  {
    sync::postgres::Transaction transaction = session.Begin();
    Audit{transaction}.Append(Entry("token.create"));
  }
  CHECK(db.Count("membridge.audit") == 0);
  CHECK(AppendToAudit(session, Entry("token.create")).number == 1);
}

TEST_CASE("the audit refuses changes", "[audit][pg]") {
  const test::PgDatabase db;
  auto session = db.Session();
  AppendToAudit(session, Entry("parked.retry"));
  const std::string change = GENERATE("UPDATE membridge.audit SET actor = 'nobody'", "DELETE FROM membridge.audit",
                                      "TRUNCATE membridge.audit", "DELETE FROM membridge.audit_head");
  CAPTURE(change);
  CHECK_THROWS_AS(session.Run(change), sync::postgres::SqlFailure);
  CHECK(VerifyAudit(session).entries == 1);
}

TEST_CASE("what was changed past the trigger is noticed, and where", "[audit][pg]") {
  const test::PgDatabase db;
  auto session = db.Session();
  for (const char* action : {"parked.retry", "parked.drop", "token.create"}) AppendToAudit(session, Entry(action));
  const auto [change, place, problem] = GENERATE(table<std::string, int, std::string>({
      {"UPDATE membridge.audit SET actor = 'nobody' WHERE number = 2", 2, "entry 2 was changed"},
      {"UPDATE membridge.audit SET detail = '{\"memories\": 3}' WHERE number = 1", 1, "entry 1 was changed"},
      {"UPDATE membridge.audit SET at = at + interval '1 microsecond' WHERE number = 3", 3, "entry 3 was changed"},
      {"DELETE FROM membridge.audit WHERE number = 2", 2, "entry 2 is missing"},
      {"DELETE FROM membridge.audit WHERE number = 1", 1, "entry 1 is missing"},
      {"DELETE FROM membridge.audit WHERE number = 3", 3,
       "the newest entry is 2, and the head says otherwise: entries were cut off"},
  }));
  CAPTURE(change);
  Tamper(db, change);
  const AuditVerdict verdict = VerifyAudit(session);
  CHECK(verdict.problem == problem);
  CHECK(verdict.broken_at == place);
}

TEST_CASE("entries appended at once form one chain", "[audit][pg]") {
  const test::PgDatabase db;
  std::vector<std::jthread> writers;
  for (int writer = 0; writer < 4; ++writer) {
    writers.emplace_back([&db, writer] {
      auto session = db.Session();
      for (int i = 0; i < 25; ++i) AppendToAudit(session, Entry("parked.retry", std::to_string(writer)));
    });
  }
  writers.clear();
  auto session = db.Session();
  const AuditVerdict verdict = VerifyAudit(session);
  CHECK(verdict.problem.empty());
  CHECK(verdict.entries == 100);
}

TEST_CASE("an audit entry holds any bytes, and its hash still fits", "[audit][pg]") {
  const test::PgDatabase db;
  auto session = db.Session();
  AuditEntry entry = Entry("login", std::string("a\0b\xff\"\\", 6));
  entry.detail = {{"reason", "\xc3(\n"}, {"nested", {{"n", nullptr}, {"f", 0.1}}}};
  const AuditRecord record = AppendToAudit(session, entry);
  CHECK(record.entry.object == "a b\xEF\xBF\xBD\"\\");
  CHECK(VerifyAudit(session).Intact());
}

TEST_CASE("the audit is read a page at a time, newest first", "[audit][pg]") {
  const test::PgDatabase db;
  auto session = db.Session();
  for (int i = 0; i < 5; ++i) AppendToAudit(session, Entry(i % 2 == 0 ? "parked.retry" : "parked.drop"));
  sync::postgres::Transaction transaction = session.Begin();
  const auto page = Audit{transaction}.List({.action = "parked.retry"}, 2);
  REQUIRE(page);
  REQUIRE(page->entries.size() == 2);
  CHECK(page->entries[0].number == 5);
  CHECK(page->entries[0].entry.detail == nlohmann::json{{"memories", 3}});
  REQUIRE(page->next);
  const auto rest = Audit{transaction}.List({.action = "parked.retry"}, 2, page->next);
  REQUIRE(rest);
  REQUIRE(rest->entries.size() == 1);
  CHECK(rest->entries[0].number == 1);
  CHECK_FALSE(rest->next);
  CHECK(Audit{transaction}.List({.outcome = "refused"}, 2)->entries.empty());
  for (const char* cursor : {"", "x", "1x", "-1", "99999999999999999999", " 1"}) {
    CAPTURE(cursor);
    CHECK_FALSE(Audit{transaction}.List({}, 2, std::string{cursor}));
  }
}
