#pragma once

#include <cstdint>
#include <string>

#include "mappings/base/result.hpp"
#include "sync/source/table_name.hpp"

namespace membridge::sync::source {

/// Deletes the memories of a user from the table of a self-hosted Mem0. Returns how many there were. kRefused: the role may not;
/// the hint holds the SQL for whoever may. kUnavailable: the database is away, or rows are locked; try again. What Mem0's server
/// keeps of its history is not in this table and stays.
Result<std::int64_t> DeleteUserAtSource(const std::string& dsn, const TableName& table, const std::string& user);

/// `DELETE FROM …;` for whoever may run it.
std::string DeleteUserSql(const TableName& table, const std::string& user);

}  // namespace membridge::sync::source
