#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "sync/worker/mapping_set.hpp"
#include "tests/support/postgres.hpp"

namespace membridge::test {

/// Mapping files by name, as `serve` would take them over for the project `crm`: loaded and checked against the tables in
/// `tables`. `dsn`: where a target of its own is; nothing means the state database. `feed`: changes are told. Throws
/// std::runtime_error with every problem.
std::shared_ptr<const sync::MappingSet> MappingSetOf(const PgDatabase& tables, const std::map<std::string, std::string>& files,
                                                     const std::optional<std::string>& dsn = std::nullopt, bool feed = false);

}  // namespace membridge::test
