// A self-hosted Mem0 as a source, measured:
//
//     membridge_bench_source insert  [ROUNDS]     what the change log costs the application's statements, by turns
//     membridge_bench_source million [MEMORIES]   a first load and a sweep that finds nothing: rows a second, memory in use
//     membridge_bench_source latency [SECONDS]    from a commit at the source to the committed row, 100 changes a second, by
//     `serve`
//
// All of them make a server with fsync and autovacuum on, or use the one that MEMBRIDGE_TEST_DSN names, which can be one with
// pgvector. Durations are those that the client of a local socket sees, commit included.
#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
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

/// Two tables of Mem0's shape, one with the log and one without, written by turns: times in pairs, so that what else the machine
/// does meets both alike.
class Pairs {
 public:
  explicit Pairs(sync::postgres::Session& session) : session_(session) {}

  /// `{}` in the statement stands for the table. Which one comes first changes with every call.
  void Time(const std::string& what, const std::string& sql, const std::vector<sync::postgres::Param>& params) {
    std::array<double, 2> took{};
    for (int turn = 0; turn < 2; ++turn) {
      const std::size_t table = static_cast<std::size_t>(turn) ^ (calls_ & 1U);
      const std::string statement = fmt::format(fmt::runtime(sql), table == 0 ? "plain" : "memories");
      const auto began = Steady::now();
      session_.Run(statement, params);
      took[table] = Micros(Steady::now() - began);
    }
    ++calls_;
    times_[what].push_back(took);
  }

  void Print() const {
    for (const auto& [what, pairs] : times_) {
      std::vector<double> plain, logged, ratios;
      for (const auto& [without, with] : pairs) {
        plain.push_back(without);
        logged.push_back(with);
        ratios.push_back(with / without);
      }
      fmt::print(
          "{}: {} pairs; p50 {:.0f} us without the log, {:.0f} us with it, p95 {:.0f} and {:.0f} us; median of the pairs' "
          "ratios {:.3f}\n",
          what, pairs.size(), Quantile(plain, 0.5), Quantile(logged, 0.5), Quantile(plain, 0.95), Quantile(logged, 0.95),
          Quantile(ratios, 0.5));
    }
  }

 private:
  sync::postgres::Session& session_;
  unsigned calls_ = 0;
  std::map<std::string, std::vector<std::array<double, 2>>> times_;
};

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
  Pairs pairs{session};
  int number = 0;
  const auto payload = [&](char letter) {
    return SelfHosted::PayloadOf("ada", std::string(200, letter) + std::to_string(number), "gold");
  };
  for (int round = 0; round < rounds; ++round) {
    for (int i = 0; i < 50; ++i) {
      const std::string id = SelfHosted::Id(++number);
      std::string vector = RandomVector(random);
      if (!has_vector) vector.front() = '{', vector.back() = '}';
      pairs.Time("insert of one",
                 fmt::format("INSERT INTO {{}} VALUES ($1::uuid, $2::{}, $3::jsonb)", has_vector ? "vector" : "real[]"),
                 {id, vector, payload('x')});
      pairs.Time("update of one", "UPDATE {} SET payload = $2::jsonb WHERE id = $1::uuid", {id, payload('y')});
    }
    pairs.Time("insert of a hundred",
               "INSERT INTO {} SELECT gen_random_uuid(), p.vector, $1::jsonb FROM (SELECT vector FROM plain LIMIT 1) AS p, "
               "generate_series(1, 100)",
               {payload('x')});
    db.RunScript("TRUNCATE membridge_source.log");
  }
  fmt::print("fsync {}, {}\n", db.Value("SELECT current_setting('fsync')"),
             has_vector ? "pgvector with HNSW" : "no pgvector: real[] of 1,536 in its place, and no index on it");
  pairs.Print();
}

/// When a load had seen how many rows. Tells how fast its first and its last tenth were.
class Progress {
 public:
  void See(const sync::Run& run) {
    const std::int64_t seen = run.Counter("seen");
    if (points_.empty() || points_.back().second != seen) points_.emplace_back(Steady::now(), seen);
  }
  double RateBetween(double from, double to) const {
    const auto at = [&](double share) {
      for (const auto& point : points_) {
        if (static_cast<double>(point.second) >= share * static_cast<double>(points_.back().second)) return point;
      }
      return points_.back();
    };
    if (points_.size() < 3) return 0;
    const auto [begin, first] = at(from);
    const auto [end, last] = at(to);
    return static_cast<double>(last - first) / std::max(Micros(end - begin) / 1e6, 1e-6);
  }

 private:
  std::vector<std::pair<Steady::time_point, std::int64_t>> points_;
};

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
    Progress progress;
    const sync::Run run = mem0.Sweep(kind, {}, 7'200s, [&](const sync::Run& now) { progress.See(now); });
    const double seconds = Micros(Steady::now() - began) / 1e6;
    const auto seen = run.Counter("seen");
    fmt::print(
        "{}: {} rows in {:.1f} s, {:.0f} a second (first tenth {:.0f}, last {:.0f}), {} pages, at most {:.0f} MiB resident "
        "({:.0f} before); {}\n",
        what, seen, seconds, static_cast<double>(seen) / seconds, progress.RateBetween(0, 0.1), progress.RateBetween(0.9, 1),
        run.Counter("calls"), ResidentMiB(), before, run.error.empty() ? "sound" : run.error);
    std::fflush(stdout);
  }
}

void MeasureLatency(int seconds) {
  const test::PgDatabase state;
  const test::PgDatabase source{test::PgDatabase::Content::kBare};
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
  setenv("MEMBRIDGE_TEST_DURABLE", "1", 1);
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
