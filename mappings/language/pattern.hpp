#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace membridge::mappings {

/// A compiled regular expression (RE2). One match takes time linear in the text. Thread-safe.
class Pattern {
 public:
  /// Compiles a pattern; on an error returns nullptr and says why in `flaw`. `\C` is refused, because it would cut characters in
  /// half.
  static std::shared_ptr<const Pattern> Compile(std::string_view expression, std::string& flaw);
  ~Pattern();

  /// Returns what the first match captured: the first group that took part, or the whole match when the pattern has no group.
  std::optional<std::string> Capture(std::string_view text) const;
  /// Returns what every match captured, from left to right.
  std::vector<std::string> Captures(std::string_view text) const;
  /// Replaces every match. In `rewrite`, `\1` … `\9` stand for groups and `\0` for the match.
  std::string Replace(std::string_view text, std::string_view rewrite) const;
  /// Returns the texts between the matches.
  std::vector<std::string> Split(std::string_view text) const;
  /// Returns an empty text when `rewrite` fits the pattern's groups, else what is wrong with it.
  std::string FlawOfRewrite(std::string_view rewrite) const;

 private:
  struct Compiled;
  explicit Pattern(std::unique_ptr<Compiled> compiled);
  using Groups = std::vector<std::string_view>;  // group 0 is the match; a group that took no part has a null pointer
  void ForEachMatch(std::string_view text, const std::function<void(const Groups&)>& found) const;

  std::unique_ptr<Compiled> compiled_;
};

}  // namespace membridge::mappings
