#include "admin/access/audit_seals.hpp"

#include <mutex>
#include <utility>

#include "mappings/base/encoding.hpp"
#include "receiver/verify/signing.hpp"
#include "sync/postgres/session.hpp"

namespace membridge::admin {
namespace {

struct KeysInUse {
  std::mutex mutex;
  std::shared_ptr<const AuditKeys> keys;  // guarded by mutex
};

KeysInUse& InUse() {
  static KeysInUse in_use;
  return in_use;
}

}  // namespace

void SealAuditWith(std::shared_ptr<const AuditKeys> keys) {
  const std::lock_guard lock{InUse().mutex};
  InUse().keys = std::move(keys);
}

std::shared_ptr<const AuditKeys> AuditKeysInUse() {
  const std::lock_guard lock{InUse().mutex};
  return InUse().keys;
}

std::string SealOf(const std::string& hash, const AuditKeys::Key& key) {
  return EncodeHex(receiver::Hmac(receiver::HashAlgorithm::kSha256, key.secret, "membridge audit\n" + hash));
}

void SealEntry(AuditRecord& record) {
  const auto keys = AuditKeysInUse();
  if (!keys) return;
  record.key_id = keys->Newest().id;
  record.seal = SealOf(record.hash, keys->Newest());
}

void SealChain(sync::postgres::Session& session) {
  const auto keys = AuditKeysInUse();
  if (!keys) return;
  const auto newest = session.Run("SELECT coalesce(a.key_id, '') FROM membridge.audit a ORDER BY a.number DESC LIMIT 1");
  if (newest.empty() || newest.Text(0, 0) == keys->Newest().id) return;
  AppendToAudit(session, {.actor = CommandActor(), .source = "local", .action = "audit.seal", .object = keys->Newest().id});
}

}  // namespace membridge::admin
