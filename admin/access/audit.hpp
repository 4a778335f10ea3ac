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

/// Something an operator did or tried. Holds no secrets, no memory text and no row values.
struct AuditEntry {
  enum class Outcome {
    kDone,
    kRefused,  ///< nothing happened: a wrong role, another site's page, a wrong token, a request that cannot be met
    kFailed,   ///< something went wrong on the way; part of it may have happened
  };
  std::string actor;     ///< `config:NAME`, `token:NAME`, `cli:USER` or `anonymous`
  std::string role{};    ///< empty where there is none
  std::string source;    ///< an address, or `local` for commands
  std::string action;    ///< `parked.retry`, `webhooks.apply`, …
  std::string object{};  ///< what it was done to: ids and names
  Outcome outcome = Outcome::kDone;
  nlohmann::json detail = nlohmann::json::object();  ///< counts, options and error codes
};
std::string_view NameOf(AuditEntry::Outcome outcome);

/// An entry as it stands in the chain.
struct AuditRecord {
  std::int64_t number = 0;  ///< from 1, without gaps
  Instant at;               ///< the database's clock
  AuditEntry entry;
  std::string previous;  ///< hash of the entry before; empty for the first
  std::string hash;
};

struct AuditFilter {
  std::optional<std::string> actor{}, action{}, outcome{};
  std::optional<Instant> since{}, until{};
};

struct AuditPage {
  std::vector<AuditRecord> entries;  ///< newest first
  std::optional<std::string> next;   ///< the cursor of the page behind; nothing: this is the last one
};

struct AuditVerdict {
  std::int64_t entries = 0;               ///< that fit, from the first on
  std::string head;                       ///< hash of the newest entry; empty when there is none
  std::optional<std::int64_t> broken_at;  ///< the first entry that does not fit
  std::string problem;                    ///< in words; empty when the chain is intact

  bool Intact() const { return problem.empty(); }
};

/// The append-only chain in membridge.audit. A trigger refuses every change of what was written; each entry's hash covers the one
/// before, so a change made past the trigger is noticed by VerifyAudit(). It is kept for ever: it holds ids and counts, and
/// refused logins are limited before they are written. Functions throw postgres::SqlFailure.
class Audit {
 public:
  /// The transaction outlives it.
  explicit Audit(sync::postgres::Transaction& transaction) : transaction_(transaction) {}

  /// The entry is there when what it tells of is. Other appends wait until the transaction commits, so do it last.
  AuditRecord Append(const AuditEntry& entry);
  /// A page of at most `limit` (1 to 1000). kRefused: the cursor is not one of ours.
  Result<AuditPage> List(const AuditFilter& filter, std::size_t limit, const std::optional<std::string>& cursor = std::nullopt);

 private:
  sync::postgres::Transaction& transaction_;
};

/// Appends in a transaction of its own.
AuditRecord AppendToAudit(sync::postgres::Session& session, const AuditEntry& entry);

/// Reads the whole chain, page by page, in one snapshot.
AuditVerdict VerifyAudit(sync::postgres::Session& session);

/// Whether an entry has this hash: what an earlier VerifyAudit() told as the head must still be in the chain.
bool AuditHolds(sync::postgres::Session& session, const std::string& hash);

/// What an entry's hash is: SHA-256 of a JSON array of its parts, the previous hash first.
std::string HashOf(const AuditRecord& record);

/// `cli:NAME` of the user who runs this process.
std::string CommandActor();

}  // namespace membridge::admin
