#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/support/postgres.hpp"
#include "tests/sync/apply/dice.hpp"

namespace membridge::test {

/// An application whose tables the bridge shares, and the people who use it: at random they type, delete, alter and empty.
///
/// Which cells and rows are people's stands in the tables themselves, in columns that no mapping names (`mark`, `theirs`), and
/// which column is which in the columns' comments. So it goes wherever the tables go, whatever they are called, and comes back
/// with a backup.
class Neighbours {
 public:
  Neighbours(const PgDatabase& target, Dice& dice);  ///< makes the tables

  /// The mapping for the tables as they are called now.
  std::string Mapping() const;
  /// One of them does something. Returns what, for the story of a failure.
  std::string Act();
  /// All that is people's: by table and mark, columns by their first names.
  nlohmann::json Theirs() const;
  /// What of it the bridge took away or changed; empty: nothing.
  static std::string Broken(const nlohmann::json& before, const nlohmann::json& after);

 private:
  std::string Perform(const std::string& sql);
  std::string Next();  ///< a number nobody used before
  std::string TableNamed(const std::string& first_name) const;
  std::string Column(const std::string& table, const std::string& first_name) const;  ///< empty: dropped
  bool Has(const std::string& column) const { return !Column("people", column).empty(); }
  std::string AnyRow(const std::string& table, const std::string& identity);
  std::string Typed(const std::string& column, const std::string& number) const;

  // What people do, as SQL.
  std::string AddPerson();
  std::string EditCell();
  std::string ClearCell();
  std::string DeletePerson();
  std::string ChangeKey();
  std::string AddRemark();
  std::string EditRemark();
  std::string AddTopic();
  std::string MakeAnew();
  // What the application does.
  std::string Empty();
  std::string Renumber();
  std::string Alter();
  std::string DropOrAddColumn();
  std::string RenameColumn();
  std::string ChangeType();
  std::string MakeTableAnew();
  std::string Constrain();
  std::string Trigger();

  const PgDatabase& target_;
  Dice& dice_;
  int number_ = 0;
};

}  // namespace membridge::test
