#include "tests/sync/source/selfhosted.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <stdexcept>

#include "sync/backfill/run_store.hpp"
#include "tests/support/eventually.hpp"
#include "tests/sync/worker/mapping_sets.hpp"

namespace membridge::test {
namespace {

using namespace std::chrono_literals;

constexpr const char* kNotes = "CREATE TABLE notes (memory_id text PRIMARY KEY, who text, body text, tier text)";
constexpr const char* kMapping =
    "rows: {note: {table: notes, key: {memory_id: $memory.id}, set: {who: $memory.user_id, body: $memory.text, tier: "
    "$memory.metadata.tier}, gone: delete}}";

std::vector<std::string> Lines(const sync::postgres::Rows& rows) {
  std::vector<std::string> lines;
  for (std::size_t row = 0; row < rows.size(); ++row) lines.emplace_back(rows.Text(row, 0));
  return lines;
}

}  // namespace

SelfHosted::SelfHosted() {
  MakeTable();
  db.RunScript(kNotes);
  mappings_ = MappingSetOf(db, {{"notes.yaml", kMapping}});
  options.read_lag = 20s;  // a table needs none
  options.retry_base = 1ms;
  options.retry_cap = 20ms;
}

void SelfHosted::MakeTable() const {
  source.RunScript("CREATE TABLE memories (id uuid PRIMARY KEY, vector text, payload jsonb)");
}

void SelfHosted::Install() const {
  auto session = source.Session();
  if (const auto installed = sync::source::InstallLog(session, Options().table); !installed)
    throw std::runtime_error(installed.error().message);
}

std::string SelfHosted::Id(int number) {
  return fmt::format("00000000-0000-4000-8000-{:012d}", number);
}

std::string SelfHosted::PayloadOf(const std::string& user, const std::string& text, const std::string& tier) {
  return nlohmann::json{{"user_id", user}, {"data", text}, {"tier", tier}, {"created_at", "2026-01-02T03:04:05.678901+00:00"}}
      .dump();
}

void SelfHosted::Insert(const std::string& id, const std::string& user, const std::string& text, const std::string& tier) const {
  source.Run("INSERT INTO memories (id, vector, payload) VALUES ($1::uuid, '[1,2]', $2::jsonb)",
             {id, PayloadOf(user, text, tier)});
}

void SelfHosted::Payload(const std::string& id, const std::string& user, const std::string& text, const std::string& tier) const {
  source.Run("UPDATE memories SET payload = $2::jsonb WHERE id = $1::uuid", {id, PayloadOf(user, text, tier)});
}

sync::source::TableOptions SelfHosted::Options() const {
  sync::source::TableOptions options;
  options.project = kCrm;
  options.dsn = source.Dsn();
  options.table = *sync::source::TableName::Parse("public.memories");
  options.known = sync::source::MeetIn(db.Dsn(), kCrm);
  return options;
}

std::unique_ptr<sync::source::Feeder> SelfHosted::NewFeeder() const {
  return std::make_unique<sync::source::Feeder>(sync::source::FeederOptions{.project = kCrm,
                                                                            .dsn = source.Dsn(),
                                                                            .table = Options().table,
                                                                            .state_dsn = db.Dsn(),
                                                                            .page = 300,
                                                                            .look_every = 0ms,
                                                                            .trim_every = 0ms});
}

std::unique_ptr<sync::Worker> SelfHosted::NewWorker() {
  return std::make_unique<sync::Worker>(
      options, db.Dsn(), [this] { return mappings_; },
      [this](const ProjectId&) { return std::make_unique<sync::source::TableRecords>(Options()); }, clock_, counters);
}

void SelfHosted::Work() {
  const auto worker = NewWorker();
  const auto idle = [&] {
    const auto claimed = worker->RunOnce();
    if (!claimed) throw std::runtime_error(claimed.error().message);
    return *claimed == 0 && db.Count("membridge.dirty") == 0;
  };
  if (!Eventually(idle)) throw std::runtime_error("the queue does not run empty");
}

std::size_t SelfHosted::FeedAndWork() {
  if (!feeder_) feeder_ = NewFeeder();
  const std::size_t taken = feeder_->Step();
  Work();
  return taken;
}

sync::Run SelfHosted::Sweep(sync::BackfillKind kind, const sync::RunOptions& run_options, std::chrono::seconds patience,
                            const std::function<void(const sync::Run&)>& watch) {
  sync::JobParts parts;
  parts.state_dsn = db.Dsn();
  parts.mappings = [this] { return mappings_; };
  parts.background_client = [](const ProjectId&) { return nullptr; };
  parts.background_records = [this](const ProjectId&) { return std::make_unique<sync::source::TableRecords>(Options()); };
  parts.clock = &clock_;
  parts.counters = &counters;
  parts.worker = options;
  parts.sweep.delivery_patience = 0s;
  auto scheduler = sync::Scheduler::Make({}, db.Dsn(), {}, sync::JobsFrom(parts), clock_).value();
  const std::int64_t id = scheduler->Start({"sweep", kCrm, kind, run_options}).value();
  const auto worker = NewWorker();
  sync::Run run;
  const auto over = [&] {
    static_cast<void>(scheduler->RunOnce());
    static_cast<void>(worker->RunOnce());
    run = InTransaction(db, [&](auto& transaction) { return sync::RunStore{transaction}.Find(id).value(); });
    if (watch) watch(run);
    return !run.Active();
  };
  if (!Eventually(over, patience)) throw std::runtime_error("the sweep did not end: " + run.error);
  return run;
}

std::vector<std::string> SelfHosted::Rows() const {
  return Lines(db.Run("SELECT concat_ws('|', memory_id, who, body, tier) FROM notes ORDER BY memory_id"));
}

std::vector<std::string> SelfHosted::Expected() const {
  return Lines(
      source.Run("SELECT concat_ws('|', id::text, payload ->> 'user_id', payload ->> 'data', payload ->> 'tier') FROM memories "
                 "ORDER BY id"));
}

}  // namespace membridge::test
