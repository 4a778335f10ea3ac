// Clients nobody knows: what they may hold, and who goes first when places run out. Over real sockets.
#include <fmt/format.h>

#include "receiver/http/address_places.hpp"
#include "receiver/http/server.hpp"
#include "tests/receiver/http/echo_server.hpp"
#include "tests/support/catch.hpp"

using namespace membridge::test;
using namespace membridge::receiver::http;
using namespace std::chrono_literals;

namespace {

/// A server that answers bodies. By the target, before the body is in: `/known` knows its sender, `/refused` refuses, `/broken`
/// throws, everything else is a stranger's.
class Guarded {
 public:
  explicit Guarded(Limits limits, std::function<bool(const std::string&)> is_exempt = {})
      : server("127.0.0.1:0", limits,
               Hooks{.handler = [](Request&& request, const Reply& reply) { reply.Send({.body = std::move(request.body)}); },
                     .head_check = [](const Request& head) -> HeadVerdict {
                       if (head.target == "/refused") return {.refusal = Refusal(401, "unauthorized", "no")};
                       if (head.target == "/broken") throw std::runtime_error("broken");
                       return {.proven = head.target == "/known"};
                     },
                     .is_exempt = std::move(is_exempt)}) {
    server.Start();
  }

  RawClient Connect() const { return RawClient{server.port()}; }
  /// A client whose header is in and whose body is not.
  RawClient Slow(const std::string& target, std::string_view part = "x") const {
    RawClient client = Connect();
    client.Send(fmt::format("POST {} HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n{}", target, part));
    return client;
  }
  bool Serves() const {
    RawClient client = Connect();
    return client.Send(Post("/known", "x")) && client.Receive().value().status == 200;
  }
  bool Open(std::size_t connections) const {
    return EchoServer::Eventually([&] { return server.Counted().connections == connections; });
  }

  Server server;
};

}  // namespace

TEST_CASE("a sender whom the header does not let in is refused before the body", "[R1][http]") {
  Guarded guarded{{}};
  RawClient client = guarded.Slow("/refused");
  const auto response = client.Receive();
  REQUIRE(response);
  CHECK(response->status == 401);
  CHECK(response->headers.at("connection") == "close");
  CHECK(client.ReceiveAll().empty());
  CHECK(guarded.server.Counted().malformed == 0);
  CHECK(guarded.server.Counted().requests == 0);

  RawClient expecting = guarded.Connect();
  expecting.Send("POST /refused HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
  CHECK(expecting.Receive()->status == 401);  // and no 100 before it

  RawClient broken = guarded.Slow("/broken");
  CHECK(broken.Receive()->status == 500);
  CHECK(guarded.Serves());
}

TEST_CASE("a refusal by the header waits for the answers before it", "[R1][http]") {
  Guarded guarded{{}};
  RawClient client = guarded.Connect();
  REQUIRE(client.Send(Post("/known", "first") + "POST /refused HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nx"));
  CHECK(client.Receive()->body == "first");
  CHECK(client.Receive()->status == 401);
  CHECK(client.ReceiveAll().empty());
}

TEST_CASE("bodies of strangers have places and a memory of their own", "[R1][http]") {
  Guarded guarded{Limits{.max_unproven_bodies = 2, .max_unproven_bytes = 40'000, .slow_after = 1h, .threads = 1}};
  RawClient known = guarded.Slow("/known", std::string(90'000, 'x'));
  RawClient first = guarded.Slow("/");
  RawClient second = guarded.Slow("/");
  REQUIRE(guarded.Open(3));
  RawClient third = guarded.Slow("/");
  // All have just begun: the last one is told to try again.
  const auto refused = third.Receive();
  REQUIRE(refused);
  CHECK(refused->status == 503);
  CHECK(refused->headers.at("retry-after") == "1");
  CHECK_FALSE(first.HasBytes());
  third.Close();
  // Bytes: the one that grows beyond the strangers' share ends.
  REQUIRE(second.Send(std::string(60'000, 'x')));
  CHECK(second.Receive()->status == 503);
  // The known sender is not of their number.
  REQUIRE(known.Send(std::string(10'000, 'x')));
  CHECK(known.Receive()->body.size() == 100'000);
  // A stranger who finishes is served.
  REQUIRE(first.Send(std::string(99'999, 'x').substr(0, 30'000)));
  CHECK_FALSE(first.HasBytes());
}

TEST_CASE("the slowest stranger makes room for the next", "[R1][http]") {
  Guarded guarded{Limits{.max_unproven_bodies = 2, .unproven_body_timeout = 1h, .slow_after = 0ms, .threads = 1}};
  RawClient first = guarded.Slow("/");
  RawClient second = guarded.Slow("/");
  REQUIRE(guarded.Open(2));
  RawClient third = guarded.Connect();
  third.Send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nx");
  const auto told = first.Receive();
  REQUIRE(told);
  CHECK(told->status == 503);
  REQUIRE(third.Send("y"));
  CHECK(third.Receive()->body == "xy");
  CHECK_FALSE(second.HasBytes());
}

TEST_CASE("when places run out slow bodies go first and connections between requests last", "[R1][http]") {
  Guarded guarded{Limits{.max_connections = 4, .slow_after = 0ms, .threads = 1}};
  RawClient proxy = guarded.Connect();
  REQUIRE(proxy.Send(Post("/known", "x")));
  REQUIRE(proxy.Receive()->body == "x");
  RawClient stranger = guarded.Slow("/");
  RawClient known = guarded.Slow("/known");
  RawClient header = guarded.Connect();
  header.Send("POST /kn");
  REQUIRE(guarded.Open(4));
  RawClient one = guarded.Connect();
  CHECK(stranger.Closed());
  RawClient two = guarded.Connect();
  CHECK(known.Closed());
  RawClient three = guarded.Connect();
  CHECK(header.Closed());
  // The proxy's connection is still good.
  REQUIRE(proxy.Send(Post("/known", "y")));
  CHECK(proxy.Receive()->body == "y");
  CHECK(guarded.server.Counted().shed == 3);
}

TEST_CASE("who comes without a request does not push out a sender at work", "[R1][http]") {
  // Nobody is slow yet.
  Guarded guarded{Limits{.max_connections = 4, .slow_after = 1h, .threads = 1}};
  RawClient silent = guarded.Connect();
  REQUIRE(guarded.Open(1));
  RawClient header = guarded.Connect();
  header.Send("POST /kn");
  REQUIRE(guarded.Open(2));
  RawClient sender = guarded.Connect();
  const auto works = [&] { return sender.Send(Post("/known", "x")) && sender.Receive().value().body == "x"; };
  REQUIRE(works());
  std::vector<RawClient> crowd;
  for (std::size_t i = 0; i < 20; ++i) {
    crowd.push_back(guarded.Connect());
    // The newcomer is in before the sender speaks again.
    REQUIRE(
        EchoServer::Eventually([&] { return guarded.server.Counted().shed == i && guarded.server.Counted().connections == 4; }));
    REQUIRE(works());
  }
  CHECK(silent.Closed());
  CHECK(header.Closed());
}

TEST_CASE("connections that stay after their answer give their place to others", "[R1][http]") {
  Guarded guarded{Limits{.max_connections = 8, .slow_after = 0ms, .linger_timeout = 1h, .threads = 1}};
  std::vector<RawClient> refused;
  for (int i = 0; i < 8; ++i) refused.push_back(guarded.Slow("/refused"));
  for (RawClient& each : refused) CHECK(each.Receive()->status == 401);
  REQUIRE(guarded.Open(8));
  CHECK(guarded.Serves());
}

TEST_CASE("connections of one address are bounded", "[R1][http]") {
  Guarded guarded{Limits{.max_per_address = 3}, [](const std::string&) { return false; }};
  std::vector<RawClient> clients;
  for (int i = 0; i < 3; ++i) clients.push_back(guarded.Connect());
  REQUIRE(guarded.Open(3));
  RawClient fourth = guarded.Connect();
  const auto told = fourth.Receive();
  REQUIRE(told);
  CHECK(told->status == 503);
  CHECK(told->body.find("from this address") != std::string::npos);
  CHECK(guarded.server.Counted().address_full == 1);
  // A place that is given back can be taken again.
  clients.pop_back();
  REQUIRE(guarded.Open(2));
  CHECK(guarded.Serves());
}

TEST_CASE("loopback is exempt from the bound unless the owner says otherwise", "[R1][http]") {
  Guarded guarded{Limits{.max_per_address = 1}};
  std::vector<RawClient> clients;
  for (int i = 0; i < 10; ++i) clients.push_back(guarded.Connect());
  REQUIRE(guarded.Open(10));
  CHECK(guarded.Serves());
  CHECK(guarded.server.Counted().address_full == 0);
}

TEST_CASE("IPv4 clients are counted by address and IPv6 clients by network", "[R1][http]") {
  AddressPlaces places{1};
  auto first = places.Take("192.0.2.7");
  REQUIRE(first);
  CHECK_FALSE(places.Take("192.0.2.7"));
  CHECK(places.Take("192.0.2.8"));
  first.reset();
  CHECK(places.Take("192.0.2.7"));
  const auto v6 = places.Take("2001:db8::7");
  REQUIRE(v6);
  CHECK_FALSE(places.Take("2001:db8::ffff:1"));
  CHECK(places.Take("2001:db8:0:1::7"));
  AddressPlaces unbounded{0};
  const auto one = unbounded.Take("192.0.2.7");
  CHECK(unbounded.Take("192.0.2.7"));
  CHECK(IsLoopback("127.0.0.1"));
  CHECK(IsLoopback("::1"));
  CHECK_FALSE(IsLoopback("10.0.0.1"));
}
