// What the people and the application of Neighbours do, as SQL. It may be refused: then it was not done.
#include <fmt/format.h>

#include "tests/sync/worker/neighbours.hpp"

namespace membridge::test {
namespace {

using Strings = std::vector<std::string>;

constexpr const char* kChildrenGo = "DELETE FROM remarks WHERE person_id = {0}; DELETE FROM topics WHERE person_id = {0};";

}  // namespace

/// One row of the table, by the value of its column `identity`, as SQL.
std::string Neighbours::AnyRow(const std::string& table, const std::string& identity) {
  const std::string column = Column(table, identity);
  return fmt::format("(SELECT {0} FROM {1} ORDER BY hashtext({0}::text || '{2}') LIMIT 1)", column, TableNamed(table), Next());
}

/// What a person makes of a cell.
std::string Neighbours::Typed(const std::string& column, const std::string& number) const {
  const std::string name = Column("people", column);
  if (column == "score") return "'" + std::to_string(1000 + std::stoi(number)) + "'";
  if (column == "tags") return fmt::format("array_append(coalesce({}, '{{}}'), 'typed {}')", name, number);
  if (column == "attrs")
    return fmt::format(R"((coalesce({}, '{{}}') || '{{"{}": "typed {}"}}'))", name, std::stoi(number) % 2 == 0 ? "tier" : "own",
                       number);
  return "'typed " + number + "'";
}

std::string Neighbours::AddPerson() {
  const std::string number = Next();
  std::string user = fmt::format("'u{}'", dice_.Below(4));
  if (dice_.OneIn(3)) user = "'stranger " + number + "'";
  if (dice_.OneIn(8)) user = "NULL";
  std::string columns = Column("people", "user_id"), values = user, theirs = "row,user_id";
  for (const std::string column : {"city", "note", "score"}) {
    if (!Has(column) || dice_.OneIn(2)) continue;
    columns += ", " + Column("people", column);
    values += ", " + Typed(column, number);
    theirs += "," + column;
  }
  return fmt::format("INSERT INTO {} ({}, mark, theirs) VALUES ({}, 'p{}', '{{{}}}')", TableNamed("people"), columns, values,
                     number, theirs);
}

std::string Neighbours::EditCell() {
  const std::string column = dice_.Pick(Strings{"city", "note", "score", "tags", "attrs"});
  if (!Has(column)) return "";
  const std::string number = Next();
  return fmt::format("UPDATE {} SET {} = {}, mark = coalesce(mark, 'p{}'), theirs = array_append(theirs, '{}') WHERE {} = {}",
                     TableNamed("people"), Column("people", column), Typed(column, number), number, column,
                     Column("people", "id"), AnyRow("people", "id"));
}

std::string Neighbours::ClearCell() {
  const std::string column = dice_.Pick(Strings{"city", "note", "score", "tags", "attrs"});
  if (!Has(column)) return "";
  return fmt::format("UPDATE {} SET {} = NULL, theirs = array_remove(theirs, '{}') WHERE {} = {}", TableNamed("people"),
                     Column("people", column), column, Column("people", "id"), AnyRow("people", "id"));
}

std::string Neighbours::DeletePerson() {
  const std::string row = AnyRow("people", "id");
  return fmt::format(kChildrenGo, row) +
         fmt::format("DELETE FROM {} WHERE {} = {}", TableNamed("people"), Column("people", "id"), row);
}

/// Under a key of nobody's the row is theirs: it carries no key any more that the bridge gave it.
std::string Neighbours::ChangeKey() {
  const std::string number = Next();
  const std::string user = dice_.OneIn(2) ? "stranger " + number : fmt::format("u{}", dice_.Below(4));
  const std::string key = Column("people", "user_id");
  return fmt::format(
      "UPDATE {0} SET {1} = '{2}', mark = coalesce(mark, 'p{3}'), theirs = theirs || '{{estranged,user_id}}'::text[] WHERE {4} = "
      "{5} AND "
      "{1} IS DISTINCT FROM '{2}'",
      TableNamed("people"), key, user, number, Column("people", "id"), AnyRow("people", "id"));
}

std::string Neighbours::AddRemark() {
  const std::string number = Next();
  return fmt::format("INSERT INTO remarks (person_id, body, mark, theirs) VALUES ({}, 'typed {}', 'p{}', '{{row}}')",
                     dice_.OneIn(3) ? "NULL" : AnyRow("people", "id"), number, number);
}

std::string Neighbours::EditRemark() {
  const std::string number = Next();
  // Nothing in it is the bridge's any more.
  return fmt::format(
      "UPDATE remarks SET body = 'typed {0}', author = 'typed {0}', person_id = NULL, mark = coalesce(mark, 'p{0}'), theirs = "
      "'{{row}}' "
      "WHERE id = {1}",
      number, AnyRow("remarks", "id"));
}

std::string Neighbours::AddTopic() {
  const std::string number = Next();
  const std::string topic = dice_.OneIn(2) ? "typed " + number : fmt::format("topic {}", dice_.Below(3));
  const bool has_weight = dice_.OneIn(2);
  return fmt::format("INSERT INTO topics (person_id, topic, weight, mark, theirs) VALUES ({}, '{}', {}, 'p{}', '{{row{}}}')",
                     AnyRow("people", "id"), topic, has_weight ? "1000" : "NULL", number, has_weight ? ",weight" : "");
}

/// As somebody who deletes what the bridge made and types it again, or imports it from elsewhere.
std::string Neighbours::MakeAnew() {
  const std::string number = Next();
  const std::string row = AnyRow("people", "id"), id = Column("people", "id"), key = Column("people", "user_id");
  const bool has_note = Has("note");
  return fmt::format(kChildrenGo, row) +
         fmt::format(
             "WITH gone AS (DELETE FROM {0} WHERE {1} = {2} RETURNING {1}, {3}) INSERT INTO {0} ({1}, {3}{4}, mark, theirs) "
             "SELECT {1}, {3}{5}, 'p{6}', '{{row,user_id{7}}}' FROM gone",
             TableNamed("people"), id, row, key, has_note ? ", " + Column("people", "note") : "",
             has_note ? ", 'typed " + number + "'" : "", number, has_note ? ",note" : "");
}

std::string Neighbours::Empty() {
  std::string sql = fmt::format("TRUNCATE {}, remarks, topics; ALTER SEQUENCE ids RESTART; ALTER SEQUENCE remark_ids RESTART",
                                TableNamed("people"));
  for (int i = dice_.Below(4); i > 0; --i) sql += "; " + AddPerson();
  for (int i = dice_.Below(3); i > 0; --i) sql += "; " + AddRemark();
  return sql;
}

/// The rows come back from somewhere, under other numbers.
std::string Neighbours::Renumber() {
  const std::string people = TableNamed("people");
  const std::string columns = target_.Value(
      "SELECT string_agg(quote_ident(a.attname), ', ') FROM pg_attribute a WHERE a.attrelid = $1::regclass AND a.attnum > 0 AND "
      "NOT "
      "a.attisdropped AND a.attname <> $2",
      {people, Column("people", "id")});
  return fmt::format(
      "CREATE TEMPORARY TABLE kept ON COMMIT DROP AS TABLE {0}; TRUNCATE {0}, remarks, topics; ALTER SEQUENCE ids RESTART; "
      "INSERT INTO {0} ({1}) SELECT {1} FROM kept ORDER BY hashtext({2} || '{3}')",
      people, columns, Column("people", "user_id"), Next());
}

std::string Neighbours::Alter() {
  switch (dice_.Below(7)) {
    case 0:
      return DropOrAddColumn();
    case 1:
      return RenameColumn();
    case 2:
      return ChangeType();
    case 3:
      return MakeTableAnew();
    case 4:
      return Constrain();
    case 5:
      return Trigger();
    default:
      break;
  }
  if (dice_.OneIn(2)) return fmt::format("ALTER TABLE {} RENAME TO people_{}", TableNamed("people"), Next());
  const std::string fax = Column("people", "fax");
  return fmt::format("ALTER TABLE {}{} ADD COLUMN extra_{} text DEFAULT 'more'", TableNamed("people"),
                     fax.empty() ? "" : " DROP COLUMN " + fax + ",", Next());
}

std::string Neighbours::DropOrAddColumn() {
  const std::string people = TableNamed("people");
  const std::string column = dice_.Pick(Strings{"city", "note", "score", "origin"});
  const std::string number = Next();
  const bool was_there = Has(column);
  if (was_there && column != "origin" && dice_.OneIn(2))
    return fmt::format("ALTER TABLE {} DROP COLUMN {}; UPDATE {} SET theirs = array_remove(theirs, '{}')", people,
                       Column("people", column), people, column);
  // Another column of that name, which a person fills.
  const std::string name = was_there ? Column("people", column) : column;
  return fmt::format(
      "{0} ALTER TABLE {1} ADD COLUMN {2} {3}; COMMENT ON COLUMN {1}.{2} IS '{4}'; UPDATE {1} SET {2} = '{5}', mark = "
      "coalesce(mark, "
      "'p{6}_' || {7}), theirs = array_append(theirs, '{4}') WHERE hashtext({7}::text || '{6}') % 2 = 0",
      was_there ? fmt::format("ALTER TABLE {} DROP COLUMN {}; UPDATE {} SET theirs = array_remove(theirs, '{}');", people, name,
                              people, column)
                : "",
      people, name, column == "score" ? "integer" : "text", column, column == "score" ? "1000" : "typed " + number, number,
      Column("people", "id"));
}

std::string Neighbours::RenameColumn() {
  const std::string people = TableNamed("people");
  const std::string city = Column("people", "city"), note = Column("people", "note");
  if (!city.empty() && !note.empty() && dice_.OneIn(3))
    return fmt::format(
        "ALTER TABLE {0} RENAME {1} TO in_between; ALTER TABLE {0} RENAME {2} TO {1}; ALTER TABLE {0} RENAME in_between TO {2}",
        people, city, note);
  const std::string column = dice_.Pick(Strings{"id", "user_id", "city", "note", "score", "tags", "attrs", "origin"});
  if (!Has(column)) return "";
  return fmt::format("ALTER TABLE {} RENAME {} TO {}_{}", people, Column("people", column), column, Next());
}

std::string Neighbours::ChangeType() {
  const auto [column, type] = dice_.Pick(std::vector<std::pair<std::string, std::string>>{{"city", "varchar(200)"},
                                                                                          {"city", "text"},
                                                                                          {"note", "text"},
                                                                                          {"note", "varchar(90)"},
                                                                                          {"score", "bigint"},
                                                                                          {"score", "text"},
                                                                                          {"score", "numeric(12,2)"},
                                                                                          {"score", "integer"},
                                                                                          {"tags", "varchar(60)[]"},
                                                                                          {"user_id", "varchar(100)"}});
  if (!Has(column)) return "";
  const std::string name = Column("people", column);
  return fmt::format("ALTER TABLE {0} ALTER COLUMN {1} TYPE {2} USING {1}{3}::{2}", TableNamed("people"), name, type,
                     type == "integer" || type == "bigint" ? "::numeric" : "");
}

/// Dropped and made again: with its rows, or with others under the same numbers.
std::string Neighbours::MakeTableAnew() {
  const std::string people = TableNamed("people"), id = Column("people", "id");
  const bool keeps = dice_.OneIn(2);
  std::string sql = fmt::format(
      "{0} CREATE TABLE people_anew (LIKE {1} INCLUDING ALL); {2} DROP TABLE {1} CASCADE; ALTER TABLE people_anew RENAME TO {1}; "
      "COMMENT ON TABLE {1} IS 'people'; ALTER TABLE remarks ADD CONSTRAINT of_person FOREIGN KEY (person_id) REFERENCES {1}; "
      "ALTER TABLE topics ADD CONSTRAINT of_person FOREIGN KEY (person_id) REFERENCES {1}",
      keeps ? "" : "TRUNCATE remarks, topics; ALTER SEQUENCE ids RESTART;", people,
      keeps ? fmt::format("INSERT INTO people_anew SELECT * FROM {};", people) : "");
  if (keeps) return sql;
  for (int i = dice_.Below(3); i > 0; --i) sql += "; " + AddPerson();
  return sql;
}

std::string Neighbours::Constrain() {
  const std::string people = TableNamed("people"), city = Column("people", "city"), score = Column("people", "score");
  if (city.empty() || score.empty()) return "";
  switch (dice_.Below(6)) {
    case 0:
      return fmt::format("CREATE UNIQUE INDEX odd_{} ON {} ({})", Next(), people, city);
    case 1:
      return fmt::format("ALTER TABLE {} ADD CONSTRAINT odd_{} CHECK ({}::text <> '3') NOT VALID", people, Next(), score);
    case 2:
      return fmt::format("ALTER TABLE {} ADD CONSTRAINT odd_{} UNIQUE ({}) DEFERRABLE INITIALLY DEFERRED", people, Next(), city);
    case 3:
      return fmt::format("ALTER TABLE {} ADD CONSTRAINT odd_{} CHECK ({} <> 'city 1') NOT VALID", people, Next(), city);
    case 4:
      return fmt::format("UPDATE {0} SET {1} = '' WHERE {1} IS NULL; ALTER TABLE {0} ALTER COLUMN {1} SET NOT NULL", people,
                         city);
    default:
      return fmt::format(
          "DO $$ DECLARE c record; BEGIN FOR c IN SELECT conname FROM pg_constraint WHERE conrelid = '{0}'::regclass AND conname "
          "LIKE "
          "'odd%' LOOP EXECUTE format('ALTER TABLE {0} DROP CONSTRAINT %I', c.conname); END LOOP; FOR c IN SELECT "
          "indexrelid::regclass AS "
          "name FROM pg_index WHERE indrelid = '{0}'::regclass AND indexrelid::regclass::text LIKE 'odd%' LOOP EXECUTE 'DROP "
          "INDEX ' || "
          "c.name; END LOOP; ALTER TABLE {0} ALTER COLUMN {1} DROP NOT NULL; END $$",
          people, city);
  }
}

std::string Neighbours::Trigger() {
  const std::string people = TableNamed("people"), key = Column("people", "user_id"), city = Column("people", "city");
  const std::string name = "trig_" + Next();
  const auto made = [&](const std::string& when, const std::string& body) {
    return fmt::format(
        "CREATE FUNCTION {0}() RETURNS trigger LANGUAGE plpgsql AS $t$ BEGIN {2} END $t$; CREATE TRIGGER {0} {3} ON {1} FOR EACH "
        "ROW "
        "EXECUTE FUNCTION {0}()",
        name, people, body, when);
  };
  const std::string event = dice_.Pick(Strings{"INSERT", "UPDATE", "DELETE"});
  switch (dice_.Below(5)) {
    case 0:
      return made("BEFORE " + event,
                  fmt::format("IF coalesce(NEW.{0}, OLD.{0}) = 'u1' THEN RETURN NULL; END IF; RETURN coalesce(NEW, OLD);", key));
    case 1:
      return made("BEFORE " + event,
                  fmt::format("IF coalesce(NEW.{0}, OLD.{0}) = 'u2' THEN RAISE 'odd'; END IF; RETURN coalesce(NEW, OLD);", key));
    case 2:
      if (city.empty()) return "";
      return made("BEFORE INSERT OR UPDATE", fmt::format("NEW.{0} := lower(NEW.{0}); RETURN NEW;", city));
    case 3:
      return made("AFTER INSERT OR UPDATE OR DELETE", "INSERT INTO audit (what) VALUES (TG_OP); RETURN NULL;");
    default:
      return fmt::format(
          "DO $$ DECLARE t record; BEGIN FOR t IN SELECT tgname FROM pg_trigger WHERE tgrelid = '{0}'::regclass AND NOT "
          "tgisinternal LOOP "
          "EXECUTE format('DROP TRIGGER %I ON {0}', t.tgname); END LOOP; END $$",
          people);
  }
}

}  // namespace membridge::test
