// Commands that change something, and what the audit says of them.
#include <fmt/format.h>

#include "admin/access/admin_tokens.hpp"
#include "admin/access/audit.hpp"
#include "sync/inbox/postgres_inbox.hpp"
#include "tests/admin/commands/spoken.hpp"
#include "tests/admin/text_file.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/postgres.hpp"

using namespace membridge;
using namespace membridge::admin;

namespace {

/// A migrated database, and a configuration that names it.
struct Desk {
  Spoken Run(std::vector<std::string> words) const {
    words.insert(words.end(), {"--config", config.path()});
    return SayIn([](const std::string&) { return std::nullopt; }, words);
  }

  std::vector<AuditRecord> Entries() const {
    auto session = db.Session();
    auto transaction = session.Begin();
    return Audit{transaction}.List({}, 50)->entries;
  }

  std::vector<std::string> Said() const {
    std::vector<std::string> said;
    for (const AuditRecord& record : Entries())
      said.push_back(record.entry.action + " " + record.entry.object + " " + std::string{NameOf(record.entry.outcome)});
    return said;
  }

  test::PgDatabase db{};
  test::TextFile config{"membridge.yaml", fmt::format("database: \"{}\"\nprojects: {{crm: {{api_key: k}}}}\nbackfill: [{{name: "
                                                      "nightly, project: crm, sweep: full, schedule: 0 3 * * *}}]\n",
                                                      db.Dsn())};
};

}  // namespace

TEST_CASE("a token is issued on the command line, printed once, listed without it, and revoked", "[commands][audit][pg]") {
  const Desk desk;
  const Spoken made = desk.Run({"tokens", "create", "ci", "--role", "operator", "--days", "30"});
  CAPTURE(made.err);
  REQUIRE(made.status == kDone);
  REQUIRE(made.out.size() == 44);
  const std::string token = made.out.substr(0, 43);
  auto session = desk.db.Session();
  const auto caller = CallerByToken(session, token);
  REQUIRE(caller);
  CHECK(caller->role == Role::kOperator);
  CHECK(caller->Actor() == "token:ci");
  CHECK(desk.Run({"tokens", "create", "ci"}).status == kFoundProblems);
  CHECK(desk.Run({"tokens", "create", "C I"}).status == kBadUsage);

  const Spoken listed = desk.Run({"tokens", "list", "--json"});
  CHECK(listed.out.find(token) == std::string::npos);
  const std::string id = nlohmann::json::parse(listed.out)["tokens"][0]["id"];
  CHECK(desk.Run({"tokens", "revoke", id}).status == kDone);
  CHECK(desk.Run({"tokens", "revoke", id}).status == kFoundProblems);
  CHECK_FALSE(CallerByToken(session, token));
  const auto entries = desk.Entries();
  REQUIRE(entries.size() == 2);
  CHECK(entries[0].entry.action == "token.revoke");
  CHECK(entries[1].entry.action == "token.create");
  CHECK(entries[1].entry.actor == CommandActor());
  CHECK(entries[1].entry.source == "local");
  CHECK(desk.Run({"audit", "list"}).out.find(token) == std::string::npos);
}

TEST_CASE("commands that change something are in the audit, those that only count are not", "[commands][audit][pg]") {
  const Desk desk;
  desk.db.Run(
      "INSERT INTO membridge.parked (project, memory_id, mapping, code, cause) VALUES ('crm', 'm-1', 'people', 'row_rejected', "
      "'too long')");
  sync::Delivery delivery;
  delivery.id = DeliveryId{"019ca8a0-3e80-7def-8123-456789abcdef"};
  delivery.project = ProjectId{"crm"};
  delivery.received_at = ParseRfc3339("2026-03-01T09:00:00Z").value();
  delivery.headers = nlohmann::json::object();
  delivery.verdict = "add";
  delivery.memories = {MemoryId{"m-1"}};
  sync::PostgresInbox inbox{desk.db.Dsn()};
  REQUIRE(inbox.Accept({delivery}));

  CHECK(desk.Run({"parked", "retry", "--all"}).status == kDone);
  CHECK(desk.Run({"deliveries", "replay", "--all"}).status == kDone);
  CHECK(desk.Entries().empty());
  CHECK(desk.Run({"parked", "retry", "--all", "--yes"}).status == kDone);
  CHECK(desk.Run({"deliveries", "replay", "--project", "crm", "--yes"}).status == kDone);
  CHECK(desk.Run({"parked", "drop", "--mapping", "people", "--yes"}).status == kDone);
  const auto entries = desk.Entries();
  REQUIRE(entries.size() == 3);
  CHECK(entries[2].entry.action == "parked.retry");
  CHECK(entries[1].entry.action == "deliveries.replay");
  CHECK(entries[1].entry.detail == nlohmann::json{{"deliveries", 1}, {"memories", 1}, {"filter", {{"project", "crm"}}}});
  CHECK(entries[0].entry.action == "parked.drop");
  CHECK(entries[0].entry.detail["filter"] == nlohmann::json{{"mapping", "people"}});
  CHECK(desk.Run({"deliveries", "show", delivery.id.Text()}).status == kDone);
  CHECK(desk.Said().front() == "delivery.read_body 019ca8a0-3e80-7def-8123-456789abcdef done");

  const Spoken whole = desk.Run({"audit", "verify", "--json"});
  CHECK(whole.status == kDone);
  const auto verdict = nlohmann::json::parse(whole.out);
  CHECK(verdict["entries"] == 4);
  const std::string head = verdict["head"];
  CHECK(desk.Run({"audit", "verify", "--head", head}).out == "intact: 4 entries, 0 sealed, the newest is 4:" + head + "\n");
  CHECK(desk.Run({"audit", "verify", "--head", std::string(64, '0')}).status == kFoundProblems);
  const Spoken refused = desk.Run({"audit", "list", "--outcome", "refused"});
  CHECK(refused.status == kDone);
  CHECK(refused.out == "the audit has no entry that fits\n");
  desk.db.RunScript("ALTER TABLE membridge.audit DISABLE TRIGGER ALL; UPDATE membridge.audit SET actor = 'x' WHERE number = 2");
  const Spoken broken = desk.Run({"audit", "verify"});
  CHECK(broken.status == kFoundProblems);
  CHECK(broken.out == "broken: entry 2 was changed\n");
}

TEST_CASE("runs and schedules that a person changed are in the audit", "[commands][audit][pg]") {
  const Desk desk;
  const Spoken run = desk.Run({"backfill", "run", "nightly", "--no-wait"});
  CAPTURE(run.err);
  CHECK(run.status == kDone);
  CHECK(desk.Run({"backfill", "run", "nightly", "--no-wait"}).status != kDone);
  CHECK(desk.Run({"backfill", "cancel", "nightly"}).status == kDone);
  CHECK(desk.Run({"backfill", "pause", "nightly"}).status == kDone);
  CHECK(desk.Run({"backfill", "resume", "nightly"}).status == kDone);
  CHECK(desk.Said() == std::vector<std::string>{"schedule.resume nightly done", "schedule.pause nightly done",
                                                "backfill.cancel 1 done", "backfill.run nightly refused",
                                                "backfill.run nightly done"});
}

TEST_CASE("migrations, and a script that is run with them, are in the audit", "[commands][audit][pg]") {
  const Desk desk{test::PgDatabase{test::PgDatabase::Content::kBare}};
  REQUIRE(desk.Run({"migrate"}).status == kDone);
  const auto entries = desk.Entries();
  REQUIRE(entries.size() == 1);
  CHECK(entries[0].entry.action == "migrate");
  CHECK(entries[0].entry.actor == CommandActor());
  CHECK(entries[0].entry.detail["applied"][0] == "state state/0001_state");
  CHECK(desk.Run({"migrate"}).status == kDone);
  CHECK(desk.Entries().size() == 1);

  const test::TextFile good{"people.sql", "CREATE TABLE people (id text PRIMARY KEY)"};
  CHECK(desk.Run({"migrate", "--run", good.path()}).status == kDone);
  CHECK(desk.Run({"migrate", "--run", good.path()}).status == kFoundProblems);
  CHECK(desk.Said() == std::vector<std::string>{"migrate.run " + good.path() + " refused", "migrate.run " + good.path() + " done",
                                                "migrate  done"});
}

TEST_CASE("who had memories evaluated again is in the audit", "[commands][audit][pg]") {
  const Desk desk;
  desk.db.RunScript(
      "CREATE TABLE people (id text PRIMARY KEY, nick text);"
      "INSERT INTO membridge.memories (bucket, project, memory_id, record, read_at) VALUES (0, 'crm', 'm-1', '{}', now())");
  const test::TextFile mapping{"people.yaml",
                               "rows: {person: {table: people, key: {id: $memory.user_id}, set: {nick: $memory.text}}}\n"};
  std::ofstream{desk.config.path(), std::ios::app} << "mappings: [\"" << mapping.path() << "\"]\n";
  const Spoken marked = desk.Run({"reproject", "people"});
  CAPTURE(marked.err);
  REQUIRE(marked.status == kDone);
  const auto entries = desk.Entries();
  REQUIRE(entries.size() == 1);
  CHECK(entries[0].entry.action == "reproject");
  CHECK(entries[0].entry.object == "people");
  CHECK(entries[0].entry.detail == nlohmann::json{{"marked", 1}, {"projects", {"crm"}}});
}

TEST_CASE("commands seal what they write into the audit, and verify says what does not fit", "[commands][audit][pg]") {
  const test::TextFile keys{"audit.keys", "k1 " + std::string(64, 'a') + "\n"};
  Desk desk;
  CHECK(desk.Run({"audit", "verify"}).out == "intact: 0 entries, 0 sealed\n");
  const test::TextFile sealing{
      "membridge.yaml", fmt::format("database: \"{}\"\nadmin: {{audit: {{key_file: {}}}}}\nprojects: {{crm: {{api_key: k}}}}\n",
                                    desk.db.Dsn(), keys.path())};
  const auto run = [&](std::vector<std::string> words) {
    words.insert(words.end(), {"--config", sealing.path()});
    return SayIn([](const std::string&) { return std::nullopt; }, words);
  };
  REQUIRE(run({"tokens", "create", "ci"}).status == kDone);
  const auto entries = desk.Entries();
  REQUIRE(entries.size() == 1);
  CHECK(entries[0].key_id == "k1");
  const Spoken intact = run({"audit", "verify"});
  CHECK(intact.status == kDone);
  CHECK(intact.out == "intact: 1 entry, 1 sealed, the newest is 1:" + entries[0].hash + "\n");
  CHECK(run({"audit", "verify", "--head", "1:" + entries[0].hash}).status == kDone);
  const Spoken cut = run({"audit", "verify", "--head", "2:" + entries[0].hash, "--json"});
  CHECK(cut.status == kFoundProblems);
  CHECK(nlohmann::json::parse(cut.out)["broken_at"] == 2);
  CHECK(run({"audit", "verify", "--head", "yesterday"}).status == kBadUsage);
  // Without the key file nobody can tell who wrote the entry.
  CHECK(desk.Run({"audit", "verify"}).status == kFoundProblems);
}
