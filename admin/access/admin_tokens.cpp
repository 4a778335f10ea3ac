#include "admin/access/admin_tokens.hpp"

#include <openssl/crypto.h>

#include "receiver/verify/token.hpp"
#include "sync/postgres/column.hpp"

namespace membridge::admin {
namespace {

using sync::postgres::OptionalTimeAt;
using sync::postgres::Param;
using sync::postgres::Rows;
using sync::postgres::Session;
using sync::postgres::TimeAt;
using sync::postgres::Transaction;

const std::string kTokenColumns = "id, name, role, created_at, created_by, expires_at, revoked_at, last_used";

StoredAdminToken TokenAt(const Rows& rows, std::size_t row) {
  return {.id = std::string{rows.Text(row, 0)},
          .name = std::string{rows.Text(row, 1)},
          .role = RoleNamed(rows.Text(row, 2)).value_or(Role::kViewer),
          .created_at = TimeAt(rows, row, 3),
          .created_by = std::string{rows.Text(row, 4)},
          .expires_at = OptionalTimeAt(rows, row, 5),
          .revoked_at = OptionalTimeAt(rows, row, 6),
          .last_used = OptionalTimeAt(rows, row, 7)};
}

constexpr const char* kWorks = "revoked_at IS NULL AND (expires_at IS NULL OR expires_at > statement_timestamp())";

}  // namespace

Result<AdminTokens::Issued> AdminTokens::Create(const std::string& name, Role role, const std::string& created_by,
                                                std::optional<std::chrono::days> expires_in) {
  const std::string token = receiver::MakeToken();
  // The index on the name also counts expired tokens, so release the names of tokens that have expired.
  transaction_.Run(
      "UPDATE membridge.admin_tokens SET revoked_at = expires_at WHERE name = $1 AND revoked_at IS NULL AND expires_at <= "
      "statement_timestamp()",
      {name});
  const Rows rows = transaction_.Run(
      "INSERT INTO membridge.admin_tokens (id, name, role, hash, created_by, expires_at) VALUES (gen_random_uuid(), $1, $2, $3, "
      "$4, "
      "statement_timestamp() + $5::bigint * interval '1 day') ON CONFLICT DO NOTHING RETURNING " +
          kTokenColumns,
      {name, std::string{NameOf(role)}, receiver::HashToken(token), created_by,
       expires_in ? Param{std::to_string(expires_in->count())} : std::nullopt});
  if (rows.empty()) {
    return Fail(ErrorCode::kRefused, "a token named " + name + " is in use",
                "the audit tells tokens apart by name: choose another, or revoke that one first");
  }
  return Issued{TokenAt(rows, 0), token};
}

std::vector<StoredAdminToken> AdminTokens::List() {
  const Rows rows = transaction_.Run("SELECT " + kTokenColumns + " FROM membridge.admin_tokens ORDER BY created_at DESC, id");
  std::vector<StoredAdminToken> tokens;
  for (std::size_t row = 0; row < rows.size(); ++row) tokens.push_back(TokenAt(rows, row));
  return tokens;
}

Result<StoredAdminToken> AdminTokens::Revoke(const std::string& id) {
  const Rows revoked = transaction_.Run(
      "UPDATE membridge.admin_tokens SET revoked_at = statement_timestamp() WHERE id::text = $1 AND revoked_at IS NULL "
      "RETURNING " +
          kTokenColumns,
      {id});
  if (!revoked.empty()) return TokenAt(revoked, 0);
  if (transaction_.Run("SELECT FROM membridge.admin_tokens WHERE id::text = $1", {id}).empty())
    return Fail(ErrorCode::kNotFound, "there is no such token", "membridge tokens list shows them");
  return Fail(ErrorCode::kRefused, "the token was revoked before");
}

bool AnyAdminTokenWorks(Session& session) {
  return !session.Run(std::string{"SELECT FROM membridge.admin_tokens WHERE "} + kWorks + " LIMIT 1").empty();
}

std::optional<Caller> CallerByToken(Session& session, std::string_view token) {
  const std::string hash = receiver::HashToken(token);
  const Rows rows = session.Run("SELECT " + kTokenColumns + " FROM membridge.admin_tokens WHERE hash = $1 AND " + kWorks, {hash});
  if (rows.empty()) return std::nullopt;
  session.Run(
      "UPDATE membridge.admin_tokens SET last_used = statement_timestamp() "
      "WHERE hash = $1 AND (last_used IS NULL OR last_used < statement_timestamp() - interval '1 minute')",
      {hash});
  const StoredAdminToken found = TokenAt(rows, 0);
  return Caller{.name = found.name, .role = found.role, .token_id = found.id, .expires_at = found.expires_at};
}

std::optional<Caller> FindConfigured(const std::vector<AdminToken>& tokens, std::string_view token) {
  const std::string wanted = receiver::HashToken(token);
  const AdminToken* match = nullptr;
  for (const AdminToken& each : tokens) {
    const std::string hash = receiver::HashToken(each.token);
    if (CRYPTO_memcmp(hash.data(), wanted.data(), wanted.size()) == 0) match = &each;
  }
  if (match == nullptr) return std::nullopt;
  return Caller{.name = match->name, .role = match->role, .in_configuration = true};
}

}  // namespace membridge::admin
