#pragma once

#include <string>
#include <vector>

#include "mappings/base/time.hpp"

namespace membridge::admin {

/// A table for a terminal: columns under headers, each as wide as its widest cell. The last column is not padded.
class TextTable {
 public:
  explicit TextTable(std::vector<std::string> headers) : headers_(std::move(headers)) {}

  void Add(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }
  bool Empty() const { return rows_.empty(); }
  /// Returns headers and rows, one line each. Headers are bold when `coloured`.
  std::string Text(bool coloured = false) const;

 private:
  std::vector<std::string> headers_;
  std::vector<std::vector<std::string>> rows_;
};

/// Returns `just now`, `45 s ago`, `3 min 20 s ago`, `2 d ago`, or `in 5 min` for a future time.
std::string AgeOf(Instant instant, Instant now);

/// Returns a time in UTC with its age: `2026-03-01 09:00:00 (3 min ago)`.
std::string WithAge(Instant instant, Instant now);

enum class Tone { kGood, kNote, kBad };
/// Returns the word in green, yellow or red when `coloured`, else unchanged.
std::string Toned(const std::string& word, Tone tone, bool coloured);

}  // namespace membridge::admin
