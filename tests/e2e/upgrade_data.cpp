#include "tests/e2e/upgrade_data.hpp"

#include <fmt/format.h>

#include <chrono>
#include <fstream>
#include <map>
#include <utility>

#include "sync/feed/signer.hpp"
#include "tests/e2e/profiles.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/http_client.hpp"

namespace membridge::e2e {
namespace {

using nlohmann::json;

constexpr const char* kSecretOfUpgrade = "whsec_c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0";

constexpr const char* kTablesOfUpgrade =
    "CREATE TABLE crm.heard (type text PRIMARY KEY, events int NOT NULL DEFAULT 0);"
    "CREATE TABLE crm.badges (user_ref text PRIMARY KEY, badge varchar(4));"
    "CREATE TABLE crm.pets (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, user_ref text, pet text);"
    "CREATE TABLE crm.people (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, ref text, nick text);"
    "INSERT INTO crm.people (ref) VALUES ('twin'), ('twin');"
    "CREATE TABLE crm.stages (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, person text NOT NULL, stage text,"
    "                         valid_from timestamptz NOT NULL, valid_to timestamptz);"
    "CREATE UNIQUE INDEX ON crm.stages (person) WHERE valid_to IS NULL;"
    "CREATE FUNCTION crm.refuse() RETURNS trigger LANGUAGE plpgsql AS "
    "$$ BEGIN RAISE EXCEPTION 'this badge is under audit'; END $$;"
    "CREATE TRIGGER audited BEFORE UPDATE OR DELETE ON crm.badges FOR EACH ROW WHEN (old.user_ref = 'stuck')"
    "  EXECUTE FUNCTION crm.refuse()";
constexpr const char* kTablesElsewhere = "CREATE TABLE public.shoes (user_ref text PRIMARY KEY, shoe text)";

constexpr std::pair<const char*, const char*> kMappingsOfUpgrade[] = {
    {"heard", "from: event\nrows:\n  heard:\n    table: crm.heard\n    key: {type: $event.type}\n    add: {events: 1}\n"},
    {"badges",
     "from: memory\nwhen: $memory.metadata.badge\nrows:\n  badge:\n    table: crm.badges\n    key: {user_ref: $memory.user_id}\n"
     "    set: {badge: $memory.metadata.badge}\n"},
    {"pets",
     "from: memory\nwhen: $memory.metadata.pet\nrows:\n  pet:\n    table: crm.pets\n    key: {user_ref: $memory.user_id}\n"
     "    set: {pet: $memory.metadata.pet}\n"},
    {"people",
     "from: memory\nwhen: $memory.metadata.about\nrows:\n  person:\n    table: crm.people\n    create: false\n"
     "    key: {ref: $memory.metadata.about}\n    set: {nick: $memory.metadata.called}\n"},
    {"stages",
     "from: memory\nwhen: $memory.metadata.stage\nrows:\n  stage:\n    table: crm.stages\n"
     "    history: {from: valid_from, to: valid_to}\n    key: {person: $memory.user_id}\n    set: {stage: "
     "$memory.metadata.stage}\n"},
};
constexpr const char* kShoes =
    "from: memory\nwhen: $memory.metadata.shoe\nrows:\n  shoe:\n    table: public.shoes\n    key: {user_ref: $memory.user_id}\n"
    "    set: {shoe: $memory.metadata.shoe}\n";

/// Why a table may stay empty.
const std::map<std::string_view, std::string_view> kMayBeEmpty{
    {"canaries", "its deliveries are nobody's events, and the test counts events"},
    {"catching_up", "a sweep that is wanted and did not end yet"},
    {"contradictions", "only while two answers of Mem0 contradict each other"},
    {"feeds", "an endpoint that follows changes, which no binary before them knows"},
    {"feed_parked", "a change that such an endpoint refused"},
    {"held_marks", "only while somebody holds a row of the queue"},
    {"leases", "only while one process does what all could"},
    {"made", "until those that wait for the row have been told"},
    {"other_salts", "only where the ledger of another state was adopted"},
    {"source_deletions", "a table of a self-hosted Mem0, which no binary before them knows"},
    {"source_tables", "a table of a self-hosted Mem0, which no binary before them knows"},
    {"sweep_doubts", "only while a sweep runs"},
};

/// Runs a command, which has to end with this status, and returns what it printed.
std::string Said(const test::Bridge& bridge, const std::string& program, std::vector<std::string> words, int status = 0) {
  words.insert(words.end(), {"--config", bridge.ConfigFile().string()});
  const auto outcome = test::RunMembridge(words, program);
  INFO(fmt::format("{}", fmt::join(words, " ")) << ": " << outcome.out << outcome.err);
  CHECK(outcome.status == status);
  return outcome.out;
}

}  // namespace

UpgradeData::UpgradeData(World& world) : world_(world), elsewhere_(world.Postgres(), test::PgDatabase::Content::kBare) {
  world_.Database().RunScript(kTablesOfUpgrade);
  elsewhere_.RunScript(kTablesElsewhere);
  for (const auto& [name, text] : kMappingsOfUpgrade) std::ofstream{folder_.path() / fmt::format("{}.yaml", name)} << text;
  std::ofstream{folder_.path() / "shoes.yaml"} << kShoes;
}

void UpgradeData::AddTo(test::BridgeOptions& options) const {
  for (const auto& [name, text] : kMappingsOfUpgrade)
    options.more_mappings.push_back(folder_.path() / fmt::format("{}.yaml", name));
  options.own_mappings = fmt::format("  - {{file: \"{}\", target: elsewhere}}\n", (folder_.path() / "shoes.yaml").string());
  options.targets =
      fmt::format("{{default: {{database: state, feed: true}}, elsewhere: {{database: \"{}\"}}}}", elsewhere_.Dsn());
  options.webhook = fmt::format("verify: [{{any: [token, {{standard-webhooks: {{secrets: [{}]}}}}]}}]", kSecretOfUpgrade);
  options.admin_tokens = "[{name: ops, role: admin, token: 0123456789abcdef}]";
}

std::string UpgradeData::AddQuietly(const std::string& user, const std::string& text, const json& metadata) {
  return world_.Mem0().Add(user, text, metadata, {}, false);
}

void UpgradeData::FillByCommands(const test::Bridge& old, const std::string& program) {
  const auto say = [&](std::vector<std::string> words, int status = 0) { return Said(old, program, std::move(words), status); };
  const auto& database = world_.Database();
  renamed_ = AddQuietly("renamed", "Name is Ada King");
  stage_ = AddQuietly("stage", "Tries it out", {{"stage", "trial"}});
  const std::string keeper = AddQuietly("keeper", "Has a cat", {{"pet", "cat"}});
  AddQuietly("twice", "Works at Initech");
  const std::string second = AddQuietly("twice", "Name is Grace Hopper");
  silent_ = AddQuietly("silent", "Likes to be alone");
  AddQuietly("stuck", "Wears a badge", {{"badge", "one"}});
  for (const char* user : {"leaver", "returner"}) AddQuietly(user, "Likes tea");
  AddQuietly("walker", "Walks", {{"shoe", "boot"}});
  AddQuietly("looker", "Speaks of somebody unheard of", {{"about", "nobody"}, {"called", "Nemo"}});
  say({"sweep", "--full"});

  // A person's edits: a cell, and a row that becomes somebody else's.
  database.Run("UPDATE crm.contacts SET name = 'a person''s' WHERE user_ref = 'renamed'");
  database.Run("UPDATE crm.pets SET user_ref = 'somebody else' WHERE user_ref = 'keeper'");
  world_.Mem0().Update(renamed_, "Name is Ada Lovelace", false);
  world_.Mem0().Edit(stage_, {{"metadata", {{"stage", "customer"}}}}, false);
  world_.Mem0().Edit(keeper, {{"metadata", {{"pet", "dog"}}}}, false);
  world_.Mem0().Delete(second, false);
  wearer_ = AddQuietly("wearer", "Wears a badge", {{"badge", "too long"}});
  const std::string ambiguous = AddQuietly("chooser", "Speaks of a twin", {{"about", "twin"}, {"called", "Castor"}});
  say({"sweep", "--full"});
  say({"backfill", "run", "profiles"});

  CHECK(database.Count("membridge.parked") == 2);
  const json found = json::parse(say({"parked", "candidates", ambiguous, "--json"}));
  REQUIRE(found.at("candidates").size() == 2);
  say({"parked", "choose", ambiguous, found["candidates"][0].at("key")});
  for (const char* user : {"leaver", "returner"}) say({"erase", "--user", user, "--at-mem0", "--yes"});
  say({"erase", "--user", "returner", "--lift", "--yes"});
  say({"erase", "--user", "stuck", "--at-mem0", "--yes"}, 1);
  say({"tokens", "create", "somebody"});
  say({"webhooks", "apply"});
  LookAtTables();
}

void UpgradeData::FillByServing(const test::Bridge& old, const std::string& url) {
  test::HttpClient client;
  CHECK(client.Call("GET", old.AdminUrl() + "/api/v1/overview", {}, {"Authorization: Bearer 0123456789abcdef"}).status == 200);

  const auto about = [](const std::string& memory) {
    return json{{"event_details", {{"id", memory}, {"event", "UPDATE"}}}}.dump();
  };
  const auto signer = sync::Signer::From({kSecretOfUpgrade});
  REQUIRE(signer);
  const std::string now = std::to_string(
      std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch()).count());
  const std::string body = about(renamed_);
  CHECK(client
            .Call("POST", old.Url() + "/webhooks/crm", body,
                  {"Content-Type: application/json", "webhook-id: upgrade-1", "webhook-timestamp: " + now,
                   "webhook-signature: " + signer->Sign("upgrade-1", now, body)})
            .status == 200);

  world_.Mem0().Delete(silent_, false);
  CHECK(client.Post(url, about(silent_)).status == 200);
  CHECK(test::WaitUntil([&] {
    LookAtTables();
    return filled_.contains("vanished") && filled_.contains("replays") && filled_.contains("configured_tokens");
  }));
}

void UpgradeData::PutRight(const test::Bridge& now) {
  const auto& database = world_.Database();
  CHECK(database.Value("SELECT name FROM crm.contacts WHERE user_ref = 'renamed'") == "a person's");
  world_.Mem0().Edit(wearer_, {{"metadata", {{"badge", "ok"}}}}, false);
  JsonOf(now, {"sweep", "--full"});
  const json kept = JsonOf(now, {"kept", "list"}).at("cells");
  INFO("kept: " << kept.dump());
  REQUIRE(kept.size() == 1);
  INFO(JsonOf(now, {"kept", "take", kept[0].at("id")}).dump());
  CHECK(test::WaitUntil([&] { return database.Count("crm.contacts WHERE name = 'a person''s'") == 0; }));
  database.Run("DROP TRIGGER audited ON crm.badges");
  Said(now, {}, {"erase", "--user", "stuck", "--at-mem0", "--yes"});
  CHECK(database.Count("membridge.unerased") == 0);
  CHECK(test::WaitUntil([&] { return database.Count("membridge.parked") == 0; }));
  CHECK(database.Value("SELECT string_agg(user_ref || ' ' || badge, ', ') FROM crm.badges") == "wearer ok");
  CHECK(database.Value("SELECT string_agg(stage, ', ' ORDER BY valid_from) FROM crm.stages") == "trial, customer");
  CHECK(database.Count("crm.people WHERE nick = 'Castor'") == 1);
  CHECK(elsewhere_.Value("SELECT shoe FROM public.shoes") == "boot");
}

void UpgradeData::LookAtTables() {
  for (const test::PgDatabase* database : {&world_.Database(), static_cast<const test::PgDatabase*>(&elsewhere_)}) {
    const auto names = database->Run(
        "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace\n"
        "WHERE n.nspname = 'membridge' AND c.relkind IN ('r', 'p') AND NOT c.relispartition");
    for (std::size_t i = 0; i < names.size(); ++i) {
      const std::string name{names.Text(i, 0)};
      if (database->Count("membridge." + name) > 0) filled_.insert(name);
    }
  }
}

std::vector<std::string> UpgradeData::Empty() const {
  std::vector<std::string> empty;
  const auto names = world_.Database().Run(
      "SELECT c.relname FROM pg_class c WHERE relnamespace = 'membridge'::regnamespace AND relkind IN ('r', 'p')\n"
      "  AND NOT relispartition ORDER BY 1");
  for (std::size_t i = 0; i < names.size(); ++i) {
    const std::string name{names.Text(i, 0)};
    if (!filled_.contains(name)) empty.push_back(name);
  }
  return empty;
}

std::vector<std::string> UpgradeData::Lacking() const {
  std::vector<std::string> lacking = Empty();
  std::erase_if(lacking, [](const std::string& table) { return kMayBeEmpty.contains(table); });
  return lacking;
}

}  // namespace membridge::e2e
