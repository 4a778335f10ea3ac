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

/// A right side of functions, in YAML's quotes; empty when there is none for this kind of column.
std::string GeneratedCrm::ComputedYaml(const Column& column) {
  const std::string type = column.kind->type;
  if (type == "boolean") return "\"$memory.categories | has('topic 1') | yes\"";
  if (type == "bigint") return "$memory.metadata.when | epoch_ms";
  if (type == "numeric(8,2)") return "$memory.metadata.n | number";
  if (type == "double precision") return "$memory.metadata.when | time | epoch";
  if (type == "timestamp") return "\"$memory.metadata.when | at('Europe/Berlin')\"";
  if (type == "timestamptz") return "$memory.metadata.when | time";
  if (type == "date") return "$memory.metadata.when";
  if (type == "uuid") return "\"$memory.user_id | uuid5('generated', memory.metadata.when, 1)\"";
  if (type == "text") return "'$\"${memory.metadata.\"plan.tier\"}/${memory.metadata.n}\" | upper'";
  return "";
}

/// A row of an attribute table: there with a value, and gone with its last one.
std::string GeneratedCrm::AttributeYaml(const std::string& row, const std::string& person, const std::string& name) {
  return "  " + row + ":\n    table: attributes\n    key: {person_ref: $" + person + "." + identity_ + ", name: " + name +
         "}\n    create: with_cells\n    set:\n      value: " +
         (dice_.OneIn(2) ? "$memory.metadata.n" : "\"$memory.categories | has('topic 2') | yes\"") +
         "\n      shown: true\n    gone: delete\n";
}

/// The right side for a scalar column.
std::string GeneratedCrm::ScalarYaml(const Column& column, bool in_group) {
  if (!in_group && column.kind->shape == Kind::Shape::kText && dice_.OneIn(6)) return FromRowYaml(column);
  const std::string said = "$memory.metadata." + column.field;
  if (const std::string computed = dice_.OneIn(5) ? ComputedYaml(column) : ""; !computed.empty()) return computed;
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
  const auto line = [&](const std::string& cell, const std::string& value) { cells += "      '" + cell + "': " + value + "\n"; };
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
        if (dice_.OneIn(2)) line(column->name + ".\"plan.tier\"", "'$memory.metadata.\"plan.tier\"'");
        if (dice_.OneIn(3)) line(column->name + ".\"plan.tier list\"[]", said + "s");
        break;
      case Kind::Shape::kDelimited:
        line(column->name + "[;]", said + "s");
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
  std::string yaml = std::string{zoned_ ? "session: {timezone: Europe/Berlin}\n" : ""} +
                     "when: $memory.user_id\nvars: {tenant: 1}\nmaps: {words: {Ada: Lovelace, bo: Peep}}\nrows:\n  " + name +
                     ":\n    table: " + table_ + "\n" + KeyYaml();
  if (dice_.OneIn(5)) yaml += "    when: $memory.metadata.n\n";
  yaml += "    new: {kind: lead}\n";
  if (touches_) yaml += changes_ ? "    changed: updated_at\n" : "    touch: {updated_at: $now}\n";
  const bool goes = people_go_ && !dice_.OneIn(4);
  switch (soft_) {
    case Soft::kNot:
      break;
    case Soft::kTime:
      yaml += "    live: deletedAt\n";
      break;
    case Soft::kFlag:
      yaml += "    live: active\n";
      break;
    case Soft::kDeletedFlag:
      yaml += "    live: \"!isdeleted\"\n";
      break;
    case Soft::kValue:
      yaml += goes ? "    live: {column: deleteat, is: 0, gone: $now | epoch_ms}\n" : "    live: {column: deleteat, is: 0}\n";
      break;
  }
  if (goes) yaml += "    gone: delete\n";
  return yaml;
}

std::string GeneratedCrm::SecondYaml() {
  return PersonYaml("person") + WrittenYaml(true) + AttributeYaml("mark", "person", "mark");
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
        reference + "}\n        gone: delete\n" + (keyless_tags_ ? "        identity: [tag_id, person_ref]\n" : "");
  }
  if (!dice_.OneIn(3)) yaml += AttributeYaml("size", person, "size");
  return yaml;
}

}  // namespace membridge::test
