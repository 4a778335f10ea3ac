#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace membridge::mappings {

/// A place in a file. Lines and columns count from 1, columns in bytes; line 0 means the file as a whole.
struct Place {
  std::string file;
  std::size_t line = 0;
  std::size_t column = 0;
};

enum class Severity { kError, kWarning };

/// One problem in a file.
struct Diagnostic {
  Place place;
  Severity severity = Severity::kError;
  std::string message;  ///< what is wrong and how to fix it, as a user reads it

  /// `crm.yaml:6:5: error: unknown row keyword "tabel"; did you mean "table"?`
  std::string Text() const;
};

/// Collects every problem instead of stopping at the first.
class Diagnostics {
 public:
  void Error(Place place, std::string message);
  void Warn(Place place, std::string message);
  bool HasErrors() const noexcept;
  /// Returns all problems by file, line and column. Problems of the same place keep the order in which they were found.
  std::vector<Diagnostic> Sorted() const;
  void Append(const Diagnostics& others);

 private:
  std::vector<Diagnostic> found_;
};

/// Returns the candidate that `word` is probably a typing error of; empty when no candidate is close enough.
std::string ClosestTo(std::string_view word, const std::vector<std::string>& candidates);
/// Returns `; did you mean "table"?`, or an empty text when no candidate is close.
std::string DidYouMean(std::string_view word, const std::vector<std::string>& candidates);

}  // namespace membridge::mappings
