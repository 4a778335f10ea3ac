#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "mappings/check/catalog.hpp"
#include "sync/postgres/session.hpp"

namespace membridge::sync {

/// The column defaults that are constants, each evaluated once however many columns share it.
class ConstantDefaults {
 public:
  /// Notes a default when its parse tree (pg_attrdef.adbin as text) holds only constants, arrays of them and PostgreSQL's own
  /// casts.
  void Expect(std::string_view parse_tree, std::string expression, const mappings::Column& column);
  /// Evaluates what was noted, in few statements. One that fails (a domain's check refuses it) stays unknown.
  void Evaluate(postgres::Transaction& transaction);
  /// As `column::text` prints it, an array as `to_jsonb(column)::text`; nothing when it is no constant, or NULL.
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

/// Whether a parse tree as pg_node_tree prints it is a constant in that sense.
bool IsConstant(std::string_view parse_tree);

}  // namespace membridge::sync
