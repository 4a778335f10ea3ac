#include <algorithm>

#include "admin/webhooks/webhooks.hpp"
#include "receiver/verify/token.hpp"
#include "tests/support/catch.hpp"

namespace membridge::admin {
namespace {

using namespace std::chrono_literals;
using sync::Token;
using sync::mem0::Webhook;

const Instant kNow = *ParseRfc3339("2026-08-01T12:00:00Z");
const std::vector<std::string> kEvents{"memory_add", "memory_update"};
const DesiredWebhook kDesired{ProjectId{"crm"}, "membridge-crm", "https://bridge.example.com/", kEvents};
const std::string kPrefix = "https://bridge.example.com/webhooks/crm/";

// Texts of tokens: what Mem0 lists. The books only hold their hashes.
const std::string kTokenA = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
const std::string kTokenB = "BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB";
const std::string kStrange = "ZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZ";

Token TokenOf(const std::string& text, std::chrono::minutes age, std::optional<std::chrono::minutes> expires_in = std::nullopt) {
  Token token{"token-" + text.substr(0, 1), ProjectId{"crm"}, receiver::HashToken(text), kNow - age, std::nullopt, std::nullopt};
  if (expires_in) token.expires_at = kNow + *expires_in;
  return token;
}

Webhook At(const std::string& url, const std::string& id = "wh_1") {
  return {id, "membridge-crm", url, kEvents, true};
}

/// One permanent token, and the webhook in the books.
WebhookBooks Books() {
  return {{{"wh_1", kNow - 240h}}, {TokenOf(kTokenA, 240h)}, kNow};
}
WebhookBooks NoBooks() {
  return {{}, {}, kNow};
}

std::vector<std::string> StepsOf(const WebhookPlan& plan) {
  std::vector<std::string> lines;
  for (const WebhookStep& step : plan.steps) lines.push_back(Describe(step));
  return lines;
}

using Lines = std::vector<std::string>;

}  // namespace

TEST_CASE("a project without a webhook gets one", "[webhooks]") {
  const WebhookPlan plan = PlanWebhooks({}, NoBooks(), kDesired);
  CHECK(StepsOf(plan) ==
        Lines{"create membridge-crm https://bridge.example.com/webhooks/crm/*** (Mem0 has no webhook of this bridge)"});
  CHECK(plan.Changes());
}

TEST_CASE("a webhook that is as desired is kept", "[webhooks]") {
  const WebhookPlan plan = PlanWebhooks({At(kPrefix + kTokenA)}, Books(), kDesired);
  CHECK(StepsOf(plan) == Lines{"keep wh_1 membridge-crm https://bridge.example.com/webhooks/crm/***"});
  CHECK_FALSE(plan.Changes());
}

TEST_CASE("events are compared whatever their order and whichever of Mem0's spellings they have", "[webhooks]") {
  Webhook webhook = At(kPrefix + kTokenA);
  webhook.event_types = {"memory:update", "MEMORY_ADD"};
  CHECK_FALSE(PlanWebhooks({webhook}, Books(), kDesired).Changes());
}

TEST_CASE("what drifted is repaired and named", "[webhooks]") {
  Webhook webhook = At(kPrefix + kTokenA);
  WebhookBooks books = Books();
  Lines expected;
  const std::string keep_url = "update wh_1 membridge-crm https://bridge.example.com/webhooks/crm/***: ";
  SECTION("events") {
    webhook.event_types = {"memory_add"};
    expected = {keep_url + "events"};
  }
  SECTION("more events than desired") {
    webhook.event_types.push_back("memory_delete");
    expected = {keep_url + "events"};
  }
  SECTION("name") {
    webhook.name = "old\nname";
    expected = {"update wh_1 old name https://bridge.example.com/webhooks/crm/***: name"};
  }
  SECTION("another host") {
    webhook.url = "https://other.example/webhooks/crm/" + kTokenA;
    expected = {"update wh_1 membridge-crm https://other.example/***: url (its address leads elsewhere)"};
  }
  SECTION("another project of the bridge") {
    webhook.url = "https://bridge.example.com/webhooks/shop/" + kTokenA;
    expected = {"update wh_1 membridge-crm https://bridge.example.com/***: url (its address leads elsewhere)"};
  }
  SECTION("more path between") {
    webhook.url = kPrefix + "x/" + kTokenA;
    expected = {keep_url + "url (its token expires)"};
  }
  SECTION("a token that is not known") {
    webhook.url = kPrefix + kStrange;
    expected = {keep_url + "url (its token is not known here)"};
  }
  SECTION("no token at all") {
    webhook.url = kPrefix;
    expected = {keep_url + "url (its token is not known here)"};
  }
  SECTION("a query after the token") {
    webhook.url = kPrefix + kTokenA + "?x=1";
    expected = {keep_url + "url (its token is not known here)"};
  }
  SECTION("a token that expired") {
    books.tokens = {TokenOf(kTokenA, 48h, -1min)};
    expected = {keep_url + "url (its token expires)"};
  }
  SECTION("a token that a rotation began to retire before it was cut off") {
    books.tokens = {TokenOf(kTokenA, 48h, 60min), TokenOf(kTokenB, 5min, 1435min)};
    expected = {keep_url + "url (its token expires)"};
  }
  SECTION("everything at once") {
    webhook = {"wh_1", "x", "https://elsewhere.example/", {}, true};
    expected = {"update wh_1 x https://elsewhere.example/***: name, url, events (its address leads elsewhere)"};
  }
  const WebhookPlan plan = PlanWebhooks({webhook}, books, kDesired, {.take_over = true});
  CHECK(StepsOf(plan) == expected);
  CHECK(plan.Changes());
  CHECK(StandingOf(plan, true).trouble == WebhookTrouble::kNone);
}

TEST_CASE("a webhook of ours that leads elsewhere is left alone until it is taken over", "[webhooks][M6]") {
  const Webhook webhook = At("https://other.example/webhooks/crm/" + kTokenA);
  WebhookBooks books = Books();
  const bool in_books = GENERATE(true, false);  // a copy that lost the row still has the token
  if (!in_books) books.webhooks.clear();
  const WebhookPlan plan = PlanWebhooks({webhook}, books, kDesired);
  REQUIRE(plan.steps.size() == 1);
  CHECK(plan.steps[0].kind == WebhookStep::Kind::kLeave);
  CHECK_FALSE(plan.Changes());
  CHECK(StandingOf(plan, true).trouble == WebhookTrouble::kElsewhere);
  CHECK(StandingOf(plan, true).message.find("webhooks apply --take-over") != std::string::npos);
  CHECK(PlanWebhooks({webhook}, books, kDesired, {.take_over = true}).Changes());
}

TEST_CASE("a webhook that another state database registered is left alone until it is taken over", "[webhooks][M6]") {
  WebhookBooks books = Books();
  books.state = "2/16384";
  for (OwnedWebhook& owned : books.webhooks) owned.state = "1/16384";
  Webhook webhook = At(kPrefix + kTokenA);
  webhook.event_types = {"memory_add"};
  CHECK(PlanWebhooks({webhook}, books, kDesired).steps[0].kind == WebhookStep::Kind::kLeave);
  CHECK_FALSE(PlanWebhooks({webhook}, books, kDesired).Changes());
  CHECK(StepsOf(PlanWebhooks({webhook}, books, kDesired, {.take_over = true})) ==
        Lines{"record wh_1 membridge-crm https://bridge.example.com/webhooks/crm/*** (taken over from another state database)",
              "update wh_1 membridge-crm https://bridge.example.com/webhooks/crm/***: events"});
  for (OwnedWebhook& owned : books.webhooks) owned.state.clear();  // from before it was written down
  CHECK(StepsOf(PlanWebhooks({webhook}, books, kDesired)) ==
        Lines{"update wh_1 membridge-crm https://bridge.example.com/webhooks/crm/***: events"});
}

TEST_CASE("a webhook that is off, or not there, is trouble while nothing is done about it", "[webhooks][M6]") {
  Webhook webhook = At(kPrefix + kTokenA);
  webhook.is_active = false;
  CHECK(StandingOf(PlanWebhooks({webhook}, Books(), kDesired), true).trouble == WebhookTrouble::kOff);
  const WebhookPlan none = PlanWebhooks({}, {{}, {}, kNow}, kDesired);
  CHECK(StandingOf(none, false).trouble == WebhookTrouble::kOff);
  CHECK(StandingOf(none, true).trouble == WebhookTrouble::kNone);
}

TEST_CASE("a webhook that a crashed run made is known by its token and not made again", "[webhooks]") {
  const WebhookBooks books{{}, {TokenOf(kTokenA, 5min, 1435min)}, kNow};
  const WebhookPlan plan = PlanWebhooks({At(kPrefix + kTokenA)}, books, kDesired);
  CHECK(StepsOf(plan) ==
        Lines{"record wh_1 membridge-crm https://bridge.example.com/webhooks/crm/*** (made by us and not written down)",
              "keep wh_1 membridge-crm https://bridge.example.com/webhooks/crm/***"});
  CHECK(plan.Changes());
}

TEST_CASE("a rotation that was cut off after Mem0 took the new address is finished", "[webhooks]") {
  WebhookBooks books = Books();
  books.tokens = {TokenOf(kTokenB, 5min, 1435min), TokenOf(kTokenA, 240h, 1435min)};
  const WebhookPlan plan = PlanWebhooks({At(kPrefix + kTokenB)}, books, kDesired);
  CHECK(StepsOf(plan).front().starts_with("record wh_1"));
  CHECK(plan.steps.size() == 2);
}

TEST_CASE("a token of ours proves a webhook ours after the public address changed", "[webhooks]") {
  WebhookBooks books = Books();
  books.webhooks.clear();
  const WebhookPlan plan =
      PlanWebhooks({At("https://old.example/webhooks/crm/" + kTokenA)}, books, kDesired, {.take_over = true});
  CHECK(StepsOf(plan) == Lines{"record wh_1 membridge-crm https://old.example/*** (made by us and not written down)",
                               "update wh_1 membridge-crm https://old.example/***: url (its address leads elsewhere)"});
}

TEST_CASE("what is not ours is reported and left alone", "[webhooks]") {
  const std::string keep = "keep wh_1 membridge-crm https://bridge.example.com/webhooks/crm/***";
  Webhook other = At("https://other.example/hook?key=abc", "wh_2");
  std::string expected;
  SECTION("somebody else's") {
    other.name = "zapier";
    expected = "report wh_2 zapier https://other.example/*** (not ours)";
  }
  SECTION("our name, elsewhere") {
    expected = "report wh_2 membridge-crm https://other.example/*** (not this bridge's, though it has this bridge's name)";
  }
  SECTION("our address with a strange token") {
    other.url = kPrefix + kStrange;
    expected =
        "report wh_2 membridge-crm https://bridge.example.com/webhooks/crm/*** (leads here with a token that is not ours: "
        "another deployment has "
        "the same public_url, or the database was lost; its deliveries are refused)";
  }
  SECTION("no address at all") {
    other.url = "";
    expected = "report wh_2 membridge-crm *** (not this bridge's, though it has this bridge's name)";
  }
  const WebhookPlan plan = PlanWebhooks({other, At(kPrefix + kTokenA)}, Books(), kDesired);
  CHECK(StepsOf(plan) == Lines{keep, expected});
  CHECK_FALSE(plan.Changes());
}

TEST_CASE("a lookalike is taken over only on request, and only when it bears our name", "[webhooks]") {
  Webhook lookalike = At(kPrefix + kStrange);
  CHECK(PlanWebhooks({lookalike}, NoBooks(), kDesired).steps.front().kind == WebhookStep::Kind::kCreate);
  CHECK(StepsOf(PlanWebhooks({lookalike}, NoBooks(), kDesired, {.adopt = true})) ==
        Lines{"record wh_1 membridge-crm https://bridge.example.com/webhooks/crm/*** (taken over)",
              "update wh_1 membridge-crm https://bridge.example.com/webhooks/crm/***: url (its token is not known here)"});
  lookalike.name = "theirs";
  CHECK(PlanWebhooks({lookalike}, NoBooks(), kDesired, {.adopt = true}).steps.front().kind == WebhookStep::Kind::kCreate);
}

TEST_CASE("an inactive webhook is reported, and replaced only on request", "[webhooks]") {
  Webhook webhook = At(kPrefix + kTokenA);
  webhook.is_active = false;
  const WebhookPlan reported = PlanWebhooks({webhook}, Books(), kDesired);
  CHECK(StepsOf(reported) ==
        Lines{"report wh_1 membridge-crm https://bridge.example.com/webhooks/crm/*** (switched off at Mem0: nothing is "
              "delivered; switch it on there, or let it be replaced)"});
  CHECK_FALSE(reported.Changes());
  CHECK(StepsOf(PlanWebhooks({webhook}, Books(), kDesired, {.reactivate = true})) ==
        Lines{"replace wh_1 membridge-crm https://bridge.example.com/webhooks/crm/*** (Mem0 has switched it off, and only a new "
              "one is switched on)"});
}

TEST_CASE("of several webhooks of ours the one that needs least stays and the others go", "[webhooks]") {
  WebhookBooks books = Books();
  Webhook first = At(kPrefix + kTokenA, "wh_1");
  Webhook second = At(kPrefix + kTokenA, "wh_2");
  std::string kept = "wh_1";
  SECTION("the recorded one of two that are alike") {}
  SECTION("the active one") {
    first.is_active = false;
    kept = "wh_2";
  }
  SECTION("the one whose deliveries are let in") {
    first.url = kPrefix + kStrange;
    kept = "wh_2";
  }
  for (const auto& listed : {std::vector{first, second}, std::vector{second, first}}) {
    const WebhookPlan plan = PlanWebhooks(listed, books, kDesired);
    const auto removed =
        std::find_if(plan.steps.begin(), plan.steps.end(), [](const auto& s) { return s.kind == WebhookStep::Kind::kRemove; });
    REQUIRE(removed != plan.steps.end());
    CHECK(removed->webhook_id != kept);
    CHECK(removed->reason == "ours, but " + kept + " does the same");
    CHECK(std::count_if(plan.steps.begin(), plan.steps.end(),
                        [](const auto& s) { return s.kind == WebhookStep::Kind::kRemove; }) == 1);
  }
}

TEST_CASE("a webhook that somebody deleted at Mem0 is forgotten and made again", "[webhooks]") {
  CHECK(StepsOf(PlanWebhooks({}, Books(), kDesired)) ==
        Lines{"forget wh_1 (somebody deleted it at Mem0)",
              "create membridge-crm https://bridge.example.com/webhooks/crm/*** (Mem0 has no webhook of this bridge)"});
}

TEST_CASE("a webhook made moments ago is not made again because Mem0 does not list it yet", "[webhooks]") {
  WebhookBooks books = Books();
  books.webhooks[0].created_at = kNow - 1min;
  const WebhookPlan plan = PlanWebhooks({}, books, kDesired);
  CHECK(StepsOf(plan) ==
        Lines{"keep wh_1 membridge-crm https://bridge.example.com/webhooks/crm/*** (made moments ago, not listed yet)"});
  CHECK_FALSE(plan.Changes());
}

TEST_CASE("a view shows whose a webhook is and when its token was last used, and no token", "[webhooks]") {
  WebhookBooks books = Books();
  books.tokens[0].last_used = kNow - 1min;
  const auto views = ViewWebhooks(
      {At(kPrefix + kTokenA), At(kPrefix + kStrange, "wh_2"), At("https://x.example/" + kStrange, "wh_3")}, books, kDesired);
  REQUIRE(views.size() == 3);
  CHECK(views[0].ownership == Ownership::kOurs);
  CHECK(views[0].token->id == "token-A");
  CHECK(views[1].ownership == Ownership::kLookalike);
  CHECK(views[2].ownership == Ownership::kForeign);
  std::string all;
  for (const WebhookView& view : views) all += ToJson(view).dump();
  CHECK(all.find("AAAA") == std::string::npos);
  CHECK(all.find("ZZZZ") == std::string::npos);
  CHECK(all.find(books.tokens[0].hash) == std::string::npos);
  CHECK(ToJson(views[0])["token"]["last_used"] == "2026-08-01T11:59:00.000000Z");
}

TEST_CASE("no plan shows a token, whatever Mem0 lists", "[webhooks]") {
  const WebhookPlan plan =
      PlanWebhooks({At(kPrefix + kStrange), At(kPrefix + kTokenA, "wh_2"), At("https://u:" + kStrange + "@h/" + kStrange, "wh_3"),
                    At(kStrange, "wh_4"), At("https://h/?t=" + kStrange, "wh_5")},
                   Books(), kDesired, {.adopt = true, .reactivate = true});
  std::string all;
  for (const WebhookStep& step : plan.steps) all += Describe(step) + ToJson(step).dump();
  CHECK(all.find("AAAA") == std::string::npos);
  CHECK(all.find("ZZZZ") == std::string::npos);
}

}  // namespace membridge::admin
