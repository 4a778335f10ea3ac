"""What may happen to two bridges on one database while they work."""

import asyncio
import collections
import contextlib
import signal

import world

LEASE = 5  # seconds, as world.py configures it
SESSIONS = "application_name LIKE 'membridge%%' AND pid <> pg_backend_pid()"


class Chaos:
    """What may happen. Each action takes as long as it takes, beside the changes."""

    def __init__(self, here, dice):
        self.here, self.dice = here, dice
        self.delay = 0.0  # of each message
        self.reachable = asyncio.Event()  # PostgreSQL and Mem0
        self.reachable.set()
        self.done = collections.Counter()
        self.persons = 0

    async def hook(self, _):
        await self.reachable.wait()
        if self.delay and self.dice.random() < 0.2:
            await asyncio.sleep(self.dice.random() * self.delay)

    def actions(self):
        names = [name for name in sorted(dir(self)) if name.startswith("do_")]
        return {name[3:]: getattr(self, name) for name in names if name != "do_clock" or self.here.clock}

    def _either(self):
        return self.dice.choice([self.here.bridge, self.here.second])

    async def do_kill(self):
        world.end(self._either(), signal.SIGKILL)
        self.here.keep_up()

    async def do_freeze(self):
        frozen = self._either()
        frozen.send_signal(signal.SIGSTOP)
        # Longer than a lease, so that the other one takes over; or shorter.
        await asyncio.sleep(self.dice.choice([0.3, LEASE + 1.5]))
        frozen.send_signal(signal.SIGCONT)

    async def do_cut(self):
        self.here.postgres.cut()
        self.here.http.cut()

    async def do_delay(self):
        self.delay = 0.2
        await asyncio.sleep(1.5)
        self.delay = 0.0

    async def do_partition(self):
        """Nothing arrives any more, and nobody is told."""
        self.reachable.clear()
        await asyncio.sleep(self.dice.choice([1, LEASE + 1.5]))
        self.reachable.set()

    async def do_reset(self):
        """Connections end in the middle of a message, after any number of its bytes."""
        for _ in range(15):
            proxy = self.dice.choice([self.here.postgres, self.here.postgres, self.here.http])
            # Half of them in the first bytes, where lengths and kinds stand.
            proxy.tear = self.dice.randrange(self.dice.choice([9, 4000]))
            await asyncio.sleep(0.1)
            proxy.tear = None

    async def do_clock(self):
        """The bridges' clocks jump, and later back; PostgreSQL's and Mem0's do not."""
        self.here.set_clock(self.dice.choice([-86400, -3600, -5, 5, 3600, 86400]))
        await asyncio.sleep(1.5)
        self.here.set_clock(0)

    async def do_end_sessions(self):
        for _ in range(10):
            await self._sql(
                "postgres",
                f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {SESSIONS} ORDER BY random() LIMIT 1",
            )
            await asyncio.sleep(0.1)

    async def do_stop_postgres(self):
        def stop():
            self.here.cluster.stop_immediately()
            self.here.postgres.cut()
            self.here.cluster.start()

        await asyncio.get_running_loop().run_in_executor(None, stop)

    async def do_mem0_goes_wrong(self):
        faults = self.dice.choice(
            [
                {"rate_limited": 0.7, "retry_after": "seconds", "retry_after_seconds": 1},
                {"server_error": 0.5},
                {"latency_ms": 700},
                {"stale_ms": 100},  # less than read_lag: what is older than that, the bridge cannot tell from the truth
                {"html": 0.5},
                {"reset": 0.4},
                {"truncated": 0.4},
            ]
        )
        await self._control("PUT", "/faults", faults)
        await asyncio.sleep(1.5)
        await self._control("DELETE", "/faults")

    async def do_lock(self):
        await self._sql(
            self.here.target,
            "BEGIN; SELECT FROM crm.contacts WHERE user_ref < 'user-3' FOR UPDATE; SELECT pg_sleep(1.2); COMMIT",
        )

    async def do_alter(self):
        await self._sql(
            self.here.target,
            self.dice.choice(
                [
                    "ALTER TABLE crm.contacts ADD COLUMN IF NOT EXISTS shoe_size int",
                    "ALTER TABLE crm.contacts DROP COLUMN IF EXISTS shoe_size",
                    "REINDEX TABLE crm.contacts",
                    "VACUUM FULL crm.notes",
                    "ALTER TABLE crm.notes ALTER COLUMN body TYPE varchar(4000)",
                ]
            ),
        )

    async def do_person_writes(self):
        """A person names a company; from then on it is theirs."""
        here, user = self.here, f"user-{self.dice.randrange(6)}"
        if any(finds == {"user_ref": user} for _, finds, _, _ in here.people):
            return
        self.persons += 1
        company = f"Person {self.persons} says"
        rows = await self._sql(
            here.target, f"UPDATE crm.contacts SET company = '{company}' WHERE user_ref = '{user}' RETURNING 1"
        )
        if rows:
            here.people.append(("crm.contacts", {"user_ref": user}, "company", company))

    async def _sql(self, database, text):
        def run():
            with contextlib.suppress(world.psycopg2.Error):
                return self.here.cluster.sql(database, text)

        return await asyncio.get_running_loop().run_in_executor(None, run)

    async def _control(self, method, path, body=None):
        await asyncio.get_running_loop().run_in_executor(None, self.here.control, method, path, body)

    async def go_on(self, names, stop):
        actions = self.actions()
        while not stop.is_set():
            name = self.dice.choice(names)
            self.done[name] += 1
            await actions[name]()
            self.here.keep_up()
            await asyncio.sleep(self.dice.random() * 0.4)
