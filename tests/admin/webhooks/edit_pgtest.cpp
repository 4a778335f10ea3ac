#include "admin/webhooks/edit.hpp"
#include "tests/admin/deployment.hpp"
#include "tests/support/catch.hpp"

namespace membridge::admin {
namespace {

const WebhookWish kElsewhere{"audit", "https://audit.example.com/in?key=s3cret-s3cret", {{"memory_add"}}};

}  // namespace

TEST_CASE("webhooks that lead elsewhere are created, changed and deleted, and their addresses not shown", "[webhooks][pg][sim]") {
  Deployment d;
  FieldProblems problems;
  const auto made = CreateWebhook(d.client, d.session, d.desired, kElsewhere, problems, d.options);
  REQUIRE(made);
  CHECK(made->ownership == Ownership::kForeign);
  CHECK(made->url == "https://audit.example.com/***");
  REQUIRE(d.Listed().size() == 1);
  CHECK(d.Listed()[0].url == *kElsewhere.url);
  CHECK(d.db.Count("membridge.webhooks") == 0);

  const auto changed =
      ChangeWebhook(d.client, d.session, d.desired, made->webhook_id, {{}, {}, {{"memory_delete"}}}, problems, d.options);
  REQUIRE(changed);
  CHECK(changed->events == std::vector<std::string>{"memory_delete"});
  CHECK(d.Listed()[0].url == *kElsewhere.url);  // what was not named stays
  CHECK(d.Listed()[0].name == "audit");

  const auto deleted = DeleteWebhook(d.client, d.session, d.desired, made->webhook_id, d.options);
  REQUIRE(deleted);
  CHECK(deleted->webhook_id == made->webhook_id);
  CHECK(d.Listed().empty());
  CHECK(DeleteWebhook(d.client, d.session, d.desired, made->webhook_id, d.options).error().code == ErrorCode::kNotFound);
}

TEST_CASE("the bridge's own webhook is not edited by hand", "[webhooks][pg][sim]") {
  Deployment d;
  REQUIRE(d.Apply());
  const Webhook ours = d.Listed()[0];
  FieldProblems problems;
  const auto changed = ChangeWebhook(d.client, d.session, d.desired, ours.webhook_id, kElsewhere, problems, d.options);
  CHECK(changed.error().code == ErrorCode::kRefused);
  CHECK(DeleteWebhook(d.client, d.session, d.desired, ours.webhook_id, d.options).error().code == ErrorCode::kRefused);
  CHECK(d.Listed()[0].url == ours.url);
  // Nor is a second one made that leads here: nobody would know its token.
  const auto second =
      CreateWebhook(d.client, d.session, d.desired, {"x", kPrefix + "abc", {{"memory_add"}}}, problems, d.options);
  CHECK(second.error().code == ErrorCode::kRefused);
  CHECK(problems.at("url") == "leads to this bridge; membridge webhooks apply registers that one");
  CHECK(d.Listed().size() == 1);
}

TEST_CASE("what is wrong with a field is said at the field, by us or in Mem0's words", "[webhooks][pg][sim]") {
  Deployment d;
  FieldProblems problems;
  CHECK_FALSE(CreateWebhook(d.client, d.session, d.desired, {}, problems, d.options));
  CHECK(problems == FieldProblems{{"name", "is required"}, {"url", "is required"}, {"events", "is required"}});
  CHECK_FALSE(CreateWebhook(d.client, d.session, d.desired, {"", "ftp://x", {{"memory_evaporated"}}}, problems, d.options));
  CHECK(problems.at("name") == "must have 1 to 200 bytes");
  CHECK(problems.at("url") == "must be an http or https address with a host");
  CHECK(problems.at("events").starts_with("no event \"memory_evaporated\"; there are memory_add, "));
  CHECK(d.mem0.Calls() == 0);

  d.mem0.SetFaults({{"next",
                     {{{"endpoint", "webhooks.create"},
                       {"status", 400},
                       {"body", R"({"url":["Enter a valid URL."],"event_types":["\"x\" is not a valid choice."]})"}}}}});
  const auto refused = CreateWebhook(d.client, d.session, d.desired, kElsewhere, problems, d.options);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == ErrorCode::kRefused);
  CHECK(problems.at("url") == "Enter a valid URL.");
  CHECK(problems.contains("events"));
}

TEST_CASE("a webhook whose creation was not answered is made once", "[webhooks][pg][sim]") {
  Deployment d;
  FieldProblems problems;
  const bool performed = GENERATE(true, false);
  CAPTURE(performed);
  d.mem0.SetFaults(
      {{"next", {{{"endpoint", "webhooks.create"}, {"status", 502}, {"body", "<html>"}, {"performed", performed}}}}});
  const auto made = CreateWebhook(d.client, d.session, d.desired, kElsewhere, problems, d.options);
  REQUIRE(made);
  REQUIRE(d.Listed().size() == 1);
  CHECK(d.Listed()[0].webhook_id == made->webhook_id);
}

TEST_CASE("an overlap longer than a day is kept", "[webhooks][pg][sim]") {
  Deployment d;
  REQUIRE(d.Apply());
  d.options.overlap = 7 * 24h;
  const auto rotation = RotateToken(d.client, d.session, d.desired, d.options);
  REQUIRE(rotation);
  CHECK(d.db.Value("SELECT expires_at > clock_timestamp() + interval '6 days' FROM membridge.tokens WHERE id::text = $1",
                   {rotation->old_token}) == "t");
}

}  // namespace membridge::admin
