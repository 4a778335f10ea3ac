#include "admin/access/audit.hpp"

#include <fmt/format.h>
#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "admin/access/audit_seals.hpp"
#include "mappings/base/digest.hpp"
#include "sync/postgres/column.hpp"
#include "sync/postgres/where.hpp"

namespace membridge::admin {
namespace {

using sync::postgres::Rows;
using sync::postgres::Session;
using sync::postgres::Transaction;
using sync::postgres::Where;

constexpr std::size_t kLongestPage = 1000;

/// Returns the text as PostgreSQL can store it: without NUL and as valid UTF-8. The hash is computed from the stored text.
std::string Storable(std::string text) {
  std::replace(text.begin(), text.end(), '\0', ' ');
  const auto dumped = nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  return nlohmann::json::parse(dumped).get<std::string>();
}

std::string DumpOf(const nlohmann::json& detail) {
  return Storable(detail.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
}

AuditEntry::Outcome OutcomeOf(std::string_view name) {
  if (name == "done") return AuditEntry::Outcome::kDone;
  return name == "refused" ? AuditEntry::Outcome::kRefused : AuditEntry::Outcome::kFailed;
}

std::optional<std::int64_t> NumberIn(const std::string& cursor) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(cursor.data(), cursor.data() + cursor.size(), number);
  if (error != std::errc{} || end != cursor.data() + cursor.size() || number < 1) return std::nullopt;
  return number;
}

}  // namespace

std::string_view NameOf(AuditEntry::Outcome outcome) {
  switch (outcome) {
    case AuditEntry::Outcome::kDone:
      return "done";
    case AuditEntry::Outcome::kRefused:
      return "refused";
    case AuditEntry::Outcome::kFailed:
      return "failed";
  }
  return "failed";
}

const char* const kAuditColumns =
    "a.number, a.at, a.actor, a.role, a.source, a.action, a.object, a.outcome, a.detail, a.previous, a.hash, "
    "coalesce(a.key_id, ''), coalesce(a.seal, '')";

AuditRecord RecordAt(const Rows& rows, std::size_t row) {
  const auto text = [&](std::size_t column) { return std::string{rows.Text(row, column)}; };
  AuditRecord record;
  record.number = rows.Int(row, 0);
  record.at = sync::postgres::TimeAt(rows, row, 1);
  record.entry = {text(2),
                  text(3),
                  text(4),
                  text(5),
                  text(6),
                  OutcomeOf(rows.Text(row, 7)),
                  nlohmann::json::parse(rows.Text(row, 8), nullptr, false)};
  record.previous = text(9);
  record.hash = text(10);
  record.key_id = text(11);
  record.seal = text(12);
  return record;
}

std::string HashOf(const AuditRecord& record, const std::string& detail) {
  const AuditEntry& entry = record.entry;
  const nlohmann::json parts =
      nlohmann::json::array({record.previous, record.number, FormatRfc3339(record.at), entry.actor, entry.role, entry.source,
                             entry.action, entry.object, NameOf(entry.outcome), detail});
  return mappings::Sha256Hex(parts.dump());
}

std::string HashOf(const AuditRecord& record) {
  return HashOf(record, DumpOf(record.entry.detail));
}

AuditRecord Audit::Append(const AuditEntry& entry) {
  // Lock the head's row, so that numbers have no gaps and no other append reads a head that is about to change.
  const Rows head = transaction_.Run("SELECT number, hash, clock_timestamp() FROM membridge.audit_head FOR UPDATE");
  AuditRecord record;
  record.number = head.Int(0, 0) + 1;
  record.previous = head.Text(0, 1);
  record.at = sync::postgres::TimeAt(head, 0, 2);
  record.entry = {
      Storable(entry.actor), Storable(entry.role), Storable(entry.source), Storable(entry.action), Storable(entry.object),
      entry.outcome,         entry.detail};
  const std::string detail = DumpOf(entry.detail);
  record.hash = HashOf(record, detail);
  SealEntry(record);
  transaction_.Run(
      "WITH entry AS (INSERT INTO membridge.audit (number, at, actor, role, source, action, object, outcome, detail, previous, "
      "hash, key_id, seal) "
      "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, nullif($12, ''), nullif($13, ''))) UPDATE membridge.audit_head SET "
      "number = $1::bigint, hash = $11",
      {std::to_string(record.number), FormatRfc3339(record.at), record.entry.actor, record.entry.role, record.entry.source,
       record.entry.action, record.entry.object, std::string{NameOf(entry.outcome)}, detail, record.previous, record.hash,
       record.key_id, record.seal});
  return record;
}

AuditRecord AppendToAudit(Session& session, const AuditEntry& entry) {
  Transaction transaction = session.Begin();
  AuditRecord record = Audit{transaction}.Append(entry);
  transaction.Commit();
  return record;
}

Result<AuditPage> Audit::List(const AuditFilter& filter, std::size_t limit, const std::optional<std::string>& cursor) {
  Where where;
  if (filter.actor) where.Add("a.actor = ?", *filter.actor);
  if (filter.action) where.Add("a.action = ?", *filter.action);
  if (filter.outcome) where.Add("a.outcome = ?", *filter.outcome);
  if (filter.since) where.Add("a.at >= ?::timestamptz", FormatRfc3339(*filter.since));
  if (filter.until) where.Add("a.at < ?::timestamptz", FormatRfc3339(*filter.until));
  if (cursor) {
    const auto number = NumberIn(*cursor);
    if (!number) return Fail(ErrorCode::kRefused, "the cursor is not one of this list", "start again without a cursor");
    where.Add("a.number < ?::bigint", std::to_string(*number));
  }
  limit = std::clamp<std::size_t>(limit, 1, kLongestPage);
  const Rows rows = transaction_.Run(
      fmt::format("SELECT {} FROM membridge.audit a {} ORDER BY a.number DESC LIMIT {}", kAuditColumns, where.Sql(), limit + 1),
      where.Params());
  AuditPage page;
  for (std::size_t row = 0; row < std::min(rows.size(), limit); ++row) page.entries.push_back(RecordAt(rows, row));
  if (rows.size() > limit) page.next = std::to_string(page.entries.back().number);
  return page;
}

std::string CommandActor() {
  const passwd* user = getpwuid(geteuid());
  return "cli:" + (user != nullptr ? std::string{user->pw_name} : std::to_string(geteuid()));
}

}  // namespace membridge::admin
