// Wherever the bytes of a request are split, the same is said of them, and it is said as soon as all of them have come. Fed
// straight to the parser: no socket and no scheduler decides what arrives together.
#include <fmt/format.h>

#include <optional>

#include "receiver/http/request_parser.hpp"
#include "tests/receiver/http/echo_server.hpp"
#include "tests/support/catch.hpp"

using namespace membridge::test;
using membridge::receiver::http::Limits;
using membridge::receiver::http::RequestParser;

namespace {

/// What a client got said after the last byte: the status of a refusal, 200 for a complete request, nothing while it would wait.
std::optional<int> SaidOf(std::initializer_list<std::string_view> pieces) {
  const Limits limits{.max_body_bytes = 100, .max_header_bytes = 2048};
  RequestParser parser{limits};
  std::string waiting;
  for (const std::string_view piece : pieces) {
    waiting += piece;
    waiting.erase(0, parser.Feed(waiting));
    if (parser.phase() == RequestParser::Phase::kFailed) return parser.TakeFailure().status;
    if (parser.phase() == RequestParser::Phase::kComplete) return 200;
  }
  return std::nullopt;
}

const std::string kChunkedHead = "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";

}  // namespace

TEST_CASE("a chunked body that is not one is refused wherever it is split", "[R1][http][chunked]") {
  const auto [chunks, status] = GENERATE(table<std::string, int>({
      {"x\r\n", 400},
      {"x", 400},
      {"\r\n", 400},
      {"\n", 400},
      {"-1\r\n", 400},
      {"+1\r\n", 400},
      {"0x1\r\n", 400},
      {"g\r\n", 400},
      {" 1\r\n", 400},
      {"1x\r\n", 400},
      {"1\n", 400},
      {"1\rx", 400},
      {"5\r\nhelloX", 400},
      {"5\r\nhello\rX", 400},
      {"5\r\nhello\n", 400},
      {"5\r\nhello\r\nx", 400},
      {"5\r\nhello\r\n\r\n", 400},
      {"5 \r\nhello\r\n0\r\n\r\n", 400},
      {"ffffffffffffffff\r\n", 413},
      {"fffffffffffffffff\r\n", 400},
      {"65\r\n", 413},
      {"0\r\nContent-Length: 5\r\n\r\n", 400},
      {"0\r\nBad Trailer\r\n\r\n", 400},
      {"5\r\nhello\r\n0\r\n\r\n", 200},
      {"5;a=b\r\nhello\r\n00\r\nX: y\r\n\r\n", 200},
      {"0\r\n\r\n", 200},
  }));
  CAPTURE(chunks, status);
  CHECK(SaidOf({kChunkedHead + chunks}) == status);
  for (std::size_t split = 0; split < chunks.size(); ++split) {
    CAPTURE(split);
    const std::string_view all{chunks};
    CHECK(SaidOf({kChunkedHead, all.substr(0, split), all.substr(split)}) == status);
    // Byte by byte from there on.
    const Limits limits{.max_body_bytes = 100, .max_header_bytes = 2048};
    RequestParser parser{limits};
    std::string waiting = kChunkedHead + chunks.substr(0, split);
    waiting.erase(0, parser.Feed(waiting));
    for (const char byte : chunks.substr(split)) {
      if (parser.phase() != RequestParser::Phase::kBody) break;
      waiting += byte;
      waiting.erase(0, parser.Feed(waiting));
    }
    if (status == 200) {
      CHECK(parser.phase() == RequestParser::Phase::kComplete);
    } else {
      REQUIRE(parser.phase() == RequestParser::Phase::kFailed);
      CHECK(parser.TakeFailure().status == status);
    }
  }
}

TEST_CASE("a body that can still become one is waited for", "[http][chunked]") {
  const std::string chunks =
      GENERATE(as<std::string>{}, "", "1", "f", "1\r", "1\r\n", "1;", "1 ", "5\r\nhel", "5\r\nhello", "5\r\nhello\r",
               "5\r\nhello\r\n", "5\r\nhello\r\n0", "5\r\nhello\r\n0\r\n", "0\r\n", "0\r\nX: y\r\n");
  CAPTURE(chunks);
  CHECK_FALSE(SaidOf({kChunkedHead + chunks}).has_value());
  CHECK_FALSE(SaidOf({kChunkedHead, chunks}).has_value());
}

TEST_CASE("a refused chunk is answered when nothing follows it", "[R1][http][chunked]") {
  // The symptom: the client sent everything it has to say, in two segments, and waited for an answer until the body's time was
  // up.
  EchoServer single{Limits{.threads = 1}};
  const std::string chunk = GENERATE(as<std::string>{}, "x\r\n", "\r\n", "-1\r\n", "x");
  CAPTURE(chunk);
  RawClient witness = single.Connect();
  RawClient client = single.Connect();
  REQUIRE(client.Send(kChunkedHead));
  // Another request of the same thread, answered: the header has been read.
  REQUIRE(witness.Send(Post("/echo", "seen")));
  REQUIRE(witness.Receive()->body == "seen");
  REQUIRE(client.Send(chunk));
  const auto response = client.Receive();
  REQUIRE(response);
  CHECK(response->status == 400);
  CHECK(client.ReceiveAll().empty());
}
