#include "tests/e2e/world.hpp"

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <stdexcept>

#include "receiver/verify/token.hpp"
#include "tests/e2e/auditor.hpp"
#include "tests/support/http_client.hpp"

namespace membridge::e2e {
namespace {

using namespace std::chrono_literals;

std::string TextOfWorld(const std::string& file) {
  std::ifstream stream(file);
  return {std::istreambuf_iterator<char>(stream), {}};
}

constexpr const char* kApiKey = "m0-e2e-secret-key";
constexpr const char* kMapping = MEMBRIDGE_SOURCE "/deploy/mappings/contacts.yaml";

}  // namespace

World::World(std::uint64_t seed) : mem0_({.api_key = kApiKey, .project_id = "proj_e2e", .seed = seed}), database_(cluster_) {
  database_.RunScript(TextOfWorld(MEMBRIDGE_SOURCE "/deploy/example-schema.sql"));
}

test::BridgeOptions World::Options() const {
  test::BridgeOptions options;
  options.database = database_.Dsn();
  options.mem0_url = mem0_.BaseUrl();
  options.api_key = kApiKey;
  options.mapping = kMapping;
  options.manage = false;
  return options;
}

std::string World::Subscribe(const test::Bridge& bridge, const std::string& via) {
  if (token_.empty()) {
    token_ = receiver::MakeToken();
    database_.Run("INSERT INTO membridge.tokens (id, project, hash) VALUES (gen_random_uuid(), 'crm', $1)",
                  {receiver::HashToken(token_)});
  }
  const std::string url = (via.empty() ? bridge.Url() : via) + "/webhooks/crm/" + token_;
  // An empty body is refused, but with another answer once the token is known. Behind a proxy the bridge may let in nobody but
  // that.
  const bool known = !via.empty() || test::WaitUntil([&] { return test::HttpClient{}.Post(url, "").status == 400; });
  if (!known) throw std::runtime_error("the bridge does not know its token:\n" + bridge.Log());
  mem0_.Subscribe(url);
  return url;
}

void World::PretendAnotherListens() {
  database_.Run("INSERT INTO membridge.listening (process, since, beat_at) VALUES (gen_random_uuid(), '-infinity', 'infinity')");
}

bool World::WaitSettled(std::chrono::milliseconds deadline) {
  const auto end = std::chrono::steady_clock::now() + deadline;
  if (!mem0_.WaitIdle(deadline)) return false;
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
  return test::WaitUntil(
      [&] { return database_.Value("SELECT membridge.unfolded() = 0 AND NOT EXISTS (SELECT FROM membridge.dirty)") == "t"; },
      left);
}

std::vector<std::string> World::WrongRows() {
  std::vector<nlohmann::json> records;
  for (const auto& [id, record] : mem0_.Truth()) records.push_back(record);
  const Day today = std::chrono::floor<std::chrono::days>(SystemClock{}.Now());
  std::vector<std::string> wrong = Differences(ExpectedCrm(records, today), ReadCrm(database_));
  if (wrong.empty()) wrong = FindingsOfAuditor(kMapping, records, database_.Dsn());
  return wrong;
}

std::vector<std::string> World::Leaks(const std::string& log) {
  std::vector<std::string> forbidden{kApiKey};
  if (!token_.empty()) forbidden.push_back(token_);
  for (const auto& [id, record] : mem0_.Truth()) forbidden.push_back(record.at("memory"));
  for (const auto& [user, contact] : ReadCrm(database_).contacts) {
    for (const std::string& value : {contact.name, contact.company, contact.email, contact.phone}) {
      if (value.size() > 3) forbidden.push_back(value);
    }
  }
  std::vector<std::string> leaks;
  for (const auto& text : forbidden) {
    if (log.find(text) != std::string::npos) leaks.push_back(text);
  }
  return leaks;
}

std::uint64_t SeedOfRun() {
  const char* given = std::getenv("MEMBRIDGE_E2E_SEED");
  if (given != nullptr && *given != '\0') return std::strtoull(given, nullptr, 10);
  return static_cast<std::uint64_t>(std::chrono::system_clock::now().time_since_epoch().count() % 1'000'000);
}

void Live(World& world, Chatter& chatter, int users, int changes) {
  std::vector<std::string> memories;
  for (int i = 0; i < changes; ++i) {
    const bool add = memories.empty() || chatter.Chance(0.45);
    if (add) {
      const std::string user = "user-" + std::to_string(chatter.Below(static_cast<std::size_t>(users)));
      memories.push_back(world.Mem0().Add(user, chatter.Text(), chatter.Metadata(),
                                          chatter.Chance(0.4) ? chatter.Categories() : std::vector<std::string>{}));
      continue;
    }
    const std::size_t at = chatter.Below(memories.size());
    const std::string id = memories[at];
    switch (chatter.Below(10)) {
      case 0:
      case 1:
        world.Mem0().Delete(id);
        memories.erase(memories.begin() + static_cast<std::ptrdiff_t>(at));
        break;
      case 2:
      case 3:
        world.Mem0().Categorize(id, chatter.Categories());
        break;
      case 4:
        world.Mem0().Edit(id, nlohmann::json{{"metadata", chatter.Metadata()}});
        break;
      case 5:
        world.Mem0().Edit(id, nlohmann::json{{"expiration_date",
                                              chatter.Chance(0.5) ? nlohmann::json("2020-01-31") : nlohmann::json(nullptr)}});
        break;
      case 6:
        world.Mem0().Edit(id, nlohmann::json{{"replaced_by", "5f0c954e-9bd4-4d9a-b1c7-1b6b2f1a0c11"}});
        break;
      default:
        world.Mem0().Update(id, chatter.Text());
        break;
    }
  }
}

}  // namespace membridge::e2e
