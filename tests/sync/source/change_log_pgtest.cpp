#include <future>

#include "sync/source/log_install.hpp"
#include "tests/support/catch.hpp"
#include "tests/sync/source/selfhosted.hpp"

namespace membridge::test {
namespace {

using sync::source::LookAtSource;
using Mode = sync::source::SourceStanding::Mode;

/// The entries of the log as `kind id`, without the zeros of the ids.
std::vector<std::string> Log(const SelfHosted& mem0) {
  const auto rows = mem0.source.Run(
      "SELECT kind::text || ' ' || ltrim(right(id, 12), '0') FROM membridge_source.log ORDER BY xid, kind, id COLLATE \"C\"");
  std::vector<std::string> log;
  for (std::size_t row = 0; row < rows.size(); ++row) log.emplace_back(rows.Text(row, 0));
  return log;
}

using Strings = std::vector<std::string>;

}  // namespace

TEST_CASE("the log notes inserts, changed payloads and deletions, and no vector", "[source][pg]") {
  SelfHosted mem0;
  mem0.Install();
  mem0.Insert(SelfHosted::Id(1), "ada", "one");
  mem0.Insert(SelfHosted::Id(2), "ada", "two");
  mem0.source.Run("UPDATE memories SET vector = '[9]'");
  mem0.Payload(SelfHosted::Id(1), "ada", "one and a half");
  mem0.Payload(SelfHosted::Id(2), "ada", "two");  // the same again
  mem0.source.Run("UPDATE memories SET id = $1::uuid WHERE id = $2::uuid", {SelfHosted::Id(3), SelfHosted::Id(2)});
  mem0.source.Run("DELETE FROM memories WHERE id = $1::uuid", {SelfHosted::Id(3)});
  mem0.source.Run("DELETE FROM memories WHERE false");
  mem0.source.Run("INSERT INTO memories VALUES ($1::uuid, '', '{}') ON CONFLICT (id) DO UPDATE SET payload = excluded.payload",
                  {SelfHosted::Id(1)});
  mem0.source.RunScript("BEGIN; INSERT INTO memories VALUES (gen_random_uuid(), '', '{}'); ROLLBACK; TRUNCATE memories");
  CHECK(Log(mem0) == Strings{"i 1", "i 2", "u 1", "d 2", "u 3", "d 3", "u 1", "a "});
}

TEST_CASE("changes of a self-hosted Mem0 become rows", "[source][pg]") {
  SelfHosted mem0;
  mem0.Install();
  CHECK(mem0.FeedAndWork() == 0);  // begins here
  mem0.Insert(SelfHosted::Id(1), "ada", "one");
  mem0.Insert(SelfHosted::Id(2), "bob", "two");
  CHECK(mem0.FeedAndWork() == 2);
  CHECK(mem0.Rows() == mem0.Expected());
  mem0.Payload(SelfHosted::Id(1), "ada", "changed", "gold");
  mem0.source.Run("DELETE FROM memories WHERE id = $1::uuid", {SelfHosted::Id(2)});
  CHECK(mem0.FeedAndWork() == 2);
  CHECK(mem0.Rows() == mem0.Expected());
  CHECK(mem0.FeedAndWork() == 0);
  mem0.Insert(SelfHosted::Id(2), "bob", "two again");
  mem0.FeedAndWork();
  CHECK(mem0.Rows() == mem0.Expected());
  // What was inserted and deleted between two looks leaves nothing, and what was taken is trimmed.
  mem0.Insert(SelfHosted::Id(3), "cyd", "short");
  mem0.source.Run("DELETE FROM memories WHERE id = $1::uuid", {SelfHosted::Id(3)});
  mem0.FeedAndWork();
  CHECK(mem0.Rows() == mem0.Expected());
  mem0.FeedAndWork();
  CHECK(mem0.source.Count("membridge_source.log") == 0);
}

TEST_CASE("a transaction that commits late is not passed over", "[source][pg]") {
  SelfHosted mem0;
  mem0.Install();
  mem0.FeedAndWork();
  auto slow = mem0.source.Session();
  auto late = slow.Begin();
  late.Run("INSERT INTO memories VALUES ($1::uuid, '', $2::jsonb)",
           {SelfHosted::Id(1), SelfHosted::PayloadOf("ada", "late", "t")});
  mem0.Insert(SelfHosted::Id(2), "bob", "early");
  CHECK(mem0.FeedAndWork() == 1);
  CHECK(mem0.FeedAndWork() == 0);
  late.Commit();
  CHECK(mem0.FeedAndWork() == 1);
  CHECK(mem0.Rows() == mem0.Expected());
}

TEST_CASE("thousands deleted at once are withdrawn, because the log tells of them; so is what a truncation takes",
          "[source][pg]") {
  SelfHosted mem0;
  mem0.Install();
  mem0.FeedAndWork();
  const auto fill = [&] {
    mem0.source.Run(
        "INSERT INTO memories SELECT ('00000000-0000-4000-8000-' || lpad(n::text, 12, '0'))::uuid, '[1]', "
        "jsonb_build_object('data', 'text ' || n, 'user_id', 'u', 'tier', 't') FROM generate_series(1, 1100) AS n");
    CHECK(mem0.FeedAndWork() == 1100);
    CHECK(mem0.Rows() == mem0.Expected());
  };
  fill();
  mem0.source.Run("DELETE FROM memories WHERE id > $1::uuid", {SelfHosted::Id(10)});
  CHECK(mem0.FeedAndWork() == 1090);
  CHECK(mem0.Rows() == mem0.Expected());
  mem0.source.Run("DELETE FROM memories");
  mem0.FeedAndWork();
  fill();
  mem0.source.Run("TRUNCATE memories");
  CHECK(mem0.FeedAndWork() == 1);
  CHECK(mem0.db.Count("notes") == 0);
  CHECK(mem0.db.Count("membridge.parked") == 0);
}

TEST_CASE("memories that vanish without a word in the log are held back", "[source][pg]") {
  SelfHosted mem0;
  mem0.Install();
  mem0.FeedAndWork();
  mem0.source.Run(
      "INSERT INTO memories SELECT ('00000000-0000-4000-8000-' || lpad(n::text, 12, '0'))::uuid, '[1]', "
      "jsonb_build_object('data', 'text', 'user_id', 'u', 'tier', 't') FROM generate_series(1, 100) AS n");
  mem0.FeedAndWork();
  mem0.source.RunScript(
      "ALTER TABLE memories DISABLE TRIGGER ALL; DELETE FROM memories; ALTER TABLE memories ENABLE TRIGGER ALL");
  std::vector<std::string> all;
  for (int i = 1; i <= 100; ++i) all.push_back(SelfHosted::Id(i));
  Mark(mem0.db, all);
  mem0.Work();
  CHECK(mem0.db.Count("notes") > 0);
  CHECK(mem0.db.Count("membridge.parked") > 0);
  const auto swept = mem0.Sweep(sync::BackfillKind::kFullSweep);
  CHECK(swept.state == sync::RunState::kFailed);
}

TEST_CASE("a table that is dropped and made again is told, and read again once the log is installed", "[source][pg]") {
  SelfHosted mem0;
  mem0.Install();
  mem0.FeedAndWork();
  mem0.Insert(SelfHosted::Id(1), "ada", "one");
  mem0.Insert(SelfHosted::Id(2), "bob", "two");
  mem0.FeedAndWork();
  const auto feeder = mem0.NewFeeder();
  CHECK(feeder->Step() == 0);
  CHECK(feeder->Standing().mode == Mode::kLive);

  mem0.source.RunScript("DROP TABLE memories");
  feeder->Step();
  CHECK(feeder->Standing().mode == Mode::kAway);
  CHECK(mem0.Rows().size() == 2);
  mem0.MakeTable();
  mem0.Insert(SelfHosted::Id(2), "bob", "two anew");
  feeder->Step();
  CHECK(feeder->Standing().mode == Mode::kPolling);
  CHECK(feeder->Standing().replaced);
  CHECK(feeder->Standing().broken);
  CHECK(feeder->Standing().error.hint.find("membridge source install") != std::string::npos);

  mem0.Install();
  feeder->Step();
  CHECK(feeder->Standing().mode == Mode::kLive);
  CHECK_FALSE(feeder->Standing().replaced);
  REQUIRE(feeder->Standing().wanted);
  CHECK(mem0.Sweep(sync::BackfillKind::kFullSweep).state == sync::RunState::kDone);
  CHECK(mem0.Rows() == mem0.Expected());
  mem0.Insert(SelfHosted::Id(3), "cyd", "three");
  CHECK(mem0.FeedAndWork() == 1);
  CHECK(mem0.Rows() == mem0.Expected());
}

TEST_CASE("a log that cannot be written costs the application a moment and no statement, and the bridge compares everything",
          "[source][pg]") {
  SelfHosted mem0;
  mem0.Install();
  mem0.FeedAndWork();
  InTransaction(mem0.db, [](auto& state) { sync::source::SourceState{state}.WantNoMore(kCrm); });
  auto blocker = mem0.source.Session();
  auto holding = blocker.Begin();
  holding.Run("LOCK TABLE membridge_source.log IN ACCESS EXCLUSIVE MODE");
  mem0.Insert(SelfHosted::Id(1), "ada", "one");  // would wait for ever
  holding.Commit();
  mem0.source.RunScript("ALTER TABLE membridge_source.log ADD CHECK (kind <> 'u')");
  mem0.Payload(SelfHosted::Id(1), "ada", "changed");
  CHECK(mem0.source.Count("memories WHERE payload ->> 'data' = 'changed'") == 1);

  const auto feeder = mem0.NewFeeder();
  static_cast<void>(feeder->Step());
  static_cast<void>(feeder->Step());
  CHECK(feeder->Standing().wanted == "the source's triggers could not note every change");
  CHECK(mem0.db.Value("SELECT wanted FROM membridge.source_tables") == *feeder->Standing().wanted);
  mem0.Sweep(sync::BackfillKind::kFullSweep);
  CHECK(mem0.Rows() == mem0.Expected());
}

TEST_CASE("a bridge that was away longer than the log was kept compares everything", "[source][pg]") {
  SelfHosted mem0;
  mem0.Install();
  mem0.FeedAndWork();
  InTransaction(mem0.db, [](auto& state) { sync::source::SourceState{state}.WantNoMore(kCrm); });
  mem0.source.RunScript(
      "UPDATE membridge_source.installed SET trimmed_below = pg_snapshot_xmin(pg_current_snapshot())::text::bigint::text::xid8");
  mem0.source.RunScript("UPDATE membridge_source.installed SET trimmed_below = (trimmed_below::text::bigint + 1000)::text::xid8");
  const auto feeder = mem0.NewFeeder();
  static_cast<void>(feeder->Step());
  REQUIRE(feeder->Standing().wanted);
  CHECK(feeder->Standing().wanted->find("removed from the source's log") != std::string::npos);
}

TEST_CASE("several bridges read one log, and none trims what another has not taken", "[source][pg]") {
  SelfHosted mem0;
  mem0.Install();
  const SelfHosted second;  // its state follows the first one's table, as a bridge on trial would
  second.db.Run("UPDATE membridge.state_identity SET id = gen_random_uuid()");  // both are copies of one template
  sync::source::FeederOptions options{.project = kCrm,
                                      .dsn = mem0.source.Dsn(),
                                      .table = mem0.Options().table,
                                      .state_dsn = second.db.Dsn(),
                                      .look_every = {},
                                      .trim_every = {}};
  sync::source::Feeder other{options};
  CHECK(other.Step() == 0);
  mem0.FeedAndWork();
  mem0.Insert(SelfHosted::Id(1), "ada", "one");
  mem0.FeedAndWork();
  mem0.FeedAndWork();
  CHECK(mem0.source.Count("membridge_source.log") == 1);
  CHECK(other.Step() == 1);
  CHECK(second.db.Count("membridge.dirty") == 1);
}

TEST_CASE("the log is removed without a trace, and what the role lacks is told", "[source][pg]") {
  SelfHosted mem0;
  mem0.Install();
  mem0.Install();  // again
  auto session = mem0.source.Session();
  const auto table = mem0.Options().table;
  CHECK(LookAtSource(session, table).IsLive());
  mem0.source.RunScript("ALTER TABLE memories DISABLE TRIGGER membridge_source_update");
  CHECK_FALSE(LookAtSource(session, table).IsLive());
  CHECK(sync::source::RemoveLog(session, table));
  CHECK(sync::source::RemoveLog(session, table));
  CHECK(mem0.source.Count("pg_trigger WHERE tgname LIKE 'membridge%'") == 0);
  CHECK(mem0.source.Count("pg_namespace WHERE nspname = 'membridge_source'") == 0);

  mem0.source.RunScript("CREATE ROLE source_guest LOGIN; GRANT SELECT ON memories TO source_guest");
  sync::postgres::Session guest{mem0.source.Dsn() + " user=source_guest"};
  const auto look = LookAtSource(guest, table);
  CHECK(look.lacking == Strings{"the right TRIGGER on public.memories", "the right CREATE on the database"});
  CHECK(sync::source::InstallLog(guest, table).error().code == ErrorCode::kRefused);
  // The owner runs what is printed for the guest, who can then read the log.
  mem0.source.RunScript(sync::source::InstallSql(table, "source_guest"));
  CHECK(LookAtSource(guest, table).IsLive());
  mem0.source.RunScript(sync::source::RemoveSql(table));
  mem0.source.RunScript("DROP OWNED BY source_guest; DROP ROLE source_guest");
}

TEST_CASE("installing gives up soon when somebody locks the table", "[source][pg]") {
  SelfHosted mem0;
  auto blocker = mem0.source.Session();
  auto holding = blocker.Begin();
  holding.Run("LOCK TABLE memories IN ROW EXCLUSIVE MODE");
  auto session = mem0.source.Session();
  const auto refused = sync::source::InstallLog(session, mem0.Options().table);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == ErrorCode::kUnavailable);
  CHECK(mem0.source.Count("pg_namespace WHERE nspname = 'membridge_source'") == 0);
}

}  // namespace membridge::test
