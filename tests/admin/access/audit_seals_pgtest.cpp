#include "admin/access/audit_check.hpp"
#include "admin/access/audit_seals.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/postgres.hpp"

using namespace membridge;
using namespace membridge::admin;

namespace {

const std::string kFirstKey = "2026-01 " + std::string(64, 'a');
const std::string kSecondKey = "2026-02 " + std::string(64, 'b');

/// The keys in use for the length of a case.
class Keys {
 public:
  explicit Keys(const std::string& text) { Use(text); }
  ~Keys() { SealAuditWith(nullptr); }
  Keys(const Keys&) = delete;
  Keys& operator=(const Keys&) = delete;

  static void Use(const std::string& text) { SealAuditWith(std::make_shared<const AuditKeys>(AuditKeys::Read(text).value())); }
};

AuditRecord Append(sync::postgres::Session& session, const std::string& action) {
  return AppendToAudit(session, {.actor = "cli:ada", .source = "local", .action = action, .object = "x"});
}

/// What the owner of the database can do: anything, but without the key.
void AsOwner(const test::PgDatabase& db, const std::string& sql) {
  db.RunScript("ALTER TABLE membridge.audit DISABLE TRIGGER ALL; ALTER TABLE membridge.audit_head DISABLE TRIGGER ALL; " + sql +
               "; ALTER TABLE membridge.audit ENABLE TRIGGER ALL; ALTER TABLE membridge.audit_head ENABLE TRIGGER ALL");
}

/// Writes the whole chain anew, with hashes that fit.
void WriteAnew(const test::PgDatabase& db, sync::postgres::Session& session, const std::string& change) {
  AsOwner(db, change);
  std::string previous;
  const auto rows = session.Run(std::string{"SELECT "} + kAuditColumns + " FROM membridge.audit a ORDER BY a.number");
  for (std::size_t row = 0; row < rows.size(); ++row) {
    AuditRecord record = RecordAt(rows, row);
    record.previous = previous;
    previous = HashOf(record, std::string{rows.Text(row, 8)});
    AsOwner(db, "UPDATE membridge.audit SET previous = '" + record.previous + "', hash = '" + previous +
                    "' WHERE number = " + std::to_string(record.number));
  }
  AsOwner(db, "UPDATE membridge.audit_head SET number = " + std::to_string(rows.size()) + ", hash = '" + previous + "'");
}

}  // namespace

TEST_CASE("the owner of the database cannot write sealed entries of the audit anew unseen", "[audit][pg]") {
  const test::PgDatabase db;
  auto session = db.Session();
  const Keys keys{kFirstKey};
  for (const char* action : {"parked.retry", "parked.drop", "token.create"}) Append(session, action);
  REQUIRE(VerifyAudit(session).Intact());
  CHECK(VerifyAudit(session).sealed == 3);
  SECTION("an entry was changed, and every hash after it fits again") {
    WriteAnew(db, session, "UPDATE membridge.audit SET actor = 'nobody' WHERE number = 2");
    const AuditVerdict verdict = VerifyAudit(session);
    CHECK(verdict.broken_at == 2);
    CHECK(verdict.problem == "entry 2 has a seal that the key \"2026-01\" did not make: it is forged");
  }
  SECTION("an entry was changed and lost its seal") {
    WriteAnew(db, session, "UPDATE membridge.audit SET actor = 'nobody', key_id = NULL, seal = NULL WHERE number = 2");
    const AuditVerdict verdict = VerifyAudit(session);
    CHECK(verdict.broken_at == 2);
    CHECK(verdict.problem == "entry 2 is not sealed, and entry 1 is: a process without the key wrote it, or it is forged");
  }
  SECTION("all seals were taken away") {
    WriteAnew(db, session, "UPDATE membridge.audit SET key_id = NULL, seal = NULL");
    const AuditVerdict verdict = VerifyAudit(session);
    CHECK(verdict.broken_at == 3);
    CHECK(verdict.problem == "the newest entry, 3, is not sealed; membridge serve seals the chain when it starts");
  }
  SECTION("an entry was cut out of the middle and the rest numbered anew") {
    WriteAnew(db, session,
              "DELETE FROM membridge.audit WHERE number = 2; UPDATE membridge.audit SET number = 2 WHERE number = 3");
    CHECK(VerifyAudit(session).broken_at == 2);
  }
  SECTION("the seal of another entry was copied") {
    AsOwner(db, "UPDATE membridge.audit SET seal = (SELECT seal FROM membridge.audit WHERE number = 1) WHERE number = 2");
    CHECK(VerifyAudit(session).broken_at == 2);
  }
  SECTION("entries were made with a key of the owner's own") {
    AsOwner(db, "UPDATE membridge.audit SET key_id = 'mine', seal = repeat('0', 64) WHERE number = 3");
    CHECK(VerifyAudit(session).problem == "entry 3 is sealed with the key \"mine\", which the key file does not contain");
  }
}

TEST_CASE("a cut tail of the audit is noticed by an entry that was noted elsewhere", "[audit][pg]") {
  const test::PgDatabase db;
  auto session = db.Session();
  const Keys keys{kFirstKey};
  Append(session, "parked.retry");
  Append(session, "parked.drop");
  const AuditRecord third = Append(session, "token.create");
  const AuditAnchor anchor = AuditAnchor::Read("3:" + third.hash).value();
  CHECK(VerifyAudit(session, anchor).Intact());
  CHECK(VerifyAudit(session, AuditAnchor::Read(third.hash).value()).Intact());
  AsOwner(db,
          "DELETE FROM membridge.audit WHERE number = 3; UPDATE membridge.audit_head SET number = 2, hash = (SELECT hash FROM "
          "membridge.audit WHERE number = 2)");
  CHECK(VerifyAudit(session).Intact());  // the seals fit: only what was noted elsewhere knows of a third
  const AuditVerdict cut = VerifyAudit(session, anchor);
  CHECK(cut.broken_at == 3);
  CHECK(cut.problem == "the newest entry is 2, and the anchor is entry 3: entries were cut off");
  CHECK_FALSE(VerifyAudit(session, AuditAnchor::Read(third.hash).value()).Intact());
  Append(session, "token.revoke");
  const AuditVerdict replaced = VerifyAudit(session, anchor);
  CHECK(replaced.broken_at == 3);
  CHECK(replaced.problem == "entry 3 has another hash than the anchor: the chain was written anew");
}

TEST_CASE("a chain from before there was a key is vouched for by the first sealed entry", "[audit][pg]") {
  const test::PgDatabase db;
  auto session = db.Session();
  Append(session, "parked.retry");
  Append(session, "parked.drop");
  CHECK(VerifyAudit(session).sealed == 0);
  const Keys keys{kFirstKey};
  CHECK(VerifyAudit(session).problem == "the newest entry, 2, is not sealed; membridge serve seals the chain when it starts");
  SealChain(session);
  SealChain(session);
  CHECK(VerifyAudit(session).problem.empty());
  CHECK(VerifyAudit(session).entries == 3);
  CHECK(VerifyAudit(session).sealed == 1);
  WriteAnew(db, session, "UPDATE membridge.audit SET actor = 'nobody' WHERE number = 1");
  CHECK(VerifyAudit(session).broken_at == 3);
}

TEST_CASE("keys of the audit are replaced, and the older ones still check older entries", "[audit][pg]") {
  const test::PgDatabase db;
  auto session = db.Session();
  const Keys keys{kFirstKey};
  CHECK(Append(session, "parked.retry").key_id == "2026-01");
  Keys::Use(kFirstKey + "\n" + kSecondKey + "\n");
  SealChain(session);
  CHECK(Append(session, "parked.drop").key_id == "2026-02");
  CHECK(VerifyAudit(session).problem.empty());
  CHECK(VerifyAudit(session).sealed == 3);
  Keys::Use(kSecondKey);
  CHECK(VerifyAudit(session).problem == "entry 1 is sealed with the key \"2026-01\", which the key file does not contain");
  SealAuditWith(nullptr);
  const AuditVerdict unchecked = VerifyAudit(session);
  CHECK(unchecked.broken_at == 1);
  CHECK(unchecked.problem ==
        "entries from 1 on are sealed, and the configuration names no admin.audit.key_file: nobody can tell who wrote them");
}
