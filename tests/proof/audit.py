"""Says of a finished run which cells are wrong, lost, resurrected or stolen from people.

It has its own reading of everything: of Mem0's records as Mem0 gives them, of the mapping's YAML, and of what people did. It
shares no code with the bridge and asks none of the bridge's tables, but the journal, when it counts events.
"""

import collections
import datetime

import psycopg2
import psycopg2.extras
import yaml

from language import MISSING, Names

Finding = collections.namedtuple("Finding", "kind place detail")


def _instant(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


def is_live(record, today):
    if record.get("replaced_by") or record.get("lifecycle_state") not in (None, "active"):
        return False
    expires = record.get("expiration_date")
    return not expires or datetime.date.fromisoformat(expires[:10]) >= today


class Expected:
    """Rows by table and key; of each cell all claims, the oldest first."""

    def __init__(self, mapping, records, today):
        self.rows = collections.defaultdict(dict)  # table -> key -> {column: [value…]}
        self.deleted_when_gone = set()
        self.mapping = mapping
        self.key_columns = {}
        live = [r for r in records if is_live(r, today)]
        for record in sorted(live, key=lambda r: (_instant(r.get("updated_at") or r["created_at"]), r["id"])):
            memory = dict(record, text=record["memory"])
            names = Names(mapping.get("maps", {}), mapping.get("vars", {}), memory=memory)
            if names.holds(mapping.get("when")):
                self._rows(mapping["rows"], names)

    def _rows(self, rows, names):
        for name, row in rows.items():
            if not names.holds(row.get("when")):
                continue
            items = [None]
            if "each" in row:
                items = names.value(row["each"])
                items = [] if items is MISSING else items
            for item in items:
                here = names if item is None else names.with_values(item=item)
                key = tuple((column, here.value(value)) for column, value in row["key"].items())
                if any(value is MISSING for _, value in key):
                    continue
                cells = self.rows[row["table"]].setdefault(key, {})
                self.key_columns[row["table"]] = [column for column, _ in key]
                if row.get("gone") == "delete":
                    self.deleted_when_gone.add(row["table"])
                here = here.with_values(**{name: {"id": (row["table"], key)}})
                if item is None:
                    names = here
                for column, value in row.get("set", {}).items():
                    value = here.value(value)
                    if value is not MISSING:
                        cells.setdefault(column, []).append(value)
                self._rows(row.get("rows", {}), here)


class Actual:
    """The target's tables, with references followed to the keys of the rows they point at."""

    def __init__(self, dsn):
        self.tables, self.references = {}, {}
        with psycopg2.connect(dsn) as connection, connection.cursor(
            cursor_factory=psycopg2.extras.RealDictCursor
        ) as cursor:
            cursor.execute(
                """
                SELECT c.conrelid::regclass::text AS here, c.confrelid::regclass::text AS there, a.attname AS column
                FROM pg_constraint c JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1] WHERE c.contype = 'f'"""
            )
            for row in cursor.fetchall():
                self.references[row["here"], row["column"]] = row["there"]
            cursor.execute(
                """SELECT schemaname || '.' || tablename AS name FROM pg_tables
                              WHERE schemaname NOT IN ('pg_catalog', 'information_schema', 'membridge', 'proof')"""
            )
            for (name,) in [tuple(r.values()) for r in cursor.fetchall()]:
                cursor.execute(f"SELECT * FROM {name}")
                self.tables[name] = [dict(r) for r in cursor.fetchall()]

    def cell(self, row, column):
        name, *path = column.split(".")
        value = row.get(name)
        for step in path:
            value = value.get(step) if isinstance(value, dict) else None
        return value

    def points_at(self, table, row, column, wanted):
        """Whether a reference points at the row with this table and key."""
        there, key = wanted
        target = [r for r in self.tables[there] if r.get("id") == row.get(column)]
        return len(target) == 1 and self.matches(there, target[0], key)

    def matches(self, table, row, key):
        for column, value in key:
            if isinstance(value, tuple):
                if not self.points_at(table, row, column, value):
                    return False
            elif self.cell(row, column) != value:
                return False
        return True


def audit(mapping, records, dsn, people=(), today=None, journal=None):
    """`people`: (table, {column: value} that finds the row, column, value) in the order in which they wrote.

    Returns findings; none is right.
    """
    today = today or datetime.datetime.now(datetime.timezone.utc).date()
    expected, actual, findings = Expected(mapping, records, today), Actual(dsn), []
    theirs = {}
    for table, finds, column, value in people:
        theirs[table, tuple(sorted(finds.items())), column] = value
    everything = Expected(
        mapping, [dict(r, replaced_by=None, lifecycle_state=None, expiration_date=None) for r in records], today
    )
    found_rows = collections.defaultdict(set)
    for table, rows in expected.rows.items():
        for key, cells in rows.items():
            matching = [row for row in actual.tables.get(table, []) if actual.matches(table, row, key)]
            place = f"{table} {dict((c, v if not isinstance(v, tuple) else v[1]) for c, v in key)}"
            if not matching:
                findings.append(Finding("lost", place, "the row is not there"))
                continue
            if len(matching) > 1:
                findings.append(Finding("wrong", place, f"{len(matching)} rows"))
            row = matching[0]
            found_rows[table].add(id(row))
            for column in _set_columns(mapping, table):
                claims = cells.get(column, [])
                person = _theirs(theirs, table, row, column)
                value = actual.cell(row, column)
                if person is not MISSING:
                    if value != person:
                        findings.append(Finding("stolen", f"{place}.{column}", "a person's value was overwritten"))
                elif claims and isinstance(claims[-1], tuple):
                    if not actual.points_at(table, row, column, claims[-1]):
                        findings.append(Finding("wrong", f"{place}.{column}", "it refers to another row"))
                elif claims:
                    if value is None:
                        findings.append(Finding("lost", f"{place}.{column}", "empty"))
                    elif value != claims[-1]:
                        kind = (
                            "resurrected"
                            if value in claims or value in everything.rows[table].get(key, {}).get(column, [])
                            else "wrong"
                        )
                        findings.append(Finding(kind, f"{place}.{column}", "not what the newest memory says"))
                elif value is not None:
                    findings.append(Finding("resurrected", f"{place}.{column}", "no memory says so any more"))
    for table, rows in actual.tables.items():
        columns = expected.key_columns.get(table) or _keys(mapping, table)
        if columns is None:
            continue
        for row in rows:
            if id(row) in found_rows[table] or any(row.get(c) is None for c in columns):
                continue
            if any(
                t == table and all(row.get(c) == v for c, v in finds) and column is None for t, finds, column in theirs
            ):
                # A row that a person made holds what they wrote, and nothing else.
                for column in _set_columns(mapping, table):
                    person = _theirs(theirs, table, row, column)
                    if actual.cell(row, column) != (None if person is MISSING else person):
                        findings.append(Finding("stolen", f"{table}.{column}", "a person's own row was changed"))
                continue
            if table in expected.deleted_when_gone or _gone(mapping, table):
                findings.append(
                    Finding(
                        "resurrected", f"{table} {dict((c, row[c]) for c in columns)}", "no memory says so any more"
                    )
                )
                continue
            for column in _set_columns(mapping, table):
                person = _theirs(theirs, table, row, column)
                value = actual.cell(row, column)
                if person is MISSING and value is not None:
                    findings.append(Finding("resurrected", f"{table}.{column}", "no memory says so any more"))
                elif person is not MISSING and value != person:
                    findings.append(Finding("stolen", f"{table}.{column}", "a person's value was overwritten"))
    for (table, finds, column), value in theirs.items():
        if column is None and not any(all(row.get(c) == v for c, v in finds) for row in actual.tables[table]):
            findings.append(Finding("stolen", f"{table} {dict(finds)}", "a person's row is gone"))
    if journal:
        findings += audit_events(dsn, *journal, {r["id"] for r in records})
    return findings


def _theirs(theirs, table, row, column):
    for (t, finds, c), value in theirs.items():
        if t == table and c == column and all(row.get(name) == wanted for name, wanted in finds):
            return value
    return MISSING


def _all_rows(rows):
    for row in rows.values():
        yield row
        yield from _all_rows(row.get("rows", {}))


def _set_columns(mapping, table):
    return [column for row in _all_rows(mapping["rows"]) if row["table"] == table for column in row.get("set", {})]


def _gone(mapping, table):
    return any(row["table"] == table and row.get("gone") == "delete" for row in _all_rows(mapping["rows"]))


def _keys(mapping, table):
    for row in _all_rows(mapping["rows"]):
        if row["table"] == table:
            return list(row["key"])
    return None


def audit_events(dsn, state_dsn, acknowledged, alive):
    """Every delivery in the journal about a memory that Mem0 has is one fact, and added one to its total.

    Of other memories the bridge may find no trace at Mem0, and discards the event. Each acknowledged delivery is in the journal.
    `acknowledged`: memory ids, one for each 200.
    """
    findings = []
    with psycopg2.connect(state_dsn) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT DISTINCT ON (id) id::text, memories FROM membridge.deliveries")
        stored = dict(cursor.fetchall())
    with psycopg2.connect(dsn) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT delivery::text, count(*) FROM audit.facts GROUP BY 1")
        facts = dict(cursor.fetchall())
        cursor.execute("SELECT coalesce(sum(events), 0)::bigint FROM audit.totals")
        total = cursor.fetchone()[0]
    for delivery in sorted(d for d in stored.keys() - facts.keys() if alive & set(stored[d])):
        findings.append(Finding("lost", f"delivery {delivery}", "it is no fact"))
    for delivery in sorted(facts.keys() - stored.keys()):
        findings.append(Finding("wrong", f"delivery {delivery}", "a fact without a delivery"))
    if total != len(facts):
        findings.append(
            Finding(
                "lost" if total < len(facts) else "wrong", "audit.totals", f"{total} events counted, {len(facts)} facts"
            )
        )
    named = collections.Counter(memory for memories in stored.values() for memory in memories)
    for memory, count in collections.Counter(acknowledged).items():
        if named[memory] < count:
            findings.append(
                Finding("lost", f"memory {memory}", f"{count} deliveries were acknowledged, {named[memory]} are stored")
            )
    return findings


def read_mapping(path):
    with open(path, encoding="utf-8") as file:
        return yaml.safe_load(file)
