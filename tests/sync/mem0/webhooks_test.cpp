#include "tests/support/catch.hpp"
#include "tests/sync/mem0/calling.hpp"

namespace membridge::sync::mem0 {

TEST_CASE("webhooks are listed, created, changed and deleted", "[mem0][sim]") {
  Mem0Sim mem0;
  Client client = ClientFor(mem0);
  const Webhook wanted{"", "membridge-crm", "https://b.example/webhooks/crm/SECRETSECRET", {"memory_add"}, true};
  const auto created = client.CreateWebhook(mem0.ProjectId(), wanted);
  REQUIRE(created);
  CHECK_FALSE(created->webhook_id.empty());
  Webhook changed = wanted;
  changed.event_types = {"memory_add", "memory_delete"};
  CHECK(client.UpdateWebhook(created->webhook_id, changed));
  const auto listed = client.ListWebhooks(mem0.ProjectId());
  REQUIRE(listed);
  REQUIRE(listed->size() == 1);
  CHECK(listed->front().url == wanted.url);
  CHECK(listed->front().event_types == changed.event_types);
  CHECK(listed->front().is_active);
  CHECK(client.DeleteWebhook(created->webhook_id));
  CHECK(client.DeleteWebhook(created->webhook_id).error().code == ErrorCode::kNotFound);
  CHECK(client.ListWebhooks("proj_other").error().code == ErrorCode::kUnauthorized);
}

TEST_CASE("an error about a webhook names the fields and never repeats the address", "[mem0][sim]") {
  Mem0Sim mem0;
  Client client = ClientFor(mem0);
  const Webhook wanted{"", "", "https://b.example/webhooks/crm/SECRETSECRET", {"memory_foo"}, true};
  const auto refused = client.CreateWebhook(mem0.ProjectId(), wanted);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == ErrorCode::kRefused);
  CHECK(client.LastFailure().fields.contains("event_types"));

  Script(
      mem0, 400,
      R"({"url":["https:\/\/b.example\/webhooks\/crm\/SECRETSECRET is taken","SECRETSECRET"],"name":["see https://b.example/x/OTHER"]})");
  const auto taken = client.UpdateWebhook("wh_1", wanted);
  REQUIRE_FALSE(taken);
  CHECK(taken.error().message ==
        "update_webhook: Mem0 answered 400: name: see https://b.example/***; url: https://b.example/*** is taken; ***");
  CHECK(client.LastFailure().fields.at("url") == "https://b.example/*** is taken; ***");
}

TEST_CASE("a list of webhooks that was not understood is not an empty one", "[mem0][sim]") {
  Mem0Sim mem0;
  Client client = ClientFor(mem0);
  const auto body = GENERATE(as<std::string>{}, "{}", "null", R"([{"name":"no id"}])",
                             R"([{"webhook_id":"wh_1","url":"\ud800"}])", R"({"results":[],"next":"?page=2"})", "");
  CAPTURE(body);
  Script(mem0, 200, body);
  CHECK(client.ListWebhooks(mem0.ProjectId()).error().code == ErrorCode::kUnavailable);
}

}  // namespace membridge::sync::mem0
