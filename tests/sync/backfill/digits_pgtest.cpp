#include <fmt/format.h>

#include <string>
#include <vector>

#include "mappings/base/exact_json.hpp"
#include "mappings/memory.hpp"
#include "tests/support/catch.hpp"
#include "tests/sync/backfill/backfilling.hpp"

// Numbers on their way from Mem0 into columns of every kind, and out again.
namespace membridge::test {
namespace {

using sync::BackfillKind;
using sync::Run;
using sync::RunState;

struct Numbers : Backfilling {
  Numbers()
      : Backfilling(R"(
CREATE TABLE numbers (memory_id text PRIMARY KEY, as_text text, as_numeric numeric, as_json jsonb, whole json,
                      doc jsonb NOT NULL DEFAULT '{"theirs": 12345678901234567890.10, "deep": {"far": 1e400}}',
                      list numeric[] NOT NULL DEFAULT '{98765432109876543210}',
                      things jsonb NOT NULL DEFAULT '[98765432109876543210.50]', spoken text, made numeric, hash text);)",
                    R"yaml(
rows:
  number:
    table: numbers
    key: {memory_id: $memory.id}
    set:
      as_text: $memory.metadata.n
      as_numeric: $memory.metadata.n
      as_json: $memory.metadata.n
      whole: $memory.metadata
      doc.n: $memory.metadata.n
      list[]: $memory.metadata.n
      things[]: $memory.metadata.n
      spoken: "it is ${memory.metadata.n}"
      made: $memory.metadata.t | number
      hash: $memory.metadata | sha256
)yaml") {}

  /// A memory whose metadata holds this number, as it stands in Mem0's answer.
  std::string Add(const std::string& number) {
    const std::string id = sim.Add("ada", "a number", nullptr, {}, false);
    raw_[id] = fmt::format(
        R"({{"id":"{}","memory":"a number","user_id":"ada","updated_at":"2026-01-01T00:00:00Z","metadata":{{"n":{},"t":"{}"}}}})",
        id, number, number);
    sim.SetSettings({{"raw_records", raw_}});
    return id;
  }
  std::string Cell(const std::string& expression, const std::string& id) const {
    return db.Value("SELECT " + expression + " FROM numbers WHERE memory_id = $1", {id});
  }

 private:
  std::map<std::string, std::string> raw_;
};

}  // namespace

TEST_CASE("numbers keep every digit in columns of every kind, in the mirror and beside what people own", "[digits][pg][M5]") {
  Numbers numbers;
  struct Way {
    std::string given, kept;
  };
  const std::vector<Way> ways{{"89014103211118510720", "89014103211118510720"},
                              {"-89014103211118510720", "-89014103211118510720"},
                              {"18446744073709551615", "18446744073709551615"},
                              {"1.10", "1.10"},
                              {"100.0", "100.0"},
                              {"0.1", "0.1"},
                              {"3.141592653589793238462643383279", "3.141592653589793238462643383279"},
                              {"1e3", "1000"},
                              {"1.5e-7", "0.00000015"},
                              {"-0", "0"},
                              {"-0.0", "0.0"},
                              {"1e400", "1" + std::string(400, '0')},
                              {"9007199254740993", "9007199254740993"},
                              {"7", "7"}};
  std::vector<std::string> ids;
  for (const Way& way : ways) ids.push_back(numbers.Add(way.given));
  const bool by_sweep = GENERATE(true, false);
  if (by_sweep) {
    CHECK(numbers.RunToEnd(BackfillKind::kFullSweep).state == RunState::kDone);
  } else {
    numbers.Deliver(ids);
  }
  REQUIRE(numbers.db.Count("membridge.parked") == 0);
  for (std::size_t i = 0; i < ways.size(); ++i) {
    const std::string& id = ids[i];
    const std::string& kept = ways[i].kept;
    CAPTURE(by_sweep, ways[i].given);
    CHECK(numbers.Cell("as_text", id) == kept);
    CHECK(numbers.Cell("as_numeric::text", id) == kept);
    CHECK(numbers.Cell("as_json::text", id) == kept);
    CHECK(numbers.Cell("whole ->> 'n'", id) == kept);
    CHECK(numbers.Cell("doc ->> 'n'", id) == kept);
    CHECK(numbers.Cell("doc ->> 'theirs'", id) == "12345678901234567890.10");
    CHECK(numbers.Cell("doc #>> '{deep,far}'", id) == "1" + std::string(400, '0'));
    CHECK(numbers.Cell("list::text", id) == "{98765432109876543210," + kept + "}");
    CHECK(numbers.Cell("things::text", id) == "[98765432109876543210.50, " + kept + "]");
    CHECK(numbers.Cell("spoken", id) == "it is " + kept);
    CHECK(numbers.Cell("made::text", id) == kept);
    CHECK(numbers.db.Value("SELECT record #>> '{metadata,n}' FROM membridge.memories WHERE memory_id = $1", {id}) == kept);
  }

  // The same again is the same: nothing is written, nothing is taken for a person's.
  const std::string trace = "SELECT string_agg(xmin::text || ctid::text, ',' ORDER BY memory_id) FROM numbers";
  const std::string before = numbers.db.Value(trace);
  const Run again = numbers.RunToEnd(BackfillKind::kFullSweep);
  CHECK(again.Counter("changed") == 0);
  numbers.Deliver(ids);
  CHECK(numbers.db.Value(trace) == before);

  // What is withdrawn leaves exactly what was there before.
  numbers.sim.Delete(ids[0], false);
  numbers.Deliver({ids[0]});
  numbers.db.RunScript("UPDATE numbers SET doc = doc || '{\"added\": 55555555555555555555.500}'");
  numbers.sim.Delete(ids[3], false);
  numbers.Deliver({ids[3]});
  const auto left = numbers.db.Run("SELECT doc::text FROM numbers WHERE doc ? 'added'");
  for (std::size_t row = 0; row < left.size(); ++row)
    CHECK(std::string{left.Text(row, 0)}.find("55555555555555555555.500") != std::string::npos);
}

TEST_CASE("a number that a double took for the same is written when it changes", "[digits][pg][M5]") {
  Numbers numbers;
  const std::string id = numbers.Add("89014103211118510720");
  numbers.Deliver({id});
  numbers.sim.SetSettings(
      {{"raw_records",
        {{id, R"({"id":")" + id +
                  R"(","memory":"a number","updated_at":"2026-01-01T00:00:00Z","metadata":{"n":89014103211118510721}})"}}}});
  numbers.clock.Advance(std::chrono::hours{1});
  const Run run = numbers.RunToEnd(BackfillKind::kFullSweep);
  CHECK(run.Counter("changed") == 1);
  CHECK(numbers.Cell("as_numeric::text", id) == "89014103211118510721");
}

}  // namespace membridge::test
