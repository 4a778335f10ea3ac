#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "mappings/base/encoding.hpp"
#include "receiver/verify/hmac_verifier.hpp"
#include "receiver/verify/network.hpp"
#include "receiver/verify/standard_webhooks.hpp"

namespace {

using namespace membridge;
using namespace membridge::receiver;

const std::string kSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
constexpr std::int64_t kNow = 1'614'265'330;

/// Takes the text up to the next line feed.
std::string TakeLine(std::string_view& text) {
  const std::size_t end = text.find('\n');
  std::string line{text.substr(0, end)};
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return line;
}

bool Accepts(const Verifier& verifier, const http::Request& request) {
  static const ProjectId project{"crm"};
  const Attempt attempt{.request = request, .project = project, .url_token = {}, .now = Instant{std::chrono::seconds{kNow}}};
  const bool accepts = verifier.Verify(attempt).has_value();
  // Whom the header alone refuses, no body helps.
  if (accepts && !verifier.VerifyHead(attempt)) std::abort();
  return accepts;
}

}  // namespace

// A request's id, time, signature, another header and an address, a line each, then its body: nobody without the secret is let
// in, and whoever has it is, whatever the body.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view text{reinterpret_cast<const char*>(data), size};
  const std::string id = TakeLine(text), time = TakeLine(text), signature = TakeLine(text), more = TakeLine(text);
  const std::string address = TakeLine(text);
  http::Request request;
  request.body = text;
  request.peer_address = "192.0.2.1";
  request.headers = {{"webhook-id", id}, {"webhook-timestamp", time}, {"webhook-signature", signature}};
  if (!more.empty()) request.headers.push_back({"svix-signature", more});
  request.headers.push_back({"X-Forwarded-For", address});

  static const auto standard = *MakeStandardWebhooks({kSecret});
  static const auto hmac = *MakeHmacVerifier({.header = "webhook-signature",
                                              .prefix = "sha256=",
                                              .secrets = {"a secret of some length"},
                                              .signed_text = "{id}.{timestamp}.{body}",
                                              .timestamp_header = "webhook-timestamp",
                                              .id_header = "webhook-id"});
  const std::string key = *DecodeBase64(std::string_view{kSecret}.substr(6));
  const std::string right = EncodeBase64(Hmac(HashAlgorithm::kSha256, key, id + "." + time + "." + request.body));
  if (Accepts(*standard, request) && signature.find(right) == std::string::npos) std::abort();
  const std::string mac =
      EncodeHex(Hmac(HashAlgorithm::kSha256, "a secret of some length", id + "." + time + "." + request.body));
  if (Accepts(*hmac, request) && signature.size() != 7 + mac.size()) std::abort();

  request.headers[0].value = "msg_1";
  request.headers[1].value = std::to_string(kNow);
  request.headers[2].value =
      "v1," + EncodeBase64(Hmac(HashAlgorithm::kSha256, key, "msg_1." + std::to_string(kNow) + "." + request.body));
  if (!Accepts(*standard, request)) std::abort();

  static const Networks proxies = *Networks::Read({"192.0.2.0/24", "2001:db8::/32"});
  if (const auto client = ClientAddress(request, proxies)) {
    const std::string shown = TextOf(*client);
    if (const auto again = ReadIpAddress(shown); !again || TextOf(*again) != shown) std::abort();
  }
  return 0;
}
