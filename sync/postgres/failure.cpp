#include <algorithm>
#include <array>
#include <utility>

#include "sync/postgres/session.hpp"

namespace membridge::sync::postgres {
namespace {

// Codes are five characters; a shorter one here stands for its whole class.
template <std::size_t N>
bool StartsWithAny(std::string_view sqlstate, const std::array<std::string_view, N>& codes) {
  return std::any_of(codes.begin(), codes.end(), [&](std::string_view code) { return sqlstate.starts_with(code); });
}

// Names of things in the schema are safe to log; the messages are not, since PostgreSQL quotes row values in them.
std::string Loggable(const SqlFailure::Fields& fields) {
  std::string text = "sqlstate " + fields.sqlstate;
  std::string separator = " on ";
  const auto name = [&](std::string_view what, const std::string& value) {
    if (value.empty()) return;
    text += separator + std::string{what} + " " + value;
    separator = ", ";
  };
  name("table", fields.schema.empty() || fields.table.empty() ? fields.table : fields.schema + "." + fields.table);
  name("column", fields.column);
  name("constraint", fields.constraint);
  return text;
}

// Tells an operator what to do about refusals that are caused by the surroundings rather than by a row.
std::string Advice(const SqlFailure::Fields& fields) {
  const std::string_view state = fields.sqlstate;
  if (state.starts_with("08")) return "check that PostgreSQL runs and can be reached from here";
  if (state == "53300") return "raise max_connections or put a connection pooler in between";
  if (state == "53100") return "make room on the server's disk";
  if (state == "25006") return "this server is read-only; add target_session_attrs=read-write to the DSN and name every host";
  if (state == "42501") return "grant the bridge's role what the mapping needs";
  if (state == "42P01" || state == "42703") return "run `membridge check`: the mapping and the target differ";
  return {};
}

}  // namespace

SqlFailure::SqlFailure(Fields fields) : std::runtime_error(Loggable(fields)), fields_(std::move(fields)) {}

SqlFailure::SqlFailure(Fields fields, const std::string& what) : std::runtime_error(what), fields_(std::move(fields)) {}

bool SqlFailure::IsTransient() const noexcept {
  // 25006: a failover left us on a standby; the next connection finds the primary.
  static constexpr std::array<std::string_view, 9> kCodes{"08", "53", "57", "58", "40", "55P03", "25P03", "25P04", "25006"};
  return StartsWithAny(fields_.sqlstate, kCodes);
}

bool SqlFailure::IsRowRejected() const noexcept {
  // 09, 27, 38, 39: what a trigger's function may end with. 42501: also a row that row security refuses. 42804: also a value that
  // does not fit a composite or domain. 21000: a trigger's or rule's subquery that found more than one row.
  static constexpr std::array<std::string_view, 13> kCodes{"22", "23", "44", "54",    "P0",    "0A",   "09",
                                                           "27", "38", "39", "42501", "42804", "21000"};
  return StartsWithAny(fields_.sqlstate, kCodes);
}

Error SqlFailure::AsError(std::string_view doing) const {
  const ErrorCode code = IsTransient()     ? ErrorCode::kUnavailable
                         : IsRowRejected() ? ErrorCode::kRowRejected
                                           : ErrorCode::kBadMapping;
  return {code, std::string{doing} + ": " + what(), Advice(fields_)};
}

}  // namespace membridge::sync::postgres
