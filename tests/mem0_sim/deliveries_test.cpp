#include <algorithm>
#include <set>

#include "tests/support/catch.hpp"
#include "tests/support/mem0_sim.hpp"

namespace membridge::test {
namespace {

using Json = nlohmann::json;

/// Where deliveries go: a second simulator, told to answer 200 to whatever it does not know and to keep what came.
class Receiver {
 public:
  explicit Receiver(int status = 200) {
    sim_.SetFaults({{"next", {{{"endpoint", "unknown"}, {"status", status}, {"times", 1'000'000}, {"body", Json::object()}}}}});
  }
  std::string Url() const { return sim_.BaseUrl() + "/hook"; }
  /// What was posted, in the order it came.
  std::vector<Json> Deliveries() {
    std::vector<Json> bodies;
    for (const Json& request : sim_.Control("GET", "/requests?endpoint=unknown")) {
      bodies.push_back(Json::parse(request["body"].get<std::string>())["event_details"]);
    }
    return bodies;
  }

 private:
  Mem0Sim sim_;
};

std::vector<std::string> TextsOf(const std::vector<Json>& deliveries) {
  std::vector<std::string> texts;
  for (const Json& delivery : deliveries) texts.push_back(delivery["data"]["memory"]);
  return texts;
}

}  // namespace

TEST_CASE("with one connection and no faults deliveries come once and in order", "[mem0_sim][deliveries]") {
  Mem0Sim mem0;
  Receiver receiver;
  mem0.SetDelivery({{"concurrency", 1}});
  mem0.Subscribe(receiver.Url());
  std::vector<std::string> texts;
  for (int i = 0; i < 50; ++i) {
    texts.push_back("fact " + std::to_string(i));
    mem0.Add("ada", texts.back());
  }
  mem0.Add("ada", "nobody is told", nullptr, {}, false);
  REQUIRE(mem0.WaitIdle());
  CHECK(TextsOf(receiver.Deliveries()) == texts);
  CHECK(mem0.DeliveryStatistics()["succeeded"] == 50);
}

TEST_CASE("duplicates, losses and overtaking come in the share that was asked for", "[mem0_sim][deliveries]") {
  Mem0Sim mem0;
  Receiver receiver;
  mem0.SetDelivery({{"duplicate", 0.3}, {"loss", 0.2}, {"reorder", 0.5}, {"reorder_ms", 50}, {"duplicate_spread_ms", 20}});
  mem0.Subscribe(receiver.Url());
  for (int i = 0; i < 500; ++i) mem0.Add("ada", "fact " + std::to_string(1000 + i));
  REQUIRE(mem0.WaitIdle());
  const Json statistics = mem0.DeliveryStatistics();
  CHECK(statistics["announced"] == 500);
  const int lost = statistics["lost_on_purpose"];
  const int duplicates = statistics["duplicates"];
  CHECK((lost > 60 && lost < 140));
  CHECK((duplicates > 70 && duplicates < 170));
  const std::vector<std::string> texts = TextsOf(receiver.Deliveries());
  CHECK(texts.size() == static_cast<std::size_t>(500 - lost + duplicates));
  CHECK(std::set<std::string>(texts.begin(), texts.end()).size() == static_cast<std::size_t>(500 - lost));
  CHECK_FALSE(std::is_sorted(texts.begin(), texts.end()));
}

TEST_CASE("held deliveries wait until they are let go", "[mem0_sim][deliveries]") {
  Mem0Sim mem0;
  Receiver receiver;
  mem0.SetDelivery({{"paused", true}});
  mem0.Subscribe(receiver.Url());
  mem0.Add("ada", "held");
  CHECK_FALSE(mem0.WaitIdle(std::chrono::milliseconds{20}));
  CHECK(receiver.Deliveries().empty());
  mem0.SetDelivery({{"paused", false}});
  REQUIRE(mem0.WaitIdle());
  CHECK(receiver.Deliveries().size() == 1);
}

TEST_CASE("a refused delivery is not repeated unless retries are on", "[mem0_sim][deliveries]") {
  const int retries = GENERATE(0, 2);
  CAPTURE(retries);
  Mem0Sim mem0;
  Receiver receiver(503);
  mem0.SetDelivery({{"retries", retries}, {"retry_delay_ms", 1}});
  mem0.Subscribe(receiver.Url());
  mem0.Add("ada", "refused");
  REQUIRE(mem0.WaitIdle());
  CHECK(receiver.Deliveries().size() == static_cast<std::size_t>(1 + retries));
  CHECK(mem0.DeliveryStatistics()["refused"] == 1 + retries);
}

TEST_CASE("only subscribed events of active webhooks of this project are delivered", "[mem0_sim][deliveries]") {
  Mem0Sim mem0;
  Receiver receiver;
  const auto webhook = [&](const char* name, const Json& more) {
    Json body{{"name", name}, {"url", receiver.Url()}, {"event_types", {"memory_delete"}}};
    body.update(more);
    return mem0.Control("POST", "/webhooks", body);
  };
  webhook("deletes", Json::object());
  webhook("inactive", {{"is_active", false}});
  webhook("foreign", {{"foreign", true}});
  const std::string id = mem0.Add("ada", "short-lived");
  mem0.Delete(id);
  REQUIRE(mem0.WaitIdle());
  const std::vector<Json> deliveries = receiver.Deliveries();
  REQUIRE(deliveries.size() == 1);
  CHECK(deliveries[0] == Json{{"id", id}, {"event", "DELETE"}, {"data", {{"memory", "short-lived"}}}});
}

TEST_CASE("a memory is categorised by itself some time after its ADD", "[mem0_sim][deliveries]") {
  Mem0Sim mem0;
  Receiver receiver;
  mem0.SetSettings({{"categories_by_word", {{"tea", "food"}}}, {"categorize_ms", 1}});
  mem0.SetDelivery({{"concurrency", 1}});
  mem0.Subscribe(receiver.Url());
  const std::string id = mem0.Add("ada", "likes tea");
  REQUIRE(mem0.WaitIdle());
  const std::vector<Json> deliveries = receiver.Deliveries();
  REQUIRE(deliveries.size() == 2);
  CHECK(deliveries[1] == Json{{"event", "CATEGORIZE"}, {"memory_id", id}, {"categories", {"food"}}});
  CHECK(mem0.Truth().at(id)["categories"] == Json::array({"food"}));
}

}  // namespace membridge::test
