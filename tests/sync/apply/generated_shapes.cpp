// Soft deletes and lists of a generated schema, in SQL.

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
