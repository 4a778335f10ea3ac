#include "tests/admin/commands/spoken.hpp"
#include "tests/admin/text_file.hpp"
#include "tests/support/catch.hpp"

namespace membridge::admin {
namespace {

std::optional<std::string> ShippedVariables(const std::string& name) {
  if (name == "MEMBRIDGE_PUBLIC_URL" || name == "MEM0_BASE_URL") return "https://example.com";
  if (name == "MEMBRIDGE_LISTEN" || name == "MEMBRIDGE_ADMIN_LISTEN") return "127.0.0.1:0";
  if (name == "MEMBRIDGE_STATE_DIR" || name == "MEM0_API_KEY") return "somewhere";
  if (name == "MEMBRIDGE_ADMIN_TOKEN") return "a-token-of-some-length";
  return std::nullopt;
}

Spoken Say(const std::vector<std::string>& words) {
  return SayIn(ShippedVariables, words);
}

TEST_CASE("the version is told on stdout", "[admin][commands]") {
  const Spoken spoken = Say({"--version"});
  CHECK(spoken.status == kDone);
  CHECK(spoken.out == "membridge 0.1.0\n");
  CHECK(spoken.err.empty());
}

TEST_CASE("bad usage ends with 2", "[admin][commands]") {
  CHECK(Say({}).status == kBadUsage);
  CHECK(Say({"serv"}).status == kBadUsage);
  CHECK(Say({"check", "--nonsense"}).status == kBadUsage);
  CHECK(Say({"plan", "contacts"}).status == kBadUsage);
  CHECK(Say({"plan", "contacts", "--memory", "a", "--record", "b"}).status == kBadUsage);
  CHECK(Say({"deliveries"}).status == kBadUsage);
  CHECK(Say({"check", "--config", "/nowhere/membridge.yaml"}).status == kBadUsage);
}

TEST_CASE("check tells what is wrong, how much of it, and that nothing started", "[admin][commands]") {
  const test::TextFile file{"membridge.yaml", "database: embedded\nprojects: {crm: {api_key: k}}\nlisen: 1\nsync: {lease: 30}\n"};
  const Spoken spoken = Say({"check", "--offline", "--config", file.path()});
  CHECK(spoken.status == kBadUsage);
  CHECK(spoken.out.empty());
  CHECK(spoken.err == file.path() + ":3:1: error: unknown key \"lisen\" in the configuration; did you mean \"listen\"?\n" +
                          file.path() +
                          ":4:15: error: \"lease: 30\" has no unit; write 30s or 30m\n2 problems in 1 file, nothing started\n");
}

TEST_CASE("check tells the same as JSON", "[admin][commands]") {
  const test::TextFile file{"membridge.yaml", "database: embedded\nprojects: {crm: {api_key: k}}\nlisen: 1\n"};
  const Spoken spoken = Say({"check", "--offline", "--json", "--config", file.path()});
  CHECK(spoken.status == kBadUsage);
  const auto json = nlohmann::json::parse(spoken.out);
  CHECK(json["ok"] == false);
  REQUIRE(json["problems"].size() == 1);
  CHECK(json["problems"][0]["line"] == 3);
  CHECK(json["problems"][0]["severity"] == "error");
}

TEST_CASE("the shipped configuration and its mappings are right", "[admin][commands]") {
  const Spoken spoken = Say({"check", "--offline", "--config", MEMBRIDGE_SOURCE "/deploy/membridge.yaml"});
  CHECK(spoken.err == "");
  CHECK(spoken.status == kDone);
  CHECK(spoken.out == MEMBRIDGE_SOURCE "/deploy/membridge.yaml: right, with 1 mapping\n");
}

TEST_CASE("a saved catalog that is none is told", "[admin][commands]") {
  const test::TextFile file{"membridge.yaml", "database: embedded\nprojects: {crm: {api_key: k}}\n"};
  const Spoken spoken = Say({"check", "--config", file.path(), "--offline", "/nowhere/catalog.json"});
  CHECK(spoken.status == kBadUsage);
  CHECK(
      spoken.err ==
      "/nowhere/catalog.json: error: cannot be read as JSON; it must be a saved catalog\n1 problem in 1 file, nothing started\n");
}

}  // namespace
}  // namespace membridge::admin
