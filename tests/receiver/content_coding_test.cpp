// Bodies with a content coding, through the receiver and straight to the decoder.
#include "receiver/content_coding.hpp"

#include <zlib.h>

#include <array>
#include <stdexcept>

#include "receiver/verify/hmac_verifier.hpp"
#include "receiver/verify/signing.hpp"
#include "tests/receiver/http/raw_client.hpp"
#include "tests/receiver/receiver.hpp"
#include "tests/receiver/verify/verifying.hpp"
#include "tests/support/catch.hpp"

using namespace membridge;
using namespace membridge::receiver;
using namespace membridge::test;

namespace {

constexpr int kGzip = MAX_WBITS + 16;
constexpr int kZlib = MAX_WBITS;
constexpr int kBare = -MAX_WBITS;

std::string Deflated(std::string plain, int format) {
  z_stream stream{};
  if (deflateInit2(&stream, 9, Z_DEFLATED, format, 8, Z_DEFAULT_STRATEGY) != Z_OK) throw std::runtime_error("deflateInit2");
  std::string coded(deflateBound(&stream, plain.size()) + 64, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(plain.data());
  stream.avail_in = static_cast<uInt>(plain.size());
  stream.next_out = reinterpret_cast<Bytef*>(coded.data());
  stream.avail_out = static_cast<uInt>(coded.size());
  if (deflate(&stream, Z_FINISH) != Z_STREAM_END) throw std::runtime_error("deflate");
  coded.resize(stream.total_out);
  deflateEnd(&stream);
  return coded;
}

std::string Coded(const std::string& coding) {
  return "Content-Encoding: " + coding + "\r\n";
}

}  // namespace

TEST_CASE("a compressed delivery is stored as what was compressed", "[R4][webhook]") {
  Receiver receiver;
  const auto [coding, body] = GENERATE(table<std::string, std::string>({
      {"gzip", Deflated(kAdd, kGzip)},
      {"x-gzip", Deflated(kAdd, kGzip)},
      {"GZip", Deflated(kAdd, kGzip)},
      {"deflate", Deflated(kAdd, kZlib)},
      {"deflate", Deflated(kAdd, kBare)},
      {"identity", kAdd},
      {"", kAdd},
      {"identity, gzip", Deflated(kAdd, kGzip)},
      {"deflate, gzip", Deflated(Deflated(kAdd, kZlib), kGzip)},
      {"gzip\r\nContent-Encoding: gzip", Deflated(Deflated(kAdd, kGzip), kGzip)},
      {"gzip", Deflated(kAdd.substr(0, 20), kGzip) + Deflated(kAdd.substr(20), kGzip)},  // two members are one body
  }));
  CAPTURE(coding);
  CHECK(receiver.Ask(Post(kUrl, body, Coded(coding))).status == 200);
  REQUIRE(receiver.inbox.Stored().size() == 1);
  CHECK(receiver.inbox.Stored()[0].body == kAdd);
  CHECK(receiver.inbox.Stored()[0].memories == std::vector{MemoryId{"m-1"}});
}

TEST_CASE("a coding that is not read is answered 415, and what is not coded as it says 400", "[R4][webhook]") {
  Receiver receiver;
  const std::string gzip = Deflated(kAdd, kGzip);
  std::string damaged = gzip;
  damaged[damaged.size() - 5] = static_cast<char>(damaged[damaged.size() - 5] ^ 1);  // the checksum
  const auto [coding, body, status] = GENERATE_COPY(table<std::string, std::string, int>({
      {"br", kAdd, 415},
      {"zstd", kAdd, 415},
      {"gzip, br", gzip, 415},
      {"compress", kAdd, 415},
      {"gzip, gzip, gzip", gzip, 415},
      {"gzip;q=1", gzip, 415},
      {"gzip", kAdd, 400},
      {"gzip", "", 400},
      {"gzip", gzip.substr(0, gzip.size() - 1), 400},
      {"gzip", gzip.substr(0, 12), 400},
      {"gzip", gzip + "x", 400},
      {"gzip", damaged, 400},
      {"gzip", Deflated(kAdd, kZlib), 400},
      {"deflate", gzip, 400},
      {"deflate", kAdd, 400},
      {"gzip", Deflated("not json", kGzip), 400},
      {"identity", gzip, 400},
      {"", gzip, 400},
  }));
  CAPTURE(coding, status);
  const RawResponse response = receiver.Ask(Post(kUrl, body, coding.empty() ? "" : Coded(coding)));
  CHECK(response.status == status);
  CHECK(response.headers.count("accept-encoding") == (status == 415 ? 1 : 0));
  CHECK(receiver.inbox.Stored().empty());
}

TEST_CASE("an unknown coding is told before the body is sent, but only to those who may come", "[R1][R4][webhook]") {
  Receiver receiver;
  const auto ask = [&](const std::string& url) {
    return receiver.Ask("POST " + url + " HTTP/1.1\r\nHost: a\r\nContent-Encoding: br\r\nContent-Length: 1000\r\n\r\nx").status;
  };
  CHECK(ask(kUrl) == 415);
  CHECK(ask("/webhooks/crm/wrong") == 401);
}

TEST_CASE("a small body that would become a large one is refused", "[R4][webhook]") {
  Receiver receiver{{.max_body_bytes = 64 * 1024}};
  const std::string at_most = "\"" + std::string(64 * 1024 - 2, ' ') + "\"";
  CHECK(receiver.Ask(Post(kUrl, Deflated(at_most, kGzip), Coded("gzip"))).status == 200);
  CHECK(receiver.Ask(Post(kUrl, Deflated(at_most + " ", kGzip), Coded("gzip"))).status == 413);
  const std::string bomb = Deflated(std::string(30 << 20, ' '), kGzip);
  REQUIRE(bomb.size() < 64 * 1024);
  CHECK(receiver.Ask(Post(kUrl, bomb, Coded("gzip"))).status == 413);
  CHECK(receiver.Ask(Post(kUrl, Deflated(bomb, kGzip), Coded("gzip, gzip"))).status == 413);
  CHECK(receiver.Metrics().find("membridge_delivery_refusals_total{reason=\"too_large\"} 3") != std::string::npos);
  CHECK(receiver.inbox.Stored().size() == 1);
}

TEST_CASE("a signature is over the body as it was sent", "[R4][webhook][replay]") {
  Receiver receiver;
  const std::string secret = "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
  HmacOptions options;
  options.header = "X-Signature";
  options.secrets = {secret};
  receiver.verification.Replace(Verification{{{ProjectId{"crm"}, {*MakeHmacVerifier(options)}}}});
  const std::string gzip = Deflated(kAdd, kGzip);
  const auto signed_as = [&](const std::string& bytes) {
    return Coded("gzip") + "X-Signature: " + EncodeHex(Hmac(HashAlgorithm::kSha256, secret, bytes)) + "\r\n";
  };
  CHECK(receiver.Ask(Post("/webhooks/crm", gzip, signed_as(gzip))).status == 200);
  CHECK(receiver.inbox.Stored().at(0).body == kAdd);
  CHECK(receiver.Ask(Post("/webhooks/crm", gzip, signed_as(kAdd))).status == 401);
}
