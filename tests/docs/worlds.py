"""What the commands of a page meet: a PostgreSQL for all pages, and for each a database `crm`, a local Mem0, a folder and, where it shows one at work, a bridge."""
import json
import os
import pathlib
import pwd
import re
import signal
import socket
import subprocess
import tempfile
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
POSTGRES = max(pathlib.Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
KEY = "m0-of-the-documentation"
PATIENCE = 60
HOME = "/home/you"  # what pages call the reader's folder

PEOPLE = "CREATE TABLE people (user_id text PRIMARY KEY, city text, company text, updated_at timestamptz);"
MAPPING = """from: memory
when: $memory.user_id
rows:
  people:
    table: people
    key: {user_id: $memory.user_id}
    touch: {updated_at: $now}
    set: {city: $memory.metadata.city, company: $memory.metadata.company}
tests:
  a memory fills a row:
    - memory: {id: m1, user_id: ada, metadata: {city: Rome}}
    - then: {people: [{user_id: ada, city: Rome}]}
"""
BY_ADDRESS = """from: memory
rows:
  contact:
    table: contacts
    create: false
    key: {email: $memory.metadata.email | email}
    set: {plan: $memory.metadata.plan}
"""


def wait(condition, what):
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        result = condition()
        if result:
            return result
        time.sleep(0.05)
    raise SystemExit(f"{what} did not come in time")


def free_port():
    """One that nobody listens on now: `status` and `doctor` must find the bridge at the port of its configuration."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def end(process):
    if process and process.poll() is None:
        process.send_signal(signal.SIGINT)
        process.wait(PATIENCE)


class Server:
    """A PostgreSQL of our own, as the user `postgres` when we are root."""

    def __init__(self, folder):
        self.port, self.has_migrated = free_port(), False
        self.folder = folder / "postgres"
        self.folder.mkdir()
        self.as_user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        if self.as_user:
            user = pwd.getpwnam("postgres")
            os.chown(self.folder, user.pw_uid, user.pw_gid)
        data = self.folder / "data"
        subprocess.run([*self.as_user, POSTGRES / "initdb", "--no-sync", "-A", "trust", "-U", "postgres", "-D", data], check=True, stdout=subprocess.DEVNULL)
        # The server flushes as always, or `doctor` would have something to say.
        self.process = subprocess.Popen([*self.as_user, POSTGRES / "postgres", "-D", data, f"--port={self.port}", f"--unix_socket_directories={self.folder}"],
                                        stderr=open(folder / "postgres.log", "w"))
        wait(lambda: subprocess.run([POSTGRES / "pg_isready", "-q", "-h", "localhost", "-p", str(self.port)]).returncode == 0, "PostgreSQL")

    def variables(self):
        """With these `postgresql://localhost/crm`, as pages write it, leads here."""
        return {"PGHOST": "localhost", "PGPORT": str(self.port), "PGUSER": "postgres"}

    def sql(self, text, database="crm"):
        return subprocess.run([POSTGRES / "psql", "-qAtX", "-v", "ON_ERROR_STOP=1", "-d", database, "-f", "-"], input=text, check=True,
                              env={**os.environ, **self.variables()}, capture_output=True, text=True).stdout.strip()

    def fresh(self, of="template1"):
        self.sql(f"DROP DATABASE IF EXISTS crm WITH (FORCE);\nCREATE DATABASE crm TEMPLATE {of};", "postgres")

    def migrated(self, program):
        """`crm` with the bridge's own tables, which are made once."""
        if not self.has_migrated:
            self.has_migrated = True
            self.fresh()
            with tempfile.TemporaryDirectory() as name:
                (pathlib.Path(name) / "membridge.yaml").write_text("database: postgresql://localhost/crm\nprojects: {crm: {api_key: k}}\n")
                subprocess.run([program, "migrate"], cwd=name, env={**os.environ, **self.variables()}, check=True, stdout=subprocess.DEVNULL)
            self.sql("CREATE DATABASE migrated TEMPLATE crm;", "postgres")
        self.fresh("migrated")

    def end(self):
        subprocess.run([*self.as_user, POSTGRES / "pg_ctl", "stop", "-s", "-m", "immediate", "-D", self.folder / "data"], check=False)
        self.process.wait(PATIENCE)


class World:
    """One page's. `begins` as a reader of the page does: with nothing but the tables (tutorial), or with a bridge that runs."""

    def __init__(self, server, program, simulator, folder, page=None):
        self.server, self.folder = server, folder
        self.home = folder / "home"
        (self.home / "mappings").mkdir(parents=True)
        folder.chmod(0o755)
        self.lasting, self.memory, self.cwd, self.begins_with_nothing = [], "m-unknown", self.home, False
        self.webhook = "wh_none"
        name = page.name if page else ""
        server.fresh() if name == "tutorial.md" else server.migrated(program)
        self.sim = subprocess.Popen([simulator, "--api-key", KEY, "--port-file", str(folder / "port")], stdout=subprocess.DEVNULL)
        try:
            self.mem0 = "http://127.0.0.1:" + wait(lambda: (folder / "port").exists() and (folder / "port").read_text().strip(), "the local Mem0")
            self.tools(program)
            {"tutorial.md": self.with_nothing, "disagreements.md": self.with_disagreements, "several-nodes.md": self.with_people,
             "README.md": self.with_contacts, "": self.with_feed, "mem0-on-your-own-server.md": self.with_own_mem0,
             "hand-made-webhook.md": self.with_another_webhook}.get(name, self.with_bridge)()
        except BaseException:
            self.end()
            raise

    def tools(self, program):
        """`membridge`, and an editor that does what pages ask for: the key, and what no page knows of this machine."""
        tools = self.folder / "bin"
        tools.mkdir()
        (tools / "membridge").symlink_to(program)
        (tools / "editor").write_text(
            "#!/bin/sh\n"
            f"sed -i 's/put-the-key-here/{KEY}/' \"$1\"\n"
            f"cd \"$(dirname \"$1\")\" && sed -i -e 's|^    api_key: .*|&\\n    base_url: \"{self.mem0}\"|' "
            f"-e 's/127.0.0.1:8080/127.0.0.1:{free_port()}/' -e 's/127.0.0.1:8081/127.0.0.1:{free_port()}/' membridge.yaml\n")
        (tools / "editor").chmod(0o755)
        self.variables = {"PATH": f"{tools}:{POSTGRES}:{os.environ['PATH']}", "HOME": str(self.home), "NO_COLOR": "1", "EDITOR": "editor", "LANG": "C.UTF-8",
                          "MEM0_API_KEY": KEY, **self.server.variables()}

    # How pages begin.

    def with_nothing(self):
        self.variables.pop("MEM0_API_KEY")
        self.begins_with_nothing = True
        self.memory = self.remember("ada", city="Rome")

    def with_people(self, mappings=("people",), more=""):
        self.server.sql(PEOPLE)
        (self.home / "mappings/people.yaml").write_text(MAPPING)
        (self.home / "people.sql").write_text(PEOPLE + "\n")
        port = free_port()
        (self.home / "membridge.yaml").write_text(
            f"listen: 127.0.0.1:{port}\nadmin: {{listen: \"127.0.0.1:{free_port()}\"}}\ndatabase: postgresql://localhost/crm\n"
            f"projects: {{crm: {{api_key: {KEY}, base_url: \"{self.mem0}\", webhook: {{public_url: \"http://127.0.0.1:{port}\", manage: true}}}}}}\n"
            f"mappings: [{', '.join(f'mappings/{name}.yaml' for name in mappings)}]\n"
            "backfill: [{name: nightly, project: crm, sweep: full, schedule: \"0 3 * * *\"}]\n" + more)
        (self.home / "membridge.env").write_text("")

    def with_bridge(self, more=""):
        self.with_people(more=more)
        self.serve("membridge serve")
        self.has_webhook()
        self.memory = self.remember("ada", city="Rome")
        self.settled(1)

    def with_feed(self):
        """An endpoint of `feeds` that nobody listens at."""
        self.with_bridge(more=f"targets: {{default: {{database: state, feed: true}}}}\nfeeds: [{{name: hubspot, url: \"http://127.0.0.1:{free_port()}/\", "
                              "secrets: [whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw]}]\n")

    def with_another_webhook(self):
        """Somebody's own endpoint at Mem0, beside the bridge's."""
        self.with_bridge()
        self.webhook = self.call("POST", "/webhooks", {"name": "our old endpoint", "url": "https://old.example.com/mem0", "event_types": ["memory_add"]})["webhook_id"]

    def with_own_mem0(self):
        """The table of a self-hosted Mem0 with a memory, and a configuration that reads it."""
        self.server.sql("DROP DATABASE IF EXISTS mem0 WITH (FORCE);\nCREATE DATABASE mem0;", "postgres")
        self.server.sql("CREATE TABLE memories (id uuid PRIMARY KEY, vector text, payload jsonb);\nINSERT INTO memories VALUES (gen_random_uuid(), '[1]', "
                        "'{\"data\": \"Prefers tea\", \"user_id\": \"ada\", \"tier\": \"gold\", \"created_at\": \"2026-01-02T03:04:05Z\"}');", "mem0")
        self.server.sql("CREATE TABLE notes (memory_ref text PRIMARY KEY, customer text, body text, tier text);")
        (self.home / "membridge.yaml").write_text(
            f"listen: 127.0.0.1:{free_port()}\nadmin: {{listen: \"127.0.0.1:{free_port()}\"}}\ndatabase: postgresql://localhost/crm\n"
            "projects: {own: {source: {postgres: postgresql://localhost/mem0, table: public.memories}}}\nmappings: [mappings/notes.yaml]\n")

    def with_contacts(self):
        """The example CRM, and a memory in a file."""
        self.server.sql((ROOT / "deploy/example-schema.sql").read_text())
        self.with_people(mappings=["contacts"])
        (self.home / "mappings/contacts.yaml").write_text((ROOT / "deploy/mappings/contacts.yaml").read_text())
        (self.home / "memory.json").write_text(
            '{"id": "m1", "user_id": "ada", "memory": "Ada works at Initech.", "updated_at": "2026-03-01T09:00:00Z"}\n')

    def with_disagreements(self):
        """Two people were moved by hand, and memories say otherwise; and two rows have one address."""
        self.server.sql("CREATE TABLE contacts (id int PRIMARY KEY, name text, email text, plan text);\n"
                        "INSERT INTO contacts VALUES (17, 'Kim', 'kim@example.test', NULL), (31, 'Kim (old)', 'kim@example.test', NULL);")
        self.with_people(mappings=["people", "contacts"])
        (self.home / "mappings/contacts.yaml").write_text(BY_ADDRESS)
        self.serve("membridge serve")
        self.has_webhook()
        first = {}
        for count, user in enumerate(("ada", "eve"), 1):  # one after the other, as lists have them
            first[user] = self.remember(user, city="Rome")
            self.settled(count)
        self.server.sql("UPDATE people SET city = 'Milan';")
        for count, memory in enumerate(first.values(), 1):
            self.call("PATCH", f"/memories/{memory}", {"metadata": {"city": "Turin"}, "announce": True})
            wait(lambda asked=count: len(self.questions()) == asked, "a disagreement")
        self.memory = self.remember("kim", email="kim@example.test", plan="gold")
        wait(lambda: self.server.sql("SELECT count(*) FROM membridge.parked") == "1", "a parked memory")

    # What happens meanwhile.

    def call(self, method, path, body):
        request = urllib.request.Request(f"{self.mem0}/_sim{path}", json.dumps(body).encode(), {"Content-Type": "application/json"}, method=method)
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            return json.loads(answer.read())

    def remember(self, user, **metadata):
        return self.call("POST", "/memories", {"user_id": user, "text": f"Something of {user}", "metadata": metadata, "announce": True})["id"]

    def has_webhook(self):
        wait(lambda: self.run("membridge webhooks plan").stdout.startswith("crm: keep"), "the webhook")

    def settled(self, memories):
        wait(lambda: self.server.sql("SELECT count(*) FROM membridge.memories WHERE read_at IS NOT NULL") == str(memories) and
             self.server.sql("SELECT count(*) FROM membridge.dirty") == "0", "every memory read")

    def questions(self):
        answer = self.run("membridge kept list --json")
        return json.loads(answer.stdout).get("cells", []) if answer.returncode == 0 else []

    def filled(self, command):
        """The command with this run's ids in the place of the page's."""
        command = re.sub(r"\b[0-9a-f]{8}-[0-9a-f-]{27}\b", self.memory, command)
        command = re.sub(r"\bwh_[\w-]+", self.webhook, command)
        if re.search(r"\b17-3fa9c1d20b7e\b", command):
            questions = self.questions()
            command = command.replace("17-3fa9c1d20b7e", questions[0]["id"] if questions else "1-3fa9c1d20b7e")
        return command

    def run(self, command, timeout=PATIENCE):
        """As a shell of the page would: folder and variables are those that the commands before left."""
        script = f"{command}\nstatus=$?\npwd > {self.folder}/cwd\nexport -p > {self.folder}/variables\nexit $status"
        left = self.folder / "variables"
        script = (f". {left}\n" if left.exists() else "") + script
        answer = subprocess.run(["bash", "-c", script], cwd=self.cwd, env=self.variables, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout)
        if (self.folder / "cwd").exists():
            self.cwd = pathlib.Path((self.folder / "cwd").read_text().strip())
        answer.stdout = answer.stdout.replace(str(self.home), HOME)
        return answer

    def start(self, command, log):
        left = self.folder / "variables"
        script = (f". {left}\n" if left.exists() else "") + f"exec {command}"
        process = subprocess.Popen(["bash", "-c", script], cwd=self.cwd, env=self.variables, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)
        self.lasting.append(process)
        return process

    def serve(self, command):
        """A bridge, in the place of the one that ran before; it is there when it says so."""
        for process in self.lasting:
            end(process)
        path = self.folder / f"serve-{len(self.lasting)}.log"
        process = self.start(command, open(path, "w"))
        wait(lambda: '"event":"started"' in path.read_text() or process.poll() is not None, "the bridge")
        if process.poll() is not None:
            raise RuntimeError(path.read_text()[-1500:])

    def follow(self, command):
        """A command that goes on until it is told to stop; what it has printed, as a function."""
        path = self.folder / f"follow-{len(self.lasting)}.log"
        self.start(command, open(path, "w"))
        return lambda: path.read_text().replace(str(self.home), HOME)

    def end(self):
        for process in [*self.lasting, self.sim]:
            end(process)
