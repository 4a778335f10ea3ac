#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "admin/config/config.hpp"
#include "mappings/base/diagnostic.hpp"
#include "mappings/files/yaml_source.hpp"

namespace membridge::admin {

using mappings::YamlNode;

/// What every section of the configuration is read with.
struct ReadingContext {
  const Environment& environment;
  mappings::Diagnostics& problems;
  std::string folder;  ///< of the configuration file: what relative paths count from

  /// A path of the file as it can be opened.
  std::string PathOf(const std::string& written) const;
};

/// The keys of one map, taken one by one. Whatever is wrong becomes a problem at its place: values of the wrong shape at the
/// value, unknown and repeated keys (told by Done(), which knows every key that was asked for) at the key.
class Fields {
 public:
  using Entry = mappings::YamlEntry;

  /// `where` names the map in messages: `project "crm"`.
  Fields(const YamlNode& map, std::string where, ReadingContext& context);

  /// The value of `key`; nullptr when it is absent or null.
  const YamlNode* Take(std::string_view key);
  /// A scalar, substituted. Absent and broken are both nothing; broken has been reported.
  std::optional<std::string> Text(std::string_view key);
  /// Like Text, but absence is reported too; `hint` says what to write.
  std::optional<std::string> RequiredText(std::string_view key, std::string_view hint);
  /// A secret, which may stand under `key`, or alone in a file that `key_file` names. Absent and broken are both nothing; broken,
  /// and both at once, have been reported.
  std::optional<std::string> Secret(std::string_view key);
  /// Like Secret, but absence is reported too.
  std::optional<std::string> RequiredSecret(std::string_view key, std::string_view hint);
  /// `key`, or `key_file` when that is there.
  std::string SecretKeyOf(std::string_view key);
  /// The parts of a list, or nothing; a value that is no list is reported.
  std::vector<const YamlNode*> List(std::string_view key);
  /// The entries of a map, likewise.
  std::vector<const Entry*> Map(std::string_view key);

  void Read(std::string_view key, bool& into);
  void Read(std::string_view key, std::size_t least, std::size_t most, std::size_t& into);
  void Read(std::string_view key, ListenAddress& into);
  template <class Duration>
  void Read(std::string_view key, Duration& into) {
    if (const auto read = DurationOf(key)) into = std::chrono::duration_cast<Duration>(*read);
  }

  /// Where `key` stands, else where the map stands.
  mappings::Place PlaceOf(std::string_view key) const;
  const std::string& where() const { return where_; }
  ReadingContext& context() const { return context_; }

  /// Reports unknown keys. To be called once, after the last Take.
  void Done();

 private:
  std::optional<std::chrono::milliseconds> DurationOf(std::string_view key);

  const YamlNode& map_;
  std::string where_;
  ReadingContext& context_;
  std::vector<std::string> known_;
};

/// A scalar's text, substituted; anything else is reported as `what` having to be text.
std::optional<std::string> TextOf(const YamlNode& value, const std::string& what, ReadingContext& context);

/// Whether a value is a map; reported when it is not. Null counts as an empty map.
bool IsMap(const YamlNode& value, const std::string& what, ReadingContext& context);

}  // namespace membridge::admin
