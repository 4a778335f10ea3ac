// What is a request, where it ends, and what it is answered: over real sockets.
#include <fmt/format.h>

#include "tests/receiver/http/echo_server.hpp"
#include "tests/support/catch.hpp"

using namespace membridge::test;
using membridge::receiver::http::Limits;

TEST_CASE("a request is answered with its length, and the connection stays open", "[http]") {
  EchoServer echo;
  RawClient client = echo.Connect();
  for (int i = 0; i < 3; ++i) {
    REQUIRE(client.Send(Post("/echo", fmt::format("number {}", i))));
    const auto response = client.Receive();
    REQUIRE(response);
    CHECK(response->status == 200);
    CHECK(response->body == fmt::format("number {}", i));
    CHECK(response->headers.count("connection") == 0);
    CHECK(response->headers.at("content-type") == "text/plain");
    CHECK(response->headers.at("date").ends_with(" GMT"));
  }
}

TEST_CASE("method, path and query reach the handler as they were sent", "[http]") {
  EchoServer echo;
  const auto [line, expected] = GENERATE(table<std::string, std::string>({
      {"GET /a%20b/../c?x=1&y=%2F HTTP/1.1", "GET\n/a%20b/../c\nx=1&y=%2F\n127.0.0.1"},
      {"GET /? HTTP/1.1", "GET\n/\n\n127.0.0.1"},
      {"GET /p?q?r HTTP/1.1", "GET\n/p\nq?r\n127.0.0.1"},
      {"DELETE http://example.com/x?y=z HTTP/1.1", "DELETE\n/x\ny=z\n127.0.0.1"},
      {"GET http://example.com HTTP/1.1", "GET\n/\n\n127.0.0.1"},
      {"GET http://example.com?q HTTP/1.1", "GET\n/\nq\n127.0.0.1"},
      {"OPTIONS * HTTP/1.1", "OPTIONS\n*\n\n127.0.0.1"},
      {"BREW /pot HTTP/1.1", "BREW\n/pot\n\n127.0.0.1"},
      {"GET //double///slash HTTP/1.1", "GET\n//double///slash\n\n127.0.0.1"},
  }));
  CAPTURE(line);
  RawClient client = echo.Connect();
  REQUIRE(client.Send(line + "\r\nHost: localhost\r\n\r\n"));
  const auto response = client.Receive();
  REQUIRE(response);
  CHECK(response->body == expected);
}

TEST_CASE("what is not clearly a request is refused once, and the connection ends", "[http]") {
  EchoServer echo{Limits{.max_body_bytes = 1000}};
  const std::string host = "Host: a\r\n";
  const auto [bytes, status] = GENERATE_COPY(table<std::string, int>({
      {"\x16\x03\x01\x02", 400},  // a TLS hello
      {"GET\r\n\r\n", 400},
      {"GET  / HTTP/1.1\r\n" + host + "\r\n", 400},
      {"GET / HTTP/1.1\n" + host + "\n", 505},
      {"GET / HTTP/2.0\r\n" + host + "\r\n", 505},
      {"GET / HTTP/0.9\r\n" + host + "\r\n", 505},
      {"GET / FTP/1.1\r\n" + host + "\r\n", 505},
      {"G\x01T / HTTP/1.1\r\n" + host + "\r\n", 400},
      {"GET /\x7f HTTP/1.1\r\n" + host + "\r\n", 400},
      {"GET /\xc3\xa9 HTTP/1.1\r\n" + host + "\r\n", 400},
      {"GET relative HTTP/1.1\r\n" + host + "\r\n", 400},
      {"CONNECT example.com:443 HTTP/1.1\r\n" + host + "\r\n", 400},
      {"GET / HTTP/1.1\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\n" + host + "Bad Name: x\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\n" + host + "Name : x\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\n" + host + "NoColon\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\n" + host + std::string("X: a\0b\r\n\r\n", 10), 400},
      {"GET / HTTP/1.1\r\n" + host +
           "X: a\x01"
           "b\r\n\r\n",
       400},
      {"GET / HTTP/1.1\r\n" + host + "X: a\rb\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\n" + host + "Content-Length: abc\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\n" + host + "Content-Length: 5abc\r\n\r\nhello", 400},
      {"POST / HTTP/1.1\r\n" + host + "Content-Length: 0x5\r\n\r\nhello", 400},
      {"POST / HTTP/1.1\r\n" + host + "Content-Length: +5\r\n\r\nhello", 400},
      {"POST / HTTP/1.1\r\n" + host + "Content-Length: -5\r\n\r\nhello", 400},
      {"POST / HTTP/1.1\r\n" + host + "Content-Length:\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\n" + host + "Content-Length: 5, 5\r\n\r\nhello", 400},
      {"POST / HTTP/1.1\r\n" + host + "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello", 400},
      {"POST / HTTP/1.1\r\n" + host + "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!", 400},
      {"POST / HTTP/1.1\r\n" + host + "Content-Length: 99999999999999999999999999\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\n" + host + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: gzip\r\n\r\n", 501},
      {"POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501},
      {"POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n", 501},
      {"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\n" + host + "Expect: a miracle\r\nContent-Length: 1\r\n\r\nx", 417},
      {"POST / HTTP/1.1\r\n" + host + "Content-Length: 1001\r\n\r\n", 413},
      {"POST / HTTP/1.1\r\n" + host + "Content-Length: 9000000000\r\n\r\n", 413},
  }));
  CAPTURE(bytes);
  RawClient client = echo.Connect();
  client.Send(bytes);
  const auto response = client.Receive();
  REQUIRE(response);
  CHECK(response->status == status);
  CHECK(response->headers.at("connection") == "close");
  CHECK(response->body.starts_with(R"({"code":")"));
  client.Send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  CHECK(client.ReceiveAll().empty());
}

TEST_CASE("a chunked body is read the same wherever it is split", "[http]") {
  EchoServer echo;
  const std::string request =
      "POST /echo HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
      "5\r\nhello\r\n1;name=value;other=\"quo\\\"ted\"\r\n,\r\n00a\r\n 0123\r\n\r\n4\r\n0\r\nX: trailer\r\n\r\n";
  const std::string body = "hello, 0123\r\n\r\n4";
  // The part after the split goes out once the server has read the part before it: a second request on another connection of the
  // same single I/O thread, answered, proves that.
  EchoServer single{Limits{.threads = 1}};
  RawClient witness = single.Connect();
  for (std::size_t split = 1; split < request.size(); ++split) {
    CAPTURE(split);
    RawClient client = single.Connect();
    REQUIRE(client.Send(std::string_view{request}.substr(0, split)));
    REQUIRE(witness.Send(Post("/echo", "seen")));
    REQUIRE(witness.Receive()->body == "seen");
    REQUIRE(client.Send(std::string_view{request}.substr(split)));
    const auto response = client.Receive();
    REQUIRE(response);
    REQUIRE(response->body == body);
  }
  // And byte by byte, twice on one connection.
  RawClient client = echo.Connect();
  for (const char byte : request + request) REQUIRE(client.Send({&byte, 1}));
  CHECK(client.Receive()->body == body);
  CHECK(client.Receive()->body == body);
}

TEST_CASE("a line feed in a chunk's data is data, however little of it has come", "[http]") {
  EchoServer single{Limits{.threads = 1}};
  RawClient witness = single.Connect();
  RawClient client = single.Connect();
  for (const std::string part : {"POST /echo HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nb\r\nhello\r", "\n",
                                 "a\nb", "\n", "\r\n0\r\n\r\n"}) {
    REQUIRE(client.Send(part));
    REQUIRE(witness.Send(Post("/echo", "seen")));
    REQUIRE(witness.Receive()->body == "seen");
  }
  const auto response = client.Receive();
  REQUIRE(response);
  CHECK(response->body == "hello\r\na\nb\n");
}

TEST_CASE("an empty chunked body may come byte by byte", "[http]") {
  EchoServer echo;
  RawClient client = echo.Connect();
  for (const char byte : std::string{"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"}) {
    REQUIRE(client.Send({&byte, 1}));
  }
  CHECK(client.Receive()->status == 200);
}

TEST_CASE("a chunked body that is not one is refused", "[http]") {
  EchoServer echo{Limits{.max_body_bytes = 100, .max_header_bytes = 2048}};
  const auto [chunks, status] = GENERATE(table<std::string, int>({
      {"-1\r\n", 400},
      {"x\r\n", 400},
      {"\r\n", 400},
      {"5\r\nhelloX\r\n0\r\n\r\n", 400},
      {"5\nhello\n0\n\n", 400},
      {"5 \r\nhello\r\n0\r\n\r\n", 400},
      {"ffffffffffffffff\r\n", 413},
      {"fffffffffffffffff\r\n", 400},
      {"65\r\n", 413},
      {"32\r\n" + std::string(50, 'a') + "\r\n33\r\n", 413},
      {"0\r\nContent-Length: 5\r\n\r\n", 400},
      {"0\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
      {"0\r\nBad Trailer\r\n\r\n", 400},
      {"1;" + std::string(3000, 'x'), 400},
      {"0\r\n" + std::string(3000, 'x'), 400},
  }));
  CAPTURE(chunks);
  RawClient client = echo.Connect();
  client.Send("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
  client.Send(chunks);
  const auto response = client.Receive();
  REQUIRE(response);
  CHECK(response->status == status);
  CHECK(client.ReceiveAll().empty());
}

TEST_CASE("an oversized body is refused once, however much of it is sent", "[http]") {
  EchoServer echo;
  const bool chunked = GENERATE(false, true);
  CAPTURE(chunked);
  RawClient client = echo.Connect();
  const std::string part(64 * 1024, 'x');
  bool sending = client.Send(chunked ? "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                                     : "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 2097152\r\n\r\n");
  for (int i = 0; i < 32 && sending; ++i) sending = client.Send(chunked ? "10000\r\n" + part + "\r\n" : part);
  const auto response = client.Receive();
  REQUIRE(response);
  CHECK(response->status == 413);
  CHECK(response->headers.at("connection") == "close");
  client.HalfClose();
  CHECK(client.ReceiveAll().empty());
}

TEST_CASE("a body of exactly the limit is read", "[http]") {
  EchoServer echo{Limits{.max_body_bytes = 100'000}};
  const std::string body(100'000, 'b');
  RawClient client = echo.Connect();
  REQUIRE(client.Send(Post("/echo", body)));
  CHECK(client.Receive()->body == body);
}

TEST_CASE("headers over the limit are refused, in one piece or many", "[http]") {
  EchoServer echo;
  const auto [first, repeated, times] = GENERATE(table<std::string, std::string, int>({
      {"GET /" + std::string(20'000, 'a') + " HTTP/1.1\r\nHost: a\r\n\r\n", "", 0},
      {"GET /" + std::string(20'000, '/'), "", 0},
      {"GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(20'000, 'a') + "\r\n\r\n", "", 0},
      {"GET / HTTP/1.1\r\nHost: a\r\n", "X-Header: 0123456789012345678901234567890123456789\r\n", 400},
  }));
  RawClient client = echo.Connect();
  client.Send(first);
  for (int i = 0; i < times; ++i) client.Send(repeated);
  const auto response = client.Receive();
  REQUIRE(response);
  CHECK(response->status == 431);
  CHECK(response->headers.at("connection") == "close");
}

TEST_CASE("forty thousand slashes are a path like any other", "[http]") {
  EchoServer echo{Limits{.max_header_bytes = 64 * 1024}};
  RawClient client = echo.Connect();
  const std::string path(40'000, '/');
  REQUIRE(client.Send(Get(path)));
  CHECK(client.Receive()->body == "GET\n" + path + "\n\n127.0.0.1");
  REQUIRE(client.Send(Post("/echo", "still here")));
  CHECK(client.Receive()->body == "still here");
}

TEST_CASE("empty lines before a request are skipped", "[http]") {
  EchoServer echo;
  RawClient client = echo.Connect();
  REQUIRE(client.Send("\r\n\r\n" + Post("/echo", "one") + "\r\n" + Post("/echo", "two")));
  CHECK(client.Receive()->body == "one");
  CHECK(client.Receive()->body == "two");
}

TEST_CASE("HEAD is told the length and sent no body", "[http]") {
  EchoServer echo;
  RawClient client = echo.Connect();
  REQUIRE(client.Send("HEAD /x HTTP/1.1\r\nHost: a\r\n\r\n" + Post("/echo", "next")));
  const auto response = client.Receive(true);
  REQUIRE(response);
  CHECK(response->headers.at("content-length") == std::to_string(std::string{"HEAD\n/x\n\n127.0.0.1"}.size()));
  CHECK(client.Receive()->body == "next");
}

TEST_CASE("Connection: close and HTTP/1.0 end the connection after the answer, keep-alive does not", "[http]") {
  EchoServer echo;
  const auto [request, stays] = GENERATE(table<std::string, bool>({
      {"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", false},
      {"GET / HTTP/1.1\r\nHost: a\r\nConnection: foo, Close\r\n\r\n", false},
      {"GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive\r\n\r\n", true},
      {"GET / HTTP/1.0\r\n\r\n", false},
      {"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", true},
  }));
  CAPTURE(request);
  RawClient client = echo.Connect();
  REQUIRE(client.Send(request));
  const auto response = client.Receive();
  REQUIRE(response);
  CHECK(response->status == 200);
  if (stays) {
    CHECK((request.find("1.0") == std::string::npos || response->headers.at("connection") == "keep-alive"));
    REQUIRE(client.Send(Post("/echo", "again")));
    CHECK(client.Receive()->body == "again");
  } else {
    CHECK(response->headers.at("connection") == "close");
    CHECK(client.ReceiveAll().empty());
  }
}

TEST_CASE("a client that asks first is told to continue, in its turn", "[http]") {
  EchoServer echo;
  RawClient client = echo.Connect();
  const std::string asking = "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n";
  REQUIRE(client.Send(asking));
  REQUIRE(client.Receive()->status == 100);
  REQUIRE(client.Send("body"));
  CHECK(client.Receive()->body == "body");
  // Behind a request that is still being answered, the interim answer has to wait.
  REQUIRE(client.Send(Post("/held", "first") + asking));
  REQUIRE(EchoServer::Eventually([&] { return echo.Held() == 1; }));
  echo.Release();
  CHECK(client.Receive()->body == "first");
  CHECK(client.Receive()->status == 100);
  REQUIRE(client.Send("more"));
  CHECK(client.Receive()->body == "more");
  // Nobody is asked to continue who already has, or who speaks HTTP/1.0.
  REQUIRE(client.Send(asking + "done"));
  CHECK(client.Receive()->status == 200);
  REQUIRE(client.Send("POST /echo HTTP/1.0\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n"));
  REQUIRE(client.Send("last"));
  CHECK(client.Receive()->status == 200);
}

TEST_CASE("a handler that throws or forgets its reply is answered for", "[http]") {
  EchoServer echo;
  RawClient client = echo.Connect();
  REQUIRE(client.Send(Get("/throw") + Get("/forget") + Post("/echo", "fine")));
  CHECK(client.Receive()->status == 500);
  CHECK(client.Receive()->status == 500);
  CHECK(client.Receive()->body == "fine");
}
