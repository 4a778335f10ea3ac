#include "mappings/language/email_address.hpp"

#include <algorithm>
#include <cctype>

#include "mappings/base/letter_case.hpp"
#include "mappings/base/utf8.hpp"

namespace membridge::mappings {
namespace {

constexpr std::size_t kLongestAddress = 254;
constexpr std::size_t kLongestLocal = 64;
constexpr std::size_t kLongestLabel = 63;

bool IsAlphanumeric(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || (static_cast<unsigned char>(c) & 0x80U) != 0;
}

bool IsLocal(std::string_view local) {
  if (local.empty() || local.size() > kLongestLocal || local.front() == '.' || local.back() == '.') return false;
  if (local.find("..") != std::string_view::npos) return false;
  return std::all_of(local.begin(), local.end(), [](char c) {
    return IsAlphanumeric(c) || std::string_view{".!#$%&'*+/=?^_`{|}~-"}.find(c) != std::string_view::npos;
  });
}

bool IsLabel(std::string_view label) {
  if (label.empty() || label.size() > kLongestLabel || label.front() == '-' || label.back() == '-') return false;
  return std::all_of(label.begin(), label.end(), [](char c) { return IsAlphanumeric(c) || c == '-'; });
}

bool IsDomain(std::string_view domain) {
  std::size_t labels = 0;
  for (;;) {
    const std::size_t dot = domain.find('.');
    const std::string_view label = domain.substr(0, dot);
    if (!IsLabel(label)) return false;
    ++labels;
    if (dot == std::string_view::npos) {
      const bool digits_only = std::all_of(label.begin(), label.end(), [](unsigned char c) { return std::isdigit(c) != 0; });
      return labels >= 2 && label.size() >= 2 && !digits_only;
    }
    domain.remove_prefix(dot + 1);
  }
}

std::string_view WithoutWrapping(std::string_view text) {
  text = Trimmed(text);
  if (const auto open = text.rfind('<'); open != std::string_view::npos && text.back() == '>') {
    text = Trimmed(text.substr(open + 1, text.size() - open - 2));
  }
  constexpr std::string_view kScheme = "mailto:";
  const bool mailto =
      text.size() > kScheme.size() && std::equal(kScheme.begin(), kScheme.end(), text.begin(), [](char a, char b) {
        return a == static_cast<char>(std::tolower(static_cast<unsigned char>(b)));
      });
  return mailto ? text.substr(kScheme.size()) : text;
}

}  // namespace

std::optional<std::string> EmailAddressIn(std::string_view text) {
  const std::string_view address = WithoutWrapping(text);
  const std::size_t at = address.rfind('@');
  if (address.size() > kLongestAddress || at == std::string_view::npos) return std::nullopt;
  if (!IsLocal(address.substr(0, at)) || !IsDomain(address.substr(at + 1))) return std::nullopt;
  return LoweredAscii(address);
}

}  // namespace membridge::mappings
