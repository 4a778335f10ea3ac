#include "mappings/base/diagnostic.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <tuple>

namespace membridge::mappings {
namespace {

constexpr std::size_t kLongestWord = 64;

char Lower(char c) {
  return static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
}

/// Counts the edits between two words, ignoring case. Two swapped letters count as one edit.
std::size_t Slips(std::string_view a, std::string_view b) {
  std::vector<std::vector<std::size_t>> cost(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
  for (std::size_t i = 0; i <= a.size(); ++i) cost[i][0] = i;
  for (std::size_t j = 0; j <= b.size(); ++j) cost[0][j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const bool same = Lower(a[i - 1]) == Lower(b[j - 1]);
      cost[i][j] = std::min({cost[i - 1][j] + 1, cost[i][j - 1] + 1, cost[i - 1][j - 1] + (same ? 0U : 1U)});
      const bool swapped = i > 1 && j > 1 && Lower(a[i - 1]) == Lower(b[j - 2]) && Lower(a[i - 2]) == Lower(b[j - 1]);
      if (swapped) cost[i][j] = std::min(cost[i][j], cost[i - 2][j - 2] + 1);
    }
  }
  return cost[a.size()][b.size()];
}

}  // namespace

std::string Diagnostic::Text() const {
  const char* kind = severity == Severity::kError ? "error" : "warning";
  if (place.line == 0) return fmt::format("{}: {}: {}", place.file, kind, message);
  return fmt::format("{}:{}:{}: {}: {}", place.file, place.line, place.column, kind, message);
}

void Diagnostics::Error(Place place, std::string message) {
  found_.push_back({std::move(place), Severity::kError, std::move(message)});
}

void Diagnostics::Warn(Place place, std::string message) {
  found_.push_back({std::move(place), Severity::kWarning, std::move(message)});
}

bool Diagnostics::HasErrors() const noexcept {
  return std::any_of(found_.begin(), found_.end(), [](const Diagnostic& one) { return one.severity == Severity::kError; });
}

std::vector<Diagnostic> Diagnostics::Sorted() const {
  std::vector<Diagnostic> sorted = found_;
  std::stable_sort(sorted.begin(), sorted.end(), [](const Diagnostic& a, const Diagnostic& b) {
    return std::tie(a.place.file, a.place.line, a.place.column) < std::tie(b.place.file, b.place.line, b.place.column);
  });
  return sorted;
}

void Diagnostics::Append(const Diagnostics& others) {
  found_.insert(found_.end(), others.found_.begin(), others.found_.end());
}

std::string ClosestTo(std::string_view word, const std::vector<std::string>& candidates) {
  if (word.empty() || word.size() > kLongestWord) return {};
  std::size_t best_slips = word.size() <= 2 ? 2 : word.size() <= 5 ? 3 : 4;  // the first count that is too many
  std::string best;
  for (const std::string& candidate : candidates) {
    if (candidate.size() > kLongestWord) continue;
    const std::size_t slips = Slips(word, candidate);
    if (slips >= best_slips || slips >= std::max(word.size(), candidate.size())) continue;
    best_slips = slips;
    best = candidate;
  }
  return best;
}

std::string DidYouMean(std::string_view word, const std::vector<std::string>& candidates) {
  const std::string closest = ClosestTo(word, candidates);
  return closest.empty() ? std::string{} : fmt::format("; did you mean \"{}\"?", closest);
}

}  // namespace membridge::mappings
