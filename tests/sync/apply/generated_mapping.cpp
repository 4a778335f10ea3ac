// The mappings of a generated schema.

#include <fmt/format.h>

#include "tests/sync/apply/generated_crm.hpp"

namespace membridge::test {

using nlohmann::json;

std::string GeneratedCrm::KeyYaml() const {
  const std::string handle =
      std::string{lowered_key_ ? "lower(handle)" : "handle"} + ": $memory.user_id" + (tenant_ ? ", tenant: $vars.tenant" : "");
  if (!two_keys_) return "    key: {" + handle + "}\n";
  return "    key:\n      - {" + handle + "}\n      - {email: $memory.metadata.email | email}\n";
}

/// The right side for a scalar column.
std::string GeneratedCrm::ScalarYaml(const Column& column, bool in_group) {
  if (!in_group && column.kind->shape == Kind::Shape::kText && dice_.OneIn(6)) return FromRowYaml(column);
  const std::string said = "$memory.metadata." + column.field;
  const bool is_bounded = std::string{column.kind->type} == "varchar(8)";
  if (column.kind->shape == Kind::Shape::kText) {
    switch (dice_.Below(6)) {
      case 0:
        return "'" + said + " | upper | truncate(8)'";
      case 1:
        return "\"${memory.metadata." + column.field + " | truncate(3)}-${memory.metadata.n | or('none')}\"";
      case 2:
        return said + " | map(words) | or('else')";
      case 3:
        return "Const";
      default:
        return said + (is_bounded ? " | truncate" : "");
    }
  }
  if (!in_group && !column.not_null && dice_.OneIn(12)) return "null";
  if (dice_.OneIn(8))
    return column.kind->said.front().is_string() ? json(column.kind->said.front()).dump() : column.kind->said.front().dump();
  return said;
}

std::string GeneratedCrm::CellsYaml(std::vector<const Column*> columns, const char* keyword) {
  std::string cells;
  const auto line = [&](const std::string& cell, const std::string& value) {
    cells += "      \"" + cell + "\": " + value + "\n";
  };
  std::vector<const Column*> grouped;
  for (const Column* column : columns) {
    const std::string said = "$memory.metadata." + column->field;
    switch (column->kind->shape) {
      case Kind::Shape::kText:
      case Kind::Shape::kScalar:
        if (dice_.OneIn(3))
          grouped.push_back(column);
        else
          line(column->name, ScalarYaml(*column, false));
        break;
      case Kind::Shape::kList:
        line(column->name + (dice_.OneIn(3) ? "" : "[]"), said + "s");
        break;
      case Kind::Shape::kDocument:
        if (dice_.OneIn(4)) {
          line(column->name, said + "o");
          break;
        }
        if (dice_.OneIn(2)) line(column->name + ".plan.tier", said);
        if (dice_.OneIn(2)) line(column->name + ".plan.seats", "$memory.metadata.n");
        if (dice_.OneIn(2)) line(column->name + ".theme", dice_.OneIn(3) ? "5" : said);
        if (dice_.OneIn(2)) line(column->name + ".list[]", said + "s");
        break;
    }
  }
  if (grouped.size() == 1) line(grouped[0]->name, ScalarYaml(*grouped[0], false));
  if (grouped.size() > 1) {
    std::string names, values;
    for (const Column* column : grouped) {
      names += (names.empty() ? "" : ", ") + column->name;
      values += "        - " + ScalarYaml(*column, true) + "\n";
    }
    line("(" + names + ")", "\n" + values);
    cells.pop_back();
  }
  return cells.empty() ? "" : std::string{"    "} + keyword + ":\n" + cells;
}

/// A text made of the row as it will be, by columns that this mapping writes.
std::string GeneratedCrm::FromRowYaml(const Column& column) {
  std::string parts = "${row.kind}";
  for (const Column& other : columns_) {
    const bool is_plain = other.second == column.second && other.kind->shape == Kind::Shape::kScalar &&
                          other.name.find_first_of(" ß") == std::string::npos;
    if (is_plain && dice_.OneIn(2)) parts += "-${row." + other.name + " | or('none')}";
  }
  return std::string{column.kind->type} == "varchar(8)" ? "$row.kind | truncate" : "\"" + parts + "\"";
}

/// The `set` and `force` of a person.
std::string GeneratedCrm::WrittenYaml(bool second) {
  std::vector<const Column*> kept, forced;
  for (const Column& column : columns_) {
    if (column.second == second && !dice_.OneIn(4)) (dice_.OneIn(3) ? forced : kept).push_back(&column);
  }
  std::string set = CellsYaml(kept, "set");
  if (!second && two_keys_ && dice_.OneIn(2))
    set += std::string{set.empty() ? "    set:\n" : ""} + "      handle: $memory.user_id\n";
  return set + CellsYaml(forced, "force");
}

std::string GeneratedCrm::PersonYaml(const std::string& name) {
  std::string yaml = "when: $memory.user_id\nvars: {tenant: 1}\nmaps: {words: {Ada: Lovelace, bo: Peep}}\nrows:\n  " + name +
                     ":\n    table: " + table_ + "\n" + KeyYaml();
  if (dice_.OneIn(5)) yaml += "    when: $memory.metadata.n\n";
  yaml += "    new: {kind: lead}\n";
  if (touches_) yaml += "    touch: {updated_at: $now}\n";
  if (soft_) yaml += soft_by_flag_ ? "    live: active\n" : "    live: deletedAt\n";
  if (people_go_ && !dice_.OneIn(4)) yaml += "    gone: delete\n";
  return yaml;
}

std::string GeneratedCrm::SecondYaml() {
  return PersonYaml("person") + WrittenYaml(true);
}

std::string GeneratedCrm::MappingYaml() {
  const std::string person = dice_.OneIn(4) ? "human" : "person";
  const std::string reference = "$" + person + "." + identity_;
  const bool links_company = dice_.OneIn(2);
  std::string yaml = PersonYaml(person);
  const std::string written = WrittenYaml(false);
  if (links_company)
    yaml += "    set:\n      company_id: $company.id\n" +
            (written.starts_with("    set:\n") ? written.substr(written.find('\n') + 1) : written);
  else
    yaml += written;
  if (links_company)
    yaml +=
        "  company:\n    table: companies\n    create: false\n    key:\n      domain: $memory.metadata.email | email | "
        "capture('@(.+)$')\n";
  if (!dice_.OneIn(4)) {
    yaml += "  note:\n    table: notes\n    when: $memory.metadata.note\n    new: {person_ref: " + reference +
            "}\n    set: {body: $memory.text}\n";
    if (notes_go_) yaml += "    gone: delete\n";
  }
  if (!dice_.OneIn(4)) {
    yaml += "  topic:\n    each: $memory.categories\n    table: topics\n    key: {person_ref: " + reference +
            ", topic: $item}\n    set: {weight: $memory.metadata.n}\n";
    if (topics_go_) yaml += "    gone: delete\n";
  }
  if (!dice_.OneIn(3)) {
    yaml += "  profile:\n    table: profiles\n    key: {person_ref: " + reference +
            "}\n    history: {from: since, to: until}\n"
            "    set:\n      level: $memory.text\n      seats: $memory.metadata.n\n";
    if (profiles_go_) yaml += "    gone: delete\n";
  }
  if (!dice_.OneIn(4)) {
    yaml +=
        "  tag:\n    each: $memory.categories\n    table: tags\n    key: {name: $item | upper}\n    rows:\n      tagging:\n      "
        "  table: tagged\n"
        "        key: {tag_id: $tag.id, person_ref: " +
        reference + "}\n        gone: delete\n";
  }
  return yaml;
}

}  // namespace membridge::test
