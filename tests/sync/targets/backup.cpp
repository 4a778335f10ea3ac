#include "tests/sync/targets/backup.hpp"

#include <fmt/format.h>

namespace membridge::test {
namespace {

constexpr const char* kBackUp = R"(
DO $$ DECLARE r record; BEGIN
  CREATE SCHEMA {0};
  FOR r IN SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
           WHERE n.nspname IN ('membridge', 'public') AND c.relkind = 'r' AND NOT c.relispartition LOOP
    EXECUTE format('CREATE TABLE {0}.%I AS TABLE %I.%I', r.nspname || '/' || r.relname, r.nspname, r.relname);
  END LOOP;
  CREATE TABLE {0}.sequences AS SELECT schemaname, sequencename, last_value FROM pg_sequences WHERE schemaname IN ('membridge', 'public');
END $$)";

// Nothing refers to anything while it is filled.
constexpr const char* kRestore = R"(
DO $$ DECLARE r record; listed text; BEGIN
  SET LOCAL session_replication_role TO replica;
  FOR r IN SELECT n.nspname, c.relname, c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
           WHERE n.nspname IN ('membridge', 'public') AND c.relkind = 'r' AND NOT c.relispartition LOOP
    EXECUTE format('TRUNCATE %I.%I CASCADE', r.nspname, r.relname);
  END LOOP;
  FOR r IN SELECT n.nspname, c.relname, c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
           WHERE n.nspname IN ('membridge', 'public') AND c.relkind = 'r' AND NOT c.relispartition LOOP
    SELECT string_agg(quote_ident(a.attname), ', ') INTO listed FROM pg_attribute a
    WHERE a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '';
    EXECUTE format('INSERT INTO %I.%I (%s) OVERRIDING SYSTEM VALUE SELECT %s FROM {0}.%I', r.nspname, r.relname, listed, listed,
                   r.nspname || '/' || r.relname);
  END LOOP;
  FOR r IN SELECT * FROM {0}.sequences LOOP
    PERFORM setval(format('%I.%I', r.schemaname, r.sequencename), coalesce(r.last_value, 1), r.last_value IS NOT NULL);
  END LOOP;
END $$)";

}  // namespace

Backup::Backup(const PgDatabase& database, std::string name) : database_(database), name_(std::move(name)) {
  database_.RunScript(fmt::format(kBackUp, name_));
}

void Backup::Restore() const {
  database_.RunScript(fmt::format(kRestore, name_));
}

}  // namespace membridge::test
