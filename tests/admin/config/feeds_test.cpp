#include "admin/config/config.hpp"
#include "admin/config/shown_config.hpp"
#include "tests/support/catch.hpp"

namespace membridge::admin {
namespace {

constexpr const char* kBase = R"(database: postgresql:///bridge
projects: {crm: {api_key: m0-key}}
)";
constexpr const char* kSecrets = R"(["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"])";

std::optional<Config> Read(const std::string& more, std::string& told) {
  mappings::Diagnostics problems;
  auto config = ReadConfig(
      "etc/membridge.yaml", kBase + more, [](const std::string&) { return std::nullopt; }, problems);
  told.clear();
  for (const auto& problem : problems.Sorted()) told += problem.Text() + "\n";
  return config;
}

}  // namespace

TEST_CASE("a target tells changes, and a mapping may say otherwise", "[admin][config][feed]") {
  std::string told;
  const auto config = Read(R"(targets:
  default: {database: state, feed: true}
  warehouse: {database: "postgresql:///warehouse", feed: {retention: 2d, publication: changes}}
  quiet: {database: "postgresql:///quiet"}
mappings:
  - a.yaml
  - {file: b.yaml, feed: false}
  - {file: c.yaml, target: quiet}
  - {file: d.yaml, target: quiet, feed: true}
)",
                           told);
  CAPTURE(told);
  REQUIRE(config);
  CHECK(config->Tells(config->mappings[0]));
  CHECK_FALSE(config->Tells(config->mappings[1]));
  CHECK_FALSE(config->Tells(config->mappings[2]));
  CHECK(config->Tells(config->mappings[3]));
  CHECK(config->HasFeed("default"));
  CHECK_FALSE(config->HasFeed("warehouse"));  // no mapping writes there
  CHECK(config->HasFeed("quiet"));
  CHECK(config->FindTarget("warehouse")->feed.retention == std::chrono::days{2});
  CHECK(config->FindTarget("warehouse")->feed.publication == "changes");
  CHECK(config->FindTarget("default")->feed.retention == std::chrono::days{7});
  CHECK_FALSE(Read("targets: {default: {database: state, feed: {retention: 5m, size: 3}}}\n", told));
  CHECK(
      told ==
      "etc/membridge.yaml:3:45: error: \"retention\" must be at least 1h: who was away for a while must still find what changed\n"
      "etc/membridge.yaml:3:60: error: unknown key \"size\" in \"feed\"; known are retention, publication\n");
}

TEST_CASE("feeds are read, checked and shown without their secrets", "[admin][config][feed]") {
  const std::string followed = "targets: {default: {database: state, feed: true}}\nmappings: [contacts.yaml]\n";
  std::string told;
  const auto config =
      Read(followed + "feeds:\n  - {name: hubspot, url: \"https://hooks.example.com/very/secret\", secrets: " + kSecrets +
               ", tables: [people, crm.contacts], mappings: [contacts], ops: [insert], batch: 50}\n",
           told);
  CAPTURE(told);
  REQUIRE(config);
  REQUIRE(config->feeds.size() == 1);
  const EndpointConfig& feed = config->feeds.front();
  CHECK(feed.target == "default");
  CHECK(feed.endpoint.batch == 50);
  CHECK(feed.endpoint.filter.tables == std::vector<std::string>{"public.people", "crm.contacts"});
  CHECK(config->FindFeed("hubspot") == &feed);
  CHECK(config->FindFeed("other") == nullptr);
  const std::string shown = ShownConfig(*config).dump();
  CHECK(shown.find("hubspot") != std::string::npos);
  CHECK(shown.find("very/secret") == std::string::npos);
  CHECK(shown.find("MfKQ9r8G") == std::string::npos);

  const auto wrong = [&](const std::string& feed) {
    CHECK_FALSE(Read(followed + "feeds: [{" + feed + "}]\n", told));
    CHECK(told.find("very") == std::string::npos);
    return told;
  };
  const std::string good = "name: x, url: \"https://e.example/very\", secrets: " + std::string{kSecrets};
  CHECK(wrong("name: X, url: \"https://e.example/very\", secrets: " + std::string{kSecrets}).find("\"X\" cannot name a feed") !=
        std::string::npos);
  CHECK(wrong("name: x, url: \"ftp://e.example\", secrets: " + std::string{kSecrets})
            .find("\"url\" must be an http or https address") != std::string::npos);
  CHECK(wrong("name: x, url: \"https://e.example/very\"").find("no secret is given") != std::string::npos);
  CHECK(wrong("name: x, url: \"https://e.example/very\", secrets: [abc]").find("secret 1 is not whsec_") != std::string::npos);
  CHECK(wrong(good + ", ops: [inserted]").find("unknown op \"inserted\"; did you mean \"insert\"?") != std::string::npos);
  CHECK(wrong(good + ", mappings: [contact]").find("no mapping \"contact\"; did you mean \"contacts\"?") != std::string::npos);
  CHECK(wrong(good + ", target: other").find("no target \"other\"") != std::string::npos);
  CHECK(wrong(good + "}, {" + good).find("two feeds are named \"x\"") != std::string::npos);
  CHECK_FALSE(Read("mappings: [contacts.yaml]\nfeeds: [{" + good + "}]\n", told));
  CHECK(told.find("which tells no changes; write targets: {default: {feed: true}}") != std::string::npos);
}

}  // namespace membridge::admin
