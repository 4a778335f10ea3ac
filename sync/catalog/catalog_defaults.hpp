#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "mappings/check/catalog.hpp"
#include "sync/postgres/session.hpp"

namespace membridge::sync {

/// Evaluates column defaults that are constants. Columns that share a default share one evaluation.
class ConstantDefaults {
 public:
  /// Notes a default if its parse tree (pg_attrdef.adbin as text) holds only constants, arrays of them and PostgreSQL's own
  /// casts.
  void Expect(std::string_view parse_tree, std::string expression, const mappings::Column& column);
  /// Evaluates the noted defaults with few statements. A default that fails (a domain's check refuses it) stays unknown.
  void Evaluate(postgres::Transaction& transaction);
  /// Returns the value as `column::text` prints it, an array as `to_jsonb(column)::text`. Nothing: it is not a constant, or NULL.
  std::optional<std::string> ValueOf(const std::string& expression, const mappings::Column& column) const;

 private:
  using Key = std::pair<std::string, std::string>;  // expression, column type: numeric(10,2) makes 0 into 0.00

  struct Wanted {
    bool array = false;
    std::optional<std::string> value;
  };
  using Entry = std::map<Key, Wanted>::iterator;
  void EvaluateRange(postgres::Transaction& transaction, Entry begin, Entry end);

  std::map<Key, Wanted> wanted_;
};

/// Whether a parse tree, as pg_node_tree prints it, is a constant in the sense of Expect().
bool IsConstant(std::string_view parse_tree);

}  // namespace membridge::sync
