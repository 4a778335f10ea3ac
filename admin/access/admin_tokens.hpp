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

/// Who asks the admin API.
struct Caller {
  std::string name;  ///< of the token
  Role role = Role::kViewer;
  bool in_configuration = false;
  std::string token_id{};  ///< empty for a token of the configuration
  std::optional<Instant> expires_at{};

  /// `config:NAME` or `token:NAME`
  std::string Actor() const { return (in_configuration ? "config:" : "token:") + name; }
};

/// A token of the admin API that is kept in the database: never the token, only its SHA-256.
struct StoredAdminToken {
  std::string id;  ///< a UUID; safe to show and to log
  std::string name;
  Role role = Role::kViewer;
  Instant created_at;
  std::string created_by;  ///< an actor
  std::optional<Instant> expires_at, revoked_at;
  std::optional<Instant> last_used;  ///< to within a minute
};

/// All functions throw postgres::SqlFailure; times are the database's clock.
class AdminTokens {
 public:
  /// The transaction outlives it.
  explicit AdminTokens(sync::postgres::Transaction& transaction) : transaction_(transaction) {}

  struct Issued {
    StoredAdminToken stored;
    std::string token;  ///< the secret: to be shown once and forgotten
  };
  /// A new token, in the caller's transaction. kRefused: another token of that name works.
  Result<Issued> Create(const std::string& name, Role role, const std::string& created_by,
                        std::optional<std::chrono::days> expires_in);
  /// All of them, revoked and expired ones included; newest first.
  std::vector<StoredAdminToken> List();
  /// From the commit on it opens nothing. kNotFound; kRefused when it was revoked before.
  Result<StoredAdminToken> Revoke(const std::string& id);

 private:
  sync::postgres::Transaction& transaction_;
};

/// Whether any token of the database opens the door now.
bool AnyAdminTokenWorks(sync::postgres::Session& session);

/// The one that a token's text is, when it works now; notes its use.
std::optional<Caller> CallerByToken(sync::postgres::Session& session, std::string_view token);

/// The one of `admin.tokens` that a token's text is. Compares SHA-256 with every one of them in constant time, so that time tells
/// nothing about any.
std::optional<Caller> FindConfigured(const std::vector<AdminToken>& tokens, std::string_view token);

}  // namespace membridge::admin
