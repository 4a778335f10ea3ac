#include "tests/e2e/profiles.hpp"

#include <fmt/format.h>

#include <fstream>
#include <stdexcept>

namespace membridge::e2e {
namespace {

constexpr const char* kTable =
    "CREATE TABLE crm.profiles (user_id text PRIMARY KEY, name varchar(20), years smallint, skills text[] NOT NULL DEFAULT '{}', "
    "export_id text, exported_at timestamptz);";

constexpr const char* kProfilesMapping = R"yaml(
from: export
ask:
  name: The person's name
  years: Years of experience
  skills: Skills, one each
rows:
  profile:
    table: crm.profiles
    key: {user_id: $export.user_id}
    new: {export_id: $export.id}
    set:
      name: $export.name | truncate
      years: $export.years
      skills[]: $export.skills
)yaml";

}  // namespace

Profiles::Profiles(World& world) : world_(world) {
  world_.Database().RunScript(kTable);
  std::ofstream{folder_.path() / "profile.yaml"} << kProfilesMapping;
}

test::BridgeOptions Profiles::Options(const std::string& backfill) const {
  test::BridgeOptions options = world_.Options();
  options.more_mappings = {folder_.path() / "profile.yaml"};
  options.backfill = backfill;
  options.sync = "{workers: 2, batch: 200, read_lag: 300ms, lease: 5s, poll: 200ms, delivery_patience: 0s}";
  return options;
}

void Profiles::AddUsers(int users) {
  for (int i = 0; i < users; ++i) {
    const nlohmann::json metadata{
        {"name", fmt::format("Name {}", i)}, {"years", i}, {"skills", nlohmann::json::array({"Python"})}};
    world_.Mem0().Add(fmt::format("user-{:02}", i), fmt::format("Fact {}", i), metadata, {}, false);
  }
}

std::string Profiles::Cell(const std::string& column, const std::string& user) const {
  return world_.Database().Value("SELECT " + column + "::text FROM crm.profiles WHERE user_id = $1", {user});
}

nlohmann::json JsonOf(const test::Bridge& bridge, std::vector<std::string> command, int status) {
  command.insert(command.end(), {"--config", bridge.ConfigFile(), "--json"});
  const test::CommandOutcome outcome = test::RunMembridge(command);
  if (outcome.status != status) {
    throw std::runtime_error(fmt::format("exit status {}: {}{}", outcome.status, outcome.out, outcome.err));
  }
  return nlohmann::json::parse(outcome.out);
}

nlohmann::json NewestRun(const test::Bridge& bridge, const std::string& name) {
  const nlohmann::json runs = JsonOf(bridge, {"backfill", "status", name, "--limit", "1"}).at("runs");
  return runs.empty() ? nlohmann::json(nullptr) : runs.front();
}

}  // namespace membridge::e2e
