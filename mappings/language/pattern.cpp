#include "mappings/language/pattern.hpp"

#include <re2/re2.h>

#include <algorithm>

namespace membridge::mappings {
namespace {

constexpr std::int64_t kPatternMemory = 8 << 20;
constexpr std::size_t kScanBudget = std::size_t{1} << 28U;
constexpr std::size_t kSmallestWindow = 256;

re2::StringPiece Piece(std::string_view text) {
  return {text.data(), text.size()};
}
std::string_view View(const re2::StringPiece& piece) {
  return {piece.data(), piece.size()};
}

RE2::Options Quiet() {
  RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(kPatternMemory);
  return options;
}

bool HasByteEscape(std::string_view expression) {
  for (std::size_t i = 0; i + 1 < expression.size(); ++i) {
    if (expression[i] != '\\') continue;
    if (expression[i + 1] == 'C') return true;
    ++i;
  }
  return false;
}

std::size_t CharacterAt(std::string_view text, std::size_t position) {
  std::size_t size = 1;
  while (position + size < text.size() && (static_cast<unsigned char>(text[position + size]) & 0xC0U) == 0x80U) ++size;
  return size;
}

std::optional<std::string> FirstTaken(const std::vector<std::string_view>& groups) {
  if (groups.size() == 1) return std::string{groups[0]};
  for (std::size_t i = 1; i < groups.size(); ++i) {
    if (groups[i].data() != nullptr) return std::string{groups[i]};
  }
  return std::nullopt;
}

}  // namespace

struct Pattern::Compiled {
  explicit Compiled(std::string_view expression) : re(Piece(expression), Quiet()) {}
  RE2 re;
};

Pattern::Pattern(std::unique_ptr<Compiled> compiled) : compiled_(std::move(compiled)) {}
Pattern::~Pattern() = default;

std::shared_ptr<const Pattern> Pattern::Compile(std::string_view expression, std::string& flaw) {
  if (HasByteEscape(expression)) {
    flaw = "\\C would cut characters in half";
    return nullptr;
  }
  auto compiled = std::make_unique<Compiled>(expression);
  if (!compiled->re.ok()) {
    flaw = compiled->re.error();
    return nullptr;
  }
  return std::shared_ptr<const Pattern>(new Pattern(std::move(compiled)));
}

// Bounds the work for all matches together. One match takes linear time, but a pattern such as `a.*b|a` reads to the end of the
// text for every one of many matches. A text above 16 KiB is therefore searched through a window, so that the total work stays
// near kScanBudget steps. In such a text one match is at most as long as the window (4 KiB in a text of 64 KiB, 256 bytes in one
// of 1 MiB).
void Pattern::ForEachMatch(std::string_view text, const std::function<void(const Groups&)>& found) const {
  const RE2& re = compiled_->re;
  const auto count = static_cast<std::size_t>(re.NumberOfCapturingGroups()) + 1;
  const std::size_t fair = std::max(kScanBudget / std::max<std::size_t>(text.size(), 1), kSmallestWindow);
  const std::size_t window = std::min(text.size(), fair);
  std::vector<re2::StringPiece> pieces(count);
  Groups groups(count);
  std::size_t position = 0;
  while (position <= text.size()) {
    const bool to_the_end = text.size() - position <= 2 * window;
    std::size_t end = to_the_end ? text.size() : position + 2 * window;
    while (end < text.size() && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) ++end;
    const bool matched = re.Match(Piece(text), position, end, RE2::UNANCHORED, pieces.data(), static_cast<int>(count));
    const std::size_t start = matched ? static_cast<std::size_t>(pieces[0].data() - text.data()) : end;
    if (!matched || (!to_the_end && start > position + window)) {
      if (!matched && to_the_end) return;
      position += window;  // search again from here, so that the next match has a whole window
      while (position < text.size() && (static_cast<unsigned char>(text[position]) & 0xC0U) == 0x80U) ++position;
      continue;
    }
    for (std::size_t i = 0; i < count; ++i) groups[i] = View(pieces[i]);
    found(groups);
    const std::size_t after = start + pieces[0].size();
    position = pieces[0].empty() ? after + CharacterAt(text, std::min(after, text.size())) : after;
  }
}

std::optional<std::string> Pattern::Capture(std::string_view text) const {
  const auto count = static_cast<std::size_t>(compiled_->re.NumberOfCapturingGroups()) + 1;
  std::vector<re2::StringPiece> pieces(count);
  if (!compiled_->re.Match(Piece(text), 0, text.size(), RE2::UNANCHORED, pieces.data(), static_cast<int>(count)))
    return std::nullopt;
  Groups groups;
  for (const auto& piece : pieces) groups.push_back(View(piece));
  return FirstTaken(groups);
}

std::vector<std::string> Pattern::Captures(std::string_view text) const {
  std::vector<std::string> captures;
  ForEachMatch(text, [&](const Groups& groups) {
    if (auto taken = FirstTaken(groups)) captures.push_back(std::move(*taken));
  });
  return captures;
}

std::string Pattern::Replace(std::string_view text, std::string_view rewrite) const {
  std::string result;
  std::size_t copied = 0;
  ForEachMatch(text, [&](const Groups& groups) {
    const auto start = static_cast<std::size_t>(groups[0].data() - text.data());
    result.append(text.substr(copied, start - copied));
    for (std::size_t i = 0; i < rewrite.size(); ++i) {
      if (rewrite[i] != '\\' || i + 1 == rewrite.size()) {
        result.push_back(rewrite[i]);
        continue;
      }
      const char escaped = rewrite[++i];
      const auto group = static_cast<std::size_t>(escaped - '0');
      if (escaped >= '0' && escaped <= '9' && group < groups.size()) {
        result.append(groups[group]);
      } else {
        result.push_back(escaped);
      }
    }
    copied = start + groups[0].size();
  });
  result.append(text.substr(std::min(copied, text.size())));
  return result;
}

std::vector<std::string> Pattern::Split(std::string_view text) const {
  std::vector<std::string> parts;
  std::size_t copied = 0;
  ForEachMatch(text, [&](const Groups& groups) {
    if (groups[0].empty()) return;
    const auto start = static_cast<std::size_t>(groups[0].data() - text.data());
    parts.emplace_back(text.substr(copied, start - copied));
    copied = start + groups[0].size();
  });
  parts.emplace_back(text.substr(copied));
  return parts;
}

std::string Pattern::FlawOfRewrite(std::string_view rewrite) const {
  std::string flaw;
  compiled_->re.CheckRewriteString(Piece(rewrite), &flaw);
  return flaw;
}

}  // namespace membridge::mappings
