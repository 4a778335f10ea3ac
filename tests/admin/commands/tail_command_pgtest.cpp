// `membridge tail` and `membridge dev`: what they print, and what they refuse before anything runs.
#include <fmt/format.h>

#include <atomic>
#include <thread>

#include "receiver/delivery_id.hpp"
#include "sync/inbox/postgres_inbox.hpp"
#include "tests/admin/commands/spoken.hpp"
#include "tests/admin/text_file.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/postgres.hpp"

using namespace membridge;
using namespace membridge::admin;

namespace {

struct TailDesk {
  Spoken Run(std::vector<std::string> words) const {
    words.insert(words.end(), {"--config", config.path()});
    return SayIn([](const std::string&) { return std::nullopt; }, words);
  }
  /// A delivery that names no memory, received at this moment.
  void Deliver() const {
    sync::Delivery delivery;
    delivery.received_at = SystemClock{}.Now();
    delivery.id = receiver::MakeDeliveryId(delivery.received_at);
    delivery.project = ProjectId{"crm"};
    delivery.headers = nlohmann::json::object();
    delivery.verdict = "uninterpretable";
    sync::PostgresInbox inbox{db.Dsn()};
    REQUIRE(inbox.Accept({delivery}));
  }

  test::PgDatabase db{};
  test::TextFile config{"membridge.yaml", fmt::format("database: \"{}\"\nprojects: {{crm: {{api_key: k}}}}\n", db.Dsn())};
};

}  // namespace

TEST_CASE("tail tells deliveries as they come, and JSON a line each", "[commands][trail][pg]") {
  const TailDesk desk;
  for (const bool json : {false, true}) {
    Spoken spoken;
    std::atomic<bool> over{false};
    std::jthread tail{[&] {
      std::vector<std::string> words{"tail", "--for", "1s"};
      if (json) words.emplace_back("--json");
      spoken = desk.Run(words);
      over = true;
    }};
    while (!over) desk.Deliver();
    tail.join();
    CAPTURE(spoken.err);
    REQUIRE(spoken.status == kDone);
    const std::string line = spoken.out.substr(0, spoken.out.find('\n'));
    CAPTURE(line);
    if (json) {
      const auto step = nlohmann::json::parse(line);
      CHECK(step["step"] == "received");
      CHECK(step["project"] == "crm");
      CHECK(step["memory"] == nullptr);
      CHECK_FALSE(step.contains("cause"));
    } else {
      REQUIRE(line.size() > 12);
      CHECK(line.substr(12) == "  received   crm  -  uninterpretable");
    }
  }
}

TEST_CASE("tail and dev refuse what they cannot understand", "[commands][trail][N5]") {
  const test::TextFile config{"membridge.yaml", "database: embedded\nprojects: {crm: {api_key: k}}\n"};
  const auto say = [&](std::vector<std::string> words) {
    words.insert(words.end(), {"--config", config.path()});
    return SayIn([](const std::string&) { return std::nullopt; }, words);
  };
  CHECK(say({"tail", "--for", "soon"}).err == "error: --for: \"soon\" is no time; write 30s or 5m\n");
  CHECK(say({"tail", "--for", "soon"}).status == kBadUsage);
  CHECK(say({"tail", "--project", "lab"}).err ==
        "error: the configuration has no project \"lab\"; membridge projects list names them\n");
  CHECK(say({"tail", "--project", "lab"}).status == kBadUsage);
  for (const char* every : {"0s", "200ms", "3", "often"}) {
    const Spoken spoken = say({"dev", "--every", every});
    CHECK(spoken.status == kBadUsage);
    CHECK(spoken.err == fmt::format("error: --every: \"{}\" is no time of a second or more; write 3s or 1m\n", every));
  }
}
