#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "mappings/base/diagnostic.hpp"

namespace membridge::mappings {

struct YamlEntry;

/// One node of a YAML file with its place. Scalars keep their text as written; the loader gives it a type, not YAML.
struct YamlNode {
  enum class Kind { kNothing, kScalar, kList, kMap };
  Kind kind = Kind::kNothing;
  std::string text;      ///< of a scalar
  bool plain = false;    ///< a scalar without quotes, not a block of text
  bool in_flow = false;  ///< inside `{ }` or `[ ]`
  Place place;
  std::size_t offset = 0;  ///< of its first character in the file
  std::vector<YamlNode> items;
  std::vector<YamlEntry> entries;  ///< in the file's order; keys are scalars, each once

  /// Returns the value of a key; nullptr when the map has no such key or the node is not a map.
  const YamlNode* Find(std::string_view key) const;
  bool IsNull() const { return kind == Kind::kScalar && plain && text == "null"; }
  /// Returns the kind's name for messages: `a map`, `a list`, `text`, `nothing`.
  std::string_view KindName() const;
};

/// A key of a map and its value.
struct YamlEntry {
  YamlNode key;
  YamlNode value;
};

/// A parsed YAML file. Any input is safe: size, nesting and the expansion of aliases are limited, and nothing throws. Immutable.
class YamlSource {
 public:
  /// Returns nothing when the text cannot be parsed. Duplicate keys are reported, and parsing goes on.
  static std::optional<YamlSource> Parse(std::string file, std::string text, Diagnostics& problems);

  const YamlNode& Root() const { return root_; }
  const std::string& File() const { return file_; }
  /// Returns the place in the file of the character at `position` of a scalar's text. It takes account of quotes, escapes and
  /// folded lines.
  Place PlaceIn(const YamlNode& scalar, std::size_t position) const;
  /// Returns a hint for problems at this byte inside `{ }`: which characters YAML reads itself, and the value with quotes, ready
  /// to paste.
  std::string FlowHint(std::size_t offset) const;

 private:
  std::string file_;
  std::string text_;
  YamlNode root_;
};

/// The largest file that Parse() reads, in bytes.
inline constexpr std::size_t kLargestFile = 1 << 20;

}  // namespace membridge::mappings
