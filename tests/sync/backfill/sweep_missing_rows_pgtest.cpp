#include "tests/support/catch.hpp"
#include "tests/sync/backfill/backfilling.hpp"

namespace membridge::test {

TEST_CASE("a full sweep has memories that wait look again for rows that people made", "[sweep][waiting][pg]") {
  Backfilling world{
      "CREATE TABLE companies (id bigserial PRIMARY KEY, domain text); CREATE TABLE people (ref text PRIMARY KEY, company_id "
      "bigint)",
      "rows:\n"
      "  company: {table: companies, create: false, key: {domain: $memory.metadata.works_at}}\n"
      "  person: {table: people, key: {ref: $memory.user_id}, set: {company_id: $company.id}}\n"};
  world.sim.Add("ada", "works", {{"works_at", "acme.test"}}, {}, false);
  world.sim.Add("grace", "works", {{"works_at", "navy.test"}}, {}, false);
  world.RunToEnd(sync::BackfillKind::kFullSweep);
  CHECK(world.db.Count("membridge.memories WHERE waits") == 2);

  world.db.RunScript("INSERT INTO companies (domain) VALUES ('acme.test')");
  const auto calls_before = world.counters.list_reads.load() + world.counters.single_reads.load();
  sync::RunOptions only_looking;
  only_looking.dry_run = true;
  world.RunToEnd(sync::BackfillKind::kFullSweep, only_looking);
  world.Work();
  CHECK(world.db.Count("people WHERE company_id IS NOT NULL") == 0);
  world.RunToEnd(sync::BackfillKind::kFullSweep);
  world.Work();
  CHECK(world.db.Value("SELECT ref FROM people WHERE company_id IS NOT NULL") == "ada");
  CHECK(world.db.Count("membridge.memories WHERE waits") == 1);
  CHECK(world.counters.list_reads.load() + world.counters.single_reads.load() == calls_before);  // the mirror was enough
}

}  // namespace membridge::test
