#include "admin/runtime/reasons.hpp"

#include <fstream>
#include <iterator>
#include <set>

#include "admin/serve/standstill.hpp"
#include "tests/support/catch.hpp"

namespace membridge::admin {
namespace {

using namespace std::chrono_literals;

class SettableClock final : public Clock {
 public:
  Instant Now() const override { return now; }
  Instant now{1'000s};
};

std::string TextOf(const std::string& path) {
  std::ifstream stream{std::string{MEMBRIDGE_SOURCE} + "/" + path};
  return {std::istreambuf_iterator<char>(stream), {}};
}

std::vector<std::string> NamesOf(const std::vector<Reason>& reasons) {
  std::vector<std::string> names;
  for (const Reason& reason : reasons) names.emplace_back(NameOf(reason.kind));
  return names;
}

TEST_CASE("a reason stands from when it was first told until it is lifted", "[N8]") {
  SettableClock clock;
  Reasons reasons{clock};
  CHECK(reasons.All().empty());
  reasons.Set(Degraded::kKeyRefused, {.project = "crm"}, true, "Mem0 answered 401");
  clock.now += 60s;
  reasons.Set(Degraded::kKeyRefused, {.project = "crm"}, true, "Mem0 answered 403");
  reasons.Set(Degraded::kKeyRefused, {.project = "lab"}, true);
  reasons.Set(Degraded::kKeyRefused, {.project = "other"}, false);
  const auto all = reasons.All();
  REQUIRE(all.size() == 2);
  CHECK(all[0].since == Instant{1'000s});
  CHECK(all[1].since == Instant{1'060s});
  const nlohmann::ordered_json view = ViewOf(all[0]);
  CHECK(view.at("reason") == "key_refused");
  CHECK(view.at("project") == "crm");
  CHECK_FALSE(view.contains("target"));
  CHECK(view.at("message") == "Mem0 answered 403");
  CHECK(view.at("hint") == HintOf(Degraded::kKeyRefused));
  reasons.Set(Degraded::kKeyRefused, {.project = "crm"}, false);
  CHECK(reasons.All().size() == 1);
}

TEST_CASE("a reason that a part of the process answers stands since it was first seen", "[N8]") {
  SettableClock clock;
  Reasons reasons{clock};
  bool refused = true;
  reasons.Watch([&] {
    std::vector<Reason> found;
    if (refused) found.push_back({Degraded::kMappingsRefused, {}, {}, {}, {}});
    return found;
  });
  reasons.Set(Degraded::kStandstill, {}, true);
  CHECK(NamesOf(reasons.All()) == std::vector<std::string>{"standstill", "mappings_refused"});
  clock.now += 5s;
  CHECK(reasons.All().back().since == Instant{1'000s});
  refused = false;
  CHECK(NamesOf(reasons.All()) == std::vector<std::string>{"standstill"});
  refused = true;
  CHECK(reasons.All().back().since == Instant{1'005s});
  reasons.Forget();
  CHECK(NamesOf(reasons.All()) == std::vector<std::string>{"standstill"});
}

TEST_CASE("every reason has a name, a hint, an alert and a line in the reference", "[N8]") {
  const std::string rules = TextOf("deploy/prometheus/membridge-rules.yml");
  const std::string reference = TextOf("admin/README.md");
  const std::string document = TextOf("admin/api/openapi.json");
  std::set<std::string_view> names;
  for (const Degraded kind : kAllDegraded) {
    const std::string name{NameOf(kind)};
    INFO(name);
    REQUIRE_FALSE(name.empty());
    CHECK_FALSE(HintOf(kind).empty());
    CHECK(names.insert(NameOf(kind)).second);
    CHECK(rules.find("membridge_degraded{reason=\"" + name + "\"}") != std::string::npos);
    CHECK(reference.find("| `" + name + "` |") != std::string::npos);
    CHECK(document.find("\"" + name + "\"") != std::string::npos);
  }
}

TEST_CASE("a standstill is when something waits all the time and nothing is finished", "[N8][standstill]") {
  Standstill standstill;
  Standstill::Time now{};
  const auto look = [&](std::int64_t waiting, std::uint64_t finished) { return standstill.Look(now += 5s, waiting, finished); };
  CHECK_FALSE(look(3, 7));
  CHECK_FALSE(look(3, 7));
  CHECK_FALSE(look(3, 7));
  CHECK_FALSE(look(3, 7));
  CHECK(look(3, 7));
  CHECK(look(3, 7));
  CHECK_FALSE(look(3, 8));  // one was finished
  for (int i = 0; i < 3; ++i) CHECK_FALSE(look(3, 8));
  CHECK_FALSE(look(0, 8));  // nothing waits any more
  for (int i = 0; i < 3; ++i) CHECK_FALSE(look(2, 8));
  CHECK(look(2, 8));
}

}  // namespace
}  // namespace membridge::admin
