#include "sync/mem0/retry_after.hpp"

#include <curl/curl.h>

#include <algorithm>
#include <string>

namespace membridge::sync::mem0 {
namespace {

std::string_view Trim(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

bool IsDigit(char c) {
  return c >= '0' && c <= '9';
}

/// Reads digits, and perhaps a point and more digits; `rest` is what follows.
std::optional<std::chrono::milliseconds> ReadSeconds(std::string_view text, std::string_view& rest,
                                                     std::chrono::milliseconds longest = kLongestRetryAfter) {
  std::size_t at = 0;
  std::int64_t seconds = 0;
  for (; at < text.size() && IsDigit(text[at]); ++at) {
    seconds = std::min<std::int64_t>(seconds * 10 + (text[at] - '0'), 1'000'000'000);  // far beyond the longest wait already
  }
  if (at == 0) return std::nullopt;
  if (at + 1 < text.size() && text[at] == '.' && IsDigit(text[at + 1])) {
    bool fraction = false;
    for (++at; at < text.size() && IsDigit(text[at]); ++at) fraction = fraction || text[at] != '0';
    if (fraction) ++seconds;
  }
  rest = text.substr(at);
  return std::min<std::chrono::milliseconds>(std::chrono::seconds{seconds}, longest);
}

}  // namespace

std::optional<Instant> ParseHttpDate(std::string_view text) {
  // curl_getdate also accepts text that is not an HTTP date, such as "now" or a bare "12 Dec". All three HTTP forms begin with a
  // day's name and hold a time.
  text = Trim(text);
  const bool looks_right =
      text.size() >= 24 && text.size() <= 40 && !IsDigit(text.front()) && text.find(':') != std::string_view::npos;
  if (!looks_right) return std::nullopt;
  const std::time_t seconds = curl_getdate(std::string{text}.c_str(), nullptr);
  if (seconds < 0) return std::nullopt;
  return Instant{std::chrono::seconds{seconds}};
}

std::optional<std::chrono::milliseconds> ParseRetryAfter(std::string_view header, Instant now,
                                                         std::chrono::milliseconds longest) {
  header = Trim(header);
  std::string_view rest;
  if (const auto seconds = ReadSeconds(header, rest, longest)) {
    if (!rest.empty()) return std::nullopt;
    return seconds;
  }
  const auto date = ParseHttpDate(header);
  if (!date) return std::nullopt;
  return std::clamp(std::chrono::ceil<std::chrono::milliseconds>(*date - now), std::chrono::milliseconds{0}, longest);
}

std::optional<std::chrono::milliseconds> RetryAfterInWords(std::string_view text) {
  constexpr std::string_view kMark = "available in ";
  const auto at = text.find(kMark);
  if (at == std::string_view::npos) return std::nullopt;
  std::string_view rest;
  const auto seconds = ReadSeconds(text.substr(at + kMark.size()), rest);
  if (!seconds || !rest.starts_with(" second")) return std::nullopt;
  return seconds;
}

}  // namespace membridge::sync::mem0
