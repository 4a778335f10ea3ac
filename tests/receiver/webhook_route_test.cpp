// The receiver's contract, over real sockets and with everything real but the store.
#include "receiver/webhook_route.hpp"

#include <fmt/format.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <nlohmann/json.hpp>

#include "receiver/http/server.hpp"
#include "receiver/verify/standard_webhooks.hpp"
#include "receiver/verify/token_verifier.hpp"
#include "tests/receiver/http/echo_server.hpp"
#include "tests/receiver/receiver.hpp"
#include "tests/receiver/verify/verifying.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/eventually.hpp"

using namespace membridge;
using namespace membridge::receiver;
using namespace membridge::test;

TEST_CASE("a delivery is stored whole, and then acknowledged with its id", "[webhook]") {
  Receiver receiver;
  const RawResponse response =
      receiver.Ask(Post(kUrl, kAdd, "Authorization: Basic c2VjcmV0\r\nX-Forwarded-Uri: " + kUrl + "\r\nUser-Agent: mem0\r\n"));
  CHECK(response.status == 200);
  const auto stored = receiver.inbox.Stored();
  REQUIRE(stored.size() == 1);
  CHECK(response.body == R"({"status":"accepted","delivery":")" + stored[0].id.Text() + R"("})");
  CHECK(stored[0].project == ProjectId{"crm"});
  CHECK(stored[0].received_at == receiver.clock.now);
  CHECK(stored[0].body == kAdd);
  CHECK(stored[0].source_address == "127.0.0.1");
  CHECK(stored[0].verdict == "add");
  CHECK(stored[0].token_id == "t-1");
  CHECK(stored[0].memories == std::vector{MemoryId{"m-1"}});
  CHECK(stored[0].headers.at("user-agent") == "mem0");
  CHECK(stored[0].headers.dump().find("opensesame") == std::string::npos);
  CHECK(stored[0].headers.dump().find("c2VjcmV0") == std::string::npos);
  CHECK(receiver.Metrics().find(R"(membridge_deliveries_total{project="crm",verdict="add"} 1)") != std::string::npos);
}

TEST_CASE("what cannot be interpreted is stored and acknowledged all the same", "[webhook]") {
  Receiver receiver;
  const auto [body, memories] = GENERATE(table<std::string, std::size_t>({
      {R"({"event":"ingest_job_completed","job":"j"})", 0},
      {R"({"event_details":{"id":"../etc","event":"ADD"}})", 0},
      {R"([{"id":"m-1","event":"ADD"},{"id":"m-2","event":"DELETE"}])", 2},
      {std::string(100'000, '[') + std::string(100'000, ']'), 0},
      {"null", 0},
  }));
  CHECK(receiver.Ask(Post(kUrl, body)).status == 200);
  REQUIRE(receiver.inbox.Stored().size() == 1);
  CHECK(receiver.inbox.Stored()[0].body == body);
  CHECK(receiver.inbox.Stored()[0].memories.size() == memories);
}

TEST_CASE("whoever is not let in learns nothing and leaves nothing", "[webhook]") {
  Receiver receiver;
  const std::string target = GENERATE(as<std::string>{}, "/webhooks/crm/wrong", "/webhooks/nowhere/" + kToken, "/webhooks/crm",
                                      "/webhooks/nowhere", "/webhooks/shut/" + kToken, "/webhooks/crm/" + kToken + "x",
                                      "/webhooks/CRM/" + kToken, "/webhooks/crm%20/" + kToken);
  const std::string body = GENERATE(as<std::string>{}, kAdd, "not json at all", "");
  CAPTURE(target, body);
  const RawResponse response = receiver.Ask(Post(target, body));
  CHECK(response.status == 401);
  CHECK(response.body == R"({"code":"unauthorized","message":"the credential is missing or wrong","hint":""})");
  CHECK(receiver.inbox.BatchSizes().empty());
  CHECK(receiver.Metrics().find(R"(membridge_delivery_refusals_total{reason="credential"} 1)") != std::string::npos);
}

TEST_CASE("what is refused before anybody is asked who sent it is counted by reason", "[webhook]") {
  Receiver receiver;
  const auto [request, status, reason] = GENERATE(table<std::string, int, std::string>({
      {"POST " + kUrl + " HTTP/1.1\r\nHost: a\r\nContent-Length: 1048577\r\n\r\n", 413, "too_large"},
      {"POST " + kUrl + " HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n100001\r\n", 413, "too_large"},
      {Post(kUrl, kAdd, "X-Long: " + std::string(20'000, 'x') + "\r\n"), 431, "header_too_large"},
      {"POST " + kUrl + " HTTP/1.1\r\n\r\n", 400, "malformed"},
      {Post("/webhook/crm", kAdd), 404, "no_such_path"},
      {"GET " + kUrl + " HTTP/1.1\r\nHost: a\r\n\r\n", 405, "wrong_method"},
  }));
  CAPTURE(reason);
  CHECK(receiver.Metrics().find("reason=\"" + reason + "\"} 1") == std::string::npos);
  CHECK(receiver.Ask(request).status == status);
  const std::string counted = "membridge_delivery_refusals_total{reason=\"" + reason + "\"} 1";
  CHECK(Eventually([&] { return receiver.Metrics().find(counted) != std::string::npos; }));
  CHECK(receiver.inbox.Stored().empty());
}

TEST_CASE("a token may be percent-encoded, and expires", "[webhook]") {
  Receiver receiver;
  CHECK(receiver.Ask(Post("/webhooks/cr%6d/%6Fpensesame-opensesame-opensesame-opensesame", kAdd)).status == 200);
  receiver.tokens->Replace(TokenSet{{{"t-1", ProjectId{"crm"}, HashToken(kToken), std::nullopt, receiver.clock.now},
                                     {"t-2", ProjectId{"crm"}, HashToken("new"), std::nullopt, std::nullopt}}});
  CHECK(receiver.Ask(Post(kUrl, kAdd)).status == 401);
  CHECK(receiver.Ask(Post("/webhooks/crm/new", kAdd)).status == 200);
  CHECK(receiver.inbox.Stored().back().token_id == "t-2");
}

TEST_CASE("a project without verification takes deliveries with and without a token in the URL", "[webhook]") {
  Receiver receiver;
  CHECK(receiver.Ask(Post("/webhooks/open", kAdd)).status == 200);
  CHECK(receiver.Ask(Post("/webhooks/open/anything", kAdd)).status == 200);
  CHECK(receiver.inbox.Stored().size() == 2);
}

TEST_CASE("a replay is answered as accepted before and stored no second time, and a forgery uses up no id", "[webhook][replay]") {
  Receiver receiver;
  const std::string secret = "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
  receiver.verification.Replace(Verification{{{ProjectId{"crm"}, {*MakeStandardWebhooks({secret})}}}});
  const std::string time =
      std::to_string(std::chrono::duration_cast<std::chrono::seconds>(receiver.clock.now.time_since_epoch()).count());
  const auto post = [&](const std::string& id, const std::string& signature) {
    return receiver.Ask(
        Post("/webhooks/crm", kAdd,
             fmt::format("webhook-id: {}\r\nwebhook-timestamp: {}\r\nwebhook-signature: {}\r\n", id, time, signature)));
  };
  const std::string signature = SignedWith(DecodeBase64(secret).value(), "msg_1", time, kAdd);
  CHECK(post("msg_1", "v1,AAAA").status == 401);  // verified first, so the id is still free
  CHECK(nlohmann::json::parse(post("msg_1", signature).body)["status"] == "accepted");
  const auto again = post("msg_1", signature);
  CHECK(again.status == 200);
  CHECK(again.body == R"({"status":"accepted_before"})");
  CHECK(receiver.inbox.Stored().size() == 1);
  CHECK(receiver.Metrics().find("membridge_delivery_refusals_total{reason=\"replay\"} 1") != std::string::npos);
}

TEST_CASE("what is not JSON, too large or not a POST is refused and not stored", "[webhook]") {
  Receiver receiver;
  const auto [bytes, status] = GENERATE(table<std::string, int>({
      {Post(kUrl, ""), 400},
      {Post(kUrl, "{"), 400},
      {Post(kUrl, "\"\xff\""), 400},
      {Post(kUrl, std::string(100'000, '[')), 400},
      {Post(kUrl, std::string(2 << 20, ' ')), 413},
      {"POST " + kUrl + " HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {Get(kUrl), 405},
      {"PUT " + kUrl + " HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}", 405},
      {Post(kUrl + "/more", kAdd), 404},
      {Post("/webhooks", kAdd), 404},
      {Post("/webhooks/", kAdd), 404},
      {Post("/", kAdd), 404},
  }));
  CAPTURE(bytes.substr(0, 100), status);
  const RawResponse response = receiver.Ask(bytes);
  CHECK(response.status == status);
  CHECK(response.headers.count("allow") == (status == 405 ? 1 : 0));
  CHECK(nlohmann::json::parse(response.body).contains("hint"));
  CHECK(receiver.inbox.BatchSizes().empty());
}

TEST_CASE("when the store is away or the queue full the sender is asked to try again", "[webhook]") {
  Receiver receiver{{}, {.max_queued = 1}};
  receiver.inbox.Script([](const auto&) -> Result<void> { return Fail(ErrorCode::kUnavailable, "away"); });
  const RawResponse away = receiver.Ask(Post(kUrl, kAdd));
  CHECK(away.status == 503);
  CHECK(away.headers.at("retry-after") == "1");
  receiver.inbox.Script(nullptr);
  receiver.inbox.Shut();
  RawClient waiting{receiver.server.port()};
  REQUIRE(EchoServer::Eventually([&] { return receiver.committer.Queued() == 0; }));
  REQUIRE(waiting.Send(Post(kUrl, kAdd)));
  REQUIRE(EchoServer::Eventually([&] { return receiver.committer.Queued() == 1; }));
  const RawResponse full = receiver.Ask(Post(kUrl, kAdd));
  CHECK(full.status == 503);
  CHECK(full.headers.at("retry-after") == "1");
  receiver.inbox.Open();
  CHECK(waiting.Receive()->status == 200);
  CHECK(receiver.inbox.Stored().size() == 1);
}

TEST_CASE("stopping answers every delivery that was taken", "[webhook]") {
  Receiver receiver;
  receiver.inbox.Shut();
  std::vector<RawClient> clients;
  for (int i = 0; i < 50; ++i) {
    clients.emplace_back(receiver.server.port());
    REQUIRE(clients.back().Send(Post(kUrl, fmt::format(R"({{"id":"m-{}","event":"ADD"}})", i))));
  }
  REQUIRE(EchoServer::Eventually([&] { return receiver.committer.Queued() == 50; }));
  std::thread stopping{[&] { receiver.server.Stop(kDeadline); }};
  receiver.inbox.Open();
  for (RawClient& client : clients) CHECK(client.Receive()->status == 200);
  clients.clear();
  stopping.join();
  CHECK(receiver.inbox.Stored().size() == 50);
}

TEST_CASE("slashes too many or at the end lead to the same place", "[R2][webhook]") {
  Receiver receiver;
  const std::string target =
      GENERATE(as<std::string>{}, kUrl + "/", "/" + kUrl, "/webhooks/crm//" + kToken, "/webhooks//crm/" + kToken,
               "///webhooks///crm///" + kToken + "///", kUrl + "/?x=y", "http://bridge.example.com//webhooks/crm/" + kToken + "/",
               "//webhooks/open", "/webhooks/open/", "/webhooks//open//");
  CAPTURE(target);
  CHECK(receiver.Ask(Post(target, kAdd, "X-Forwarded-Uri: " + target + "\r\n")).status == 200);
  REQUIRE(receiver.inbox.Stored().size() == 1);
  CHECK(receiver.inbox.Stored()[0].headers.dump().find("opensesame") == std::string::npos);
}

TEST_CASE("an encoded token followed by a slash is redacted as it was sent", "[R2][webhook]") {
  Receiver receiver;
  const std::string sent = "%6Fpensesame-opensesame-opensesame-opensesame";
  CHECK(receiver.Ask(Post("/webhooks/crm/" + sent + "//", kAdd, "X-Original: /webhooks/crm/" + sent + "\r\n")).status == 200);
  CHECK(receiver.inbox.Stored().at(0).headers.dump().find("pensesame") == std::string::npos);
}

TEST_CASE("a path below /webhooks that is no delivery's is counted", "[R2][webhook]") {
  Receiver receiver;
  const std::string target = GENERATE(as<std::string>{}, kUrl + "/more", "/webhooks/", "//webhooks//", "/webhooks/a/b/c/d");
  CAPTURE(target);
  CHECK(receiver.Ask(Post(target, kAdd)).status == 404);
  CHECK(receiver.Metrics().find(R"(membridge_delivery_refusals_total{reason="no_such_path"} 1)") != std::string::npos);
}

TEST_CASE("a stranger's slow body costs a refusal and no place", "[R1][webhook]") {
  Receiver receiver;
  const auto [target, status, reason] = GENERATE(table<std::string, int, std::string>({
      {"/webhooks/crm/wrong", 401, "credential"},
      {"/webhooks/crm", 401, "credential"},
      {"/webhooks/nowhere/" + kToken, 401, "credential"},
      {"/webhooks/shut/x", 401, "credential"},
      {"/elsewhere", 404, "no_such_path"},
      {kUrl + "/more", 404, "no_such_path"},
  }));
  CAPTURE(target);
  RawClient client{receiver.server.port()};
  client.Send("POST " + target + " HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n");
  const auto response = client.Receive();
  REQUIRE(response);
  CHECK(response->status == status);
  CHECK(client.ReceiveAll().empty());
  CHECK(receiver.Metrics().find("membridge_delivery_refusals_total{reason=\"" + reason + "\"} 1") != std::string::npos);
  CHECK(receiver.Metrics().find("reason=\"malformed\"} 1") == std::string::npos);
  // Who may come is waited for.
  RawClient known{receiver.server.port()};
  const std::string request = Post(kUrl, kAdd);
  REQUIRE(known.Send(request.substr(0, request.size() - 5)));
  REQUIRE(known.Send(request.substr(request.size() - 5)));
  CHECK(known.Receive()->status == 200);
}

TEST_CASE("a flood of strangers that send a header and nothing else keeps no delivery out", "[R1][webhook]") {
  Receiver receiver{{.max_connections = 16, .linger_timeout = std::chrono::hours{1}, .threads = 2}};
  const std::string url = GENERATE(as<std::string>{}, "/webhooks/crm/wrong", "/webhooks/shut", "/elsewhere");
  CAPTURE(url);
  std::vector<RawClient> strangers;
  for (int round = 0; round < 20; ++round) {
    for (int i = 0; i < 16; ++i) {
      strangers.emplace_back(receiver.server.port());
      strangers.back().Send("POST " + url + " HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n");
    }
    CHECK(receiver.Ask(Post(kUrl, kAdd)).status == 200);
  }
  CHECK(receiver.inbox.Stored().size() == 20);
  CHECK(receiver.server.Counted().connections <= 16);
}

TEST_CASE("a scheme that signs the body refuses after it, and by the header where no body can help", "[R1][webhook]") {
  Receiver receiver;
  const std::string secret = "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
  receiver.verification.Replace(Verification{{{ProjectId{"crm"}, {*MakeStandardWebhooks({secret})}}}});
  const auto headers = [&](std::chrono::seconds age, const std::string& signature) {
    const auto now = std::chrono::duration_cast<std::chrono::seconds>(receiver.clock.now.time_since_epoch());
    return fmt::format("webhook-id: m\r\nwebhook-timestamp: {}\r\nwebhook-signature: {}\r\n", (now - age).count(), signature);
  };
  const auto begin = [&](const std::string& extra) {
    RawClient client{receiver.server.port()};
    REQUIRE(client.Send(fmt::format("POST /webhooks/crm HTTP/1.1\r\nHost: a\r\n{}Content-Length: 2\r\n\r\n{{", extra)));
    return client;
  };
  RawClient missing = begin("");
  CHECK(missing.Receive()->status == 401);
  RawClient old = begin(headers(std::chrono::minutes{6}, "v1,AAAA"));
  CHECK(old.Receive()->status == 401);
  // Only the body can tell.
  RawClient forged = begin(headers(std::chrono::seconds{0}, "v1,AAAA"));
  REQUIRE(forged.Send("}"));
  CHECK(forged.Receive()->status == 401);
  const std::string time =
      std::to_string(std::chrono::duration_cast<std::chrono::seconds>(receiver.clock.now.time_since_epoch()).count());
  RawClient right = begin(headers(std::chrono::seconds{0}, SignedWith(DecodeBase64(secret).value(), "m", time, "{}")));
  REQUIRE(right.Send("}"));
  CHECK(right.Receive()->status == 200);
}
