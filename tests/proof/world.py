"""The local Mem0 and a bridge as processes beside a PostgreSQL, with the proxies of wire.py between them, and what happens to them."""

import asyncio
import contextlib
import hashlib
import json
import os
import random
import shutil
import signal
import struct
import subprocess
import tempfile
import time
import urllib.request

import psycopg2

import audit
import wire
from cluster import Cluster, dies_with_us, end, free_port, select_wait  # noqa: F401

ROOT = os.path.realpath(os.path.join(os.path.dirname(__file__), "..", ".."))
API_KEY = "m0-proof"
LET_APPLY = 2.0  # seconds
EVENTS = """from: event
rows:
  fact:
    table: audit.facts
    key: {delivery: $event.id}
    new: {type: $event.type, memory_id: $memory.id}
  total:
    table: audit.totals
    key: {type: $event.type}
    add: {events: 1}
"""
TABLES = """
CREATE SCHEMA audit;
CREATE TABLE audit.facts (delivery uuid PRIMARY KEY, type text NOT NULL, memory_id text NOT NULL);
CREATE TABLE audit.totals (type text PRIMARY KEY, events int NOT NULL DEFAULT 0);
"""
REFUSE = """
CREATE SCHEMA proof;
CREATE FUNCTION proof.refuse(state text) RETURNS void LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'refused by the proof' USING ERRCODE = state; END $$;
"""


def programs_in(build):
    """What a run starts, of a build folder."""
    return {
        "membridge": os.path.join(build, "membridge"),
        "mem0-sim": os.path.join(build, "tests/mem0_sim/mem0-sim"),
    }


def resident(process):
    """Megabytes."""
    with open(f"/proc/{process.pid}/status", encoding="utf-8") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS")) / 1024


class World:
    """One run: fresh databases, a fresh Mem0, and a bridge that is started again whenever it was killed."""

    clock = ""  # preloaded into the bridges, so that their clocks can jump: see clock.cpp
    proxied = True  # or the bridge speaks to its neighbours themselves
    events = True  # a second mapping, that counts them

    def __init__(self, cluster, programs, seed, hook, rewrite=None, broken=()):
        """`rewrite`: see wire.PostgresProxy. `broken`: functions of the state that are altered before the start: name, words, instead."""
        self.cluster, self.programs, self.seed = cluster, programs, seed
        self.rewrite, self.broken = rewrite, broken
        self.folder = tempfile.mkdtemp(prefix="membridge-proof-run-")
        cluster.databases += 1
        self.state, self.target = f"state_{cluster.databases}", f"target_{cluster.databases}"
        for name in (self.state, self.target):
            cluster.sql("postgres", f"CREATE DATABASE {name} TEMPLATE template0")
            cluster.sql(name, REFUSE)
        cluster.sql(
            self.target, open(os.path.join(ROOT, "deploy/example-schema.sql"), encoding="utf-8").read() + TABLES
        )
        self.hook = hook
        self.people = []
        self.bridge = self.mem0 = None

    async def start(self):
        self.postgres = wire.PostgresProxy(self.cluster.socket, self.hook, self.rewrite)
        await self.postgres.start()
        port_file = os.path.join(self.folder, "port")
        self.mem0 = subprocess.Popen(
            [
                self.programs["mem0-sim"],
                "--api-key",
                API_KEY,
                "--project-id",
                "proj_proof",
                "--seed",
                str(self.seed),
                "--port-file",
                port_file,
            ],
            stdout=subprocess.DEVNULL,
            preexec_fn=dies_with_us(signal.SIGKILL),
        )
        await self.until(lambda: os.path.exists(port_file), 60, "mem0-sim listens")
        self.mem0_port = int(open(port_file).read())
        self.http = wire.HttpProxy(self.mem0_port, self.hook)
        await self.http.start()
        self.port, self.admin_port = free_port(), free_port()
        events = os.path.join(self.folder, "events.yaml")
        with open(events, "w", encoding="utf-8") as file:
            file.write(EVENTS)
        self.mapping = os.path.join(ROOT, "deploy/mappings/contacts.yaml")
        self.config = os.path.join(self.folder, "membridge.yaml")
        with open(self.config, "w", encoding="utf-8") as file:
            file.write(
                f"""listen: 127.0.0.1:{self.port}
admin: {{listen: 127.0.0.1:{self.admin_port}}}
database: "{self.cluster.dsn(self.state, self.postgres.port)}"
state_dir: state
soft_stop: 1s
sync: {{workers: 2, batch: 50, read_lag: 200ms, lease: 5s, poll: 200ms}}
targets: {{default: {{database: "{self.cluster.dsn(self.target, self.postgres.port)}"}}}}
projects:
  crm:
    api_key: {API_KEY}
    base_url: http://127.0.0.1:{self.http.port}
    webhook: {{public_url: "http://127.0.0.1:{self.port}", manage: false}}
mappings: [{{file: "{self.mapping}"}}{f', {{file: "{events}"}}' if self.events else ""}]
"""
            )
        direct = self.config_direct()
        self.config = self.config if self.proxied else direct
        subprocess.run(
            [self.programs["membridge"], "migrate", "--config", direct],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        for function, words, instead in self.broken:
            self._break(function, words, instead)
        self.token = "proof" + hashlib.sha256(str(self.seed).encode()).hexdigest()[:38]
        digest = hashlib.sha256(self.token.encode()).hexdigest()
        # Nothing but deliveries may bring what is looked for in the end: no sweep after a start.
        self.cluster.sql(
            self.state,
            f"""
            INSERT INTO membridge.listening (process, since, beat_at) VALUES (gen_random_uuid(), '-infinity', 'infinity');
            INSERT INTO membridge.tokens (id, project, hash)  VALUES (gen_random_uuid(), 'crm', '{digest}')""",
        )
        self.launch()
        await self.until(self.ready, 120, "the bridge is ready")
        self.control(
            "POST",
            "/webhooks",
            {
                "name": "proof",
                "url": f"http://127.0.0.1:{self.port}/webhooks/crm/{self.token}",
                "event_types": ["memory_add", "memory_update", "memory_delete", "memory_categorize"],
            },
        )
        self.control("PUT", "/delivery", {"duplicate": 0.1, "reorder": 0.3, "retries": 400, "retry_delay_ms": 100})

    def _break(self, function, words, instead):
        where = "FROM pg_proc WHERE proname = '%s' AND pronamespace = 'membridge'::regnamespace" % function
        text = self.cluster.sql(self.state, f"SELECT pg_get_functiondef(oid) {where}")[0][0]
        if words not in text:
            raise LookupError(f'membridge.{function} has no words "{words}"')
        self.cluster.sql(self.state, text.replace(words, instead))

    def config_direct(self):
        """The same configuration without the proxies, for what is not under test."""
        text = open(self.config, encoding="utf-8").read()
        for database in (self.state, self.target):
            text = text.replace(self.cluster.dsn(database, self.postgres.port), self.cluster.dsn(database))
        text = text.replace(f"http://127.0.0.1:{self.http.port}", f"http://127.0.0.1:{self.mem0_port}")
        path = os.path.join(self.folder, "direct.yaml")
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def set_clock(self, seconds):
        """The bridges' wall clocks are ahead by so much from now on. Returns what a bridge needs in its environment."""
        path = os.path.join(self.folder, "clock")
        # Written into the page that the bridges look at.
        with open(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "wb") as file:
            file.write(struct.pack("=q", seconds))
        return {"LD_PRELOAD": os.path.realpath(self.clock), "MEMBRIDGE_PROOF_CLOCK": path}

    def _environment(self):
        return {**os.environ, **self.set_clock(0)} if self.clock else None

    def launch(self):
        log = open(os.path.join(self.folder, "log"), "ab")
        self.bridge = subprocess.Popen(
            [self.programs["membridge"], "serve", "--config", self.config],
            stdout=log,
            stderr=log,
            env=self._environment(),
            preexec_fn=dies_with_us(signal.SIGKILL),
        )

    def kill(self):
        end(self.bridge, signal.SIGKILL)
        self.postgres.cut()
        self.http.cut()

    def ready(self):
        if self.bridge.poll() is not None:
            self.launch()
        try:
            return urllib.request.urlopen(f"http://127.0.0.1:{self.admin_port}/readyz", timeout=2).status == 200
        except OSError:
            return False

    async def until(self, condition, seconds, what):
        deadline = time.monotonic() + seconds
        loop = asyncio.get_running_loop()
        while not await loop.run_in_executor(None, condition):
            if time.monotonic() > deadline:
                raise TimeoutError(what)
            await asyncio.sleep(0.03)

    def control(self, method, path, body=None):
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.mem0_port}/_sim{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.read().decode()

    def live(self, changes, most=None):
        """Random changes to the memories of a few people, never more memories than `most`. Yields after each."""
        dice = random.Random(self.seed)
        memories = []
        names = ["Ada Lovelace", "Grace Hopper", "Bob Stone", "Núria Solé"]
        companies = ["Initech", "Globex", "Hooli GmbH", "Umbrella"]
        words = ["hobbies", "support", "complaint", "Travel Plans"]

        def text():
            return dice.choice(
                [
                    f"Name is {dice.choice(names)}",
                    f"Works at {dice.choice(companies)}",
                    f"Prefers {dice.choice(['German', 'French'])} calls",
                    f"Works at {dice.choice(companies)}, prefers english",
                    "The invoice is wrong",
                ]
            )

        for change in range(changes):
            roll = dice.random()
            if roll < 0.45 and len(memories) == most:
                roll = 0.5
            if not memories or roll < 0.45:
                made = self.control(
                    "POST",
                    "/memories",
                    {
                        "user_id": f"user-{dice.randrange(6)}",
                        "text": text(),
                        "announce": True,
                        "categories": dice.sample(words, dice.randrange(3)),
                        "metadata": {"email": f"p{dice.randrange(30)}@example.test"} if dice.random() < 0.3 else {},
                    },
                )
                memories.append(json.loads(made)["id"])
            elif roll < 0.6:
                self.control("DELETE", f"/memories/{memories.pop(dice.randrange(len(memories)))}?announce=true")
            elif roll < 0.75:
                self.control(
                    "PUT",
                    f"/memories/{dice.choice(memories)}/categories",
                    {"categories": dice.sample(words, dice.randrange(3)), "announce": True},
                )
            else:
                self.control("PATCH", f"/memories/{dice.choice(memories)}", {"text": text(), "announce": True})
            if change % 15 == 14:
                self._let_apply()
            yield change

    def _let_apply(self):
        """Waits until the changes so far are applied, or for a moment: what was never written could neither be changed nor withdrawn."""
        deadline = time.monotonic() + LET_APPLY
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError, psycopg2.Error):
                if self.settled():
                    return
            select_wait(0.03)

    def load(self, users, memories):
        """Memories that are there and announced to nobody; returns the ids of all."""
        pattern = {"user_id": "load-{u}", "text": "Name is Person {i}, works at Firm {u}", "announce": False}
        self.control("POST", "/load", {"users": users, "memories": memories, **pattern})
        return [record["id"] for record in self.records()]

    def person_writes(self):
        """A person names a company, and adds a contact of their own."""
        rows = self.cluster.sql(
            self.target, "SELECT user_ref FROM crm.contacts WHERE user_ref LIKE 'user-%' ORDER BY user_ref LIMIT 1"
        )
        if rows and not self.people:
            user = rows[0][0]
            self.cluster.sql(
                self.target,
                f"""UPDATE crm.contacts SET company = 'said by a person', updated_at = now() WHERE user_ref = '{user}';
                INSERT INTO crm.contacts (user_ref, name) VALUES ('walk-in', 'Somebody Else')""",
            )
            self.people = [
                ("crm.contacts", {"user_ref": user}, "company", "said by a person"),
                ("crm.contacts", {"user_ref": "walk-in"}, None, None),
                ("crm.contacts", {"user_ref": "walk-in"}, "name", "Somebody Else"),
            ]

    def settled(self):
        # A bridge that was killed comes back first: Mem0 posts again until it answers.
        if not self.ready() or not json.loads(self.control("GET", "/idle"))["idle"]:
            return False
        try:
            return self.cluster.sql(
                self.state,
                "SELECT membridge.unfolded() = 0 AND NOT EXISTS (SELECT FROM membridge.dirty)"
                " AND NOT EXISTS (SELECT FROM membridge.parked)",
            )[0][0]
        except psycopg2.Error:
            return False

    def records(self):
        return [json.loads(line) for line in self.control("GET", "/memories").splitlines() if line]

    def findings(self):
        if not self.events:
            return audit.audit(
                audit.read_mapping(self.mapping), self.records(), self.cluster.dsn(self.target), self.people
            )
        acknowledged = []
        for delivery in json.loads(self.control("GET", "/deliveries/recent")):
            if delivery["status"] == 200:
                body = delivery["body"] if isinstance(delivery["body"], dict) else json.loads(delivery["body"])
                details = body["event_details"]
                acknowledged.append(details.get("id") or details["memory_id"])
        return audit.audit(
            audit.read_mapping(self.mapping),
            self.records(),
            self.cluster.dsn(self.target),
            self.people,
            journal=(self.cluster.dsn(self.state), acknowledged),
        )

    async def close(self):
        end(self.bridge, signal.SIGKILL)
        end(self.mem0, signal.SIGKILL)
        with contextlib.suppress(AttributeError):
            await self.postgres.stop()
            await self.http.stop()
        for name in (self.state, self.target):
            self.cluster.sql("postgres", f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        shutil.rmtree(self.folder, ignore_errors=True)


class Pair(World):
    """Two bridges on the same databases; deliveries go to the first."""

    second = None

    def launch_second(self):
        config = os.path.join(self.folder, "second.yaml")
        with open(self.config, encoding="utf-8") as file:
            text = file.read()
        for port in (self.port, self.admin_port):
            text = text.replace(f"listen: 127.0.0.1:{port}", f"listen: 127.0.0.1:{free_port()}")
        with open(config, "w", encoding="utf-8") as file:
            file.write(text)
        with open(os.path.join(self.folder, "log2"), "ab") as log:
            self.second = subprocess.Popen(
                [self.programs["membridge"], "serve", "--config", config],
                stdout=log,
                stderr=log,
                env=self._environment(),
                preexec_fn=dies_with_us(signal.SIGKILL),
            )

    def keep_up(self):
        if self.bridge.poll() is not None:
            self.launch()
        if self.second is None or self.second.poll() is not None:
            self.launch_second()

    async def close(self):
        end(self.second, signal.SIGKILL)
        await super().close()
