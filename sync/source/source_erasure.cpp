#include "sync/source/source_erasure.hpp"

#include <fmt/format.h>

#include "sync/postgres/session.hpp"
#include "sync/source/table_records.hpp"

namespace membridge::sync::source {
namespace {

std::string DeleteWhere(const TableName& table, const std::string& user) {
  return fmt::format("DELETE FROM {} WHERE coalesce(payload ->> 'user_id', payload ->> 'userId') = {}", table.Quoted(), user);
}

}  // namespace

std::string DeleteUserSql(const TableName& table, const std::string& user) {
  return DeleteWhere(table, postgres::QuoteLiteral(user)) + ";";
}

Result<std::int64_t> DeleteUserAtSource(const std::string& dsn, const TableName& table, const std::string& user) {
  try {
    postgres::Session session{dsn, "membridge erase"};
    session.Set("row_security", "off");  // an error instead of rows that a policy keeps
    const postgres::Rows may =
        session.Run("SELECT coalesce(has_table_privilege(to_regclass($1), 'DELETE'), true), current_user", {table.Quoted()});
    if (!may.Bool(0, 0))
      return Fail(ErrorCode::kRefused, fmt::format("role {} may not delete from {}", may.Text(0, 1), table.Written()),
                  fmt::format("let whoever may run:\n  {}\nthen erase without --at-mem0; or grant it: GRANT DELETE ON {} TO {}",
                              DeleteUserSql(table, user), table.Quoted(), postgres::QuoteName(std::string{may.Text(0, 1)})));
    return static_cast<std::int64_t>(session.Run(DeleteWhere(table, "$1"), {user}).Affected());
  } catch (const postgres::SqlFailure& failure) {
    return tl::unexpected<Error>(SourceError(failure, table));
  }
}

}  // namespace membridge::sync::source
