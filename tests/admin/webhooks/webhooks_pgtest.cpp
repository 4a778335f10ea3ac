#include <algorithm>
#include <thread>

#include "tests/admin/deployment.hpp"
#include "tests/support/catch.hpp"

namespace membridge::admin {

using nlohmann::json;

TEST_CASE("applying makes one webhook, and applying again changes nothing", "[webhooks][pg][sim]") {
  Deployment d;
  const auto plan = d.Apply();
  REQUIRE(plan);
  CHECK(plan->Changes());
  const auto listed = d.Listed();
  REQUIRE(listed.size() == 1);
  CHECK(listed[0].name == "membridge-crm");
  CHECK(listed[0].event_types == d.desired.events);
  REQUIRE(listed[0].url.starts_with(kPrefix));
  CHECK(d.TokenIn(listed[0]).size() == 43);
  CHECK(d.StateOf(d.TokenIn(listed[0])) == "permanent");
  CHECK(d.db.Value("SELECT webhook_id FROM membridge.webhooks WHERE project = 'crm'") == listed[0].webhook_id);

  d.mem0.ResetCalls();
  const auto again = d.Apply();
  REQUIRE(again);
  CHECK_FALSE(again->Changes());
  CHECK(d.mem0.Calls("webhooks.create") + d.mem0.Calls("webhooks.update") + d.mem0.Calls("webhooks.delete") == 0);
  CHECK(d.Listed()[0].url == listed[0].url);
  CHECK(d.db.Count("membridge.tokens") == 1);
}

TEST_CASE("a survey changes nothing and shows no token", "[webhooks][pg][sim]") {
  Deployment d;
  const auto before = SurveyWebhooks(d.client, d.session, d.desired);
  REQUIRE(before);
  CHECK(before->plan.Changes());
  CHECK(d.Listed().empty());
  CHECK(d.db.Count("membridge.tokens") == 0);
  REQUIRE(d.Apply());
  const auto after = SurveyWebhooks(d.client, d.session, d.desired);
  REQUIRE(after);
  CHECK_FALSE(after->plan.Changes());
  REQUIRE(after->webhooks.size() == 1);
  CHECK(after->webhooks[0].ownership == Ownership::kOurs);
  CHECK(after->webhooks[0].token);
  CHECK(after->webhooks[0].url == kPrefix + "***");
}

TEST_CASE("a token is known to every process before its address is at Mem0", "[webhooks][pg][sim]") {
  Deployment d;
  d.options.known_within = 3'000ms;
  std::vector<std::string> order;
  d.options.issued = [&] {
    order.push_back("issued, " + std::to_string(d.db.Count("membridge.tokens")) + " token, " +
                    std::to_string(d.mem0.Calls("webhooks.create")) + " creates");
  };
  d.options.wait = [&](std::chrono::milliseconds time) {
    order.push_back("waited " + std::to_string(time.count()) + ", " + std::to_string(d.mem0.Calls("webhooks.create")) +
                    " creates");
    return true;
  };
  REQUIRE(d.Apply());
  CHECK(order == std::vector<std::string>{"issued, 1 token, 0 creates", "waited 3000, 0 creates"});
}

TEST_CASE("what drifted at Mem0 is repaired", "[webhooks][pg][sim]") {
  Deployment d;
  REQUIRE(d.Apply());
  const Webhook before = d.Listed()[0];
  const std::string path = "/webhooks/" + before.webhook_id;
  SECTION("events and name keep the address and its token") {
    d.mem0.Control("PATCH", path, {{"name", "renamed"}, {"event_types", {"memory_add"}}});
    REQUIRE(d.Apply());
    const Webhook after = d.Listed()[0];
    CHECK(after.name == before.name);
    CHECK(after.event_types == before.event_types);
    CHECK(after.url == before.url);
  }
  SECTION("an address gets a new token, and the old one stays good for a while") {
    d.mem0.Control("PATCH", path, {{"url", "https://elsewhere.example/hook"}});
    REQUIRE(d.Apply());
    CHECK(d.Listed()[0].url == "https://elsewhere.example/hook");  // somebody may have meant it
    CHECK_FALSE(RotateToken(d.client, d.session, d.desired, d.options));
    CHECK(RemoveWebhooks(d.client, d.session, d.desired, d.options)->empty());
    d.options.choices.take_over = true;
    REQUIRE(d.Apply());
    const Webhook after = d.Listed()[0];
    CHECK(after.webhook_id == before.webhook_id);
    REQUIRE(after.url.starts_with(kPrefix));
    CHECK(after.url != before.url);
    CHECK(d.StateOf(d.TokenIn(after)) == "permanent");
  }
  SECTION("a new public address") {
    d.desired.public_url = "https://new.example.com";
    REQUIRE(d.Apply());
    CHECK(d.Listed()[0].url == before.url);
    d.options.choices.take_over = true;
    REQUIRE(d.Apply());
    CHECK(d.Listed()[0].url.starts_with("https://new.example.com/webhooks/crm/"));
    CHECK(d.StateOf(d.TokenIn(before)) == "expires");
  }
  SECTION("a webhook deleted at Mem0 is made again") {
    d.db.Run("UPDATE membridge.webhooks SET created_at = created_at - interval '1 hour'");
    d.mem0.Api("DELETE", "/api/v1/webhooks/" + before.webhook_id + "/");
    REQUIRE(d.Apply());
    REQUIRE(d.Listed().size() == 1);
    CHECK(d.db.Value("SELECT string_agg(webhook_id, ',') FROM membridge.webhooks") == d.Listed()[0].webhook_id);
  }
  CHECK(d.Listed().size() == 1);
  CHECK_FALSE(d.Apply()->Changes());
}

TEST_CASE("a write that Mem0 answers and does not do is told, and the token from before goes on", "[webhooks][pg][sim][M8]") {
  Deployment d;
  REQUIRE(d.Apply());
  const Webhook before = d.Listed()[0];
  const std::string token = d.TokenIn(before);
  const std::string told = "Mem0 says that it is done, and its list does not show it";
  SECTION("a new token") {
    d.mem0.SetSettings({{"webhooks_ignore", {"update"}}});
    const auto rotated = RotateToken(d.client, d.session, d.desired, d.options);
    REQUIRE_FALSE(rotated);
    CHECK(rotated.error().code == ErrorCode::kRefused);
    CHECK(rotated.error().message.find(told) != std::string::npos);
    CHECK(d.Listed()[0].url == before.url);
    CHECK(d.StateOf(token) == "permanent");
    // Once Mem0 does what it says, so does the bridge.
    d.mem0.SetSettings({{"webhooks_ignore", json::array()}});
    REQUIRE(RotateToken(d.client, d.session, d.desired, d.options));
    CHECK(d.Listed()[0].url != before.url);
    CHECK(d.StateOf(token) == "expires");
  }
  SECTION("other events") {
    d.mem0.SetSettings({{"webhooks_ignore", {"update"}}});
    d.desired.events = {"memory_add"};
    const auto applied = d.Apply();
    REQUIRE_FALSE(applied);
    CHECK(applied.error().message.find(told) != std::string::npos);
  }
  SECTION("a deletion") {
    d.mem0.SetSettings({{"webhooks_ignore", {"delete"}}});
    const auto removed = RemoveWebhooks(d.client, d.session, d.desired, d.options);
    REQUIRE_FALSE(removed);
    CHECK(removed.error().message.find(told) != std::string::npos);
    CHECK(d.db.Count("membridge.webhooks") == 1);
  }
  CHECK(d.StateOf(d.TokenIn(d.Listed()[0])) == "permanent");
}

TEST_CASE("a webhook that Mem0 says it made and does not list is told", "[webhooks][pg][sim][M8]") {
  Deployment d;
  d.mem0.SetSettings({{"webhooks_ignore", {"create"}}});
  const auto applied = d.Apply();
  REQUIRE_FALSE(applied);
  CHECK(applied.error().code == ErrorCode::kRefused);
  CHECK(d.db.Count("membridge.webhooks") == 0);
  d.mem0.SetSettings({{"webhooks_ignore", json::array()}});
  REQUIRE(d.Apply());
  CHECK(d.Listed().size() == 1);
}

TEST_CASE("a copy of the database with another public_url leaves production's webhook alone", "[webhooks][pg][sim][M6]") {
  Deployment d;
  REQUIRE(d.Apply());
  const Webhook before = d.Listed()[0];
  DesiredWebhook staging = d.desired;
  staging.public_url = "https://staging.example.com";
  for (int i = 0; i < 2; ++i) {
    const auto plan = ApplyWebhooks(d.client, d.session, staging, d.options);
    REQUIRE(plan);
    CHECK_FALSE(plan->Changes());
    CHECK(StandingOf(*plan, true).trouble == WebhookTrouble::kElsewhere);
  }
  CHECK(d.Listed().size() == 1);
  CHECK(d.Listed()[0].url == before.url);
  CHECK(d.StateOf(d.TokenIn(before)) == "permanent");

  d.options.choices.take_over = true;
  REQUIRE(ApplyWebhooks(d.client, d.session, staging, d.options));
  CHECK(d.Listed()[0].url.starts_with("https://staging.example.com/webhooks/crm/"));
  d.options.choices.take_over = false;
  const auto production = d.Apply();  // which has the same books here, and sees where the webhook leads now
  REQUIRE(production);
  CHECK(StandingOf(*production, true).trouble == WebhookTrouble::kElsewhere);
}

TEST_CASE("the state that registered a webhook is written down, also for those from before", "[webhooks][pg][sim][M6]") {
  Deployment d;
  REQUIRE(d.Apply());
  const std::string state = d.db.Value("SELECT state FROM membridge.webhooks");
  CHECK(state.find('/') != std::string::npos);
  d.db.Run("UPDATE membridge.webhooks SET state = NULL");
  CHECK_FALSE(d.Apply()->Changes());
  CHECK(d.db.Value("SELECT state FROM membridge.webhooks") == state);
  d.db.Run("UPDATE membridge.webhooks SET state = '1/2'");
  CHECK(StandingOf(*d.Apply(), true).trouble == WebhookTrouble::kElsewhere);
  d.options.choices.take_over = true;
  CHECK(d.Apply()->Changes());
  CHECK(d.db.Value("SELECT state FROM membridge.webhooks") == state);
}

TEST_CASE("webhooks of others are never touched", "[webhooks][pg][sim]") {
  Deployment d;
  const json others{
      {{"name", "membridge-crm"}, {"url", "https://other.example/webhooks/crm/x"}, {"event_types", {"memory_add"}}},
      {{"name", "zapier"}, {"url", "https://zapier.example/1"}, {"event_types", {"memory_delete"}}},
      {{"name", "membridge-crm"}, {"url", kPrefix + "a-token-of-another-deployment"}, {"event_types", {"memory_add"}}}};
  for (const json& other : others) d.mem0.Control("POST", "/webhooks", other);
  const auto before = d.Listed();
  REQUIRE(d.Apply());
  REQUIRE(RotateToken(d.client, d.session, d.desired, d.options));
  REQUIRE(RemoveWebhooks(d.client, d.session, d.desired, d.options));
  const auto after = d.Listed();
  REQUIRE(after.size() == before.size());
  for (std::size_t i = 0; i < after.size(); ++i) {
    CHECK(after[i].webhook_id == before[i].webhook_id);
    CHECK(after[i].url == before[i].url);
    CHECK(after[i].event_types == before[i].event_types);
  }
}

TEST_CASE("a create whose answer is lost makes one webhook", "[webhooks][pg][sim]") {
  Deployment d;
  SECTION("Mem0 had made it") {
    d.mem0.SetFaults({{"next", {{{"endpoint", "webhooks.create"}, {"status", 502}, {"body", "<html>"}, {"performed", true}}}}});
  }
  SECTION("Mem0 had not made it") {
    d.mem0.SetFaults({{"next", {{{"endpoint", "webhooks.create"}, {"status", 502}, {"body", "<html>"}}}}});
  }
  SECTION("Mem0 asked to wait") {
    d.mem0.SetFaults(
        {{"next", {{{"endpoint", "webhooks.create"}, {"status", 429}, {"body", "{}"}, {"headers", {{"Retry-After", "0"}}}}}}});
  }
  REQUIRE(d.Apply());
  CHECK(d.Listed().size() == 1);
  CHECK(d.waited > 0ms);
  CHECK(d.db.Count("membridge.webhooks") == 1);
  CHECK_FALSE(d.Apply()->Changes());
}

TEST_CASE("when nobody can say whether a create worked, the next run finds out", "[webhooks][pg][sim]") {
  Deployment d;
  d.mem0.SetFaults({{"next",
                     {{{"endpoint", "webhooks.create"}, {"status", 502}, {"body", "<html>"}, {"performed", true}},
                      {{"endpoint", "webhooks.list"}, {"status", 200}, {"body", "[]"}},
                      {{"endpoint", "webhooks.list"}, {"status", 502}, {"body", "<html>"}}}}});
  // The list before the create takes the first scripted answer; the one after it fails.
  const auto failed = d.Apply();
  REQUIRE_FALSE(failed);
  CHECK(failed.error().code == ErrorCode::kUnavailable);
  CHECK(failed.error().message.find(d.TokenIn(d.Listed()[0])) == std::string::npos);
  CHECK(d.db.Count("membridge.webhooks") == 0);
  CHECK(d.StateOf(d.TokenIn(d.Listed()[0])) == "expires");
  d.mem0.ClearFaults();
  const auto plan = d.Apply();
  REQUIRE(plan);
  CHECK(plan->steps[0].kind == WebhookStep::Kind::kRecord);
  CHECK(d.Listed().size() == 1);
  CHECK(d.StateOf(d.TokenIn(d.Listed()[0])) == "permanent");
  CHECK_FALSE(d.Apply()->Changes());
}

TEST_CASE("a create that Mem0 refuses leaves nothing behind and says which field", "[webhooks][pg][sim]") {
  Deployment d;
  d.desired.events = {"memory_foo"};
  const auto refused = d.Apply();
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == ErrorCode::kRefused);
  CHECK(d.client.LastFailure().fields.contains("event_types"));
  CHECK(d.db.Count("membridge.tokens") == 0);
  CHECK(d.db.Count("membridge.leases") == 0);
}

TEST_CASE("processes that apply at the same time make one webhook", "[webhooks][pg][sim]") {
  Deployment d;
  d.mem0.SetFaults({{"latency_ms", 20}});
  std::vector<std::jthread> processes;
  std::atomic<int> applied = 0;
  for (int i = 0; i < 4; ++i) {
    processes.emplace_back([&] {
      sync::postgres::Session session = d.db.Session();
      Client client = d.NewClient();
      ApplyOptions options;
      options.known_within = 0ms;
      options.patience = 60s;
      if (ApplyWebhooks(client, session, d.desired, options)) ++applied;
    });
  }
  processes.clear();
  CHECK(applied == 4);
  CHECK(d.Listed().size() == 1);
  CHECK(d.db.Count("membridge.tokens") == 1);
}

TEST_CASE("a process that finds another at it says so after its patience", "[webhooks][pg][sim]") {
  Deployment d;
  d.db.Run("INSERT INTO membridge.leases VALUES ('webhooks crm', gen_random_uuid(), clock_timestamp() + interval '1 hour')");
  const auto busy = d.Apply();
  REQUIRE_FALSE(busy);
  CHECK(busy.error().code == ErrorCode::kBusy);
  CHECK(busy.error().message == "webhooks of 'crm': another process is changing them");
  CHECK(d.waited == d.options.patience);
  CHECK(d.mem0.Calls() == 0);
}

TEST_CASE("an inactive webhook is replaced when that is asked for", "[webhooks][pg][sim]") {
  Deployment d;
  REQUIRE(d.Apply());
  const Webhook before = d.Listed()[0];
  d.mem0.Control("PATCH", "/webhooks/" + before.webhook_id, {{"is_active", false}});
  REQUIRE(d.Apply());
  CHECK(d.Listed()[0].webhook_id == before.webhook_id);
  d.options.choices.reactivate = true;
  REQUIRE(d.Apply());
  const auto after = d.Listed();
  REQUIRE(after.size() == 1);
  CHECK(after[0].webhook_id != before.webhook_id);
  CHECK(after[0].is_active);
  CHECK(d.StateOf(d.TokenIn(before)) == "expires");
}

TEST_CASE("of two webhooks with one token one goes and the token stays", "[webhooks][pg][sim]") {
  Deployment d;
  REQUIRE(d.Apply());
  const Webhook first = d.Listed()[0];
  d.mem0.Control("POST", "/webhooks", {{"name", first.name}, {"url", first.url}, {"event_types", first.event_types}});
  REQUIRE(d.Listed().size() == 2);
  REQUIRE(d.Apply());
  REQUIRE(d.Listed().size() == 1);
  CHECK(d.Listed()[0].webhook_id == first.webhook_id);
  CHECK(d.StateOf(d.TokenIn(first)) == "permanent");
}

TEST_CASE("a rotation moves to a new token and retires the old one after the overlap", "[webhooks][pg][sim]") {
  Deployment d;
  CHECK(RotateToken(d.client, d.session, d.desired, d.options).error().code == ErrorCode::kNotFound);
  REQUIRE(d.Apply());
  const Webhook before = d.Listed()[0];
  d.options.overlap = 600s;
  const auto rotation = RotateToken(d.client, d.session, d.desired, d.options);
  REQUIRE(rotation);
  const Webhook after = d.Listed()[0];
  CHECK(after.webhook_id == before.webhook_id);
  CHECK(after.url != before.url);
  CHECK(after.event_types == before.event_types);
  CHECK(d.StateOf(d.TokenIn(after)) == "permanent");
  CHECK(d.db.Value("SELECT id FROM membridge.tokens WHERE hash = $1", {receiver::HashToken(d.TokenIn(before))}) ==
        rotation->old_token);
  CHECK(d.db.Value(
            "SELECT expires_at BETWEEN clock_timestamp() + interval '9 minutes' AND clock_timestamp() + interval '11 minutes' "
            "FROM membridge.tokens WHERE hash = $1",
            {receiver::HashToken(d.TokenIn(before))}) == "t");
  CHECK_FALSE(d.Apply()->Changes());
}

TEST_CASE("a rotation that Mem0 refuses leaves the old token as it was", "[webhooks][pg][sim]") {
  Deployment d;
  REQUIRE(d.Apply());
  const Webhook before = d.Listed()[0];
  d.mem0.SetFaults(
      {{"next", {{{"endpoint", "webhooks.update"}, {"status", 400}, {"body", R"({"url":["Enter a valid URL."]})"}}}}});
  const auto refused = RotateToken(d.client, d.session, d.desired, d.options);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == ErrorCode::kRefused);
  CHECK(d.StateOf(d.TokenIn(before)) == "permanent");
  CHECK(d.db.Count("membridge.tokens") == 1);
  CHECK_FALSE(d.Apply()->Changes());
}

TEST_CASE("a rotation cut off on either side of Mem0's yes is finished by the next run", "[webhooks][pg][sim]") {
  Deployment d;
  REQUIRE(d.Apply());
  const Webhook before = d.Listed()[0];
  const bool performed = GENERATE(true, false);
  CAPTURE(performed);
  // Mem0's answer is lost and it cannot be asked again: as good as a crash.
  d.mem0.SetFaults({{"next",
                     {{{"endpoint", "webhooks.update"}, {"status", 502}, {"body", "<html>"}, {"performed", performed}},
                      {{"endpoint", "ping"}, {"status", 200}, {"body", json{{"project_id", d.mem0.ProjectId()}}.dump()}},
                      {{"endpoint", "webhooks.list"},
                       {"status", 200},
                       {"body", json::array({{{"webhook_id", before.webhook_id},
                                              {"name", before.name},
                                              {"url", before.url},
                                              {"event_types", before.event_types},
                                              {"is_active", true}}})
                                    .dump()}},
                      {{"endpoint", "webhooks.list"}, {"status", 502}, {"body", "<html>"}}}}});
  REQUIRE_FALSE(RotateToken(d.client, d.session, d.desired, d.options));
  CHECK((d.Listed()[0].url != before.url) == performed);
  CHECK(d.StateOf(d.TokenIn(d.Listed()[0])) == "expires");  // for a day both open the door
  d.mem0.ClearFaults();
  REQUIRE(d.Apply());
  const Webhook after = d.Listed()[0];
  CHECK(after.url != before.url);
  CHECK(d.StateOf(d.TokenIn(after)) == "permanent");
  CHECK(d.StateOf(d.TokenIn(before)) == "expires");
  CHECK_FALSE(d.Apply()->Changes());
}

TEST_CASE("a lookalike that is taken over gets a token of ours", "[webhooks][pg][sim]") {
  Deployment d;
  REQUIRE(d.Apply());
  d.db.RunScript("TRUNCATE membridge.webhooks, membridge.tokens");  // the database was lost
  d.options.choices.adopt = true;
  REQUIRE(d.Apply());
  const auto listed = d.Listed();
  REQUIRE(listed.size() == 1);
  CHECK(d.StateOf(d.TokenIn(listed[0])) == "permanent");
  CHECK_FALSE(d.Apply()->Changes());
}

TEST_CASE("removing takes our webhooks away and their tokens out of use", "[webhooks][pg][sim]") {
  Deployment d;
  REQUIRE(d.Apply());
  const Webhook before = d.Listed()[0];
  const auto removed = RemoveWebhooks(d.client, d.session, d.desired, d.options);
  REQUIRE(removed);
  CHECK(*removed == std::vector{before.webhook_id});
  CHECK(d.Listed().empty());
  CHECK(d.db.Count("membridge.webhooks") == 0);
  CHECK(d.StateOf(d.TokenIn(before)) == "expires");
  CHECK(RemoveWebhooks(d.client, d.session, d.desired, d.options)->empty());
}

}  // namespace membridge::admin
