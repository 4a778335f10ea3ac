// How fast rows are applied and reprojected, beside what PostgreSQL and the usual loops do with the same rows on the same
// machine.
//
//     membridge_bench_apply [MEMORIES] [--wide] [--batch N] [--workers N] [--rounds N] [--no-peers] [--feed]
//     (default: 40,000 in batches of 1,000, 2 workers, 5 rounds)
//
// All take turns, a share of the rows each time, so that what else the machine does meets everybody alike; medians are printed.
// The peers write the rows only; the bridge also keeps the mirror, the ledger and the queue, and reads back what it wrote:
// - COPY into an empty table, and one INSERT … ON CONFLICT DO UPDATE statement over all rows of the turn;
// --feed applies half of each share with the change feed on, instead of the peers: `told` beside `applied`.
// - the same upsert row by row, prepared, over one connection with a commit a row, by libpq and by psycopg (where python has it).
// The server that MEMBRIDGE_TEST_DSN names must be on this machine and have fsync on; without it a server is made that has not.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "sync/postgres/binary.hpp"
#include "sync/postgres/column.hpp"
#include "sync/queue/reproject.hpp"
#include "tests/bench/cpu_time.hpp"
#include "tests/bench/notes.hpp"
#include "tests/sync/backfill/backfilling.hpp"

namespace {

using namespace membridge;
using Clock = std::chrono::steady_clock;
using Memories = std::vector<mappings::Memory>;

struct Options {
  std::size_t memories = 40'000;
  bool wide = false;
  std::size_t batch = 1'000;
  std::size_t workers = 2;
  std::size_t rounds = 5;
  bool peers = true;
  bool feed = false;
};

const std::vector<std::string> kFields{"plan", "city", "country", "company", "title", "phone", "email", "language", "source"};

/// Of what is measured several times.
struct Figures {
  std::vector<double> rates;
  std::vector<double> our_cpu, server_cpu;  ///< microseconds a row
};

double MedianOf(std::vector<double> values) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

mappings::Memory MemoryOf(std::size_t number) {
  nlohmann::json metadata{{"plan", "gold"}};
  for (const std::string& field : kFields) metadata[field] = fmt::format("{} of person {}", field, number / 100);
  const nlohmann::json record{{"id", fmt::format("{:08x}-0000-4000-8000-{:012x}", number * 2654435761U & 0xffffffffU, number)},
                              {"memory", fmt::format("Likes tea number {}", number)},
                              {"user_id", fmt::format("user-{}", number / 100)},
                              {"metadata", std::move(metadata)},
                              {"created_at", "2026-08-01T00:00:00Z"},
                              {"updated_at", "2026-08-01T00:00:00Z"}};
  return *mappings::ReadMemory(record);
}

/// The parts that take turns, each with a table of its own.
class Bench {
 public:
  explicit Bench(const Options& options)
      : options_(options),
        world_(options.wide ? bench::kWideNotes : bench::kNotes, options.wide ? bench::kWideMapping : bench::kMapping),
        session_(world_.db.Session()) {
    columns_ = {"memory_id", "person", "body"};
    if (options.wide) columns_.insert(columns_.end(), kFields.begin(), kFields.end());
    for (const char* peer : {"upserted", "prepared", "looped"})
      session_.Run(fmt::format("CREATE TABLE {} (LIKE notes INCLUDING ALL)", peer));
    for (std::size_t i = 0; i < options_.workers; ++i) {
      workers_.push_back(std::make_unique<sync::Worker>(world_.parts.worker, world_.db.Dsn(), world_.parts.mappings,
                                                        world_.parts.background_client, world_.clock, world_.counters));
      // The first of them claims the ledger, which the others then find claimed.
      if (const auto may = workers_.back()->MayWrite(test::kCrm); !may) throw std::runtime_error(may.error().message);
    }
  }

  int Run() {
    Memories memories;
    for (std::size_t number = 0; number < options_.memories; ++number) memories.push_back(MemoryOf(number));
    for (std::size_t round = 0; round < options_.rounds; ++round) {
      const auto at = [&](std::size_t i) {
        return memories.begin() + static_cast<std::ptrdiff_t>(memories.size() * i / options_.rounds);
      };
      const Memories share{at(round), at(round + 1)};
      if (options_.feed) {
        ApplyTold(share, round);
        continue;
      }
      Measure("applied", share.size(), [&] { Apply(share); });
      if (!options_.peers) continue;
      const Memories few{share.begin(), share.begin() + static_cast<std::ptrdiff_t>(std::min<std::size_t>(share.size(), 1000))};
      Measure("one upsert statement", share.size(), [&] { Upsert(share); });
      const std::string copy = PrepareCopy();
      Measure("COPY", share.size(), [&] { session_.Run(copy); });
      Measure("row by row, prepared", few.size(), [&] { RowByRow(few); });
      if (const double rate = Psycopg(few); rate > 0) figures_["row by row, psycopg"].rates.push_back(rate);
    }
    // After an edit of the mapping that changes every row: marking included, until the queue is empty.
    Measure("reprojected after an edit", memories.size(), [&] { Reproject(); });
    for (const auto& [what, figures] : figures_) Tell(what, figures);
    const bool right = world_.db.Count("notes WHERE body LIKE 'LIKES TEA%'") == static_cast<std::int64_t>(memories.size());
    if (!right) fmt::print("and the rows are wrong\n");
    return right ? 0 : 1;
  }

 private:
  template <class Work>
  void Measure(const std::string& what, std::size_t rows, const Work& work) {
    const bench::CpuTime cpu_before = bench::CpuTime::Now(session_);
    const auto began = Clock::now();
    work();
    const double seconds = std::chrono::duration<double>(Clock::now() - began).count();
    const bench::CpuTime cpu = bench::CpuTime::Now(session_).Since(cpu_before);
    const auto count = static_cast<double>(rows);
    Figures& figures = figures_[what];
    figures.rates.push_back(count / seconds);
    figures.our_cpu.push_back(cpu.ours * 1e6 / count);
    figures.server_cpu.push_back(cpu.servers * 1e6 / count);
  }

  std::string ValueOf(const mappings::Memory& memory, std::size_t column) const {
    if (column == 0) return memory.id.Text();
    if (column == 1) return memory.user_id.value_or("");
    if (column == 2) return memory.record.at("text").get<std::string>();
    return memory.record.at("metadata").at(columns_[column]).get<std::string>();
  }

  std::string OnConflict() const {
    std::string sql = " ON CONFLICT (memory_id) DO UPDATE SET ";
    for (std::size_t c = 1; c < columns_.size(); ++c)
      sql += fmt::format("{}{} = excluded.{}", c == 1 ? "" : ", ", columns_[c], columns_[c]);
    return sql;
  }

  void Apply(const Memories& memories) {
    EachWorker([&](sync::Worker& worker, std::size_t which) {
      const std::size_t end = memories.size() * (which + 1) / workers_.size();
      for (std::size_t at = memories.size() * which / workers_.size(); at < end; at += options_.batch) {
        const auto first = memories.begin() + static_cast<std::ptrdiff_t>(at);
        const auto last = memories.begin() + static_cast<std::ptrdiff_t>(std::min(at + options_.batch, end));
        if (const auto applied = worker.ApplyRecords(test::kCrm, {first, last}, {}); !applied)
          throw std::runtime_error(applied.error().message);
      }
    });
  }

  /// Half of the share with the change feed and half without; which comes first alternates.
  void ApplyTold(const Memories& share, std::size_t round) {
    const auto middle = share.begin() + static_cast<std::ptrdiff_t>(share.size() / 2);
    const Memories halves[]{{share.begin(), middle}, {middle, share.end()}};
    for (std::size_t half = 0; half < 2; ++half) {
      const bool tells = (half + round) % 2 == 0;
      world_.UseMapping(options_.wide ? bench::kWideMapping : bench::kMapping, tells);
      Measure(tells ? "told" : "applied", halves[half].size(), [&] { Apply(halves[half]); });
    }
  }

  /// The rows as one array parameter a column.
  void Upsert(const Memories& memories) {
    std::vector<sync::postgres::Param> params;
    std::string arrays;
    for (std::size_t c = 0; c < columns_.size(); ++c) {
      sync::postgres::Column column;
      for (const auto& memory : memories) column.AddText(ValueOf(memory, c));
      params.push_back(column.Take());
      arrays += fmt::format("{}${}::text[]", c == 0 ? "" : ", ", c + 1);
    }
    session_.Run("INSERT INTO upserted SELECT * FROM unnest(" + arrays + ")" + OnConflict(), params);
  }

  /// From a file of the server's own: the client costs nothing. The rows are those that were upserted last.
  std::string PrepareCopy() {
    const std::string file = sync::postgres::QuoteLiteral(
        std::string{session_.Run("SELECT current_setting('data_directory')").Text(0, 0)} + "/copied.tsv");
    session_.Run("DROP TABLE IF EXISTS copied");
    session_.Run("CREATE TABLE copied (LIKE notes INCLUDING ALL)");
    session_.Run(fmt::format("COPY (SELECT * FROM upserted ORDER BY ctid DESC LIMIT {}) TO {}",
                             options_.memories / options_.rounds, file));
    return "COPY copied FROM " + file;
  }

  void RowByRow(const Memories& memories) {
    constexpr std::uint32_t kText = 25;
    std::string places;
    for (std::size_t c = 0; c < columns_.size(); ++c) places += fmt::format("{}${}", c == 0 ? "" : ", ", c + 1);
    const std::string sql = "INSERT INTO prepared VALUES (" + places + ")" + OnConflict() + " RETURNING true";
    const sync::postgres::BinaryStatement statement{"membridge_bench", sql.c_str()};
    for (const auto& memory : memories) {
      std::vector<sync::postgres::BinaryParam> params;
      for (std::size_t c = 0; c < columns_.size(); ++c) params.push_back({kText, ValueOf(memory, c)});
      session_.RunBinary(statement, params);
    }
  }

  /// Rows a second; 0 where python or its driver is missing.
  double Psycopg(const Memories& memories) const {
    auto rows = nlohmann::json::array();
    for (const auto& memory : memories) {
      auto& row = rows.emplace_back(nlohmann::json::array());
      for (std::size_t c = 0; c < columns_.size(); ++c) row.push_back(ValueOf(memory, c));
    }
    const auto file = std::filesystem::temp_directory_path() / fmt::format("membridge-bench-{}.json", std::rand());
    std::ofstream{file} << rows.dump() << '\n';
    const std::string script = (std::filesystem::path{__FILE__}.parent_path() / "apply" / "psycopg_rows.py").string();
    const std::string command =
        fmt::format("/usr/bin/python3 '{}' \"{}\" looped < '{}' 2> /dev/null", script, world_.db.Dsn(), file.string());
    std::FILE* answer = popen(command.c_str(), "r");
    char line[64] = "";
    if (answer != nullptr && std::fgets(line, sizeof line, answer) == nullptr) line[0] = '\0';
    if (answer != nullptr) pclose(answer);
    std::filesystem::remove(file);
    return std::strtod(line, nullptr);
  }

  void Reproject() {
    std::string edited = options_.wide ? bench::kWideMapping : bench::kMapping;
    edited.replace(edited.find("$memory.text"), 12, "$memory.text | upper");
    world_.UseMapping(edited);
    sync::MarkMirror(session_, test::kCrm);
    EachWorker([&](sync::Worker& worker, std::size_t) {
      while (true) {
        const auto claimed = worker.RunOnce();
        if (!claimed) throw std::runtime_error(claimed.error().message);
        if (*claimed == 0) return;
      }
    });
  }

  template <class Work>
  void EachWorker(const Work& work) {
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < workers_.size(); ++i) threads.emplace_back([&, i] { work(*workers_[i], i); });
    for (std::thread& thread : threads) thread.join();
  }

  void Tell(const std::string& what, const Figures& figures) {
    const double rate = MedianOf(figures.rates);
    const auto [least, most] = std::minmax_element(figures.rates.begin(), figures.rates.end());
    fmt::print("{:<27} {:>8.0f} rows/s ({:.0f} to {:.0f})", what, rate, *least, *most);
    if (!figures.our_cpu.empty())
      fmt::print(", CPU a row {:>5.1f} µs here + {:>5.1f} µs PostgreSQL", MedianOf(figures.our_cpu),
                 MedianOf(figures.server_cpu));
    for (const auto& [peer, of_peer] : figures_) {
      if (peer == what || peer == "applied" || peer.starts_with("reprojected")) continue;
      if (what == "applied" || what.starts_with("reprojected"))
        fmt::print(", {:.3f} of {}", rate / MedianOf(of_peer.rates), peer);
    }
    fmt::print("\n");
  }

  const Options options_;
  test::Backfilling world_;
  sync::postgres::Session session_;
  std::vector<std::string> columns_;
  std::vector<std::unique_ptr<sync::Worker>> workers_;
  std::map<std::string, Figures> figures_;
};

Options OptionsFrom(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    const auto number = [&] { return i + 1 < argc ? std::strtoull(argv[++i], nullptr, 10) : 0; };
    if (word == "--wide")
      options.wide = true;
    else if (word == "--batch")
      options.batch = std::max<std::size_t>(1, number());
    else if (word == "--workers")
      options.workers = std::max<std::size_t>(1, number());
    else if (word == "--rounds")
      options.rounds = std::max<std::size_t>(1, number());
    else if (word == "--no-peers")
      options.peers = false;
    else if (word == "--feed")
      options.feed = true;
    else
      options.memories = std::strtoull(word.c_str(), nullptr, 10);
  }
  return options;
}

}  // namespace

int main(int argc, char** argv) {
  return Bench{OptionsFrom(argc, argv)}.Run();
}
