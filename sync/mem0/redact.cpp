#include "sync/mem0/redact.hpp"

#include <algorithm>

namespace membridge::sync::mem0 {
namespace {

constexpr std::string_view kMask = "***";

/// The length of `https://` or `http://` at the start, in any case; 0 when there is neither.
std::size_t SchemeAt(std::string_view text) {
  for (const std::string_view scheme : {std::string_view{"https://"}, std::string_view{"http://"}}) {
    if (text.size() < scheme.size()) continue;
    const bool same = std::equal(scheme.begin(), scheme.end(), text.begin(),
                                 [](char a, char b) { return a == (b >= 'A' && b <= 'Z' ? b + 32 : b); });
    if (same) return scheme.size();
  }
  return 0;
}

}  // namespace

std::string RedactUrl(std::string_view url, std::string_view prefix) {
  if (!prefix.empty() && url.starts_with(prefix)) return std::string{prefix}.append(kMask);
  const std::size_t scheme = SchemeAt(url);
  if (scheme == 0) return std::string{kMask};
  std::string_view authority = url.substr(scheme);
  authority = authority.substr(0, authority.find_first_of("/?#\\"));
  if (const auto at = authority.rfind('@'); at != std::string_view::npos) authority.remove_prefix(at + 1);
  return std::string{url.substr(0, scheme)}.append(authority).append("/").append(kMask);
}

std::string RedactUrlsIn(std::string_view text) {
  std::string redacted;
  while (!text.empty()) {
    if (SchemeAt(text) == 0) {
      redacted += text.front();
      text.remove_prefix(1);
      continue;
    }
    const std::string_view url = text.substr(0, text.find_first_of(" \t\r\n\"'<>"));
    redacted += RedactUrl(url);
    text.remove_prefix(url.size());
  }
  return redacted;
}

std::string Without(std::string text, const std::vector<std::string>& secrets) {
  for (const std::string& secret : secrets) {
    if (secret.size() < 8) continue;
    for (std::size_t at = text.find(secret); at != std::string::npos; at = text.find(secret, at + kMask.size())) {
      text.replace(at, secret.size(), kMask);
    }
  }
  return text;
}

}  // namespace membridge::sync::mem0
