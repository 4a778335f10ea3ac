"""A row-by-row loop on psycopg, one commit a row: apply_bench runs it beside the bridge.

    psycopg_rows.py DSN TABLE < ROWS       (a JSON list of rows of texts, the first column the key)

Waits for a line on standard input behind the rows, writes them, and prints the rows a second.
"""
import json, sys, time

try:
    import psycopg as driver
except ImportError:
    import psycopg2 as driver

rows = json.loads(sys.stdin.readline())
connection = driver.connect(sys.argv[1])
connection.autocommit = True
cursor = connection.cursor()
cursor.execute(f"SELECT column_name FROM information_schema.columns WHERE table_name = '{sys.argv[2]}' ORDER BY ordinal_position")
columns = [name for (name,) in cursor.fetchall()]
statement = (
    f"INSERT INTO {sys.argv[2]} ({', '.join(columns)}) VALUES ({', '.join(['%s'] * len(columns))}) "
    f"ON CONFLICT ({columns[0]}) DO UPDATE SET {', '.join(f'{name} = excluded.{name}' for name in columns[1:])}"
)
began = time.perf_counter()
for row in rows:
    cursor.execute(statement, row)
print(len(rows) / (time.perf_counter() - began))
