// No value of a memory may be too long for a table of ours.
#include <string>

#include "mappings/base/short_name.hpp"
#include "sync/queue/parked.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/noise.hpp"
#include "tests/sync/worker/workshop.hpp"

namespace membridge::test {
namespace {

using nlohmann::json;

constexpr const char* kLongTables = R"(
CREATE TABLE people (user_id text PRIMARY KEY, city text, agent text, app text, run text);
CREATE TABLE addresses (address text PRIMARY KEY, person text);
CREATE TABLE notes (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, person text, text text);
CREATE TABLE topics (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, person text, topic text);
)";
const std::map<std::string, std::string> kLongMapping{{"person.yaml", R"yaml(
rows:
  person:
    table: people
    key: {user_id: $memory.user_id}
    set: {city: $memory.metadata.city, agent: $memory.agent_id, app: $memory.app_id, run: $memory.run_id}
  address:
    table: addresses
    when: $memory.metadata.address
    key: {address: $memory.metadata.address}
    gone: delete
    set: {person: $memory.metadata.name}
  note:
    table: notes
    each: $memory.metadata.notes
    gone: delete
    set: {person: $memory.metadata.name, text: $item}
  topic:
    table: topics
    each: $memory.categories
    gone: delete
    set: {person: $memory.metadata.name, topic: $item}
)yaml"}};

/// A memory of Mem0 with everything that may be long.
std::string TellAll(Workshop& shop, const json& memory) {
  json asked = memory;
  asked["announce"] = false;
  if (!asked.contains("text")) asked["text"] = "said";
  return shop.sim.Control("POST", "/memories", asked).at("id");
}

std::size_t HeldUp(const Workshop& shop) {
  return InTransaction(shop.db, [](auto& transaction) { return sync::ParkedStore{transaction}.Show({}, 100).value().memories; })
      .size();
}

/// Megabytes take their time where many things run at once.
void WorkPatiently(Workshop& shop) {
  const auto worker = shop.NewWorker();
  const auto idle = [&] {
    const auto claimed = worker->RunOnce();
    return claimed && *claimed == 0 && shop.db.Count("membridge.dirty") == 0;
  };
  REQUIRE(Eventually(idle, std::chrono::seconds{300}));
}

}  // namespace

TEST_CASE("a short name stays what it is, and long ones stay different", "[T5]") {
  const std::string fits = Noise(1536), longer = Noise(1537);
  CHECK(mappings::ShortName(fits, 1536) == fits);
  CHECK(mappings::ShortName(longer, 1536).size() == 1536);
  CHECK(mappings::ShortName(longer + "a", 1536) != mappings::ShortName(longer + "b", 1536));
  std::string umlauts;
  for (int i = 0; i < 200; ++i) umlauts += "\xC3\xA4";
  const std::string cut = mappings::ShortName(umlauts, 128);
  CHECK(cut.size() <= 128);
  CHECK(cut.substr(0, 56).ends_with("\xC3\xA4"));
}

TEST_CASE("a memory with values of any length is applied, or parked alone where the target's own index refuses it",
          "[worker][pg][T5]") {
  const auto [tables, bytes] = GENERATE(table<Workshop::Tables, std::size_t>(
      {{Workshop::Tables::kWithState, 6'000}, {Workshop::Tables::kElsewhere, 6'000}, {Workshop::Tables::kElsewhere, 2'000'000}}));
  Workshop shop{kLongTables, kLongMapping, tables};
  CAPTURE(bytes);
  const std::string noise = Noise(bytes);
  std::vector<Workshop::Telling> tellings;
  const auto tell = [&](const json& memory) {
    tellings.emplace_back("ADD", TellAll(shop, memory));
    return tellings.back().second;
  };
  for (int i = 0; i < 3; ++i) tell({{"user_id", "u" + std::to_string(i)}, {"metadata", {{"city", "Rome"}}}});
  const std::string text = tell({{"user_id", "text"}, {"text", noise}});
  tell({{"user_id", "city"}, {"metadata", {{"city", noise}}}});
  tell({{"user_id", "agent"}, {"agent_id", noise}, {"app_id", noise}, {"run_id", noise}});
  const std::string notes =
      tell({{"user_id", "notes"}, {"metadata", {{"name", "notes"}, {"notes", {noise, noise + "a", noise + "b", "short"}}}}});
  tell({{"user_id", "topics"}, {"metadata", {{"name", "topics"}}}, {"categories", {noise, noise + "a"}}});
  tell({{"user_id", "address"}, {"metadata", {{"name", "address"}, {"address", noise}}}});
  tell({{"user_id", noise}, {"metadata", {{"city", "Paris"}}}});
  shop.Accept({shop.DeliveryOf(tellings)});
  WorkPatiently(shop);

  CHECK(shop.Target().Count("people WHERE city = 'Rome'") == 3);
  CHECK(shop.Target().Count("people WHERE length(city) = " + std::to_string(bytes)) == 1);
  CHECK(shop.Target().Count("people WHERE length(agent) = " + std::to_string(bytes)) == 1);
  CHECK(shop.Target().Count("notes") == 4);
  CHECK(shop.Target().Count("topics") == 2);
  // The target's own keys have no room for these two, and PostgreSQL says so of each.
  CHECK(shop.Target().Count("addresses") == 0);
  CHECK(HeldUp(shop) == 2);
  CHECK(shop.db.Count("membridge.parked WHERE sqlstate = '54000'") == 2);
  CHECK(shop.db.Count("membridge.memories") == 10);

  // They are found again: one element less is one row less, and nothing is made twice.
  shop.sim.Edit(notes, {{"metadata", {{"name", "notes"}, {"notes", {noise, noise + "b"}}}}}, false);
  shop.sim.Edit(text, {{"text", noise + "more"}}, false);
  shop.Accept({shop.DeliveryOf({{"UPDATE", notes}, {"UPDATE", text}})});
  WorkPatiently(shop);
  CHECK(shop.Target().Count("notes") == 2);
  CHECK(shop.Target().Count("notes WHERE right(text, 1) = 'a'") == (noise.back() == 'a' ? 1 : 0));
  shop.sim.Delete(notes, false);
  shop.Deliver("DELETE", notes);
  WorkPatiently(shop);
  CHECK(shop.Target().Count("notes") == 0);
}

TEST_CASE("a key that just fits the target's index fits the ledger's, and is found, changed, and erased there",
          "[worker][pg][T5]") {
  Workshop shop{kLongTables, kLongMapping, GENERATE(Workshop::Tables::kWithState, Workshop::Tables::kElsewhere)};
  const std::string user = Noise(2'690), address = Noise(2'690, 2);
  const auto describe = [&](const std::string& city) { return json{{"city", city}, {"name", "Ada"}, {"address", address}}; };
  const std::string memory = TellAll(shop, {{"user_id", user}, {"metadata", describe("Rome")}});
  shop.Deliver("ADD", memory);
  shop.Work();
  REQUIRE(HeldUp(shop) == 0);
  CHECK(shop.Column("SELECT city FROM people") == std::vector<std::string>{"Rome"});
  const auto known = [&] { return shop.Target().Count("membridge.rows"); };
  CHECK(known() == 2);
  shop.sim.Edit(memory, {{"metadata", describe("Paris")}}, false);
  shop.Deliver("UPDATE", memory);
  shop.Work();
  CHECK(shop.Column("SELECT city FROM people") == std::vector<std::string>{"Paris"});
  CHECK(known() == 2);
  CHECK(shop.Target().Count("membridge.contributions") == 2);
  shop.sim.Delete(memory, false);
  shop.Deliver("DELETE", memory);
  shop.Work();
  CHECK(shop.Target().Count("addresses") == 0);
}

TEST_CASE("closed versions and what was let go take identities of any length, each once", "[pg][T5]") {
  Workshop shop{kLongTables, kLongMapping};
  const std::string identity = json{{"k", Noise(4'000)}}.dump();
  for (const std::string& table : {std::string{"versions"}, std::string{"released"}}) {
    CAPTURE(table);
    const std::string created = table == "versions" ? ", created" : "", is_created = table == "versions" ? ", true" : "";
    const std::string insert = "INSERT INTO membridge." + table + " (relation, identity, project, source, cells" + created +
                               ") VALUES ('public.people', $1::jsonb, 'crm', $2, '{}'" + is_created + ") ON CONFLICT DO NOTHING";
    for (const char* source : {"m-1", "m-2", "m-1"}) shop.db.Run(insert, {identity, source});
    CHECK(shop.db.Count("membridge." + table) == 2);
  }
}

TEST_CASE("an index of ours is used for the rows of a batch, and no index is over a text of any length", "[pg][T5]") {
  Workshop shop{kLongTables, kLongMapping};
  std::vector<Workshop::Telling> tellings;
  for (int i = 0; i < 50; ++i)
    tellings.emplace_back("ADD", TellAll(shop, {{"user_id", "u" + std::to_string(i)}, {"metadata", {{"city", "Rome"}}}}));
  shop.Accept({shop.DeliveryOf(tellings)});
  shop.Work();
  const auto plan = shop.Column(
      "EXPLAIN SELECT l.id FROM membridge.rows l WHERE l.relation = 'public.people' AND l.identity = '{\"user_id\": \"u1\"}' "
      "AND jsonb_hash_extended(l.identity, 0) = jsonb_hash_extended('{\"user_id\": \"u1\"}', 0) "
      "AND jsonb_hash_extended(l.identity, 1) = jsonb_hash_extended('{\"user_id\": \"u1\"}', 1)");
  std::string lines;
  for (const std::string& line : plan) lines += line + "\n";
  CAPTURE(lines);
  CHECK(lines.find("rows_identity") != std::string::npos);
  // What btree indexes of ours are over and Mem0 fills: ids of memories (128 bytes at most), names of users and items
  // (ShortName). Targets, mappings, feeds and relations are named by people.
  CHECK(shop.Column("SELECT DISTINCT a.attname FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid "
                    "JOIN pg_catalog.pg_am m ON m.oid = c.relam AND m.amname = 'btree' "
                    "JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey::smallint[]) "
                    "JOIN pg_catalog.pg_class t ON t.oid = i.indrelid "
                    "WHERE t.relnamespace = 'membridge'::regnamespace AND t.relname NOT LIKE 'deliveries%' "
                    "AND a.atttypid IN ('text'::regtype, 'jsonb'::regtype) ORDER BY 1") ==
        std::vector<std::string>{"entity", "feed", "hash", "item", "key", "kind", "mapping", "memory", "memory_id", "name",
                                 "project", "relation", "source", "target", "user_hash", "webhook_id"});
}

}  // namespace membridge::test
