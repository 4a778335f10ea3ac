#include "sync/apply/dependencies.hpp"

#include <algorithm>

#include "mappings/base/table_name.hpp"
#include "sync/apply/known_tables.hpp"

namespace membridge::sync {
namespace {

constexpr std::string_view kReferenceRefused = "23503";
constexpr std::string_view kValueTaken = "23505";
constexpr std::string_view kRangeTaken = "23P01";

}  // namespace

std::vector<std::string> DependenciesOf(postgres::Transaction& transaction, const postgres::SqlFailure::Fields& refusal) {
  const bool is_about_rows =
      refusal.sqlstate == kReferenceRefused || refusal.sqlstate == kValueTaken || refusal.sqlstate == kRangeTaken;
  if (!is_about_rows || refusal.table.empty()) return {};
  std::vector<std::string> relations{NameOfTable(refusal.schema, refusal.table)};
  // The error names the side that refers; a partition stands for the table it is a part of.
  const postgres::Rows rows = transaction.Run(R"(
      WITH RECURSIVE named AS (
        SELECT c.oid FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = $1 AND c.relname = $2),
      sides AS (
        SELECT oid FROM named
        UNION
        SELECT k.confrelid FROM pg_catalog.pg_constraint k JOIN named ON k.conrelid = named.oid
        WHERE k.conname = $3 AND k.confrelid <> 0),
      whole AS (
        SELECT oid FROM sides
        UNION
        SELECT i.inhparent FROM pg_catalog.pg_inherits i JOIN whole ON i.inhrelid = whole.oid)
      SELECT )" + NameInLedger("n.nspname", "c.relname") +
                                                  R"( FROM whole JOIN pg_catalog.pg_class c ON c.oid = whole.oid
      JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace)",
                                              {refusal.schema, refusal.table, refusal.constraint});
  for (std::size_t row = 0; row < rows.size(); ++row) relations.emplace_back(rows.Text(row, 0));
  std::sort(relations.begin(), relations.end());
  relations.erase(std::unique(relations.begin(), relations.end()), relations.end());
  return relations;
}

}  // namespace membridge::sync
