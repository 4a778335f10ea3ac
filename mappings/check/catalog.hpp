#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "mappings/base/result.hpp"

namespace membridge::mappings {

/// One column of a target table, as the database's catalogue describes it. A plain value; read-only use is thread-safe.
struct Column {
  std::string name;
  int number = 0;         ///< pg_attribute.attnum: stays when the column is renamed; 0 when it was not read from a database
  std::string type;       ///< as format_type prints it: `character varying(255)`, `text[]`, `app.seniority`
  std::string sql_type;   ///< the same with its schema, for statements: `pg_catalog."varchar"(255)`; empty: use `type`
  std::string equality;   ///< the operator that compares two values: `OPERATOR(pg_catalog.=)`; empty: compare them as text
  std::string base_type;  ///< the type under domains, without length: `character varying`, `jsonb`, `text`
  char category = 'X';    ///< pg_type.typcategory of the base type: B N S D A E U …
  bool not_null = false;  ///< also when a domain says so
  bool has_default = false;
  std::optional<std::string> default_value;  ///< the default as text, when it is a constant; absent for now(), nextval(…), …
  bool generated = false;                    ///< GENERATED ALWAYS AS (…) STORED
  bool identity_always = false;              ///< GENERATED ALWAYS AS IDENTITY: may not be written
  bool identity = false;                     ///< any identity column
  std::optional<int> max_length;             ///< of varchar(n) and char(n), in characters
  std::vector<std::string> enum_labels;      ///< of an enum type, in its order
  std::string element_type;                  ///< of an array: its elements' type; else empty
  std::string comment;

  bool IsJson() const { return base_type == "jsonb" || base_type == "json"; }
  bool IsArray() const { return category == 'A'; }
  /// Whether the column holds times without a time zone.
  bool IsZoneless() const { return base_type.compare(0, 9, "timestamp") == 0 && base_type != "timestamp with time zone"; }
  /// Whether an INSERT may leave the column out.
  bool MayBeLeftOut() const { return !not_null || has_default || generated || identity; }
};

/// One unique index of a table.
struct UniqueIndex {
  std::string name;
  std::vector<std::string> columns;  ///< column names, or expressions as pg_get_indexdef prints them, such as `lower(email)`
  bool primary = false;
  bool partial = false;
};

/// One table or view of a target, as the database's catalogue describes it.
struct Table {
  std::string schema;
  std::string name;
  std::string oid;          ///< of pg_class; empty when it was not read from a database
  std::string fingerprint;  ///< changes with every change of the table's columns and unique indexes; see sync/catalog
  std::vector<Column> columns;
  std::vector<UniqueIndex> unique_indexes;
  bool insertable = true;                      ///< false for a view that cannot be written
  std::vector<std::string> declared_identity;  ///< for a table without a primary key: the `identity` of a mapping

  const Column* Find(const std::string& column) const;
  /// Returns the columns by which the ledger remembers a row: the primary key, else the first non-partial unique index of NOT
  /// NULL columns, else the columns that a mapping declared as `identity`. Empty when there is none of these.
  std::vector<std::string> Identity() const;
  /// Whether the database itself ensures that no two rows share the values of Identity().
  bool HasUniqueIdentity() const;
};

/// The tables that a set of mappings can see. sync/ reads it from a database; `check --offline` reads it from a file.
class Catalog {
 public:
  void Add(Table table);
  void SetSearchPath(std::vector<std::string> schemas);
  const std::vector<std::string>& SearchPath() const { return search_path_; }
  /// Finds a table by schema and name; with an empty schema, by name along the search path. Case matters. nullptr when there is
  /// none.
  const Table* Find(const std::string& schema, const std::string& name) const;
  std::vector<const Table*> Tables() const;
  /// Finds a table by the name that NameOfTable() makes and the ledger stores. nullptr when there is none.
  const Table* FindRelation(const std::string& relation) const;
  Table* FindForChange(const std::string& schema, const std::string& name);
  /// Returns every table as `name` or `schema.name`, for suggestions in messages.
  std::vector<std::string> Names() const;

  nlohmann::json ToJson() const;
  static Result<Catalog> FromJson(const nlohmann::json& json);

 private:
  std::map<std::string, Table> tables_;  // by schema + '\0' + name
  std::vector<std::string> search_path_{"public"};
};

}  // namespace membridge::mappings
