#pragma once

#include <string>
#include <vector>

#include "mappings/base/time.hpp"

namespace membridge::admin {

/// Lines of columns under headers, as wide as their widest cell; for a terminal. The last column is as wide as it likes.
class TextTable {
 public:
  explicit TextTable(std::vector<std::string> headers) : headers_(std::move(headers)) {}

  void Add(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }
  bool Empty() const { return rows_.empty(); }
  /// Headers and rows, a line each; headers are bold when `coloured`.
  std::string Text(bool coloured = false) const;

 private:
  std::vector<std::string> headers_;
  std::vector<std::vector<std::string>> rows_;
};

/// `just now`, `45 s ago`, `3 min 20 s ago`, `2 d ago`; `in 5 min` for what is still to come.
std::string AgeOf(Instant instant, Instant now);

/// `2026-03-01 09:00:00 (3 min ago)`: UTC to the second, with its age.
std::string WithAge(Instant instant, Instant now);

enum class Tone { kGood, kNote, kBad };
/// The word in green, yellow or red when `coloured`, else as it is.
std::string Toned(const std::string& word, Tone tone, bool coloured);

}  // namespace membridge::admin
