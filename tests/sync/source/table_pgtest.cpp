#include "sync/queue/known_projects.hpp"
#include "tests/support/catch.hpp"
#include "tests/sync/source/selfhosted.hpp"

namespace membridge::test {
namespace {

using sync::source::TableRecords;

}  // namespace

TEST_CASE("rows of a self-hosted Mem0 become rows, and a sweep reads them by key ranges", "[source][pg]") {
  SelfHosted mem0;
  mem0.source.Run(
      "INSERT INTO memories SELECT ('00000000-0000-4000-8000-' || lpad(n::text, 12, '0'))::uuid, '[1]', "
      "jsonb_build_object('data', 'text ' || n, 'user_id', 'u' || n % 7, 'tier', 't', 'created_at', '2026-01-01T00:00:00Z') "
      "FROM generate_series(1, 2500) AS n");
  const sync::Run loaded = mem0.Sweep(sync::BackfillKind::kFullSweep);
  INFO(loaded.error);
  CHECK(loaded.state == sync::RunState::kDone);
  CHECK(loaded.Counter("seen") == 2500);
  CHECK(loaded.Counter("calls") == 3);
  CHECK(mem0.Rows() == mem0.Expected());

  mem0.Payload(SelfHosted::Id(7), "u0", "corrected");  // its time stays as it was
  mem0.source.Run("DELETE FROM memories WHERE id = $1::uuid", {SelfHosted::Id(8)});
  mem0.Insert(SelfHosted::Id(9000), "u1", "new");
  const sync::Run swept = mem0.Sweep(sync::BackfillKind::kFullSweep);
  INFO(swept.error);
  CHECK(swept.state == sync::RunState::kDone);
  CHECK(swept.Counter("missing") == 1);
  CHECK(mem0.Rows() == mem0.Expected());
}

TEST_CASE("an incremental sweep of a table finds new and changed rows by their times, in any spelling", "[source][pg]") {
  SelfHosted mem0;
  mem0.Insert(SelfHosted::Id(1), "ada", "old");
  CHECK(mem0.Sweep(sync::BackfillKind::kIncrementalSweep).state == sync::RunState::kDone);
  REQUIRE(mem0.Rows() == mem0.Expected());
  mem0.source.RunScript(R"(
    INSERT INTO memories SELECT gen_random_uuid(), '[1]', jsonb_build_object('data', 'text', 'user_id', 'u', 'tier', k, k, t::text)
    FROM (VALUES ('updated_at', to_char(now(), 'YYYY-MM-DD"T"HH24:MI:SS"+00:00"')),
                 ('updatedAt', to_char(now(), 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')),
                 ('createdAt', to_char(now(), 'YYYY-MM-DD"T"HH24:MI:SS"Z"'))) AS v(k, t))");
  CHECK(mem0.Sweep(sync::BackfillKind::kIncrementalSweep).state == sync::RunState::kDone);
  CHECK(mem0.Rows() == mem0.Expected());
}

TEST_CASE("a row that is no memory hides no other and is parked", "[source][pg]") {
  SelfHosted mem0;
  mem0.Insert(SelfHosted::Id(1), "ada", "good");
  mem0.source.Run("INSERT INTO memories VALUES ($1::uuid, '[1]', '[\"secret\"]')", {SelfHosted::Id(2)});
  CHECK(mem0.Sweep(sync::BackfillKind::kFullSweep).state == sync::RunState::kDone);
  CHECK(mem0.db.Count("notes") == 1);
  CHECK(mem0.db.Count("membridge.parked WHERE memory_id = '" + SelfHosted::Id(2) + "'") == 1);
  CHECK(mem0.db.Count("membridge.parked WHERE cause LIKE '%secret%'") == 0);
}

TEST_CASE("a table that is dropped deletes nothing", "[source][pg]") {
  SelfHosted mem0;
  mem0.Insert(SelfHosted::Id(1), "ada", "kept");
  mem0.Sweep(sync::BackfillKind::kFullSweep);
  TableRecords records{mem0.Options()};
  CHECK(records.ReadOne(MemoryId{SelfHosted::Id(9)}).error().code == ErrorCode::kNotFound);
  CHECK(records.ReadMany(Ids({SelfHosted::Id(9)}))->complete);

  mem0.source.RunScript("DROP TABLE memories");
  CHECK(records.ReadOne(MemoryId{SelfHosted::Id(1)}).error().code == ErrorCode::kUnavailable);
  CHECK(records.ReadMany(Ids({SelfHosted::Id(1)})).error().code == ErrorCode::kUnavailable);
  CHECK(records.ReadPage({}).error().code == ErrorCode::kUnavailable);
  Mark(mem0.db, {SelfHosted::Id(1)});
  const auto worker = mem0.NewWorker();
  CHECK(worker->RunOnce() == std::size_t{1});
  CHECK(mem0.db.Count("notes") == 1);

  mem0.MakeTable();  // another one, and empty
  CHECK(records.ReadOne(MemoryId{SelfHosted::Id(1)}).error().code == ErrorCode::kUnavailable);
  CHECK(records.ReadMany(Ids({SelfHosted::Id(1)})).error().code == ErrorCode::kUnavailable);
  CHECK(records.ReadPage({})->Records() == 0);
  mem0.Insert(SelfHosted::Id(2), "bob", "new");
  CHECK(records.ReadOne(MemoryId{SelfHosted::Id(2)}).has_value());  // what is there is read

  InTransaction(mem0.db, [&](auto& state) {
    sync::source::SourceState{state}.Accept(kCrm, mem0.source.Run("SELECT 'memories'::regclass::oid::bigint").Int(0, 0));
  });
  mem0.Work();
  CHECK(mem0.db.Count("notes") == 0);
}

TEST_CASE("a database that is not the project's any more is not read", "[source][pg]") {
  SelfHosted mem0;
  const auto whose = sync::source::WhoseTable(mem0.source.Dsn(), mem0.Options().table);
  REQUIRE(whose);
  CHECK(whose->project_id == "public.memories");
  const SelfHosted other;
  const auto others = sync::source::WhoseTable(other.source.Dsn(), other.Options().table);
  CHECK(whose->org_id != others->org_id);
  auto session = mem0.db.Session();
  CHECK(sync::KnownProjects{session}.Recognise(kCrm, *whose));
  const auto refused = sync::KnownProjects{session}.Recognise(kCrm, *others);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == ErrorCode::kUnauthorized);
  CHECK(refused.error().message.find("the source of project crm is now") == 0);
}

TEST_CASE("rows that a policy hides are an error, not deleted memories", "[source][pg]") {
  SelfHosted mem0;
  mem0.Insert(SelfHosted::Id(1), "ada", "hidden");
  mem0.source.RunScript(
      "CREATE ROLE source_reader LOGIN; GRANT SELECT ON memories TO source_reader; ALTER TABLE memories ENABLE ROW LEVEL "
      "SECURITY; "
      "CREATE POLICY none ON memories FOR SELECT TO source_reader USING (false)");
  auto options = mem0.Options();
  options.dsn += " user=source_reader";
  TableRecords records{options};
  const auto listed = records.ReadMany(Ids({SelfHosted::Id(1)}));
  REQUIRE_FALSE(listed);
  CHECK(listed.error().code == ErrorCode::kUnavailable);
  mem0.source.RunScript("DROP POLICY none ON memories; DROP OWNED BY source_reader; DROP ROLE source_reader");
}

}  // namespace membridge::test
