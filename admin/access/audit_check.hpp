#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "admin/access/audit.hpp"
#include "mappings/base/result.hpp"
#include "sync/postgres/session.hpp"

namespace membridge::admin {

/// The result of checking the whole chain.
struct AuditVerdict {
  std::int64_t entries = 0;               ///< how many entries fit, from the first on
  std::int64_t sealed = 0;                ///< how many of them are sealed with a key that we have
  std::string head;                       ///< hash of the newest entry; empty when there is none
  std::optional<std::int64_t> broken_at;  ///< the first entry that does not fit
  std::string problem;                    ///< what is wrong, in words; empty when the chain is intact

  bool Intact() const { return problem.empty(); }
};

/// An entry as somebody noted it outside the database: `membridge_audit_entries` and the log's `audit_grew` tell it.
struct AuditAnchor {
  std::optional<std::int64_t> number;  ///< nothing: only the hash was noted
  std::string hash;

  /// Reads `NUMBER:HASH` or `HASH`. kRefused: it is neither.
  static Result<AuditAnchor> Read(std::string_view text);
};

/// Reads and checks the whole chain, page by page, in one snapshot: numbers, hashes, and the seals with the keys in use. An entry
/// without a seal is a problem when an entry before it has one. With `anchor`, the chain must still contain that entry, so that
/// a cut tail is noticed, too. Throws postgres::SqlFailure.
AuditVerdict VerifyAudit(sync::postgres::Session& session, const std::optional<AuditAnchor>& anchor = std::nullopt);

}  // namespace membridge::admin
