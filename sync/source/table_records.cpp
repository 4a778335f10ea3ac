#include "sync/source/table_records.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <set>
#include <utility>

#include "mappings/base/letter_case.hpp"
#include "sync/postgres/column.hpp"
#include "sync/source/payload.hpp"
#include "sync/source/source_state.hpp"

namespace membridge::sync::source {
namespace {

using mem0::ListedMemories;
using mem0::MemoryPage;
using postgres::Rows;
using postgres::SqlFailure;

constexpr const char* kWhose = R"(
    SELECT (SELECT c.system_identifier FROM pg_control_system() AS c),
           (SELECT d.oid FROM pg_database d WHERE d.datname = current_database()),
           to_regclass($1) IS NOT NULL)";
constexpr const char* kTable = R"(
    SELECT c.oid::bigint, (SELECT format_type(a.atttypid, a.atttypmod) FROM pg_attribute a
                           WHERE a.attrelid = c.oid AND a.attname = 'id' AND NOT a.attisdropped),
           (SELECT format_type(a.atttypid, a.atttypmod) FROM pg_attribute a
            WHERE a.attrelid = c.oid AND a.attname = 'payload' AND NOT a.attisdropped)
    FROM pg_class c WHERE c.oid = to_regclass($1))";

/// The time of a row as text. Cuts of texts of days order as days do; what is no time counts as new.
constexpr const char* kChanged = R"((
    SELECT coalesce(t !~ '^\d{4}-\d\d-\d\d' OR left(t, 10) >= $2, true)
    FROM (SELECT coalesce(p.payload ->> 'updated_at', p.payload ->> 'updatedAt',
                          p.payload ->> 'created_at', p.payload ->> 'createdAt')) AS x(t)))";
constexpr const char* kOfUser = "coalesce(p.payload ->> 'user_id', p.payload ->> 'userId') = $2";

Error NoTable(const TableName& table) {
  return {ErrorCode::kUnavailable, fmt::format("the table {} does not exist in the source database", table.Written()),
          "nothing is concluded from that; when Mem0 has made it again, run membridge source install"};
}

std::string FirstDay(Instant from) {
  return FormatDay(std::chrono::floor<std::chrono::days>(from) - std::chrono::days{1});
}

}  // namespace

Error SourceError(const SqlFailure& failure, const TableName& table) {
  const std::string& state = failure.fields().sqlstate;
  if (state == "42P01" || state == "3F000") return NoTable(table);
  Error error = failure.AsError("the source " + table.Written());
  error.code = ErrorCode::kUnavailable;
  if (state == "42501")
    error.hint = "grant the bridge's role SELECT on the table; a row-level policy must not hide rows from it (BYPASSRLS)";
  if (state == "42703" || state == "42883")
    error.hint = "the table must have the columns id and payload (jsonb), as Mem0's PGVector store makes it";
  return error;
}

std::function<std::int64_t(std::int64_t relid)> MeetIn(const std::string& state_dsn, const ProjectId& project) {
  return [session = std::make_shared<postgres::KeptSession>(state_dsn, "membridge source"), project](std::int64_t relid) {
    postgres::Transaction state = session->Get().Begin();
    const Remembered known = SourceState{state}.Meet(project, relid);
    state.Commit();
    return known.relid;
  };
}

Result<mem0::Account> WhoseTable(const std::string& dsn, const TableName& table) {
  try {
    postgres::Session session{dsn, "membridge source"};
    const Rows rows = session.Run(kWhose, {table.Quoted()});
    if (!rows.Bool(0, 2)) return tl::unexpected<Error>(NoTable(table));
    return mem0::Account{fmt::format("postgresql {}/{}", rows.Text(0, 0), rows.Text(0, 1)), table.Written(), ""};
  } catch (const SqlFailure& failure) {
    return tl::unexpected<Error>(SourceError(failure, table));
  }
}

TableRecords::TableRecords(TableOptions options)
    : options_(std::move(options)), source_([dsn = options_.dsn] {
        postgres::Session session{dsn, "membridge source"};
        session.Set("row_security", "off");  // an error instead of rows that a policy hides
        return session;
      }) {}

TableRecords::~TableRecords() = default;

Result<void> TableRecords::Admit() {
  if (!options_.access) return {};
  return options_.access->Admit([this](const std::string&) { return WhoseTable(options_.dsn, options_.table); });
}

std::optional<Error> TableRecords::OfOtherProject() {
  const auto admitted = Admit();
  if (admitted || options_.access->Now().standing != mem0::Access::Standing::kOtherProject) return std::nullopt;
  return admitted.error();
}

template <class Read>
auto TableRecords::Observed(std::string_view name, Read read) -> decltype(read()) {
  if (const auto admitted = Admit(); !admitted) return tl::unexpected<Error>(admitted.error());
  const auto began = std::chrono::steady_clock::now();
  decltype(read()) result = [&]() -> decltype(read()) {
    try {
      return read();
    } catch (const SqlFailure& failure) {
      key_type_.clear();
      return tl::unexpected<Error>(SourceError(failure, options_.table));
    }
  }();
  if (options_.observe) {
    const auto took = std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - began);
    options_.observe({name, result ? "ok" : NameOf(result.error().code), 0, took});
  }
  return result;
}

/// Returns a session; throws SqlFailure with 42P01 when the table is not there.
postgres::Session& TableRecords::Open() {
  if (source_.IsBroken()) key_type_.clear();
  postgres::Session& session = source_.Get();
  if (!key_type_.empty()) return session;
  const Rows rows = session.Run(kTable, {options_.table.Quoted()});
  if (rows.empty()) throw SqlFailure{{.sqlstate = "42P01", .message = "no table"}};
  if (rows.IsNull(0, 1) || rows.Text(0, 2) != "jsonb") throw SqlFailure{{.sqlstate = "42703", .message = "no column"}};
  key_type_ = rows.Text(0, 1);
  return session;
}

/// Whether a missing row proves that there is no such memory. The transaction has read the table, which therefore cannot be
/// dropped before it ends.
Result<void> TableRecords::ProveAbsence(postgres::Transaction& transaction) {
  const Rows rows = transaction.Run(kTable, {options_.table.Quoted()});
  if (rows.empty()) return tl::unexpected<Error>(NoTable(options_.table));
  try {
    if (!options_.known || options_.known(rows.Int(0, 0)) == rows.Int(0, 0)) return {};
  } catch (const SqlFailure& failure) {
    return Fail(ErrorCode::kUnavailable, failure.AsError("the state database").message);
  }
  return Fail(
      ErrorCode::kUnavailable,
      fmt::format("the table {} was dropped and made again; what it lacks is not taken for deleted", options_.table.Written()),
      "run membridge source install to take the new table for the old one");
}

Result<ListedMemories> TableRecords::ReadMany(const std::vector<MemoryId>& ids) {
  if (ids.empty()) return ListedMemories{};
  return Observed("read_rows", [&]() -> Result<ListedMemories> {
    postgres::Session& session = Open();
    postgres::Column keys;
    for (const MemoryId& id : ids) {
      if (key_type_ != "uuid" || mem0::LooksLikeUuid(id.Text())) keys.AddText(id.Text());
    }
    postgres::Transaction transaction = session.Begin();
    const Rows rows =
        transaction.Run(fmt::format("SELECT p.id::text, p.payload::text FROM {} AS p WHERE p.id = ANY ($1::text[]::{}[])",
                                    options_.table.Quoted(), key_type_),
                        {keys.Take()});
    ListedMemories listed;
    std::set<std::string> met;
    for (std::size_t row = 0; row < rows.size(); ++row) {
      const std::string id{rows.Text(row, 0)};
      met.insert(LoweredAscii(id));
      if (auto memory = MemoryFromRow(id, rows.Text(row, 1)))
        listed.memories.push_back(std::move(*memory));
      else
        listed.unreadable.emplace_back(id);
    }
    const bool lacks = std::ranges::any_of(ids, [&](const MemoryId& id) { return !met.contains(LoweredAscii(id.Text())); });
    if (lacks) {
      if (const auto proved = ProveAbsence(transaction); !proved) return tl::unexpected<Error>(proved.error());
    }
    transaction.Commit();
    listed.complete = true;
    return listed;
  });
}

Result<mappings::Memory> TableRecords::ReadOne(const MemoryId& id) {
  return Observed("read_row", [&]() -> Result<mappings::Memory> {
    postgres::Session& session = Open();
    if (key_type_ == "uuid" && !mem0::LooksLikeUuid(id.Text()))
      return Fail(ErrorCode::kRefused, "no memory of the table can have this id, which is no UUID");
    postgres::Transaction transaction = session.Begin();
    const Rows rows = transaction.Run(fmt::format("SELECT p.id::text, p.payload::text FROM {} AS p WHERE p.id = $1::text::{}",
                                                  options_.table.Quoted(), key_type_),
                                      {id.Text()});
    if (rows.empty()) {
      if (const auto proved = ProveAbsence(transaction); !proved) return tl::unexpected<Error>(proved.error());
      return Fail(ErrorCode::kNotFound, fmt::format("the table {} has no such memory", options_.table.Written()));
    }
    transaction.Commit();
    auto memory = MemoryFromRow(std::string{rows.Text(0, 0)}, rows.Text(0, 1));
    if (!memory) return Fail(ErrorCode::kRowRejected, memory.error().message, "look at the row's payload");
    return memory;
  });
}

Result<MemoryPage> TableRecords::ReadPage(const mem0::PageRequest& request) {
  return Observed("read_page", [&]() -> Result<MemoryPage> {
    postgres::Session& session = Open();
    MemoryPage page;
    page.last_key = request.after;
    // A filter may leave nothing of many windows; a page without records would look like the end of the list.
    do {
      const bool first = page.last_key.empty();
      std::string wanted = "true";
      if (request.user) wanted = kOfUser;
      if (request.updated_from) wanted = kChanged;
      const Rows rows = session.Run(
          fmt::format(R"(
          WITH w AS MATERIALIZED (
            SELECT m.id, m.payload FROM {} AS m {} ORDER BY m.id LIMIT {})
          SELECT s.n, s.last::text, f.id::text, f.payload::text
          FROM (SELECT (SELECT count(*) FROM w) AS n, (SELECT z.id FROM w AS z ORDER BY z.id DESC LIMIT 1) AS last) AS s
          LEFT JOIN (SELECT p.id, p.payload FROM w AS p WHERE {} AND ($2::text IS NOT NULL OR true)) AS f ON true
          ORDER BY f.id)",
                      options_.table.Quoted(),
                      first ? "WHERE $1::text IS NULL AND m.id IS NOT NULL" : fmt::format("WHERE m.id > $1::text::{}", key_type_),
                      kRowsOfPage, wanted),
          {first ? postgres::Param{} : postgres::Param{page.last_key}, request.user ? request.user
                                                                       : request.updated_from
                                                                           ? postgres::Param{FirstDay(*request.updated_from)}
                                                                           : postgres::Param{}});
      page.linked = rows.Int(0, 0) == kRowsOfPage;
      if (!rows.IsNull(0, 1)) page.last_key = rows.Text(0, 1);
      for (std::size_t row = 0; row < rows.size(); ++row) {
        if (rows.IsNull(row, 2)) continue;
        const std::string id{rows.Text(row, 2)};
        if (auto memory = MemoryFromRow(id, rows.Text(row, 3)))
          page.memories.push_back(std::move(*memory));
        else
          page.unreadable.emplace_back(id);
      }
    } while (page.linked && page.Records() == 0);
    page.last = !page.linked;
    return page;
  });
}

}  // namespace membridge::sync::source
