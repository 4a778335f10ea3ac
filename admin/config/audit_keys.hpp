#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mappings/base/result.hpp"

namespace membridge::admin {

/// The keys that seal entries of the audit, from the file that `admin.audit.key_file` names. The database never sees them, so
/// that its owner cannot write entries that look genuine.
///
/// The file holds one key a line: an id, a blank, and at least 32 characters (`openssl rand -hex 32` makes good ones). The last
/// key seals new entries; those above it are kept to check older entries. Lines that begin with `#` are ignored. Immutable.
class AuditKeys {
 public:
  struct Key {
    std::string id;      ///< stored beside each entry; letters, digits, `.`, `_` and `-`, at most 64
    std::string secret;  ///< never logged
  };

  /// Reads the text of a key file. kRefused: a line is no key, an id appears twice, or there is no key at all; the message names
  /// the line and never quotes it.
  static Result<AuditKeys> Read(std::string_view text);

  /// Returns the key that seals new entries.
  const Key& Newest() const { return keys_.back(); }
  /// Returns the key of that id; nullptr when the file does not contain it.
  const Key* Find(std::string_view id) const;

 private:
  std::vector<Key> keys_;  // at least one
};

}  // namespace membridge::admin
