#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mappings/base/id.hpp"
#include "mappings/base/time.hpp"

namespace membridge::receiver {

/// A new webhook token: 256 random bits as 43 characters of base64url, fit for a URL as it is. Throws std::runtime_error when the
/// machine has no randomness.
std::string MakeToken();

/// What is stored of a token: its SHA-256 as 64 lower-case hex digits.
std::string HashToken(std::string_view token);

/// A token as the database knows it.
struct StoredToken {
  std::string id;  ///< safe to show and to log
  ProjectId project;
  std::string hash;  ///< as HashToken gives it; any other form never matches
  std::optional<Instant> not_before;
  std::optional<Instant> expires_at;  ///< from then on it opens nothing
};

/// The tokens of all projects at one time. Immutable; see Snapshot for replacing it while requests are verified.
class TokenSet {
 public:
  explicit TokenSet(const std::vector<StoredToken>& tokens = {});

  /// The id of the token that opens `project` at `now`. Compares every stored hash of every project whatever matches, so that
  /// time tells neither how much of a token was right nor whether the project exists.
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
