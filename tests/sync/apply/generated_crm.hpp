#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/sync/apply/dice.hpp"

namespace membridge::test {

/// A random target schema, with random mappings, memories and human edits that fit it. Valid by construction: every mapping
/// passes `check`, every record can be applied. What it varies: types (domains, enums, ranges, citext, arrays, json), defaults,
/// NOT NULL, names (mixed case, reserved words), schemas, kinds of primary key, unique, partial and expression indexes or none,
/// generated, touch and soft-delete columns, triggers that alter values; in mappings every kind of key, cell and value, `force`,
/// `new`, nested rows, keyless rows, lookups, `gone: delete`, `$row`, `history` (of which only the open version must not depend
/// on what happened) and two mappings on one table; soft deletes of every shape, also those whose default is dead; `changed`;
/// time zones, `at`, `epoch` and `time`; elements of delimited text; keys with dots; tables without a key (`identity`); attribute
/// tables
/// (`create: with_cells`) whose one column two mappings write; `yes`; text with holes that takes functions; ids of several
/// values.
///
/// Kept out, because no order-free answer exists: two users for one row, values under a unique index that differ between
/// memories, `new` values that depend on the memory, rows that one memory needs and only another one makes, cells made of `$row`
/// by columns that another mapping writes.
class GeneratedCrm {
 public:
  explicit GeneratedCrm(Dice& dice);

  /// Users u0 and u1 have rows from the start, u2 and u3 have none; a row 'ref' is never spoken of.
  const std::string& SchemaSql() const { return schema_sql_; }
  /// Another mapping of the same tables at every call.
  std::string MappingYaml();
  /// Whether some columns of the people are another mapping's, which runs beside the first.
  bool HasSecond() const { return has_second_; }
  std::string SecondYaml();
  /// One state of a memory; `version` makes its time differ. Every memory stays with its user.
  nlohmann::json Record(int memory, int version);
  /// What a person changes in the row of u0 or u1: one UPDATE. `edit` numbers them, for their times.
  std::string Edit(int edit);
  /// A query over everything that must not depend on how it came about, as one JSON document: see the test.
  const std::string& PictureSql() const { return picture_sql_; }
  /// The row that a bridge-made person has once nobody says anything of it, from 'ref'.
  const std::string& ReferenceSql() const { return reference_sql_; }
  /// Bridge-made people of whom nobody says anything any more.
  const std::string& LeftoverSql() const { return leftover_sql_; }

 private:
  struct Kind {
    enum class Shape { kScalar, kText, kList, kDocument, kDelimited };
    const char* type;
    Shape shape;
    std::vector<nlohmann::json> said;  ///< what memories say: more than one spelling of one value is welcome
    std::vector<const char*> typed;    ///< what people type, in SQL
    const char* fallback;              ///< a default
  };
  struct Column {
    std::string name;
    const Kind* kind;
    std::string field;  ///< of a memory's metadata
    bool not_null;
    bool has_default;
    bool second;  ///< only the second mapping writes it
  };

  static const std::vector<Kind>& Kinds();
  void ChooseColumns();
  void WriteSchema();
  void WriteQueries();
  std::string PrimaryKey();
  std::string Trigger(const std::string& schema);
  std::string Preset(const Column& column);
  std::string People(const std::string& columns) const;
  std::string KeyYaml() const;
  std::string PersonYaml(const std::string& name);
  std::string WrittenYaml(bool second);
  std::string FromRowYaml(const Column& column);
  std::string CellsYaml(std::vector<const Column*> columns, const char* keyword);
  std::string ScalarYaml(const Column& column, bool in_group);
  std::string ComputedYaml(const Column& column);
  std::string AttributeYaml(const std::string& row, const std::string& person, const std::string& name);
  std::string DocumentEdit(const Column& column);
  std::string DelimitedEdit(const Column& column);
  std::string ChildTables();
  std::string SoftColumn() const;
  /// SQL: whether the row `prefix` is alive.
  std::string Alive(const std::string& prefix) const;
  /// SQL: a column as it is compared; of delimited text, its elements.
  static std::string Told(const Column& column);

  Dice& dice_;
  std::vector<Column> columns_;
  std::string table_;     ///< as the mapping names it: Crm.people, in YAML's quotes where it needs them
  std::string relation_;  ///< as the ledger does
  std::string quoted_;    ///< as SQL does
  std::string identity_;  ///< the column that children refer to
  std::string identity_type_;
  std::string label_;  ///< SQL: whose row it is, however that is spelt
  bool lowered_key_ = false, two_keys_ = false, tenant_ = false;
  enum class Soft { kNot, kTime, kFlag, kDeletedFlag, kValue };
  Soft soft_ = Soft::kNot;
  bool has_second_ = false, touches_ = false, changes_ = false, zoned_ = false, keyless_tags_ = false;
  bool people_go_ = false, notes_go_ = false, topics_go_ = false, profiles_go_ = false;
  std::string schema_sql_, picture_sql_, reference_sql_, leftover_sql_;
};

}  // namespace membridge::test
