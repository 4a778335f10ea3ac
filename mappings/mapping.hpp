#pragma once

#include <cstddef>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "mappings/base/diagnostic.hpp"
#include "mappings/base/table_name.hpp"
#include "mappings/language/expression.hpp"

namespace membridge::mappings {

/// The left side of an assignment under `set`, `force`, `new`, `key`, `touch` or `add`.
struct Cell {
  enum class Kind {
    kColumn,    ///< `name`
    kPath,      ///< `attrs.plan.tier`: a path into a json column
    kElements,  ///< `tags[]`, `attrs.tags[]`, `tags[;]`: the elements of an array, a json array or a text, each owned by itself
    kGroup,     ///< `(street, zip, city)`: decided together
    kLowered,   ///< `lower(email)`: in a key only
  };
  Kind kind = Kind::kColumn;
  std::string name;               ///< as written, spaces in groups normalised to `(a, b)`: the cell's name in the ledger
  std::string column;             ///< of every kind but kGroup
  std::vector<std::string> path;  ///< inside the column; may be non-empty for kPath and kElements
  std::vector<Cell> members;      ///< of kGroup: columns and paths
  std::string delimiter;          ///< of kElements in a text column: the text between two elements; else empty
  bool enclosed = false;          ///< the delimiter is also before the first and after the last element

  /// How times are converted for this column under `session: {timezone: ...}`; set by BindLengths().
  enum class Clock {
    kAsGiven,
    kToLocal,    ///< a column without a time zone: a time with an offset becomes the zone's local time
    kToInstant,  ///< a column with a time zone: a time without an offset is the zone's local time
  };
  Clock clock = Clock::kAsGiven;
  std::string zone{};  ///< of the session; empty when there is none
};

/// The right side of an assignment, when the mapping gives the value itself.
struct Constant {
  nlohmann::json value;  ///< a plain scalar is a string, to be read by the column's type; `null` is null; maps and lists keep
                         ///< their YAML shape
  /// The value as YAML's rules type it, but only where no character is lost (5 and true, but not 01067 or 1.10). It is used
  /// inside json, where there is no column type.
  nlohmann::json typed;
};
/// A text such as `https://${memory.metadata.domain}`.
struct TextWithHoles {
  std::vector<std::variant<std::string, Expression>> parts;  ///< a missing part makes the whole missing
};
using ValueSpec =
    std::variant<Constant, Expression, TextWithHoles, std::vector<std::variant<Constant, Expression, TextWithHoles>>>;

/// A cell and the value for it: one entry of `set`, `force`, `new`, `key`, `touch` or `add`.
struct Assignment {
  Cell cell;
  ValueSpec value;
  Place cell_place;
  Place value_place;
  bool force = false;     ///< under `force`
  bool uses_row = false;  ///< mentions `$row`: computed after the row's other cells
  bool derived = false;   ///< mentions only `$row` and `$vars`, so every memory gives the same value
  bool constant = false;  ///< mentions only `$vars` and `$now`, so no memory decides its value
  std::string written{};  ///< the value as the file has it, without quotes; empty for a list or a map
};

/// One way to find a row.
struct Key {
  std::vector<Assignment> parts;
  Place place;
};

/// The columns of `history`: the beginning and the end of a version.
struct History {
  std::string from;
  std::string to;
};

/// The soft-delete column and its value in a live row.
struct Live {
  enum class Shape {
    kByType,  ///< `deleted_at`: null is live · `active`: true is live
    kNot,     ///< `"!isdeleted"`: false or null is live
    kValue,   ///< `{column: deleteat, is: 0}`: this value is live
  };
  Shape shape = Shape::kByType;
  std::string column;
  Constant is;                    ///< of kValue
  std::optional<ValueSpec> gone;  ///< of kValue: the value that `gone: delete` writes; uses `now` and `vars` only
  Place place;                    ///< of the column's name
};

/// One row under `rows`.
struct Row {
  std::string name;
  Place place;
  std::string schema;  ///< empty: along the search path
  std::string table;
  Place table_place;
  std::map<std::string, Place> keywords;  ///< where `key`, `new`, … stand
  std::vector<Key> keys;                  ///< empty: this memory's own row
  std::vector<Assignment> fresh;          ///< `new`
  std::vector<Assignment> set;            ///< `set` and `force`
  std::vector<Assignment> touch;
  std::vector<Assignment> add;
  std::vector<Expression> when;
  std::optional<Expression> each;
  std::optional<std::size_t> parent;  ///< index in Mapping::rows of the row it is nested below
  bool create = true;
  bool create_with_cells = false;  ///< `create: with_cells`: made only with a value for a cell of `set` or `force`
  bool gone_deletes = false;
  std::optional<Live> live;
  std::optional<History> history;
  std::vector<std::string> identity;      ///< columns that identify the rows of a table without a primary key
  bool referenced = false;                ///< another row, or an expression with `$row`, uses its columns
  std::optional<std::string> now_column;  ///< the column of `touch` that is `$now`
  std::optional<std::string> changed;     ///< a column that others update when they change the row; the bridge never writes it

  /// `contacts`, `dw.fact` or `"my.schema"."my.table"`
  std::string TableName() const { return schema.empty() ? QuotedIfNeeded(table) : NameOfTable(schema, table); }
};

/// One field under `ask` of an export mapping.
struct AskedField {
  std::string name;
  std::string description;          ///< empty: the column's comment
  std::optional<std::string> type;  ///< `array of string`, when the mapping says it
  Place place;
};

/// One step of a case under `tests:`. sync/ evaluates it, because it needs a database.
struct TestStep {
  enum class Kind { kGiven, kMemory, kExport, kEvent, kDelete, kEdit, kPersonDeletes, kParks, kThen };
  Kind kind;
  nlohmann::json
      body;  ///< scalars as Constant::typed; of a memory, its own fields as text, since Mem0 sends ids and times as text
  Place place;
};
/// One case under `tests`.
struct TestCase {
  std::string name;
  Place place;
  std::vector<TestStep> steps;
};

/// A mapping file, loaded and checked as far as possible without a database. Immutable after BindLengths(), so threads may share
/// it.
struct Mapping {
  enum class From { kMemory, kExport, kEvent };
  std::string file;  ///< as given
  std::string name;  ///< the file's name without folder and ending: `contacts`
  std::string text;  ///< the file as it was read
  From from = From::kMemory;
  std::vector<Expression> when;
  nlohmann::json vars = nlohmann::json::object();  ///< overrides applied
  Lookups maps;
  std::map<std::string, ValueSpec> session;
  std::optional<std::string> timezone;  ///< `session: {timezone: ...}`: an IANA name that the bridge knows
  std::vector<AskedField> ask;
  std::vector<Row> rows;  ///< in the order they run: each row comes after the rows it uses
  std::vector<TestCase> tests;
  std::string digest;  ///< SHA-256 of everything that affects rows (not `tests`, comments or layout), 64 hex digits
};

}  // namespace membridge::mappings
