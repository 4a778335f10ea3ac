// Soft deletes, lists and the smaller tables of a generated schema, in SQL.

#include "sync/postgres/session.hpp"
#include "tests/sync/apply/generated_crm.hpp"

namespace membridge::test {

using sync::postgres::QuoteName;

/// A new list of elements of a text, in SQL.
std::string GeneratedCrm::DelimitedEdit(const Column& column) {
  const std::string there = "nullif(btrim(coalesce(" + QuoteName(column.name) + ", ''), ';'), '')";
  switch (dice_.Below(3)) {
    case 0:
      return "concat_ws(';', " + there + ", 'typed')";
    case 1:
      return "coalesce(array_to_string((string_to_array(" + there + ", ';'))[2:], ';'), '')";
    default:
      return dice_.Pick(column.kind->typed);
  }
}

/// The tables that refer to people.
std::string GeneratedCrm::ChildTables() {
  const std::string refers = identity_type_ + " NOT NULL" + (tenant_ ? "" : " REFERENCES " + quoted_ + " (" + identity_ + ")");
  return "CREATE TABLE notes (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, person_ref " + refers +
         ", body text NOT NULL);"
         "CREATE TABLE topics (person_ref " +
         refers +
         ", topic text NOT NULL, weight integer, PRIMARY KEY (person_ref, topic));"
         "CREATE TABLE tags (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL" +
         std::string{dice_.OneIn(2) ? " UNIQUE" : ""} +
         ");"
         "CREATE TABLE tagged (tag_id bigint NOT NULL REFERENCES tags (id), person_ref " +
         refers + std::string{keyless_tags_ ? " NOT NULL" : ", PRIMARY KEY (tag_id, person_ref)"} +
         ");"
         "CREATE TABLE attributes (person_ref " +
         refers +
         ", name text NOT NULL, value text, shown boolean, PRIMARY KEY (person_ref, name));"
         "CREATE TABLE profiles (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, person_ref " +
         identity_type_ +
         " NOT NULL, level text, seats integer DEFAULT 1, "
         "since timestamptz NOT NULL, until timestamptz);"
         "CREATE TABLE companies (id bigint PRIMARY KEY, domain text); INSERT INTO companies VALUES (7, 'x.test');";
}

std::string GeneratedCrm::SoftColumn() const {
  switch (soft_) {
    case Soft::kNot:
      return "";
    case Soft::kTime:
      return ", \"deletedAt\" timestamptz";
    case Soft::kFlag:  // whatever the default: rows are born alive
      return ", active boolean NOT NULL DEFAULT false";
    case Soft::kDeletedFlag:
      return ", isdeleted boolean";
    case Soft::kValue:
      return ", deleteat bigint NOT NULL DEFAULT 0";
  }
  return "";
}

std::string GeneratedCrm::Alive(const std::string& prefix) const {
  switch (soft_) {
    case Soft::kNot:
      return "true";
    case Soft::kTime:
      return prefix + "\"deletedAt\" IS NULL";
    case Soft::kFlag:
      return prefix + "active";
    case Soft::kDeletedFlag:
      return prefix + "isdeleted IS NOT TRUE";
    case Soft::kValue:
      return prefix + "deleteat = 0";
  }
  return "true";
}

std::string GeneratedCrm::Told(const Column& column) {
  const std::string there = "p." + QuoteName(column.name);
  if (column.kind->shape != Kind::Shape::kDelimited) return there;
  return "string_to_array(nullif(btrim(" + there + ", ';'), ''), ';') AS " + QuoteName(column.name);
}

}  // namespace membridge::test
