"""What is left of the rate after a pressure, and of the tables: tests/bench/run --pressure.

Deliveries about a thousand memories come in all the while, memories change at Mem0, and workers bring the changes to the rows.
"""
import random, subprocess, threading, time

from harness import POSTGRES, call, until, wrk

# Deliveries grow with what arrives, whatever the pressure; everything else must stay as large as it was.
TABLES = (
    "SELECT coalesce(sum(pg_total_relation_size(relid)), 0), coalesce(sum(n_dead_tup), 0) FROM pg_stat_user_tables "
    "WHERE schemaname = 'membridge' AND relname !~ '^deliveries_'"
)
LARGEST = (
    "SELECT string_agg(relname || ' ' || pg_size_pretty(size) || ', ' || dead || ' dead', '; ') FROM (SELECT relname, n_dead_tup AS dead, "
    "pg_total_relation_size(relid) AS size FROM pg_stat_user_tables WHERE schemaname = 'membridge' AND relname !~ '^deliveries_' "
    "ORDER BY 3 DESC LIMIT 4) AS t"
)
QUEUE = (
    "SELECT membridge.unfolded() + (SELECT count(*) FROM membridge.dirty WHERE due_at <= now() + interval '1 second')"
)


class Client:
    """A session of somebody else's on the bridge's database."""

    def __init__(self, bridge):
        self.psql = subprocess.Popen(
            [str(POSTGRES / "psql"), "-qAtX", bridge.server.dsn(bridge.database)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            text=True,
        )

    def say(self, sql):
        self.psql.stdin.write(sql + "\n")
        self.psql.stdin.flush()

    def close(self):
        self.psql.stdin.close()
        self.psql.wait(60)


class Every:
    """Does something again and again beside, until it is stopped."""

    def __init__(self, seconds, do):
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.repeat, args=(seconds, do))
        self.thread.start()

    def repeat(self, seconds, do):
        while not self.over.wait(seconds):
            do()

    def stop(self):
        self.over.set()
        self.thread.join()


def held_transaction(bridge):
    client = Client(bridge)
    client.say(
        "BEGIN ISOLATION LEVEL REPEATABLE READ; CREATE TEMPORARY TABLE held (i int); SELECT count(*) FROM membridge.dirty;"
    )
    return client.close


def readers(bridge):
    """Four sessions, each with a snapshot of five seconds' age, one after another."""
    clients = [Client(bridge) for _ in range(4)]
    for client in clients:
        client.say("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM membridge.memories;")

    def again():
        for client in clients:
            client.say(
                "SELECT count(*) FROM membridge.dirty; COMMIT; BEGIN ISOLATION LEVEL REPEATABLE READ; "
                "SELECT count(*) FROM membridge.memories;"
            )

    every = Every(5, again)
    return lambda: (every.stop(), [client.close() for client in clients])


def killed_backends(bridge):
    def kill():
        bridge.sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE "
            f"'membridge%' ORDER BY pid OFFSET {random.randrange(6)} LIMIT 1"
        )

    return Every(1, kill).stop


def run(bridge, folder, asked, load=None):
    """Prints a line for each pressure. `load(port, path, seconds)`: a rate, in wrk's stead."""
    memories = bridge.load(200 if load else 1000)
    ids = folder / "ids"
    ids.write_text("\n".join(memories) + "\n")
    rate = (
        lambda seconds, connections=8: load(bridge.port, bridge.path, seconds)
        if load
        else wrk(bridge.port, bridge.path, seconds, connections, ids)[0]
    )
    edits = Every(
        0.02,
        lambda: call(
            "PATCH",
            f"{bridge.sim_url}/_sim/memories/{random.choice(memories)}",
            {"text": f"note {random.random()}", "announce": False},
        ),
    )

    def settled(seconds=600):
        began = time.monotonic()
        until(lambda: int(bridge.sql(QUEUE)) == 0, "the end of the queue", seconds)
        return time.monotonic() - began

    def tables():
        size, dead = bridge.sql(TABLES).split("|")
        return int(size), int(dead)

    def tidied(size):
        """Waits for autovacuum, a minute at most; sizes and dead rows then."""
        end = time.monotonic() + (60 if load is None else 1)
        while time.monotonic() < end and (tables()[1] > 5000 or tables()[0] > 1.1 * size):
            time.sleep(1)
        return tables()

    measured, times = asked.seconds, 1 if load else 3
    rate((1 if load else 4) * measured)
    settled()
    pressures = {
        "a transaction held open": held_transaction,
        "four readers": readers,
        "a tenfold burst": None,
        "a backend killed every second": killed_backends,
    }
    lines = []
    for name, begin in list(pressures.items())[: 1 if load else None]:
        # What is killed is not counted: a delivery whose connection to PostgreSQL dies is refused with 503, and sent again.
        size, dead = tidied(tables()[0])
        before = [rate(measured) for _ in range(times)]
        settled()
        if begin is None:
            rate(min(asked.pressure_seconds, 10), 64)
            during = "the queue was empty again {:.1f} s after its end".format(settled())
        else:
            end = begin(bridge)
            count, until_when = 0, time.monotonic() + asked.pressure_seconds
            while time.monotonic() < until_when:
                try:
                    rate(min(measured, 5), 1)
                    count += 1
                except SystemExit as refused:
                    if begin is not killed_backends:
                        raise refused
            most, most_dead = tables()
            largest = bridge.sql(LARGEST)
            end()
            during = f"{most / 1e6:.0f} MB and {most_dead} dead at its end ({largest}), the queue was empty {settled():.1f} s after it"
        after_size, after_dead = tidied(size)
        after = [rate(measured) for _ in range(times)]
        settled()
        ratios = [new / old for new, old in zip(sorted(after), sorted(before))]
        lines.append(
            f"{name}: recovered / baseline {sorted(ratios)[times // 2]:.2f} ({min(ratios):.2f} to {max(ratios):.2f}); tables {size / 1e6:.0f} MB, "
            f"{dead} dead rows before, {after_size / 1e6:.0f} MB, {after_dead} after; {during}"
        )
        print(lines[-1], flush=True)
    edits.stop()
    return lines
