#pragma once

#include <memory>
#include <string>

#include "admin/access/audit.hpp"
#include "admin/config/audit_keys.hpp"

namespace membridge::admin {

/// Makes these the keys that this process seals entries with, and checks seals by; nullptr: entries are not sealed. Called when
/// the configuration was read. A process has one audit, and with keys per call one forgotten call would write an entry that looks
/// forged. Threads: any.
void SealAuditWith(std::shared_ptr<const AuditKeys> keys);
std::shared_ptr<const AuditKeys> AuditKeysInUse();

/// Returns the seal of an entry with this hash.
std::string SealOf(const std::string& hash, const AuditKeys::Key& key);
/// Seals an entry, which has its hash, with the newest key in use. Does nothing when there is none.
void SealEntry(AuditRecord& record);

/// Appends an entry `audit.seal` when there are keys and the newest entry is not sealed with the newest one. The seal vouches for
/// every entry before it, also for those from before there was a key. Throws postgres::SqlFailure.
void SealChain(sync::postgres::Session& session);

}  // namespace membridge::admin
