#include "tests/sync/worker/neighbours.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace membridge::test {
namespace {

using nlohmann::json;

constexpr const char* kTables = R"sql(
  CREATE SEQUENCE ids; CREATE SEQUENCE remark_ids;
  CREATE TABLE people (
    id integer PRIMARY KEY DEFAULT nextval('ids'), user_id text UNIQUE, city text, note varchar(80), score integer, tags text[],
    attrs jsonb, origin text, updated_at timestamptz, fax text, mark text, theirs text[]);
  CREATE TABLE remarks (
    id integer PRIMARY KEY DEFAULT nextval('remark_ids'), person_id integer CONSTRAINT of_person REFERENCES people, body text,
    author text, mark text, theirs text[]);
  CREATE TABLE topics (
    person_id integer CONSTRAINT of_person REFERENCES people, topic text, weight integer, origin text, mark text, theirs text[],
    PRIMARY KEY (person_id, topic));
  CREATE TABLE audit (at timestamptz DEFAULT now(), what text);
  DO $$ DECLARE c record; BEGIN
    FOR c IN SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public' LOOP
      EXECUTE format('COMMENT ON TABLE %I IS %L', c.table_name, c.table_name);
      EXECUTE format('COMMENT ON COLUMN %I.%I IS %L', c.table_name, c.column_name, c.column_name);
    END LOOP;
  END $$;
)sql";

constexpr std::array<const char*, 3> kShared{"people", "remarks", "topics"};

bool IsTyped(const json& value) {
  return value.is_string() && value.get<std::string>().starts_with("typed");
}

/// Of a list what people put in, of a document what they wrote there, of everything else all.
bool StillHolds(const json& before, const json& after) {
  if (before.is_array()) {
    return std::all_of(before.begin(), before.end(), [&](const json& element) {
      return !IsTyped(element) || (after.is_array() && std::find(after.begin(), after.end(), element) != after.end());
    });
  }
  if (before.is_object()) {
    const auto members = before.items();
    return std::all_of(members.begin(), members.end(), [&](const auto& member) {
      return !IsTyped(member.value()) || (after.is_object() && after.value(member.key(), json{}) == member.value());
    });
  }
  return before == after;
}

bool Names(const json& list, const std::string& name) {
  return std::find(list.begin(), list.end(), name) != list.end();
}

/// Whether no memory speaks of the row: then nothing in it may change.
bool IsNobodyElses(const std::string& table, const json& row) {
  if (table == "remarks") return true;
  if (table == "topics") return IsTyped(row.at("topic"));
  return row.at("user_id").is_null() || row.at("user_id").get<std::string>().starts_with("stranger");
}

}  // namespace

Neighbours::Neighbours(const PgDatabase& target, Dice& dice) : target_(target), dice_(dice) {
  target_.RunScript(kTables);
}

std::string Neighbours::TableNamed(const std::string& first_name) const {
  return target_.Value(
      "SELECT c.relname FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND "
      "obj_description(c.oid, 'pg_class') = $1",
      {first_name});
}

std::string Neighbours::Column(const std::string& table, const std::string& first_name) const {
  return target_.Value(
      "SELECT a.attname FROM pg_attribute a WHERE a.attrelid = $1::regclass AND NOT a.attisdropped AND a.attnum > 0 AND "
      "col_description(a.attrelid, a.attnum) = $2",
      {TableNamed(table), first_name});
}

std::string Neighbours::Mapping() const {
  const auto cells = [&](std::initializer_list<std::pair<const char*, const char*>> wanted) {
    std::string text;
    for (const auto& [name, value] : wanted) {
      std::string column = name;
      const std::string ending =
          column.substr(column.find_first_of(".[") == std::string::npos ? column.size() : column.find_first_of(".["));
      column = Column("people", column.substr(0, column.size() - ending.size()));
      if (!column.empty()) text += fmt::format("      {}{}: {}\n", column, ending, value);
    }
    return text;
  };
  const std::string id = Column("people", "id");
  const std::string made = Has("origin") ? "    new: {" + Column("people", "origin") + ": bridge}\n" : "";
  return fmt::format(
      "from: memory\nrows:\n  person:\n    table: {0}\n    key: {{{1}: $memory.user_id}}\n{2}    touch: {{updated_at: $now}}\n"
      "    gone: delete\n    set:\n{3}"
      "  remark:\n    table: remarks\n    when: $memory.metadata.remark\n    new: {{person_id: $person.{4}, author: bridge}}\n"
      "    set: {{body: $memory.text}}\n    gone: delete\n"
      "  topic:\n    table: topics\n    each: $memory.categories\n    key: {{person_id: $person.{4}, topic: $item}}\n"
      "    new: {{origin: bridge}}\n    set: {{weight: $memory.metadata.score}}\n    gone: delete\n",
      TableNamed("people"), Column("people", "user_id"), made,
      cells({{"city", "$memory.metadata.city"},
             {"note", "$memory.metadata.note"},
             {"score", "$memory.metadata.score"},
             {"tags[]", "$memory.metadata.tags"},
             {"attrs.tier", "$memory.metadata.tier"}}),
      id);
}

json Neighbours::Theirs() const {
  json theirs = json::object();
  for (const std::string table : kShared) {
    const std::string name = TableNamed(table);
    const json first_names =
        json::parse(target_.Value("SELECT coalesce(jsonb_object_agg(a.attname, col_description(a.attrelid, a.attnum)) FILTER "
                                  "(WHERE col_description(a.attrelid, a.attnum) IS NOT NULL), '{}') FROM pg_attribute a WHERE "
                                  "a.attrelid = $1::regclass AND NOT a.attisdropped AND a.attnum > 0",
                                  {name}));
    const json rows = json::parse(target_.Value("SELECT coalesce(jsonb_object_agg(t.mark, to_jsonb(t)), '{}') FROM " + name +
                                                " t WHERE t.theirs IS NOT NULL"));
    theirs[table] = json::object();
    for (const auto& [mark, row] : rows.items()) {
      for (const auto& [column, value] : row.items()) theirs[table][mark][first_names.value(column, column)] = value;
    }
  }
  return theirs;
}

std::string Neighbours::Broken(const json& before, const json& after) {
  std::string broken;
  for (const auto& [table, rows] : before.items()) {
    for (const auto& [mark, row] : rows.items()) {
      const bool is_apart = IsNobodyElses(table, row);
      const bool is_row = Names(row.at("theirs"), "row") || (is_apart && Names(row.at("theirs"), "estranged"));
      if (!after.at(table).contains(mark)) {
        if (is_row) broken += fmt::format("row {} of {} is gone: {}\n", mark, table, row.dump());
        continue;
      }
      const json& now = after.at(table).at(mark);
      const bool is_whole = is_row && is_apart;
      for (const auto& [column, value] : row.items()) {
        const bool holds = is_whole ? now.value(column, json{}) == value
                                    : !Names(row.at("theirs"), column) || StillHolds(value, now.value(column, json{}));
        if (!holds)
          broken +=
              fmt::format("{} of row {} of {}: {} was {}\n", column, mark, table, now.value(column, json{}).dump(), row.dump());
      }
    }
  }
  return broken;
}

std::string Neighbours::Next() {
  return std::to_string(++number_);
}

std::string Neighbours::Perform(const std::string& sql) {
  if (sql.empty()) return "";
  try {
    target_.RunScript(sql);
    return sql + "\n";
  } catch (const sync::postgres::SqlFailure& failure) {
    return "refused, " + failure.fields().message + ": " + sql + "\n";
  }
}

std::string Neighbours::Act() {
  switch (dice_.Below(16)) {
    case 0:
    case 1:
    case 2:
      return Perform(AddPerson());
    case 3:
    case 4:
    case 5:
      return Perform(EditCell());
    case 6:
      return Perform(ClearCell());
    case 7:
      return Perform(DeletePerson());
    case 8:
      return Perform(ChangeKey());
    case 9:
      return Perform(dice_.OneIn(2) ? AddRemark() : EditRemark());
    case 10:
      return Perform(AddTopic());
    case 11:
      return Perform(MakeAnew());
    case 12:
      return Perform(dice_.OneIn(2) ? Empty() : Renumber());
    default:
      return Perform(Alter());
  }
}

}  // namespace membridge::test
