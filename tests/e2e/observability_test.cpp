// Alert rules, dashboard and the table of metrics, against what a bridge that has seen a bit of everything exports.
#include <algorithm>
#include <fstream>
#include <iterator>
#include <regex>
#include <set>
#include <sstream>

#include "mappings/files/yaml_source.hpp"
#include "tests/e2e/world.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/http_client.hpp"

namespace membridge::e2e {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using Names = std::set<std::string>;

std::string TextOfObservability(const std::string& file) {
  std::ifstream stream{MEMBRIDGE_SOURCE "/" + file};
  return {std::istreambuf_iterator<char>{stream}, {}};
}

/// The names of what is exported; of a histogram also those of its series.
Names ExportedBy(const std::string& scrape, bool with_series) {
  Names names;
  std::istringstream lines{scrape};
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with("# TYPE ")) continue;
    const std::string name = line.substr(7, line.find(' ', 7) - 7);
    names.insert(name);
    if (!with_series || !line.ends_with(" histogram")) continue;
    for (const char* series : {"_bucket", "_sum", "_count"}) names.insert(name + series);
  }
  return names;
}

/// The metrics of ours that a text speaks of.
Names NamedIn(const std::string& text) {
  static const std::regex kName{"membridge_[a-z0-9_]+"};
  Names names;
  for (std::sregex_iterator match{text.begin(), text.end(), kName}, end; match != end; ++match) names.insert(match->str());
  return names;
}

Names Without(const Names& names, const Names& known) {
  Names left;
  std::set_difference(names.begin(), names.end(), known.begin(), known.end(), std::inserter(left, left.end()));
  return left;
}

/// The table of admin/README.md: name and unit.
std::map<std::string, std::string> Documented() {
  static const std::regex kRow{R"(\| `(membridge_[a-z0-9_]+)` \| ([^|]*) \| [^|]+ \|)"};
  std::map<std::string, std::string> documented;
  const std::string readme = TextOfObservability("admin/README.md");
  for (std::sregex_iterator match{readme.begin(), readme.end(), kRow}, end; match != end; ++match)
    documented[match->str(1)] = match->str(2);
  return documented;
}

/// A bridge to which everything has happened that is counted.
std::string Scrape(World& world) {
  test::BridgeOptions options = world.Options();
  options.manage = true;
  options.project = "canary: {every: 1s, deadline: 20s}";
  // A self-hosted Mem0 beside, and a feed to an endpoint where nobody listens.
  world.Database().RunScript("CREATE TABLE memories (id uuid PRIMARY KEY, vector text, payload jsonb)");
  options.more_projects = "  own:\n    source: {postgres: \"" + options.database + "\", poll: 1s, sweep: 2s}\n";
  options.mapping_project = "crm";
  options.targets = "{default: {database: state, feed: true}}";
  options.feeds = "[{name: crm, url: \"http://127.0.0.1:9/\", secrets: [whsec_c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0]}]";
  test::Bridge bridge{options};
  bridge.Start();
  CHECK(test::HttpClient{}.Post(bridge.Url() + "/webhooks/crm/nonsense", "{}").status == 401);
  CHECK(test::WaitUntil(
      [&] { return bridge.Metric("membridge_canaries_total{outcome=\"heard\",project=\"crm\"}").value_or(0) >= 1; }, 60s));
  world.Mem0().Add("ada", "Works at Initech");
  CHECK(test::WaitUntil([&] { return world.Database().Count("crm.contacts") == 1; }));
  CHECK(test::RunMembridge({"webhooks", "list", "--config", bridge.ConfigFile()}).status == 0);
  CHECK(test::WaitUntil([&] { return bridge.Metric("membridge_source_live{project=\"own\"}").has_value(); }, 60s));
  CHECK(test::WaitUntil([&] { return bridge.Metric("membridge_feed_waiting{feed=\"crm\"}").value_or(0) >= 1; }, 60s));
  return test::HttpClient{}.Get(bridge.AdminUrl() + "/metrics").body;
}

}  // namespace

TEST_CASE("alert rules, dashboard and documentation name exactly what is exported", "[e2e][metrics]") {
  World world{SeedOfRun()};
  const std::string scrape = Scrape(world);
  const Names exported = ExportedBy(scrape, false);
  const Names series = ExportedBy(scrape, true);
  CHECK(exported.size() > 20);

  Names documented;
  for (const auto& [name, unit] : Documented()) {
    CAPTURE(name, unit);
    documented.insert(name);
    CHECK_FALSE(unit.empty());
    CHECK(name.ends_with("_seconds") == (unit == "seconds"));
  }
  CHECK(Without(exported, documented) == Names{});
  CHECK(Without(documented, exported) == Names{});

  mappings::Diagnostics problems;
  const auto rules =
      mappings::YamlSource::Parse("rules.yml", TextOfObservability("deploy/prometheus/membridge-rules.yml"), problems);
  for (const auto& problem : problems.Sorted()) CHECK(problem.Text() == "");
  REQUIRE(rules);
  std::size_t alerts = 0;
  for (const auto& group : rules->Root().Find("groups")->items) {
    for (const auto& rule : group.Find("rules")->items) {
      ++alerts;
      CAPTURE(rule.Find("alert")->text);
      const std::string& expression = rule.Find("expr")->text;
      CHECK(Without(NamedIn(expression), series) == Names{});
      CHECK(std::count(expression.begin(), expression.end(), '(') == std::count(expression.begin(), expression.end(), ')'));
      CHECK_FALSE(rule.Find("for")->text.empty());
      CHECK_FALSE(rule.Find("labels")->Find("severity")->text.empty());
      CHECK_FALSE(rule.Find("annotations")->Find("summary")->text.empty());
      CHECK_FALSE(rule.Find("annotations")->Find("action")->text.empty());
    }
  }
  CHECK(alerts >= 10);

  const json dashboard = json::parse(TextOfObservability("deploy/grafana/membridge.json"));
  std::size_t targets = 0;
  for (const json& panel : dashboard["panels"]) {
    for (const json& target : panel["targets"]) {
      ++targets;
      const std::string expression = target["expr"];
      CAPTURE(panel["title"].get<std::string>(), expression);
      CHECK_FALSE(NamedIn(expression).empty());
      CHECK(Without(NamedIn(expression), series) == Names{});
    }
  }
  CHECK(targets >= 15);
  // The comparison notices what is not there.
  CHECK(Without(NamedIn("rate(membridge_evaporated_total[5m])"), series) == Names{"membridge_evaporated_total"});
}

}  // namespace membridge::e2e
