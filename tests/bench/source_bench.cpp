// A self-hosted Mem0 as a source, measured:
//
//     membridge_bench_source insert  [ROUNDS]     what the change log costs the application's statements, by turns
//     membridge_bench_source million [MEMORIES]   a first load and a sweep that finds nothing: rows a second, memory in use
//     membridge_bench_source latency [SECONDS]    from a commit at the source to the committed row, 100 changes a second, by
//     `serve`
//
// The server that MEMBRIDGE_TEST_DSN names is used for `insert`, so that it can be one with fsync on and with pgvector; without
// it a server is made that has neither. Durations are those that the client of a local socket sees, commit included.
#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <map>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "sync/source/log_install.hpp"
#include "tests/support/bridge.hpp"
#include "tests/sync/source/selfhosted.hpp"

namespace {

using namespace membridge;
using namespace std::chrono_literals;
using Steady = std::chrono::steady_clock;
using test::SelfHosted;

double Micros(Steady::duration time) {
  return std::chrono::duration<double, std::micro>(time).count();
}

double Quantile(std::vector<double> values, double share) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  return values[static_cast<std::size_t>(share * static_cast<double>(values.size() - 1))];
}

std::string RandomVector(std::mt19937_64& random) {
  std::string vector = "[";
  for (int i = 0; i < 1536; ++i)
    vector += fmt::format("{}{:.5f}", i == 0 ? "" : ",", std::uniform_real_distribution<>{-1, 1}(random));
  return vector + "]";
}

/// One table with the log and one without, used by turns.
void MeasureStatements(int rounds) {
  const test::PgDatabase db{test::PgDatabase::Content::kBare};
  const bool has_vector = db.Count("pg_available_extensions WHERE name = 'vector'") > 0;
  if (has_vector) db.RunScript("CREATE EXTENSION vector");
  for (const char* table : {"plain", "memories"}) {
    db.RunScript(fmt::format("CREATE TABLE {} (id uuid PRIMARY KEY, vector {}, payload jsonb)", table,
                             has_vector ? "vector(1536)" : "real[]"));
    if (has_vector) db.RunScript(fmt::format("CREATE INDEX ON {} USING hnsw (vector vector_cosine_ops)", table));
  }
  auto session = db.Session();
  if (!sync::source::InstallLog(session, {"public", "memories"})) throw std::runtime_error("the log was not installed");
  std::mt19937_64 random{7};
  std::map<std::string, std::vector<double>> times;
  const auto timed = [&](const std::string& what, const std::string& sql, const std::vector<sync::postgres::Param>& params) {
    const auto began = Steady::now();
    session.Run(sql, params);
    times[what].push_back(Micros(Steady::now() - began));
  };
  int number = 0;
  for (int round = 0; round < rounds; ++round) {
    for (int i = 0; i < 50; ++i) {
      const std::string id = SelfHosted::Id(++number);
      std::string vector = RandomVector(random);
      if (!has_vector) vector.front() = '{', vector.back() = '}';
      const std::string payload = SelfHosted::PayloadOf("ada", std::string(200, 'x') + std::to_string(number), "gold");
      const std::string again = SelfHosted::PayloadOf("ada", std::string(200, 'y') + std::to_string(number), "gold");
      const bool plain_first = i % 2 == 0;
      for (const char* table : plain_first ? std::array{"plain", "memories"} : std::array{"memories", "plain"}) {
        timed(fmt::format("insert {}", table),
              fmt::format("INSERT INTO {} VALUES ($1::uuid, $2::{}, $3::jsonb)", table, has_vector ? "vector" : "real[]"),
              {id, vector, payload});
      }
      for (const char* table : plain_first ? std::array{"memories", "plain"} : std::array{"plain", "memories"})
        timed(fmt::format("update {}", table), fmt::format("UPDATE {} SET payload = $2::jsonb WHERE id = $1::uuid", table),
              {id, again});
    }
    db.RunScript("TRUNCATE membridge_source.log");
  }
  fmt::print("fsync {}, {}\n", db.Value("SELECT current_setting('fsync')"),
             has_vector ? "pgvector with HNSW" : "no pgvector: real[] of 1,536 in its place");
  for (const char* what : {"insert", "update"}) {
    const auto& plain = times[fmt::format("{} plain", what)];
    const auto& logged = times[fmt::format("{} memories", what)];
    fmt::print("{}: {} each; p50 {:.0f} us without the log, {:.0f} us with it ({:+.1f} %); p95 {:.0f} and {:.0f} us\n", what,
               plain.size(), Quantile(plain, 0.5), Quantile(logged, 0.5),
               100 * (Quantile(logged, 0.5) / Quantile(plain, 0.5) - 1), Quantile(plain, 0.95), Quantile(logged, 0.95));
  }
}

double ResidentMiB() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / 1024;
}

void MeasureMillion(int memories) {
  SelfHosted mem0;
  mem0.source.Run(
      "INSERT INTO memories SELECT ('00000000-0000-4000-8000-' || lpad(n::text, 12, '0'))::uuid, '[1]', "
      "jsonb_build_object('data', 'text ' || n, 'user_id', 'u' || n % 100000, 'tier', 't', 'created_at', '2026-01-01T00:00:00Z') "
      "FROM generate_series(1, $1::int) AS n",
      {std::to_string(memories)});
  mem0.source.RunScript("ANALYZE memories");
  const double before = ResidentMiB();
  for (const char* what : {"first load", "sweep that finds nothing", "incremental sweep"}) {
    const auto kind =
        std::string_view{what} == "incremental sweep" ? sync::BackfillKind::kIncrementalSweep : sync::BackfillKind::kFullSweep;
    const auto began = Steady::now();
    const sync::Run run = mem0.Sweep(kind, {}, 7'200s);
    const double seconds = Micros(Steady::now() - began) / 1e6;
    fmt::print("{}: {} rows in {:.1f} s, {:.0f} a second, {} pages, at most {:.0f} MiB resident ({:.0f} before); {}\n", what,
               run.Counter("seen"), seconds, static_cast<double>(memories) / seconds, run.Counter("calls"), ResidentMiB(), before,
               run.error.empty() ? "sound" : run.error);
    std::fflush(stdout);
  }
}

void MeasureLatency(int seconds) {
  const test::Cluster cluster;
  const test::PgDatabase state{cluster};
  const test::PgDatabase source{cluster, test::PgDatabase::Content::kBare};
  source.RunScript("CREATE TABLE memories (id uuid PRIMARY KEY, vector text, payload jsonb)");
  state.RunScript("CREATE TABLE own_notes (memory_id text PRIMARY KEY, who text, body text)");
  const test::ScratchFolder folder;
  const auto file = folder.path() / "own_notes.yaml";
  std::ofstream{file} << "rows: {note: {table: own_notes, key: {memory_id: $memory.id}, set: {who: $memory.user_id, body: "
                         "$memory.text}, gone: delete}}\n";
  test::BridgeOptions options;
  options.database = state.Dsn();
  options.mem0_url = "http://127.0.0.1:1";
  options.manage = false;
  options.mapping = file;
  options.mapping_project = "own";
  options.more_projects = fmt::format("  own:\n    source: {{postgres: \"{}\"}}\n", source.Dsn());
  auto installing = source.Session();
  if (!sync::source::InstallLog(installing, {"public", "memories"})) throw std::runtime_error("the log was not installed");
  test::Bridge bridge{options};
  bridge.Start();
  if (!test::WaitUntil([&] { return bridge.Metric("membridge_source_live{project=\"own\"}") == 1.0; }))
    throw std::runtime_error("not live");
  auto writing = source.Session();
  auto reading = state.Session();
  std::vector<double> times;
  std::map<std::string, Steady::time_point> open;
  auto next = Steady::now() + 2s;  // its own first sweep is over by then
  const auto end = next + std::chrono::seconds{seconds};
  std::this_thread::sleep_until(next);
  int number = 0;
  while (Steady::now() < end || !open.empty()) {
    if (Steady::now() >= next && Steady::now() < end) {
      const std::string id = SelfHosted::Id(++number);
      writing.Run("INSERT INTO memories VALUES ($1::uuid, '[1]', $2::jsonb)", {id, SelfHosted::PayloadOf("ada", "text", "t")});
      open[id] = Steady::now();
      next += 10ms;
    }
    if (open.empty()) continue;
    std::vector<sync::postgres::Param> ids;
    for (const auto& [id, at] : open) ids.emplace_back(id);
    const auto rows =
        reading.Run("SELECT memory_id FROM own_notes WHERE memory_id = ANY ($1::text[])", {sync::postgres::ArrayOf(ids)});
    const auto now = Steady::now();
    for (std::size_t row = 0; row < rows.size(); ++row) {
      const std::string id{rows.Text(row, 0)};
      times.push_back(Micros(now - open.at(id)) / 1000);
      open.erase(id);
    }
  }
  fmt::print("{} changes, 100 a second: from the commit at the source to the row p50 {:.1f} ms, p95 {:.1f} ms, p99 {:.1f} ms\n",
             times.size(), Quantile(times, 0.5), Quantile(times, 0.95), Quantile(times, 0.99));
}

}  // namespace

int main(int argc, char** argv) {
  const std::string what = argc > 1 ? argv[1] : "";
  const int number = argc > 2 ? std::atoi(argv[2]) : 0;
  if (what == "insert") {
    MeasureStatements(number > 0 ? number : 20);
  } else if (what == "million") {
    MeasureMillion(number > 0 ? number : 1'000'000);
  } else if (what == "latency") {
    MeasureLatency(number > 0 ? number : 20);
  } else {
    fmt::print("membridge_bench_source insert|million|latency [NUMBER]\n");
    return 2;
  }
  return 0;
}
