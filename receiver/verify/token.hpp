#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mappings/base/id.hpp"
#include "mappings/base/time.hpp"

namespace membridge::receiver {

/// A new webhook token: 256 random bits as 43 characters of base64url, ready for use in a URL. Throws std::runtime_error when the
/// random generator fails.
std::string MakeToken();

/// Returns the form of a token that is stored: its SHA-256 as 64 lower-case hex digits.
std::string HashToken(std::string_view token);

/// A token as the database stores it.
struct StoredToken {
  std::string id;  ///< safe to show and to log
  ProjectId project;
  std::string hash;  ///< as HashToken gives it; any other form never matches
  std::optional<Instant> not_before;
  std::optional<Instant> expires_at;  ///< from this moment on it is not accepted
};

/// The tokens of all projects at one moment. Immutable and thread-safe; use Snapshot to replace it while requests are verified.
class TokenSet {
 public:
  explicit TokenSet(const std::vector<StoredToken>& tokens = {});

  /// Returns the id of the token if it is valid for `project` at `now`, else nothing. Always compares with the stored hashes of
  /// all projects, so that the time reveals neither how much of a token was right nor whether the project exists.
  std::optional<std::string> Verify(const ProjectId& project, std::string_view token, Instant now) const;

 private:
  using Digest = std::array<unsigned char, 32>;
  struct Entry {
    std::string id;
    Digest project;
    Digest token;
    std::optional<Instant> not_before;
    std::optional<Instant> expires_at;
  };
  std::vector<Entry> entries_;
};

}  // namespace membridge::receiver
