#include "admin/config/audit_keys.hpp"

#include <filesystem>
#include <fstream>

#include "admin/config/config.hpp"
#include "admin/config/shown_config.hpp"
#include "tests/support/catch.hpp"

using namespace membridge;
using namespace membridge::admin;

namespace {

const std::string kSecret(64, '7');

std::string Minimal(const std::string& admin) {
  return "admin: " + admin +
         "\ndatabase: embedded\nprojects: {crm: {api_key: m0-key, webhook: {public_url: 'https://x.example', verify: [token]}}}\n"
         "mappings: []\n";
}

}  // namespace

TEST_CASE("a file of audit keys holds an id and a secret a line, the newest last", "[config]") {
  const auto keys = AuditKeys::Read("# the audit of the bridge\n2026-01 " + kSecret + "\r\n\n2026-02\t  " + kSecret + "x  \n");
  REQUIRE(keys);
  CHECK(keys->Newest().id == "2026-02");
  CHECK(keys->Newest().secret == kSecret + "x");
  REQUIRE(keys->Find("2026-01") != nullptr);
  CHECK(keys->Find("2026-01")->secret == kSecret);
  CHECK(keys->Find("2026") == nullptr);
}

TEST_CASE("a line that is no audit key is refused by its number and never quoted", "[config]") {
  const auto [text, message] = GENERATE(table<std::string, std::string>({
      {"", "there is no key in it"},
      {"# nothing\n\n", "there is no key in it"},
      {kSecret, "line 1 is no key"},
      {"a " + kSecret + "\nb tooshort", "line 2 is no key"},
      {"a " + kSecret + "\na " + kSecret, "line 2 has the id of an earlier line"},
      {"a/b " + kSecret, "line 1 is no key"},
      {"a " + kSecret + " " + kSecret, "line 1 is no key"},
      {"a " + kSecret + "\x01", "line 1 is no key"},
      {std::string(65, 'a') + " " + kSecret, "line 1 is no key"},
  }));
  CAPTURE(text);
  const auto keys = AuditKeys::Read(text);
  REQUIRE_FALSE(keys);
  CHECK(keys.error().message == message);
  CHECK((keys.error().message + keys.error().hint).find(kSecret) == std::string::npos);
}

TEST_CASE("the configuration names the file of audit keys, and shows no key", "[config]") {
  const auto folder = std::filesystem::temp_directory_path() / ("membridge-audit-keys-" + std::to_string(getpid()));
  std::filesystem::create_directories(folder);
  std::ofstream{folder / "good"} << "k1 " << kSecret << "\n";
  std::ofstream{folder / "bad"} << kSecret << "\n";
  const auto read = [&](const std::string& admin, mappings::Diagnostics& problems) {
    return ReadConfig((folder / "membridge.yaml").string(), Minimal(admin), ProcessEnvironment(), problems);
  };
  mappings::Diagnostics none;
  const auto config = read("{audit: {key_file: good}}", none);
  REQUIRE(config);
  CHECK(config->audit_keys->Newest().id == "k1");
  const std::string shown = ShownConfig(*config).dump();
  CHECK(shown.find("good") != std::string::npos);
  CHECK(shown.find(kSecret) == std::string::npos);
  const auto [admin, problem] = GENERATE(table<std::string, std::string>({
      {"{audit: {key_file: absent}}", "\"absent\" cannot be read"},
      {"{audit: {key_file: bad}}", "\"bad\" holds no keys: line 1 is no key"},
      {"{audit: {}}", "\"audit\" has no \"key_file\""},
      {"{audit: {key_file: good, key: x}}", "unknown key \"key\""},
  }));
  CAPTURE(admin);
  mappings::Diagnostics problems;
  CHECK_FALSE(read(admin, problems));
  REQUIRE_FALSE(problems.Sorted().empty());
  CHECK(problems.Sorted().front().Text().find(problem) != std::string::npos);
  CHECK(problems.Sorted().front().Text().find(kSecret) == std::string::npos);
  std::filesystem::remove_all(folder);
}
