#include "tests/sync/worker/workshop.hpp"

#include <stdexcept>
#include <thread>

#include "sync/inbox/postgres_inbox.hpp"
#include "tests/support/eventually.hpp"
#include "tests/sync/inbox/delivering.hpp"
#include "tests/sync/worker/mapping_sets.hpp"

namespace membridge::test {

using namespace std::chrono_literals;

Workshop::Workshop(const std::string& schema_sql, const std::map<std::string, std::string>& mappings, Tables tables)
    : budget_(std::make_shared<sync::mem0::CallBudget>(100'000, 100'000)) {
  if (tables == Tables::kElsewhere) elsewhere_ = std::make_unique<PgDatabase>();
  Target().RunScript(schema_sql);
  Remap(mappings);
  options.read_lag = 20ms;
  options.retry_base = 1ms;
  options.retry_cap = 20ms;
}

void Workshop::Remap(const std::map<std::string, std::string>& mappings) {
  mappings_ = MappingSetOf(Target(), mappings, elsewhere_ ? std::optional{elsewhere_->Dsn()} : std::nullopt);
}

sync::Delivery Workshop::DeliveryOf(const std::vector<Telling>& tellings) {
  std::vector<std::string> memories;
  for (const auto& [type, memory] : tellings) memories.push_back(memory);
  sync::Delivery delivery = test::DeliveryOf(++deliveries_, memories);
  for (const auto& [type, memory] : tellings) delivery.events.push_back(type);
  return delivery;
}

void Workshop::Accept(const std::vector<sync::Delivery>& deliveries) {
  sync::PostgresInbox inbox{db.Dsn(), {}, [this](const ProjectId& project) { return mappings_->Of(project).CountsEvents(); }};
  if (const auto accepted = inbox.Accept(deliveries); !accepted) throw std::runtime_error(accepted.error().message);
  FoldAll(db);
}

std::unique_ptr<sync::Worker> Workshop::NewWorker() {
  const auto client = [this](const ProjectId&) {
    sync::mem0::Client::Options client_options;
    client_options.base_url = sim.BaseUrl();
    client_options.api_key = sim.ApiKey();
    client_options.access = access;
    return std::make_unique<sync::mem0::Client>(client_options, budget_);
  };
  return std::make_unique<sync::Worker>(
      options, db.Dsn(), [this] { return mappings_; }, client, clock_, counters, look_at_tables);
}

bool Workshop::NothingLeft() const {
  // Marks that waited for a row which a worker held are made now.
  FoldAll(db);
  return db.Value("SELECT membridge.unfolded() = 0 AND NOT EXISTS (SELECT FROM membridge.dirty)") == "t";
}

void Workshop::Work() {
  const auto worker = NewWorker();
  const auto idle = [&] {
    const auto claimed = worker->RunOnce();
    return claimed && *claimed == 0 && NothingLeft();
  };
  if (!Eventually(idle)) throw std::runtime_error("the queue does not run empty");
}

void Workshop::WorkTogether(const std::function<void()>& meanwhile) {
  std::vector<std::jthread> workers;
  for (int i = 0; i < 4; ++i) {
    workers.emplace_back([this](const std::stop_token& stop) {
      const auto worker = NewWorker();
      while (!stop.stop_requested()) static_cast<void>(worker->RunOnce());
    });
  }
  meanwhile();
  if (!Eventually([&] { return NothingLeft(); })) throw std::runtime_error("the queue does not run empty");
}

std::vector<std::string> Workshop::Column(const std::string& query) const {
  const sync::postgres::Rows rows = Target().Run(query);
  std::vector<std::string> values;
  for (std::size_t row = 0; row < rows.size(); ++row) values.push_back(rows.Optional(row, 0).value_or("null"));
  return values;
}

}  // namespace membridge::test
