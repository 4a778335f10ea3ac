#include "sync/erase/erased_changes.hpp"

#include "sync/feed/parked_changes.hpp"

namespace membridge::sync {
namespace {

using postgres::ArrayOf;
using postgres::Param;
using postgres::Rows;

constexpr const char* kRows = R"sql(
    SELECT l.relation, l.identity::text FROM membridge.rows l
    WHERE l.id IN (SELECT row_id FROM membridge.contributions WHERE project = $1 AND source = ANY ($2::text[])
                   UNION SELECT row_id FROM membridge.former_speakers WHERE project = $1 AND source = ANY ($2::text[]))
    UNION SELECT relation, identity::text FROM membridge.versions WHERE project = $1 AND source = ANY ($2::text[])
    UNION SELECT relation, identity::text FROM membridge.released WHERE project = $1 AND source = ANY ($2::text[]))sql";

// The ledger knows identities as text. An entry of this very transaction is about a row that the erasure changed.
constexpr const char* kEntries = R"sql(
    WITH told AS MATERIALIZED (
           SELECT c.seq, c.xid, c.project, c.mapping, c.relation, c.key, c.op, c.cells,
                  coalesce((SELECT pg_catalog.jsonb_object_agg(k.key, coalesce(k.value, '')) FROM pg_catalog.jsonb_each_text(c.key) k),
                           '{}') AS identity,
                  c.project = $1 AND EXISTS (SELECT FROM pg_catalog.jsonb_each(c.cells) e WHERE e.value ->> 'memory' = ANY ($2::text[]))
                    OR c.xid = pg_catalog.pg_current_xact_id() AS theirs
           FROM membridge.changes c),
         affected AS (
           SELECT relation, identity FROM told WHERE theirs
           UNION SELECT * FROM ROWS FROM (pg_catalog.unnest($3::text[]), pg_catalog.unnest($4::jsonb[])) AS r (relation, identity)),
         entries AS MATERIALIZED (
           SELECT t.*, pg_catalog.first_value(t.op) OVER newest_first = 'delete' AS is_gone,
                  pg_catalog.row_number() OVER newest_first = 1 AS is_newest
           FROM told t JOIN affected a ON a.relation = t.relation AND a.identity = t.identity
           WINDOW newest_first AS (PARTITION BY t.relation, t.identity ORDER BY t.seq DESC)))sql";

constexpr const char* kSent = R"sql(
    SELECT f.name, count(*) FROM membridge.feeds f, entries e
    WHERE e.xid <> pg_catalog.pg_current_xact_id() AND f.place = membridge.ledger_place()
      AND (pg_catalog.pg_visible_in_snapshot(e.xid, f.done)
           OR pg_catalog.pg_visible_in_snapshot(e.xid, f.upto) AND e.seq <= coalesce(f.message_seq, f.last_seq))
      AND (NOT f.filter ? 'tables' OR f.filter -> 'tables' ? e.relation)
      AND (NOT f.filter ? 'mappings' OR f.filter -> 'mappings' ? e.mapping)
      AND (NOT f.filter ? 'ops' OR f.filter -> 'ops' ? e.op)
    GROUP BY f.name)sql";

constexpr const char* kErase = R"sql(
    , scrubbed AS (
        SELECT e.seq, e.is_gone AND NOT e.is_newest AS goes, e.op, e.cells AS were,
               CASE WHEN e.is_gone THEN '{}'
                    ELSE coalesce((SELECT pg_catalog.jsonb_object_agg(c.key, c.value - 'old') FROM pg_catalog.jsonb_each(e.cells) c
                                   WHERE NOT (e.project = $1 AND coalesce(c.value ->> 'memory' = ANY ($2::text[]), false))), '{}')
               END AS cells
        FROM entries e),
      deleted AS (
        DELETE FROM membridge.changes c USING scrubbed s
        WHERE c.seq = s.seq AND (s.goes OR s.op = 'update' AND s.cells = '{}') RETURNING c.seq),
      changed AS (
        UPDATE membridge.changes c SET cells = s.cells FROM scrubbed s
        WHERE c.seq = s.seq AND NOT (s.goes OR s.op = 'update' AND s.cells = '{}') AND s.cells <> s.were
          AND c.xid <> pg_catalog.pg_current_xact_id() RETURNING c.seq),
      own AS (
        UPDATE membridge.changes c SET cells = s.cells FROM scrubbed s
        WHERE c.seq = s.seq AND NOT (s.goes OR s.op = 'update' AND s.cells = '{}') AND s.cells <> s.were
          AND c.xid = pg_catalog.pg_current_xact_id() RETURNING c.seq)
    SELECT (SELECT count(*) FROM deleted) + (SELECT count(*) FROM changed))sql";

}  // namespace

ErasedChanges::ErasedChanges(postgres::Transaction& transaction, const ErasedSources& erased)
    : transaction_(transaction), erased_(erased) {
  const Rows rows = transaction.Run(kRows, {erased.project.Text(), ArrayOf({erased.sources.begin(), erased.sources.end()})});
  for (std::size_t row = 0; row < rows.size(); ++row) {
    relations_.emplace_back(rows.Text(row, 0));
    identities_.emplace_back(rows.Text(row, 1));
  }
}

void ErasedChanges::Erase(ErasureCounts& counts) {
  if (!transaction_.Run("SELECT EXISTS (SELECT FROM membridge.changes)").Bool(0, 0)) return;
  const std::vector<Param> who{erased_.project.Text(), ArrayOf({erased_.sources.begin(), erased_.sources.end()}),
                               ArrayOf({relations_.begin(), relations_.end()}),
                               ArrayOf({identities_.begin(), identities_.end()})};
  // From here to the end of the transaction nobody reads what is to be posted next. A message under way counts as sent.
  transaction_.Run("SELECT FROM membridge.feeds ORDER BY name FOR UPDATE");
  const Rows sent = transaction_.Run(std::string{kEntries} + kSent, who);
  for (std::size_t row = 0; row < sent.size(); ++row) counts["sent:" + std::string{sent.Text(row, 0)}] += sent.Int(row, 1);
  counts["changes"] += transaction_.Run(std::string{kEntries} + kErase, who).Int(0, 0);
  ParkedChanges::AdvanceLost(transaction_);
}

}  // namespace membridge::sync
