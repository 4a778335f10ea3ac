#include "sync/source/log_install.hpp"

#include <fmt/format.h>

#include <utility>

#include "sync/source/table_records.hpp"

namespace membridge::sync::source {
namespace {

using postgres::QuoteLiteral;
using postgres::QuoteName;
using postgres::Rows;
using postgres::SqlFailure;

/// $1 the table. Subqueries on tables that may not exist are asked separately.
constexpr const char* kLook = R"(
    WITH t AS (SELECT to_regclass($1) AS oid),
    log AS (SELECT to_regclass('membridge_source.log') AS log, to_regclass('membridge_source.installed') AS installed,
                   to_regclass('membridge_source.readers') AS readers, to_regclass('membridge_source.lost') AS lost,
                   to_regnamespace('membridge_source') AS schema)
    SELECT t.oid::oid::bigint,
           (SELECT count(*) FROM pg_attribute a WHERE a.attrelid = t.oid AND NOT a.attisdropped
              AND (a.attname = 'id' OR (a.attname = 'payload' AND a.atttypid = 'pg_catalog.jsonb'::regtype))) = 2,
           coalesce(has_table_privilege(t.oid, 'SELECT'), false), coalesce(row_security_active(t.oid), false),
           log.log IS NOT NULL AND log.installed IS NOT NULL AND log.readers IS NOT NULL AND log.lost IS NOT NULL,
           coalesce(has_schema_privilege(log.schema, 'USAGE')
                    AND has_table_privilege(log.log, 'SELECT') AND has_table_privilege(log.log, 'DELETE')
                    AND has_table_privilege(log.readers, 'INSERT') AND has_table_privilege(log.installed, 'SELECT')
                    AND has_table_privilege(log.installed, 'UPDATE') AND has_sequence_privilege(log.lost, 'SELECT'), false),
           (SELECT count(*) FROM pg_trigger g
            WHERE g.tgrelid = t.oid AND g.tgname LIKE 'membridge\_source\_%' AND g.tgenabled = 'A'),
           current_user, coalesce(has_table_privilege(t.oid, 'TRIGGER'), false),
           log.schema IS NOT NULL, has_database_privilege(current_database(), 'CREATE'),
           coalesce((SELECT pg_has_role(n.nspowner, 'USAGE') FROM pg_namespace n WHERE n.oid = log.schema), false),
           coalesce((SELECT greatest(c.reltuples, 0)::bigint FROM pg_class c WHERE c.oid = log.log), 0),
           (SELECT CASE
              WHEN pg_is_in_recovery() THEN 'the server is a standby, where nothing can be noted; name the primary'
              WHEN c.relkind IN ('v', 'm') THEN 'it is a view, which has no such triggers; name the table under it'
              WHEN c.relkind = 'f' THEN 'it is a foreign table, which has no such triggers; name the server that holds it'
              WHEN c.relkind = 'p' OR EXISTS (SELECT FROM pg_inherits h WHERE c.oid IN (h.inhparent, h.inhrelid))
                THEN 'it has partitions or heirs, and what is written through another of them fires none of its triggers'
              WHEN EXISTS (SELECT FROM pg_subscription_rel s WHERE s.srrelid = c.oid)
                THEN 'logical replication writes it, which fires none of these triggers; name the publisher'
            END FROM pg_class c WHERE c.oid = t.oid),
           (SELECT CASE WHEN n.nspname ~ '^[a-z_0-9]+$' THEN n.nspname ELSE quote_ident(n.nspname) END || '.' ||
                   CASE WHEN c.relname ~ '^[a-z_0-9]+$' THEN c.relname ELSE quote_ident(c.relname) END
            FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
            WHERE t.oid IS NULL AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND lower(c.relname) = lower($2)
              AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_'
            ORDER BY n.nspname = $3 DESC, c.relname = $2 DESC, n.nspname LIMIT 1)
    FROM t, log)";
constexpr const char* kIncarnation =
    "SELECT i.incarnation::text FROM membridge_source.installed i WHERE i.relid::bigint = $1::bigint";

constexpr const char* kSchema = R"(
CREATE SCHEMA IF NOT EXISTS membridge_source;
CREATE TABLE IF NOT EXISTS membridge_source.installed (
    relid         oid         NOT NULL PRIMARY KEY,
    relation      text        NOT NULL,
    incarnation   uuid        NOT NULL DEFAULT pg_catalog.gen_random_uuid(),
    trimmed_below xid8        NOT NULL DEFAULT '0',
    installed_at  timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp()
);
COMMENT ON TABLE membridge_source.installed IS
    'Tables whose changes membridge_source.log notes; entries below trimmed_below were removed';
CREATE TABLE IF NOT EXISTS membridge_source.log (
    xid   xid8   NOT NULL DEFAULT pg_catalog.pg_current_xact_id(),
    relid oid    NOT NULL,
    kind  "char" NOT NULL,
    id    text   NOT NULL
) WITH (vacuum_truncate = off, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 10000,
        autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 100000);
ALTER TABLE membridge_source.log REPLICA IDENTITY FULL;
CREATE INDEX IF NOT EXISTS log_by_xid ON membridge_source.log (xid);
COMMENT ON TABLE membridge_source.log IS
    'Ids of memories that were inserted (i), updated (u) or deleted (d); a: all were deleted. Taken and trimmed by membridge';
CREATE TABLE IF NOT EXISTS membridge_source.readers (
    reader     text        NOT NULL,
    relid      oid         NOT NULL,
    taken_below xid8       NOT NULL,
    seen_at    timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    PRIMARY KEY (reader, relid)
);
COMMENT ON TABLE membridge_source.readers IS 'Bridges that read the log; what all of them have taken is removed';
CREATE SEQUENCE IF NOT EXISTS membridge_source.lost;
COMMENT ON SEQUENCE membridge_source.lost IS 'Counts changes that could not be noted; membridge then compares everything')";

/// {0} the name of the function, {1} what it does. None of them may make the application's statement fail: what was not noted is
/// counted, outside of any transaction.
constexpr const char* kFunction = R"(
CREATE OR REPLACE FUNCTION membridge_source.{0}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET lock_timeout = '20ms' AS $note$
BEGIN
    {1}
    RETURN NULL;
EXCEPTION WHEN OTHERS THEN
    BEGIN
        PERFORM nextval('membridge_source.lost');
    EXCEPTION WHEN OTHERS THEN
        NULL;
    END;
    RETURN NULL;
END
$note$;
REVOKE ALL ON FUNCTION membridge_source.{0}() FROM PUBLIC;)";

constexpr const char* kInserted =
    "INSERT INTO membridge_source.log (relid, kind, id) SELECT TG_RELID, 'i', n.id::text FROM new_rows AS n WHERE n.id IS NOT "
    "NULL;";
/// A vector may be written without the payload, and says nothing new.
constexpr const char* kUpdated = R"(INSERT INTO membridge_source.log (relid, kind, id)
    SELECT TG_RELID, CASE WHEN n.id IS NULL THEN 'd' ELSE 'u' END, coalesce(n.id, o.id)::text
    FROM new_rows AS n FULL JOIN old_rows AS o ON n.id = o.id
    WHERE (n.id IS NULL OR o.id IS NULL OR n.payload IS DISTINCT FROM o.payload) AND coalesce(n.id, o.id) IS NOT NULL;)";
constexpr const char* kDeleted =
    "INSERT INTO membridge_source.log (relid, kind, id) SELECT TG_RELID, 'd', o.id::text FROM old_rows AS o WHERE o.id IS NOT "
    "NULL;";
constexpr const char* kTruncated = "INSERT INTO membridge_source.log (relid, kind, id) VALUES (TG_RELID, 'a', '');";

struct Trigger {
  const char* name;
  const char* event;
  const char* tables;
  const char* does;
};
constexpr Trigger kTriggers[] = {{"insert", "INSERT", "REFERENCING NEW TABLE AS new_rows", kInserted},
                                 {"update", "UPDATE", "REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows", kUpdated},
                                 {"delete", "DELETE", "REFERENCING OLD TABLE AS old_rows", kDeleted},
                                 {"truncate", "TRUNCATE", "", kTruncated}};

std::string TriggersSql(const TableName& table) {
  std::string sql;
  for (const Trigger& one : kTriggers) {
    sql += fmt::format(
        "DROP TRIGGER IF EXISTS membridge_source_{0} ON {1};\n"
        "CREATE TRIGGER membridge_source_{0} AFTER {2} ON {1} {3}\n"
        "    FOR EACH STATEMENT EXECUTE FUNCTION membridge_source.note_{0}();\n"
        "ALTER TABLE {1} ENABLE ALWAYS TRIGGER membridge_source_{0};\n",
        one.name, table.Quoted(), one.event, one.tables);
  }
  return sql;
}

Error Refusal(const SqlFailure& failure, const TableName& table, const std::string& doing) {
  Error error = failure.AsError(doing);
  if (failure.fields().sqlstate == "55P03") {
    error.code = ErrorCode::kUnavailable;
    error.message = fmt::format("{}: another session holds a lock on {}", doing, table.Written());
    error.hint = "nothing was changed; try again when its transaction is over";
  } else if (failure.fields().sqlstate == "42501") {
    error = {ErrorCode::kRefused, fmt::format("{}: {}", doing, failure.fields().message),
             "run the SQL that --print shows as the owner of the table"};
  } else if (!failure.IsTransient()) {
    error.code = ErrorCode::kRefused;
    error.message += ": " + failure.fields().message;
  }
  return error;
}

Result<void> RunSql(postgres::Session& session, const TableName& table, const std::string& sql, const std::string& doing) {
  try {
    postgres::Transaction transaction = session.Begin();
    transaction.RunScript(sql);
    transaction.Commit();
    return {};
  } catch (const SqlFailure& failure) {
    return tl::unexpected<Error>(Refusal(failure, table, doing));
  }
}

/// The statements between BEGIN and COMMIT.
std::string InstallStatements(const TableName& table, const std::string& role) {
  std::string sql = "SET LOCAL lock_timeout = '1s';";
  sql += kSchema;
  sql += ";\n";
  for (const Trigger& one : kTriggers)
    sql += fmt::format(fmt::runtime(kFunction), fmt::format("note_{}", one.name), one.does) + "\n";
  sql += TriggersSql(table);
  // A log that is installed anew has another incarnation: what came between is not in it.
  sql += fmt::format(
      "DELETE FROM membridge_source.installed WHERE relation = {0} OR relid = {1}::pg_catalog.regclass;\n"
      "DELETE FROM membridge_source.readers r WHERE NOT EXISTS (SELECT FROM membridge_source.installed i WHERE i.relid = "
      "r.relid);\n"
      "INSERT INTO membridge_source.installed (relid, relation) VALUES ({1}::pg_catalog.regclass, {0});\n",
      QuoteLiteral(table.Written()), QuoteLiteral(table.Quoted()));
  const std::string name = QuoteName(role);
  sql += fmt::format(
      "GRANT USAGE ON SCHEMA membridge_source TO {0};\n"
      "GRANT SELECT, DELETE ON membridge_source.log TO {0};\n"
      "GRANT SELECT, INSERT, UPDATE, DELETE ON membridge_source.readers TO {0};\n"
      "GRANT SELECT, UPDATE ON membridge_source.installed TO {0};\n"
      "GRANT SELECT ON SEQUENCE membridge_source.lost TO {0};\n"
      "GRANT SELECT ON {1} TO {0};\n",
      name, table.Quoted());
  return sql;
}

/// Only the table's own triggers are dropped when other tables have some, too.
std::string RemoveStatements(const TableName& table) {
  std::string drops;
  for (const Trigger& one : kTriggers)
    drops += fmt::format("        EXECUTE 'DROP TRIGGER IF EXISTS membridge_source_{} ON ' || the_table;\n", one.name);
  return fmt::format(R"(SET LOCAL lock_timeout = '1s';
DO $remove$
DECLARE
    the_table text := pg_catalog.to_regclass({0})::text;
BEGIN
    IF the_table IS NOT NULL THEN
{1}    END IF;
    IF pg_catalog.to_regclass('membridge_source.installed') IS NOT NULL THEN
        DELETE FROM membridge_source.installed WHERE relation = {2} OR relid = pg_catalog.to_regclass({0});
        IF NOT EXISTS (SELECT FROM membridge_source.installed) THEN
            DROP SCHEMA membridge_source CASCADE;
        END IF;
    END IF;
END
$remove$;
)",
                     QuoteLiteral(table.Quoted()), drops, QuoteLiteral(table.Written()));
}

}  // namespace

SourceLook LookAtSource(postgres::Session& session, const TableName& table) {
  const Rows rows = session.Run(kLook, {table.Quoted(), table.table, table.schema});
  SourceLook look;
  if (!rows.IsNull(0, 0)) look.relid = rows.Int(0, 0);
  look.has_columns = rows.Bool(0, 1);
  look.may_read = rows.Bool(0, 2);
  look.hides_rows = rows.Bool(0, 3);
  look.has_log = rows.Bool(0, 4);
  look.may_use_log = rows.Bool(0, 5);
  look.triggers = static_cast<int>(rows.Int(0, 6));
  look.role = rows.Text(0, 7);
  look.entries = rows.Int(0, 12);
  look.obstacle = rows.Optional(0, 13).value_or("");
  look.similar = rows.Optional(0, 14).value_or("");
  if (!look.relid) look.lacking.emplace_back(fmt::format("there is no table {}", table.Written()));
  if (look.relid && !rows.Bool(0, 8)) look.lacking.emplace_back(fmt::format("the right TRIGGER on {}", table.Written()));
  const bool schema_there = rows.Bool(0, 9);
  if (!schema_there && !rows.Bool(0, 10)) look.lacking.emplace_back("the right CREATE on the database");
  if (schema_there && !rows.Bool(0, 11)) look.lacking.emplace_back("the role that owns the schema membridge_source");
  if (look.relid && look.has_log && look.may_use_log) {
    const Rows installed = session.Run(kIncarnation, {std::to_string(*look.relid)});
    if (!installed.empty()) look.incarnation = installed.Text(0, 0);
  }
  return look;
}

std::optional<Error> Unreadable(const SourceLook& look, const TableName& table) {
  const auto error = [](std::string message, std::string hint) {
    return Error{ErrorCode::kUnavailable, std::move(message), std::move(hint)};
  };
  if (!look.relid)
    return error(fmt::format("the table {} does not exist in the source database", table.Written()),
                 look.similar.empty()
                     ? "nothing is concluded from that; when Mem0 has made it again, run membridge source install"
                     : fmt::format("there is {}; if that is meant, write it into source.table", look.similar));
  if (!look.has_columns)
    return error(fmt::format("the table {} lacks a column id or a jsonb column payload", table.Written()),
                 "name the table that Mem0's PGVector store writes");
  if (!look.may_read)
    return error(fmt::format("role {} may not read {}", look.role, table.Written()),
                 fmt::format("run: GRANT SELECT ON {} TO {}", table.Quoted(), postgres::QuoteName(look.role)));
  if (look.hides_rows)
    return error(fmt::format("a row-level policy of {} hides rows from role {}", table.Written(), look.role),
                 "give the role BYPASSRLS, or name the owner of the table");
  return std::nullopt;
}

std::string InstallSql(const TableName& table, const std::string& bridge_role) {
  return "BEGIN;\n" + InstallStatements(table, bridge_role) + "COMMIT;\n";
}

std::string RemoveSql(const TableName& table) {
  return "BEGIN;\n" + RemoveStatements(table) + "COMMIT;\n";
}

Result<void> InstallLog(postgres::Session& session, const TableName& table) {
  if (const SourceLook look = LookAtSource(session, table); !look.obstacle.empty())
    return Fail(ErrorCode::kRefused, fmt::format("{} cannot have a change log: {}", table.Written(), look.obstacle),
                "changes are found by polling, by updated_at and by full sweeps");
  const std::string role{session.Run("SELECT current_user").Text(0, 0)};
  return RunSql(session, table, InstallStatements(table, role), "installing the change log");
}

Result<void> RemoveLog(postgres::Session& session, const TableName& table) {
  return RunSql(session, table, RemoveStatements(table), "removing the change log");
}

}  // namespace membridge::sync::source
