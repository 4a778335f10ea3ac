#include <stop_token>
#include <thread>

#include "sync/queue/parked.hpp"
#include "tests/support/catch.hpp"
#include "tests/sync/worker/workshop.hpp"

namespace membridge::test {
namespace {

using Strings = std::vector<std::string>;

// No index but the primary key: nothing in the database keeps two rows from having one reference.
constexpr const char* kPeople =
    "CREATE TABLE people (id bigserial PRIMARY KEY, ref text, nick text, said int NOT NULL DEFAULT 0)";
constexpr const char* kByRef = "rows: {person: {table: people, key: {ref: $memory.user_id}, set: {nick: $memory.text}}}";

std::vector<sync::ParkedMemory> ParkedIn(const Workshop& shop) {
  return InTransaction(shop.db, [](auto& transaction) { return sync::ParkedStore{transaction}.Show({}, 100).value().memories; });
}

void Retry(const Workshop& shop) {
  auto session = shop.db.Session();
  sync::RetryParked(session, {});
}

}  // namespace

TEST_CASE("a memory delivered twenty times at once is one row, though no index says so", "[worker][pg]") {
  Workshop shop{kPeople, {{"people.yaml", kByRef}}, GENERATE(Workshop::Tables::kWithState, Workshop::Tables::kElsewhere)};
  const std::string memory = shop.sim.Add("ada", "Countess", nullptr, {}, false);
  std::vector<sync::Delivery> deliveries;
  for (int i = 0; i < 20; ++i) deliveries.push_back(shop.DeliveryOf({{"UPDATE", memory}}));
  shop.WorkTogether([&] {
    std::vector<std::jthread> senders;
    for (const sync::Delivery& delivery : deliveries) senders.emplace_back([&] { shop.Accept({delivery}); });
  });
  CHECK(shop.db.Count("membridge.deliveries") == 20);
  CHECK(shop.Column("SELECT ref || ' ' || nick FROM people") == Strings{"ada Countess"});
}

TEST_CASE("memories of one new person that are applied at once make one row", "[worker][pg]") {
  Workshop shop{kPeople, {{"people.yaml", kByRef}}};
  shop.options.batch = 1;  // so that no two of them are one worker's
  constexpr int kPersons = 12;
  std::vector<sync::Delivery> deliveries;
  for (int i = 0; i < 3 * kPersons; ++i) {
    const std::string text = "Nick " + std::to_string(i / kPersons);
    deliveries.push_back(
        shop.DeliveryOf({{"ADD", shop.sim.Add("user-" + std::to_string(i % kPersons), text, nullptr, {}, false)}}));
  }
  shop.WorkTogether([&] { shop.Accept(deliveries); });
  CHECK(shop.Target().Count("people") == kPersons);
  CHECK(shop.Column("SELECT DISTINCT nick FROM people") == Strings{"Nick 2"});
  CHECK(shop.db.Count("membridge.contributions") == 3 * kPersons);
}

TEST_CASE("a worker that is asked to stop claims nothing more", "[worker][pg]") {
  Workshop shop{kPeople, {{"people.yaml", kByRef}}};
  shop.Deliver("ADD", shop.sim.Add("ada", "Countess", nullptr, {}, false));
  const auto worker = shop.NewWorker();
  std::stop_source stop;
  stop.request_stop();
  CHECK(worker->RunOnce(stop.get_token()) == std::size_t{0});
  CHECK(shop.db.Count("membridge.dirty WHERE claimed_until IS NOT NULL") == 0);
  CHECK(worker->RunOnce() == std::size_t{1});
}

TEST_CASE("a connection that dies between two tables of one memory leaves neither", "[worker][pg]") {
  Workshop shop{std::string{kPeople} +
                    "; CREATE TABLE notes (id bigserial PRIMARY KEY, person bigint NOT NULL, body text);"
                    "CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM "
                    "pg_terminate_backend(pg_backend_pid()); RETURN NEW; END';"
                    "CREATE TRIGGER die BEFORE INSERT ON notes FOR EACH ROW EXECUTE FUNCTION die()",
                {{"people.yaml",
                  "rows:\n  person: {table: people, key: {ref: $memory.user_id}, set: {nick: $memory.text}}\n"
                  "  note: {table: notes, new: {person: $person.id}, set: {body: $memory.text}}\n"}},
                GENERATE(Workshop::Tables::kWithState, Workshop::Tables::kElsewhere)};
  shop.Deliver("ADD", shop.sim.Add("ada", "Countess", nullptr, {}, false));
  {
    const auto worker = shop.NewWorker();
    CHECK(worker->RunOnce());
  }
  CHECK(shop.Target().Value("SELECT last_value FROM people_id_seq") != "1");  // it had come as far as the second table
  CHECK(shop.Target().Count("people") + shop.Target().Count("notes") == 0);
  CHECK(shop.Target().Count("membridge.rows") == 0);
  shop.Target().RunScript("DROP TRIGGER die ON notes");
  shop.Work();
  CHECK(shop.Column("SELECT nick || ' ' || body FROM people JOIN notes ON person = people.id") == Strings{"Countess Countess"});
}

TEST_CASE("a memory of a megabyte is applied, or parked where it does not fit", "[worker][pg]") {
  Workshop shop{std::string{kPeople} +
                    "; CREATE TABLE words (word text PRIMARY KEY); CREATE TABLE short (ref text PRIMARY KEY, text varchar(80))",
                {{"people.yaml", kByRef},
                 {"short.yaml", "rows: {short: {table: short, key: {ref: $memory.user_id}, set: {text: $memory.text}}}"},
                 {"words.yaml", "rows: {word: {table: words, key: {word: $memory.text}}}"}}};
  std::string text;
  // Not compressible to something an index entry could hold.
  for (std::uint64_t i = 0, x = 1; text.size() < (1U << 20); ++i, x = x * 6364136223846793005U + 1442695040888963407U)
    text += std::to_string(x >> 20) + ' ';
  shop.Deliver("ADD", shop.sim.Add("ada", text, nullptr, {}, false));
  shop.Deliver("ADD", shop.sim.Add("grace", "Admiral", nullptr, {}, false));
  shop.Work();
  CHECK(shop.Column("SELECT length(nick) FROM people ORDER BY ref") == Strings{std::to_string(text.size()), "7"});
  CHECK(shop.Column("SELECT text FROM short") == Strings{"Admiral"});
  CHECK(shop.Column("SELECT word FROM words") == Strings{"Admiral"});
  const auto parked = ParkedIn(shop);
  REQUIRE(parked.size() == 2);
  CHECK(parked[0].parking.cause == "value too long for type character varying(80)");
  CHECK(parked[0].parking.place == "short.yaml:1");
  CHECK(parked[1].parking.sqlstate == "54000");
  CHECK(parked[1].parking.cause.find("index row") == 0);
}

TEST_CASE("a parked memory tells the database's words and the mapping's line, and is applied once the row is mended",
          "[worker][pg]") {
  Workshop shop{
      std::string{kPeople} + "; INSERT INTO people (ref) VALUES ('ada'), ('ada')",
      {{"people.yaml", "rows:\n  person:\n    table: people\n    key: {ref: $memory.user_id}\n    set: {nick: $memory.text}\n"}}};
  shop.Deliver("ADD", shop.sim.Add("ada", "Countess", nullptr, {}, false));
  shop.Deliver("ADD", shop.sim.Add("grace", "Admiral", nullptr, {}, false));
  shop.Work();
  CHECK(shop.Column("SELECT nick FROM people WHERE nick IS NOT NULL") == Strings{"Admiral"});
  auto parked = ParkedIn(shop);
  REQUIRE(parked.size() == 1);
  CHECK(parked[0].parking.cause.find("more than one row of people matches the key of row person: {") == 0);
  CHECK(parked[0].parking.place == "people.yaml:2");

  shop.Target().RunScript(
      "DELETE FROM people WHERE ref = 'ada' AND id = 2; ALTER TABLE people ADD CONSTRAINT commoners CHECK (nick <> 'Countess')");
  Retry(shop);
  shop.Work();
  parked = ParkedIn(shop);
  REQUIRE(parked.size() == 1);
  CHECK(parked[0].parking.cause.find("new row for relation \"people\" violates check constraint \"commoners\"") == 0);
  CHECK(parked[0].parking.sqlstate == "23514");
  shop.Target().RunScript("ALTER TABLE people DROP CONSTRAINT commoners");
  Retry(shop);
  shop.Work();
  CHECK(shop.Column("SELECT nick FROM people ORDER BY ref") == Strings{"Countess", "Admiral"});
  CHECK(ParkedIn(shop).empty());
}

TEST_CASE("a parked memory is applied by mappings that took over meanwhile", "[worker][pg]") {
  Workshop shop{"CREATE TABLE people (ref text PRIMARY KEY, nick varchar(4))", {{"people.yaml", kByRef}}};
  shop.Deliver("ADD", shop.sim.Add("ada", "Countess", nullptr, {}, false));
  shop.Work();
  CHECK(ParkedIn(shop).size() == 1);
  shop.Remap(
      {{"people.yaml", "rows: {person: {table: people, key: {ref: $memory.user_id}, set: {nick: $memory.text | truncate}}}"}});
  Retry(shop);
  shop.Work();
  CHECK(shop.Column("SELECT nick FROM people") == Strings{"Coun"});
  CHECK(ParkedIn(shop).empty());
}

}  // namespace membridge::test
