#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "admin/config/config.hpp"
#include "admin/config/role.hpp"
#include "mappings/base/result.hpp"
#include "mappings/base/time.hpp"
#include "sync/postgres/session.hpp"

namespace membridge::admin {

/// The caller of an admin API request, known by its token.
struct Caller {
  std::string name;  ///< of the token
  Role role = Role::kViewer;
  bool in_configuration = false;
  std::string token_id{};  ///< empty for a token of the configuration
  std::optional<Instant> expires_at{};

  /// `config:NAME` or `token:NAME`
  std::string Actor() const { return (in_configuration ? "config:" : "token:") + name; }
};

/// A token of the admin API in the database. The token itself is not stored, only its SHA-256.
struct StoredAdminToken {
  std::string id;  ///< a UUID; safe to show and to log
  std::string name;
  Role role = Role::kViewer;
  Instant created_at;
  std::string created_by;  ///< an actor
  std::optional<Instant> expires_at, revoked_at;
  std::optional<Instant> last_used;  ///< to within a minute
};

/// The admin tokens of the database. All functions throw postgres::SqlFailure. Times are by the database's clock. Threads: one.
class AdminTokens {
 public:
  /// The transaction outlives it.
  explicit AdminTokens(sync::postgres::Transaction& transaction) : transaction_(transaction) {}

  struct Issued {
    StoredAdminToken stored;
    std::string token;  ///< the secret: show it once and do not keep it
  };
  /// Makes a token in the caller's transaction. kRefused: another valid token has this name.
  Result<Issued> Create(const std::string& name, Role role, const std::string& created_by,
                        std::optional<std::chrono::days> expires_in);
  /// Returns all tokens, including revoked and expired ones, newest first.
  std::vector<StoredAdminToken> List();
  /// Revokes a token; it is invalid from the commit on. kNotFound: there is no such token. kRefused: it was revoked before.
  Result<StoredAdminToken> Revoke(const std::string& id);

 private:
  sync::postgres::Transaction& transaction_;
};

/// Whether any token of the database is valid now. Throws postgres::SqlFailure.
bool AnyAdminTokenWorks(sync::postgres::Session& session);

/// Returns the caller whose token this is, if it is valid now, and notes its use. Throws postgres::SqlFailure.
std::optional<Caller> CallerByToken(sync::postgres::Session& session, std::string_view token);

/// Returns the caller whose token under `admin.tokens` this is; nothing when there is none. Compares SHA-256 with every one in
/// constant time, so that the time reveals nothing about any of them.
std::optional<Caller> FindConfigured(const std::vector<AdminToken>& tokens, std::string_view token);

}  // namespace membridge::admin
