#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "mappings/base/id.hpp"
#include "mappings/base/time.hpp"
#include "sync/postgres/session.hpp"

namespace membridge::sync {

/// A webhook token as the database knows it: never the token, only its SHA-256.
struct Token {
  std::string id;  ///< a UUID; safe to show and to log
  ProjectId project;
  std::string hash;  ///< SHA-256 of the token, 64 lower-case hex digits
  Instant created_at;
  std::optional<Instant> expires_at;  ///< from then on deliveries with it are refused; nothing: it never expires
  std::optional<Instant> last_used;   ///< newest delivery accepted with it, to within a minute
};

/// When a delivery with the token was last accepted.
struct TokenUse {
  std::string id;
  Instant at;
};

/// The tokens that may stand in webhook URLs; several of a project are valid at once, so that one can be rotated while deliveries
/// arrive. All functions run inside the caller's transaction and throw postgres::SqlFailure; times are the database's clock.
class Tokens {
 public:
  /// The transaction outlives it.
  explicit Tokens(postgres::Transaction& transaction) : transaction_(transaction) {}

  /// Stores a token by its hash and returns its id. Throws SQLSTATE 23505 when the hash exists already.
  std::string Issue(const ProjectId& project, const std::string& hash, std::optional<Instant> expires_at = std::nullopt);
  /// Every token of a project, or of all, expired ones included; newest first.
  std::vector<Token> List(const std::optional<ProjectId>& project = std::nullopt);
  /// Returns the tokens that are valid now, for the receiver to keep in memory. The receiver must check expires_at itself from
  /// then on.
  std::vector<Token> Valid();
  /// Lets a token expire `overlap` from now (0: at once), or earlier if it already expires earlier. Returns false when there is
  /// no token of this id.
  bool Retire(const std::string& id, std::chrono::seconds overlap);
  /// Ends a rotation: retires every other token of the project. Returns how many tokens now expire earlier.
  std::size_t RetireOthers(const ProjectId& project, const std::string& keep_id, std::chrono::seconds overlap);
  /// Notes many uses at once. An older use never replaces a newer one; unknown ids are ignored.
  void Touch(const std::vector<TokenUse>& uses);
  /// Deletes tokens that expired more than `age` ago; returns how many.
  std::size_t Forget(std::chrono::seconds age);

 private:
  postgres::Transaction& transaction_;
};

}  // namespace membridge::sync
