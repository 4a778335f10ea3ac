#include "admin/config/audit_keys.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace membridge::admin {
namespace {

constexpr std::size_t kShortestSecret = 32;
constexpr std::size_t kLongestId = 64;
constexpr const char* kHowALineLooks = "write an id, a blank and at least 32 characters, as openssl rand -hex 32 prints them";

bool IsKeyId(std::string_view id) {
  constexpr std::string_view kAllowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
  return !id.empty() && id.size() <= kLongestId && id.find_first_not_of(kAllowed) == std::string_view::npos;
}

bool IsSecret(std::string_view secret) {
  return secret.size() >= kShortestSecret && std::all_of(secret.begin(), secret.end(), [](char c) { return c > ' ' && c < 127; });
}

/// Takes the first line off the text, without white space at its end.
std::string_view TakeLine(std::string_view& text) {
  const std::size_t end = text.find('\n');
  std::string_view line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  while (!line.empty() && (line.back() == '\r' || line.back() == ' ' || line.back() == '\t')) line.remove_suffix(1);
  return line;
}

}  // namespace

Result<AuditKeys> AuditKeys::Read(std::string_view text) {
  AuditKeys keys;
  for (int number = 1; !text.empty(); ++number) {
    const std::string_view line = TakeLine(text);
    if (line.empty() || line.front() == '#') continue;
    const std::size_t blank = line.find_first_of(" \t");
    const std::string_view id = line.substr(0, blank);
    const std::size_t begin = line.find_first_not_of(" \t", id.size());
    const std::string_view secret = begin == std::string_view::npos ? std::string_view{} : line.substr(begin);
    if (!IsKeyId(id) || !IsSecret(secret))
      return Fail(ErrorCode::kRefused, fmt::format("line {} is no key", number), kHowALineLooks);
    if (keys.Find(id) != nullptr)
      return Fail(ErrorCode::kRefused, fmt::format("line {} has the id of an earlier line", number), "give each key its own id");
    keys.keys_.push_back({std::string{id}, std::string{secret}});
  }
  if (keys.keys_.empty()) return Fail(ErrorCode::kRefused, "there is no key in it", kHowALineLooks);
  return keys;
}

const AuditKeys::Key* AuditKeys::Find(std::string_view id) const {
  const auto found = std::find_if(keys_.begin(), keys_.end(), [&](const Key& key) { return key.id == id; });
  return found == keys_.end() ? nullptr : &*found;
}

}  // namespace membridge::admin
