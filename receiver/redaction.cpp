#include "receiver/redaction.hpp"

#include <algorithm>
#include <array>
#include <string>

#include "mappings/base/letter_case.hpp"

namespace membridge::receiver {
namespace {

constexpr std::string_view kRedacted = "[redacted]";

bool NamesCredential(std::string_view lowered) {
  static constexpr std::array<std::string_view, 9> kTelling{"auth", "cookie", "token", "secret", "signature",
                                                            "key",  "passw",  "cred",  "session"};
  return std::any_of(kTelling.begin(), kTelling.end(),
                     [lowered](std::string_view part) { return lowered.find(part) != std::string_view::npos; });
}

bool Reveals(std::string_view value, const std::vector<std::string_view>& secrets) {
  return std::any_of(secrets.begin(), secrets.end(), [value](std::string_view secret) {
    return !secret.empty() && value.find(secret) != std::string_view::npos;
  });
}

std::string Utf8FromLatin1(std::string_view text) {
  std::string utf8;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x80) {
      utf8 += c;
    } else {
      utf8 += static_cast<char>(0xc0 | (byte >> 6));
      utf8 += static_cast<char>(0x80 | (byte & 0x3f));
    }
  }
  return utf8;
}

}  // namespace

nlohmann::json RedactedHeaders(const std::vector<http::Header>& headers, const std::vector<std::string_view>& secrets) {
  nlohmann::json redacted = nlohmann::json::object();
  for (const http::Header& header : headers) {
    const std::string name = LoweredAscii(Utf8FromLatin1(header.name));
    const bool secret = NamesCredential(name) || Reveals(header.value, secrets);
    const std::string value = secret ? std::string{kRedacted} : Utf8FromLatin1(header.value);
    if (const auto present = redacted.find(name); present != redacted.end()) {
      *present = present->get_ref<const std::string&>() + ", " + value;
    } else {
      redacted[name] = value;
    }
  }
  return redacted;
}

}  // namespace membridge::receiver
