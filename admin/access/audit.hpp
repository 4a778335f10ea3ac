#pragma once

#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mappings/base/result.hpp"
#include "mappings/base/time.hpp"
#include "sync/postgres/session.hpp"

namespace membridge::admin {

/// An action that an operator did or tried. Contains no secrets, memory text or row values.
struct AuditEntry {
  enum class Outcome {
    kDone,
    kRefused,  ///< nothing happened: a wrong role, another site's page, a wrong token, or an impossible request
    kFailed,   ///< the action failed; part of it may have happened
  };
  std::string actor;     ///< `config:NAME`, `token:NAME`, `cli:USER` or `anonymous`
  std::string role{};    ///< empty when there is none
  std::string source;    ///< an address, or `local` for commands
  std::string action;    ///< `parked.retry`, `webhooks.apply`, …
  std::string object{};  ///< the ids and names that it was done to
  Outcome outcome = Outcome::kDone;
  nlohmann::json detail = nlohmann::json::object();  ///< counts, options and error codes
};
std::string_view NameOf(AuditEntry::Outcome outcome);

/// An entry of the audit chain.
struct AuditRecord {
  std::int64_t number = 0;  ///< from 1, without gaps
  Instant at;               ///< the database's clock
  AuditEntry entry;
  std::string previous;  ///< hash of the entry before; empty for the first
  std::string hash;
  std::string key_id{};  ///< of the key that sealed it; empty: it is not sealed
  std::string seal{};    ///< HMAC-SHA256 of the hash with that key, hex
};

/// Which entries to list. Absent fields match every entry; `since` and `until` limit the time.
struct AuditFilter {
  std::optional<std::string> actor{}, action{}, outcome{};
  std::optional<Instant> since{}, until{};
};

/// One page of the audit.
struct AuditPage {
  std::vector<AuditRecord> entries;  ///< newest first
  std::optional<std::string> next;   ///< the cursor of the next page; nothing: this is the last page
};

/// The append-only chain in membridge.audit. A trigger refuses every change of existing entries. Each entry's hash includes the
/// previous hash, so VerifyAudit() notices a change that bypassed the trigger. Entries are sealed with the newest of the keys
/// that SealAuditWith() set, so it also notices a chain that somebody without the key wrote anew. Entries are never deleted: they
/// hold only ids and counts, and entries for refused logins are limited. Functions throw postgres::SqlFailure. Threads: one.
class Audit {
 public:
  /// The transaction outlives it.
  explicit Audit(sync::postgres::Transaction& transaction) : transaction_(transaction) {}

  /// Appends an entry in the transaction of the action, so that both are committed or neither. Other appends wait until the
  /// transaction commits, so call this last.
  AuditRecord Append(const AuditEntry& entry);
  /// Returns a page of at most `limit` (1 to 1000) entries. kRefused: the cursor did not come from an earlier page.
  Result<AuditPage> List(const AuditFilter& filter, std::size_t limit, const std::optional<std::string>& cursor = std::nullopt);

 private:
  sync::postgres::Transaction& transaction_;
};

/// Appends an entry in a transaction of its own.
AuditRecord AppendToAudit(sync::postgres::Session& session, const AuditEntry& entry);

/// Returns an entry's hash: the SHA-256 of a JSON array of its parts, with the previous hash first.
std::string HashOf(const AuditRecord& record);
/// Does the same with `detail` byte for byte as it is stored.
std::string HashOf(const AuditRecord& record, const std::string& detail);
/// The columns of `membridge.audit a` that RecordAt() reads.
extern const char* const kAuditColumns;
AuditRecord RecordAt(const sync::postgres::Rows& rows, std::size_t row);

/// Returns `cli:NAME` for the user who runs this process.
std::string CommandActor();

}  // namespace membridge::admin
