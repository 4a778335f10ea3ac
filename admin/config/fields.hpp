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

/// What the readers of all sections of the configuration need. Threads: one.
struct ReadingContext {
  const Environment& environment;
  mappings::Diagnostics& problems;
  std::string folder;  ///< the folder of the configuration file; relative paths count from it

  /// Returns a path from the file in the form that can be opened.
  std::string PathOf(const std::string& written) const;
};

/// Reads the keys of one map one by one and reports every problem at its place: a value of the wrong shape at the value, unknown
/// and repeated keys at the key. Done() reports unknown keys, because it knows all keys that were asked for. Threads: one.
class Fields {
 public:
  using Entry = mappings::YamlEntry;

  /// `where` names the map in messages: `project "crm"`.
  Fields(const YamlNode& map, std::string where, ReadingContext& context);

  /// Returns the value of `key`; nullptr when it is absent or null.
  const YamlNode* Take(std::string_view key);
  /// Returns a scalar after substitution of `${VAR}`. Nothing when it is absent or wrong; a wrong value has been reported.
  std::optional<std::string> Text(std::string_view key);
  /// Like Text(), but also reports a missing key; `hint` says what to write.
  std::optional<std::string> RequiredText(std::string_view key, std::string_view hint);
  /// Returns a secret, given under `key` or as the content of the file that `key_file` names. Nothing when it is absent or wrong.
  /// A wrong value, and both keys at once, have been reported.
  std::optional<std::string> Secret(std::string_view key);
  /// Like Secret(), but also reports a missing key.
  std::optional<std::string> RequiredSecret(std::string_view key, std::string_view hint);
  /// Returns `key_file` when that key is present, else `key`.
  std::string SecretKeyOf(std::string_view key);
  /// Returns the elements of a list; empty when it is absent. A value that is not a list is reported.
  std::vector<const YamlNode*> List(std::string_view key);
  /// Returns the entries of a map; empty when it is absent. A value that is not a map is reported.
  std::vector<const Entry*> Map(std::string_view key);

  void Read(std::string_view key, bool& into);
  void Read(std::string_view key, std::size_t least, std::size_t most, std::size_t& into);
  void Read(std::string_view key, ListenAddress& into);
  template <class Duration>
  void Read(std::string_view key, Duration& into) {
    if (const auto read = DurationOf(key)) into = std::chrono::duration_cast<Duration>(*read);
  }

  /// Returns the place of `key`, or of the map when it has no such key.
  mappings::Place PlaceOf(std::string_view key) const;
  const std::string& where() const { return where_; }
  ReadingContext& context() const { return context_; }

  /// Reports unknown keys. Call it once, after all keys were read.
  void Done();

 private:
  std::optional<std::chrono::milliseconds> DurationOf(std::string_view key);

  const YamlNode& map_;
  std::string where_;
  ReadingContext& context_;
  std::vector<std::string> known_;
};

/// Returns a scalar's text after substitution. For any other value reports that `what` must be text.
std::optional<std::string> TextOf(const YamlNode& value, const std::string& what, ReadingContext& context);

/// Returns the texts of a list; reports elements that are no text.
std::vector<std::string> TextsOf(Fields& fields, std::string_view key);

/// Whether a value is a map; reports it when it is not. Null counts as an empty map.
bool IsMap(const YamlNode& value, const std::string& what, ReadingContext& context);

}  // namespace membridge::admin
