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

/// One node of a YAML file, with its place. Scalars keep the text as written: what it means is not YAML's to say.
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

  /// nullptr when the map has no such key, or this is no map.
  const YamlNode* Find(std::string_view key) const;
  bool IsNull() const { return kind == Kind::kScalar && plain && text == "null"; }
  /// `a map`, `a list`, `text`, `nothing`: for messages.
  std::string_view KindName() const;
};

/// A key of a map and its value.
struct YamlEntry {
  YamlNode key;
  YamlNode value;
};

/// A YAML file read once. Any bytes are safe: size, nesting and what aliases expand to are limited, and nothing throws.
class YamlSource {
 public:
  /// Nothing when it cannot be read at all; duplicate keys are reported and read on.
  static std::optional<YamlSource> Parse(std::string file, std::string text, Diagnostics& problems);

  const YamlNode& Root() const { return root_; }
  const std::string& File() const { return file_; }
  /// The place of the character at `position` of a scalar's text: quotes, escapes and folded lines are counted back.
  Place PlaceIn(const YamlNode& scalar, std::size_t position) const;
  /// Added to problems at this byte inside `{ }`: which characters YAML reads itself, and the value there with quotes, to paste.
  std::string FlowHint(std::size_t offset) const;

 private:
  std::string file_;
  std::string text_;
  YamlNode root_;
};

/// In bytes: what Parse() reads.
inline constexpr std::size_t kLargestFile = 1 << 20;

}  // namespace membridge::mappings
