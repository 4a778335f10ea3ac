// Many clients, slow clients, clients that leave: nobody else may notice.
#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <future>
#include <random>

#include "tests/receiver/http/echo_server.hpp"
#include "tests/support/catch.hpp"

using namespace membridge::test;
using namespace std::chrono_literals;
using membridge::receiver::http::Limits;

namespace {

void CheckServes(EchoServer& echo) {
  RawClient honest = echo.Connect();
  const auto start = std::chrono::steady_clock::now();
  REQUIRE(honest.Send(Post("/echo", "honest")));
  REQUIRE(honest.Receive()->body == "honest");
  CHECK(std::chrono::steady_clock::now() - start < kDeadline);
}

std::chrono::microseconds ProcessorTime() {
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  return std::chrono::seconds{used.ru_utime.tv_sec + used.ru_stime.tv_sec} +
         std::chrono::microseconds{used.ru_utime.tv_usec + used.ru_stime.tv_usec};
}

}  // namespace

TEST_CASE("pipelined requests are answered in order, whoever answers first", "[http]") {
  EchoServer echo;
  RawClient client = echo.Connect();
  std::string requests;
  for (int i = 0; i < 500; ++i) requests += Post(i % 3 == 0 ? "/later" : "/echo", std::to_string(i));
  REQUIRE(client.Send(requests));
  for (int i = 0; i < 500; ++i) {
    const auto response = client.Receive();
    REQUIRE(response);
    REQUIRE(response->body == std::to_string(i));
  }
}

TEST_CASE("a refusal waits for the answers before it", "[http]") {
  EchoServer echo;
  RawClient client = echo.Connect();
  REQUIRE(client.Send(Post("/held", "first") + Post("/echo", "second") + "nonsense\r\n\r\n" + Post("/echo", "never read")));
  REQUIRE(EchoServer::Eventually([&] { return echo.Held() == 1; }));
  echo.Release();
  CHECK(client.Receive()->body == "first");
  CHECK(client.Receive()->body == "second");
  CHECK(client.Receive()->status == 400);
  CHECK(client.ReceiveAll().empty());
}

TEST_CASE("a client that half-closes is still answered", "[http]") {
  EchoServer echo;
  RawClient client = echo.Connect();
  REQUIRE(client.Send(Post("/held", "one") + Post("/echo", "two")));
  client.HalfClose();
  REQUIRE(EchoServer::Eventually([&] { return echo.Held() == 1; }));
  echo.Release();
  CHECK(client.Receive()->body == "one");
  CHECK(client.Receive()->body == "two");
  CHECK(client.ReceiveAll().empty());
}

TEST_CASE("a slow sender is told so and closed", "[http]") {
  EchoServer echo{Limits{.header_timeout = 100ms, .body_timeout = 100ms}};
  const std::string begun = GENERATE(as<std::string>{}, "P", "POST /echo HTTP/1.1\r\nHost: a\r\nX-Half",
                                     "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n12345",
                                     "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel");
  CAPTURE(begun);
  RawClient client = echo.Connect();
  REQUIRE(client.Send(begun));
  const auto response = client.Receive();
  REQUIRE(response);
  CHECK(response->status == 408);
  CHECK(client.ReceiveAll().empty());
  CHECK(echo.server.Counted().timed_out == 1);
}

TEST_CASE("a trickle of bytes does not keep a request alive", "[http]") {
  EchoServer echo{Limits{.header_timeout = 200ms}};
  RawClient client = echo.Connect();
  REQUIRE(client.Send("GET / HTTP/1.1\r\n"));
  const bool told = EchoServer::Eventually([&] { return client.HasBytes() || !client.Send("X: y\r\n"); });
  CHECK(told);
  CHECK(client.Receive()->status == 408);
}

TEST_CASE("an idle connection is closed without a word", "[http]") {
  EchoServer echo{Limits{.idle_timeout = 100ms}};
  RawClient silent = echo.Connect();
  RawClient resting = echo.Connect();
  REQUIRE(resting.Send(Post("/echo", "x")));
  CHECK(resting.Receive()->body == "x");
  CHECK(resting.ReceiveAll().empty());
  CHECK(silent.ReceiveAll().empty());
  CHECK(EchoServer::Eventually([&] { return echo.server.Counted().connections == 0; }));
}

TEST_CASE("a client that waits for its answer is not idle", "[http]") {
  EchoServer echo{Limits{.header_timeout = 50ms, .body_timeout = 50ms, .idle_timeout = 50ms}};
  RawClient waiting = echo.Connect();
  REQUIRE(waiting.Send(Post("/held", "patience")));
  RawClient idle = echo.Connect();
  REQUIRE(idle.Closed());  // so the time-outs have passed
  RawClient another = echo.Connect();
  REQUIRE(another.Closed());
  echo.Release();
  CHECK(waiting.Receive()->body == "patience");
}

TEST_CASE("clients that never read cost bounded memory, no processor, and nobody else anything", "[http]") {
  EchoServer echo{Limits{.write_timeout = 60s, .threads = 1}};
  std::vector<RawClient> readers;
  const std::string request = Get("/large");
  for (int i = 0; i < 4; ++i) {
    readers.push_back(echo.Connect());
    readers.back().Send(request + request + request);
  }
  // And one that pipelines without reading until its sending stalls.
  RawClient flood = echo.Connect();
  const std::string small = Post("/echo", std::string(1000, 'f'));
  std::size_t sent = 0;
  std::size_t part = 0;
  for (int stalls = 0; stalls < 100;) {
    const std::size_t got = flood.SendSome(std::string_view{small}.substr(part));
    if (got == 0) {
      ++stalls;
      CheckServes(echo);
    }
    sent += got;
    part = (part + got) % small.size();
    REQUIRE(sent < (64u << 20));  // it is held back long before
  }
  const auto before = ProcessorTime();
  for (int i = 0; i < 200; ++i) CheckServes(echo);
  CHECK(ProcessorTime() - before < 5s);
  CHECK(echo.server.Counted().connections >= 5);
  // Each of them can still have all it asked for.
  for (int i = 0; i < 3; ++i) CHECK(readers.front().Receive()->body.size() == kLargeBytes);
}

TEST_CASE("a client that takes nothing of its answer is reset in the end", "[http]") {
  EchoServer echo{Limits{.write_timeout = 100ms}};
  RawClient reader = echo.Connect();
  REQUIRE(reader.Send(Get("/large")));
  CHECK(EchoServer::Eventually([&] { return echo.server.Counted().timed_out == 1; }));
  CHECK(EchoServer::Eventually([&] { return echo.server.Counted().connections == 0; }));
}

TEST_CASE("waiting clients cost no processor time", "[http]") {
  EchoServer echo;
  std::vector<RawClient> clients;
  for (int i = 0; i < 300; ++i) {
    clients.push_back(echo.Connect());
    clients.back().Send(i % 3 == 0   ? ""
                        : i % 3 == 1 ? "POST /echo HTTP/1.1\r\nHo"
                                     : "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nhalf");
  }
  RawClient held = echo.Connect();
  REQUIRE(held.Send(Post("/held", "h")));
  held.HalfClose();  // readable for ever, until it is answered
  REQUIRE(EchoServer::Eventually([&] { return echo.Held() == 1 && echo.server.Counted().connections == 301; }));
  const auto before = ProcessorTime();
  RawClient silent = echo.Connect();
  const auto until = std::chrono::steady_clock::now() + 300ms;
  CHECK(EchoServer::Eventually([&] { return std::chrono::steady_clock::now() > until; }));
  // A spinning I/O thread would have used all of it; the waiting above uses little.
  CHECK(ProcessorTime() - before < 150ms);
  CheckServes(echo);
  echo.Release();
  CHECK(held.Receive()->body == "h");
}

TEST_CASE("no answer reaches a client that did not ask for it, though most leave before theirs", "[http][churn]") {
  EchoServer echo;
  // As many as the run asks for: twenty thousand unless told otherwise.
  const char* wanted = std::getenv("MEMBRIDGE_TEST_CHURN");
  const int total = wanted != nullptr ? std::stoi(wanted) : 20'000;
  constexpr int kClients = 4;
  std::atomic<int> left{0};
  std::atomic<int> answered{0};
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < kClients; ++t) {
    threads.emplace_back([&, t] {
      std::minstd_rand random{static_cast<unsigned>(t + 1)};
      for (int i = 0; i < total / kClients; ++i) {
        const std::string mine = fmt::format("request-{}-{}", t, i);
        RawClient client = echo.Connect();
        client.Send(Post("/later", mine));
        switch (random() % 8) {
          case 0: {
            client.Send(Post("/later", mine + "-b"));
            const auto first = client.Receive();
            const auto second = client.Receive();
            if (!first || first->body != mine || !second || second->body != mine + "-b") ++wrong;
            ++answered;
            break;
          }
          case 1:
            client.Reset();
            ++left;
            break;
          case 2:
            client.Send("POST /later HT");
            client.Reset();
            ++left;
            break;
          default:
            client.Close();
            ++left;
            break;
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(wrong == 0);
  CHECK(answered + left == total / kClients * kClients);
  CHECK(answered > total / 16);
  CheckServes(echo);
  CHECK(EchoServer::Eventually([&] { return echo.server.Counted().connections == 0; }));
}

TEST_CASE("a burst of a thousand connections is served", "[http]") {
  EchoServer echo;
  std::vector<RawClient> clients;
  for (int i = 0; i < 1000; ++i) clients.push_back(echo.Connect());
  for (std::size_t i = 0; i < clients.size(); ++i) clients[i].Send(Post("/later", std::to_string(i)));
  for (std::size_t i = 0; i < clients.size(); ++i) REQUIRE(clients[i].Receive()->body == std::to_string(i));
}

TEST_CASE("when all places are taken, idle clients make room and busy ones do not", "[http]") {
  EchoServer echo{Limits{.max_connections = 4, .threads = 2}};
  std::vector<RawClient> idle;
  for (int i = 0; i < 20; ++i) {
    idle.push_back(echo.Connect());
    REQUIRE(idle.back().Send(Post("/echo", "in")));
    REQUIRE(idle.back().Receive()->body == "in");
  }
  CHECK(echo.server.Counted().connections <= 4);
  std::vector<RawClient> busy;
  for (int i = 0; i < 4; ++i) {
    busy.push_back(echo.Connect());
    REQUIRE(busy.back().Send(Post("/held", "held")));
  }
  REQUIRE(EchoServer::Eventually([&] { return echo.Held() == 4; }));
  RawClient extra = echo.Connect();
  const auto refused = extra.Receive();
  REQUIRE(refused);
  CHECK(refused->status == 503);
  CHECK(refused->headers.count("retry-after") == 1);
  echo.Release();
  for (RawClient& client : busy) CHECK(client.Receive()->body == "held");
  CheckServes(echo);
}

TEST_CASE("bodies that would fill the memory are refused", "[http]") {
  EchoServer echo{Limits{.max_receiving_bytes = 256 * 1024}};
  std::vector<RawClient> clients;
  const std::string half(200 * 1024, 'x');
  for (int i = 0; i < 3; ++i) {
    clients.push_back(echo.Connect());
    clients.back().Send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 307200\r\n\r\n" + half);
  }
  REQUIRE(EchoServer::Eventually([&] { return echo.server.Counted().no_room >= 2; }));
  CheckServes(echo);
  clients.clear();
  REQUIRE(EchoServer::Eventually([&] { return echo.server.Counted().connections == 0; }));
  RawClient client = echo.Connect();
  REQUIRE(client.Send(Post("/echo", half)));
  CHECK(client.Receive()->body == half);
}

TEST_CASE("running out of descriptors turns clients away and wastes no time", "[http][descriptors]") {
  // In a process of its own, for the limit is the whole process's.
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    EchoServer echo{Limits{.threads = 1}};
    std::vector<RawClient> clients;
    clients.push_back(echo.Connect());
    clients.back().Send(Post("/echo", "x"));
    bool good = clients.back().Receive()->body == "x";
    rlimit files{};
    getrlimit(RLIMIT_NOFILE, &files);
    // Fifty more than are open: cases before this one leave some behind, because Pistache's reactor never closes its eventfd.
    const int lowest_free = dup(STDIN_FILENO);
    close(lowest_free);
    files.rlim_cur = static_cast<rlim_t>(lowest_free) + 50;
    setrlimit(RLIMIT_NOFILE, &files);
    // Client and server share the limit: connect until no socket can be made, then give some back to the server, one at a time.
    try {
      while (true) clients.push_back(echo.Connect());
    } catch (const std::runtime_error&) {
    }
    const auto before = ProcessorTime();
    const auto until = std::chrono::steady_clock::now() + 300ms;
    good = EchoServer::Eventually([&] { return std::chrono::steady_clock::now() > until; }) && good;
    good = ProcessorTime() - before < 200ms && good;
    clients.front().Send(Post("/echo", "y"));
    good = clients.front().Receive()->body == "y" && good;
    while (clients.size() > 1) clients.pop_back();
    RawClient again = echo.Connect();
    again.Send(Post("/echo", "z"));
    const auto response = again.Receive();
    good = response && response->body == "z" && good;
    _exit(good ? 0 : 1);
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 0);
}

TEST_CASE("it listens on IPv6, on both, and says where it cannot", "[http]") {
  {
    EchoServer echo{{}, "[::1]:0"};
    RawClient client{echo.server.port(), "::1"};
    REQUIRE(client.Send(Get("/who")));
    CHECK(client.Receive()->body == "GET\n/who\n\n::1");
  }
  {
    EchoServer echo{{}, ":0"};
    RawClient v6{echo.server.port(), "::1"};
    REQUIRE(v6.Send(Get("/who")));
    CHECK(v6.Receive()->body == "GET\n/who\n\n::1");
    RawClient v4{echo.server.port()};
    REQUIRE(v4.Send(Get("/who")));
    CHECK(v4.Receive()->body == "GET\n/who\n\n127.0.0.1");
  }
  EchoServer first;
  const std::string taken = fmt::format("127.0.0.1:{}", first.server.port());
  CHECK_THROWS_WITH(EchoServer({}, taken), "cannot listen on " + taken + ": Address already in use");
  CHECK_THROWS_WITH(EchoServer({}, "8080"), "cannot listen on 8080: write host:port");
  CHECK_THROWS_WITH(EchoServer({}, "::1:80"), "cannot listen on ::1:80: write an IPv6 address as [address]:port");
  CHECK_THROWS_WITH(EchoServer({}, "localhost:99999"), "cannot listen on localhost:99999: the port must be a number up to 65535");
}

TEST_CASE("stopping answers what has begun and closes what is idle", "[http]") {
  // One thread: that the idle client is gone then proves that the others' thread knows of the end too.
  EchoServer echo{Limits{.threads = 1}};
  RawClient idle = echo.Connect();
  RawClient waiting = echo.Connect();
  RawClient sending = echo.Connect();
  REQUIRE(idle.Send(Post("/echo", "x")));
  REQUIRE(idle.Receive()->body == "x");
  REQUIRE(waiting.Send(Post("/held", "one") + Post("/held", "two")));
  REQUIRE(sending.Send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nha"));
  REQUIRE(EchoServer::Eventually([&] { return echo.Held() == 2 && echo.server.Counted().connections == 3; }));
  auto stopped = std::async(std::launch::async, [&] { echo.server.Stop(20s); });
  CHECK(idle.ReceiveAll().empty());
  REQUIRE(sending.Send("lf"));
  const auto finished = sending.Receive();
  REQUIRE(finished);
  CHECK(finished->body == "half");
  CHECK(finished->headers.at("connection") == "close");
  sending.Close();
  echo.Release();
  CHECK(waiting.Receive()->body == "one");
  const auto last = waiting.Receive();
  REQUIRE(last);
  CHECK(last->body == "two");
  CHECK(last->headers.at("connection") == "close");
  waiting.Close();
  stopped.get();
  CHECK(echo.server.Counted().connections == 0);
  CHECK_THROWS(echo.Connect());
}

TEST_CASE("stopping answers a client that was accepted and has not asked yet", "[http]") {
  EchoServer echo{Limits{.threads = 1}};
  RawClient fresh = echo.Connect();
  RawClient silent = echo.Connect();
  REQUIRE(EchoServer::Eventually([&] { return echo.server.Counted().connections == 2; }));
  auto stopped = std::async(std::launch::async, [&] { echo.server.Stop(20s); });
  // Once it listens no more, it is stopping.
  REQUIRE(EchoServer::Eventually([&] {
    try {
      echo.Connect();
      return false;
    } catch (const std::exception&) {
      return true;
    }
  }));
  REQUIRE(fresh.Send(Post("/echo", "in time")));
  const auto answered = fresh.Receive();
  REQUIRE(answered);
  CHECK(answered->body == "in time");
  CHECK(answered->headers.at("connection") == "close");
  fresh.Close();
  CHECK(silent.ReceiveAll().empty());  // closed when its half second is over
  stopped.get();
}

TEST_CASE("stopping takes no longer than it may, and late answers do no harm", "[http]") {
  EchoServer echo;
  RawClient waiting = echo.Connect();
  REQUIRE(waiting.Send(Post("/held", "late")));
  REQUIRE(EchoServer::Eventually([&] { return echo.Held() == 1; }));
  echo.server.Stop(50ms);
  CHECK(waiting.Closed());
  echo.Release();
  CHECK(echo.Held() == 0);
}

TEST_CASE("a server that was never started leaves nothing behind", "[http]") {
  membridge::receiver::http::Server server{"127.0.0.1:0", {}, [](auto&&, auto) {}};
  CHECK(server.port() != 0);
}
