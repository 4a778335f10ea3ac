#include "admin/access/audit_check.hpp"

#include <fmt/format.h>

#include <charconv>
#include <memory>

#include "admin/access/audit_seals.hpp"
#include "receiver/verify/signing.hpp"

namespace membridge::admin {
namespace {

using sync::postgres::Rows;

constexpr std::size_t kCheckedAtOnce = 1000;
constexpr std::size_t kHashLength = 64;

/// Checks entries one after the other, from the first on.
class ChainCheck {
 public:
  explicit ChainCheck(const std::optional<AuditAnchor>& anchor) : keys_(AuditKeysInUse()), anchor_(anchor) {}

  /// Returns whether the entry fits.
  bool Take(const AuditRecord& record, const std::string& detail) {
    std::string problem = ChainProblem(record, detail);
    if (problem.empty()) problem = SealProblem(record);
    if (problem.empty()) problem = AnchorProblem(record);
    if (!problem.empty()) {
      Break(verdict_.entries + 1, std::move(problem));
      return false;
    }
    verdict_.head = record.hash;
    ++verdict_.entries;
    if (!record.seal.empty() && keys_) ++verdict_.sealed;
    return true;
  }

  AuditVerdict Finish(const Rows& head) {
    if (!verdict_.Intact()) return verdict_;
    const std::int64_t last = verdict_.entries;
    if (head.empty() || head.Int(0, 0) != last || head.Text(0, 1) != verdict_.head) {
      Break(last + 1, fmt::format("the newest entry is {}, and the head says otherwise: entries were cut off", last));
    } else if (anchor_ && !met_anchor_) {
      if (anchor_->number) {
        Break(last + 1,
              fmt::format("the newest entry is {}, and the anchor is entry {}: entries were cut off", last, *anchor_->number));
      } else {
        Break(std::nullopt, "no entry has the hash " + anchor_->hash + ": the chain was written anew, or entries were cut off");
      }
    } else if (keys_ && last > 0 && sealed_last_ != last) {
      Break(last, fmt::format("the newest entry, {}, is not sealed; membridge serve seals the chain when it starts", last));
    } else if (!keys_ && sealed_last_ > 0) {
      Break(first_sealed_, fmt::format("entries from {} on are sealed, and the configuration names no admin.audit.key_file: "
                                       "nobody can tell who wrote them",
                                       first_sealed_));
    }
    return verdict_;
  }

 private:
  void Break(std::optional<std::int64_t> number, std::string problem) {
    verdict_.broken_at = number;
    verdict_.problem = std::move(problem);
  }

  std::string ChainProblem(const AuditRecord& record, const std::string& detail) const {
    const std::int64_t expected = verdict_.entries + 1;
    if (record.number != expected) return fmt::format("entry {} is missing", expected);
    if (record.previous != verdict_.head) return fmt::format("entry {} does not follow the one before", record.number);
    if (record.hash != HashOf(record, detail)) return fmt::format("entry {} was changed", record.number);
    return {};
  }

  std::string SealProblem(const AuditRecord& record) {
    if (record.key_id.empty() && record.seal.empty()) {
      if (sealed_last_ == 0) return {};
      return fmt::format("entry {} is not sealed, and entry {} is: a process without the key wrote it, or it is forged",
                         record.number, sealed_last_);
    }
    if (first_sealed_ == 0) first_sealed_ = record.number;
    sealed_last_ = record.number;
    if (!keys_) return {};
    const AuditKeys::Key* key = keys_->Find(record.key_id);
    if (key == nullptr)
      return fmt::format("entry {} is sealed with the key \"{}\", which the key file does not contain", record.number,
                         record.key_id);
    if (!receiver::EqualsInConstantTime(record.seal, SealOf(record.hash, *key)))
      return fmt::format("entry {} has a seal that the key \"{}\" did not make: it is forged", record.number, record.key_id);
    return {};
  }

  std::string AnchorProblem(const AuditRecord& record) {
    if (!anchor_) return {};
    if (anchor_->number == record.number && anchor_->hash != record.hash)
      return fmt::format("entry {} has another hash than the anchor: the chain was written anew", record.number);
    if (anchor_->number.value_or(record.number) == record.number && anchor_->hash == record.hash) met_anchor_ = true;
    return {};
  }

  const std::shared_ptr<const AuditKeys> keys_;
  const std::optional<AuditAnchor>& anchor_;
  AuditVerdict verdict_;
  std::int64_t first_sealed_ = 0, sealed_last_ = 0;  // 0: none so far
  bool met_anchor_ = false;
};

}  // namespace

Result<AuditAnchor> AuditAnchor::Read(std::string_view text) {
  AuditAnchor anchor;
  if (const std::size_t colon = text.find(':'); colon != std::string_view::npos) {
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + colon, number);
    if (error == std::errc{} && end == text.data() + colon && number > 0) anchor.number = number;
    text.remove_prefix(anchor.number ? colon + 1 : 0);
  }
  anchor.hash = text;
  if (text.size() == kHashLength && text.find_first_not_of("0123456789abcdef") == std::string_view::npos) return anchor;
  return Fail(ErrorCode::kRefused, fmt::format("\"{}\" is no entry of the audit", text),
              "write NUMBER:HASH as audit verify and the log's audit_grew tell it, or the hash alone");
}

AuditVerdict VerifyAudit(sync::postgres::Session& session, const std::optional<AuditAnchor>& anchor) {
  sync::postgres::Transaction transaction = session.Begin();
  transaction.Run("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY");
  const Rows head = transaction.Run("SELECT number, hash FROM membridge.audit_head");
  ChainCheck check{anchor};
  std::int64_t last = 0;
  for (;;) {
    const Rows rows =
        transaction.Run(fmt::format("SELECT {} FROM membridge.audit a WHERE a.number > $1::bigint ORDER BY a.number LIMIT {}",
                                    kAuditColumns, kCheckedAtOnce),
                        {std::to_string(last)});
    for (std::size_t row = 0; row < rows.size(); ++row) {
      const AuditRecord record = RecordAt(rows, row);
      if (!check.Take(record, std::string{rows.Text(row, 8)})) return check.Finish(head);
      last = record.number;
    }
    if (rows.size() < kCheckedAtOnce) break;
  }
  return check.Finish(head);
}

}  // namespace membridge::admin
