#include "sync/catalog/catalog_defaults.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <iterator>

namespace membridge::sync {
namespace {

using mappings::Column;
using postgres::Rows;
using postgres::SqlFailure;
using postgres::Transaction;

// Well under the 1,664 columns a SELECT may have.
constexpr std::ptrdiff_t kBatch = 500;

// Objects with smaller numbers came with PostgreSQL; a cast function above them may do anything.
constexpr unsigned kFirstUserObject = 16384;

// What a constant may consist of. RELABELTYPE, COERCEVIAIO, ARRAYCOERCEEXPR and COERCETODOMAIN are casts; FUNCEXPR is one when
// its format says so.
constexpr std::array<std::string_view, 7> kConstantNodes{"CONST",          "RELABELTYPE",  "COERCEVIAIO", "ARRAYCOERCEEXPR",
                                                         "COERCETODOMAIN", "CASETESTEXPR", "ARRAYEXPR"};

// The number behind ` :field ` in the node that begins at `node`; fields of a node stand before those of its children.
std::optional<unsigned> NumberOf(std::string_view node, std::string_view field) {
  const std::size_t at = node.find(field);
  if (at == std::string_view::npos) return std::nullopt;
  unsigned number = 0;
  const char* begin = node.data() + at + field.size();
  const auto [end, error] = std::from_chars(begin, node.data() + node.size(), number);
  if (error != std::errc{} || end == begin) return std::nullopt;
  return number;
}

bool IsBuiltInCast(std::string_view node) {
  const std::optional<unsigned> function = NumberOf(node, " :funcid ");
  const std::optional<unsigned> format = NumberOf(node, " :funcformat ");
  return function && *function < kFirstUserObject &&
         (format == 1U || format == 2U);  // COERCE_EXPLICIT_CAST, COERCE_IMPLICIT_CAST
}

}  // namespace

bool IsConstant(std::string_view parse_tree) {
  // A constant's bytes are printed as numbers, so no text of the user's can pass for a node.
  for (std::size_t at = parse_tree.find('{'); at != std::string_view::npos; at = parse_tree.find('{', at + 1)) {
    const std::string_view node = parse_tree.substr(at + 1);
    const std::string_view name = node.substr(0, node.find_first_of(" }"));
    if (name == "FUNCEXPR" ? !IsBuiltInCast(node)
                           : std::find(kConstantNodes.begin(), kConstantNodes.end(), name) == kConstantNodes.end()) {
      return false;
    }
  }
  return parse_tree.starts_with('{');
}

void ConstantDefaults::Expect(std::string_view parse_tree, std::string expression, const Column& column) {
  if (!IsConstant(parse_tree)) return;
  wanted_.try_emplace({std::move(expression), column.sql_type}, Wanted{.array = column.IsArray(), .value = {}});
}

void ConstantDefaults::Evaluate(Transaction& transaction) {
  for (Entry begin = wanted_.begin(); begin != wanted_.end();) {
    const Entry end = std::next(begin, std::min(kBatch, std::distance(begin, wanted_.end())));
    EvaluateRange(transaction, begin, end);
    begin = end;
  }
}

void ConstantDefaults::EvaluateRange(Transaction& transaction, Entry begin, Entry end) {
  std::string sql;
  for (Entry entry = begin; entry != end; ++entry) {
    const std::string value = "((" + entry->first.first + ")::" + entry->first.second + ")";
    sql += sql.empty() ? "SELECT " : ", ";
    sql += entry->second.array ? "pg_catalog.to_jsonb(" + value + ")::pg_catalog.text" : value + "::pg_catalog.text";
  }
  transaction.Savepoint("defaults");
  try {
    const Rows row = transaction.Run(sql);
    std::size_t column = 0;
    for (Entry entry = begin; entry != end; ++entry) entry->second.value = row.Optional(0, column++);
    transaction.Release("defaults");
  } catch (const SqlFailure& failure) {
    if (failure.IsTransient()) throw;
    transaction.RollbackTo("defaults");
    transaction.Release("defaults");
    const std::ptrdiff_t size = std::distance(begin, end);
    if (size == 1) return;
    const Entry middle = std::next(begin, size / 2);
    EvaluateRange(transaction, begin, middle);
    EvaluateRange(transaction, middle, end);
  }
}

std::optional<std::string> ConstantDefaults::ValueOf(const std::string& expression, const Column& column) const {
  const auto found = wanted_.find({expression, column.sql_type});
  return found == wanted_.end() ? std::nullopt : found->second.value;
}

}  // namespace membridge::sync
