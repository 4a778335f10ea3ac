// How fast rows are applied and reprojected, beside what PostgreSQL itself can do with the same rows on the same machine.
//
//     membridge_bench_apply [MEMORIES]        (default 40,000)
//
// Floors: COPY into an empty table, and one INSERT … ON CONFLICT DO UPDATE statement. Both write the rows only; the bridge
// also keeps the mirror, the ledger and the queue, and reads back what it wrote.
#include <fmt/format.h>

#include <chrono>
#include <cstdlib>
#include <string>
#include <vector>

#include "sync/postgres/column.hpp"
#include "sync/queue/reproject.hpp"
#include "tests/bench/notes.hpp"
#include "tests/sync/backfill/backfilling.hpp"

namespace {

using namespace membridge;
using Clock = std::chrono::steady_clock;

constexpr std::size_t kBatch = 200;

double PerSecond(std::size_t rows, Clock::time_point began) {
  return static_cast<double>(rows) / std::chrono::duration<double>(Clock::now() - began).count();
}

mappings::Memory MemoryOf(std::size_t number) {
  const nlohmann::json record{{"id", fmt::format("{:08x}-0000-4000-8000-{:012x}", number * 2654435761U & 0xffffffffU, number)},
                              {"memory", fmt::format("Likes tea number {}", number)},
                              {"user_id", fmt::format("user-{}", number / 100)},
                              {"metadata", {{"plan", "gold"}}},
                              {"created_at", "2026-08-01T00:00:00Z"},
                              {"updated_at", "2026-08-01T00:00:00Z"}};
  return *mappings::ReadMemory(record);
}

/// The rows as three array parameters.
std::vector<sync::postgres::Param> Columns(const std::vector<mappings::Memory>& memories) {
  sync::postgres::Column ids, people, bodies;
  for (const auto& memory : memories) {
    ids.AddText(memory.id.Text());
    people.AddText(memory.user_id.value_or(""));
    bodies.AddText(memory.record.at("text").get<std::string>());
  }
  return {ids.Take(), people.Take(), bodies.Take()};
}

double Upsert(sync::postgres::Session& session, const std::vector<mappings::Memory>& memories) {
  session.Run("CREATE TABLE upserted (LIKE notes INCLUDING ALL)");
  const auto began = Clock::now();
  session.Run(
      "INSERT INTO upserted (memory_id, person, body) SELECT * FROM unnest($1::text[], $2::text[], $3::text[]) "
      "ON CONFLICT (memory_id) DO UPDATE SET person = excluded.person, body = excluded.body",
      Columns(memories));
  return PerSecond(memories.size(), began);
}

/// COPY from a file of the server's own: the client costs nothing.
double Copy(sync::postgres::Session& session, std::size_t rows) {
  const std::string file = sync::postgres::QuoteLiteral(
      std::string{session.Run("SELECT current_setting('data_directory')").Text(0, 0)} + "/copied.tsv");
  session.Run("CREATE TABLE copied (LIKE notes INCLUDING ALL)");
  session.Run("COPY notes TO " + file);
  const auto began = Clock::now();
  session.Run("COPY copied FROM " + file);
  return PerSecond(rows, began);
}

double Apply(test::Backfilling& world, const std::vector<mappings::Memory>& memories) {
  sync::Worker worker{world.parts.worker, world.db.Dsn(), world.parts.mappings, world.parts.background_client,
                      world.clock,        world.counters};
  const auto began = Clock::now();
  for (std::size_t at = 0; at < memories.size(); at += kBatch) {
    const auto end = memories.begin() + static_cast<std::ptrdiff_t>(std::min(at + kBatch, memories.size()));
    const std::vector<mappings::Memory> batch{memories.begin() + static_cast<std::ptrdiff_t>(at), end};
    if (const auto applied = worker.ApplyRecords(test::kCrm, batch, {}); !applied)
      throw std::runtime_error(applied.error().message);
  }
  return PerSecond(memories.size(), began);
}

/// After an edit of the mapping that changes every row: marking included, until the queue is empty.
double Reproject(test::Backfilling& world, sync::postgres::Session& session, std::size_t rows) {
  std::string edited = bench::kMapping;
  edited.replace(edited.find("$memory.text"), 12, "$memory.text | upper");
  world.UseMapping(edited);
  const auto began = Clock::now();
  sync::MarkMirror(session, test::kCrm);
  world.Work();
  return PerSecond(rows, began);
}

void Tell(const char* what, double per_second, double upsert, double copy) {
  fmt::print("{:<34} {:>9.0f} rows/s   {:>5.2f} of the upsert   {:>5.2f} of COPY\n", what, per_second, per_second / upsert,
             per_second / copy);
}

}  // namespace

int main(int argc, char** argv) {
  const std::size_t rows = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 40'000;
  test::Backfilling world{bench::kNotes, bench::kMapping};
  sync::postgres::Session session = world.db.Session();
  std::vector<mappings::Memory> memories;
  for (std::size_t number = 0; number < rows; ++number) memories.push_back(MemoryOf(number));
  const double applied = Apply(world, memories);
  const double upsert = Upsert(session, memories);
  const double copy = Copy(session, rows);
  const double reprojected = Reproject(world, session, rows);
  Tell("COPY", copy, upsert, copy);
  Tell("one upsert statement", upsert, upsert, copy);
  Tell("applied, 200 memories at a time", applied, upsert, copy);
  Tell("reprojected after an edit", reprojected, upsert, copy);
  const bool right = world.db.Count("notes WHERE body LIKE 'LIKES TEA%'") == static_cast<std::int64_t>(rows);
  if (!right) fmt::print("and the rows are wrong\n");
  return right ? 0 : 1;
}
