// The examples under deploy/mappings do what their cases say, on the tables beside them, by the commands an operator would use.

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>

#include "tests/e2e/world.hpp"
#include "tests/support/catch.hpp"

namespace membridge::e2e {
namespace {

namespace fs = std::filesystem;
using test::RunMembridge;

const fs::path kDeploy = fs::path{MEMBRIDGE_SOURCE} / "deploy";

std::set<fs::path> FilesOf(const std::string& extension) {
  std::set<fs::path> files;
  for (const auto& entry : fs::directory_iterator{kDeploy / "mappings"}) {
    if (entry.path().extension() == extension) files.insert(entry.path());
  }
  return files;
}

std::string Text(const fs::path& file) {
  std::ifstream stream{file};
  return {std::istreambuf_iterator<char>{stream}, {}};
}

}  // namespace

TEST_CASE("every example mapping is right and its cases pass", "[e2e][examples]") {
  World world{SeedOfRun()};
  for (const fs::path& schema : FilesOf(".sql")) world.Database().RunScript(Text(schema));
  const test::ScratchFolder folder;
  const fs::path config = folder.path() / "membridge.yaml";
  std::ofstream file{config};
  file << "database: \"" << world.Database().Dsn() << "\"\nstate_dir: " << (folder.path() / "state").string()
       << "\nprojects: {crm: {api_key: " << world.Options().api_key << ", base_url: \"" << world.Options().mem0_url
       << "\", webhook: {public_url: \"https://bridge.example.test\", manage: false}}}\nmappings:\n";
  for (const fs::path& mapping : FilesOf(".yaml")) file << "  - " << mapping.string() << "\n";
  file.close();

  const auto check = RunMembridge({"check", "--config", config});
  CHECK(check.status == 0);
  CHECK(check.err == "");
  CHECK(check.out == config.string() + ": right, with " + std::to_string(FilesOf(".yaml").size()) + " mappings\n");

  const auto tests = RunMembridge({"test", "--config", config, "--json"});
  CHECK(tests.status == 0);
  const auto answer = nlohmann::json::parse(tests.out);
  std::set<std::string> tested;
  for (const auto& one : answer["cases"]) {
    tested.insert(one["mapping"]);
    CAPTURE(one["mapping"], one["case"]);
    CHECK(one["failure"] == "");
  }
  const std::string readme = Text(kDeploy / "README.md");
  for (const fs::path& mapping : FilesOf(".yaml")) {
    CAPTURE(mapping);
    CHECK(tested.contains(mapping.stem()));
    CHECK(readme.find("`" + mapping.filename().string() + "`") != std::string::npos);
  }
}

}  // namespace membridge::e2e
