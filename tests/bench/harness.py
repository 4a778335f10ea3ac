"""What the benches share: a PostgreSQL of their own, a bridge with a local Mem0, load, and processor time."""
import contextlib, json, os, pathlib, pwd, re, shutil, socket, subprocess, tempfile, time, urllib.error, urllib.request

HERE = pathlib.Path(__file__).resolve().parent / "ingest"
ROOT = HERE.parents[2]
POSTGRES = max(pathlib.Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: int(folder.parent.name))
CONNECTIONS = 64
BODY = (
    '{"event_details":{"id":"00000000-0000-4000-8000-000000000001","data":{"memory":"'
    + "x" * 120
    + '"},"event":"memory_add"}}'
)

started = []


@contextlib.contextmanager
def workplace():
    """A folder with room for a PostgreSQL in `postgres`; in the end every process that was started ends, and it goes."""
    scratch = pathlib.Path(tempfile.mkdtemp(prefix="membridge-bench-"))
    scratch.chmod(0o755)
    (scratch / "postgres").mkdir()
    try:
        yield scratch
    finally:
        for process in reversed(started):
            process.terminate()
        for process in started:
            process.wait(30)
        shutil.rmtree(scratch, ignore_errors=True)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def start(command, **options):
    process = subprocess.Popen([str(word) for word in command], **options)
    started.append(process)
    return process


def stop(process):
    process.terminate()
    process.wait(30)
    started.remove(process)


def until(condition, what, seconds=60):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return
        time.sleep(0.02)
    raise SystemExit(f"bench: {what} did not come up")


def get(url):
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, ""
    except OSError:
        return 0, ""


def call(method, url, body, key=None):
    request = urllib.request.Request(url, method=method, data=json.dumps(body).encode() if body is not None else None)
    request.add_header("Content-Type", "application/json")
    if key:
        request.add_header("Authorization", "Token " + key)
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.loads(answer.read() or b"null")


class Server:
    """A PostgreSQL of our own with fsync on, as the user `postgres` when we are root."""

    def __init__(self, folder, more=None):
        self.folder = folder
        self.port = free_port()
        as_user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        if as_user:
            user = pwd.getpwnam("postgres")
            os.chown(folder, user.pw_uid, user.pw_gid)
        data = folder / "data"
        subprocess.run(
            [*as_user, POSTGRES / "initdb", "-N", "-A", "trust", "-U", "postgres", "-D", data],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        settings = {
            "port": self.port,
            "unix_socket_directories": folder,
            "track_commit_timestamp": "on",
            "max_connections": 200,
            "shared_buffers": "512MB",
            "max_wal_size": "8GB",
            "autovacuum_naptime": "5s",
            **(more or {}),
        }
        self.process = start(
            [*as_user, POSTGRES / "postgres", "-D", data, *[f"--{k}={v}" for k, v in settings.items()]],
            stderr=open(folder.parent / "postgres.log", "w"),
        )
        until(
            lambda: subprocess.run([POSTGRES / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self.port)]).returncode
            == 0,
            "PostgreSQL",
        )

    def dsn(self, database="postgres"):
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"

    def sql(self, text, database="postgres"):
        return subprocess.run(
            [POSTGRES / "psql", "-qAtX", "-v", "ON_ERROR_STOP=1", self.dsn(database), "-c", text],
            check=True,
            capture_output=True,
            text=True,
        ).stdout.strip()


def peers_table(server, folder):
    """Makes the table into which the peers write, and returns pgbench's script of one row."""
    server.sql(
        "CREATE TABLE peer_deliveries (id bigserial PRIMARY KEY, received_at timestamptz NOT NULL DEFAULT now(), body bytea NOT NULL)"
    )
    one_row = folder / "one_row.sql"
    one_row.write_text(f"INSERT INTO peer_deliveries (body) VALUES ('{BODY}');\n")
    return one_row


def pgbench(server, script, seconds, connections):
    """Transactions a second, and the mean latency in ms."""
    options = ["-n", "-M", "prepared", "-c", connections, "-j", 2, "-T", max(1, round(seconds)), "-f", script]
    run = subprocess.run(
        [POSTGRES / "pgbench", *map(str, options), server.dsn()], capture_output=True, text=True, check=True
    )
    return tuple(float(re.search(rf"{what} = (\S+)", run.stdout).group(1)) for what in ("tps", "latency average"))


def wrk(port, path, seconds, connections=CONNECTIONS, ids=""):
    """`ids`: a file with the ids of the memories that deliveries are about, a line each."""
    run = subprocess.run(
        [
            "wrk",
            "-t1",
            f"-c{connections}",
            f"-d{max(1, round(seconds))}s",
            "-s",
            HERE / "deliveries.lua",
            f"http://127.0.0.1:{port}",
        ],
        env={**os.environ, "BENCH_PATH": path, "BENCH_IDS": str(ids)},
        capture_output=True,
        text=True,
        check=True,
    )
    rate, p50, p99, failed = re.search(r"RESULT (\S+) (\S+) (\S+) (\d+)", run.stdout).groups()
    if int(failed):
        raise SystemExit(f"bench: {failed} requests failed at port {port}\n{run.stdout}")
    return float(rate), float(p50), float(p99)


def cpu_seconds(process):
    """What a process, its children and those it has buried have used."""
    if process is None:
        return 0.0
    fields = {}
    for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            pid, rest = stat.read_text().split(" (", 1)
        except OSError:
            continue
        fields[int(pid)] = rest.rsplit(") ", 1)[1].split()
    ticks, waiting = 0, [process.pid]
    while waiting:
        pid = waiting.pop()
        if pid in fields:
            ticks += sum(int(field) for field in fields[pid][11:15])
        waiting += [child for child, parent in ((child, int(of[1])) for child, of in fields.items()) if parent == pid]
    return ticks / os.sysconf("SC_CLK_TCK")


class Membridge:
    def __init__(self, folder, build, server, database="postgres", settle=True):
        self.server, self.database = server, database
        self.port, self.admin = free_port(), free_port()
        key = "m0-bench-key"
        port_file = folder / "sim-port"
        self.sim = start(
            [
                build / "tests/mem0_sim/mem0-sim",
                "--api-key",
                key,
                "--project-id",
                "proj_bench",
                "--port-file",
                port_file,
            ],
            stdout=subprocess.DEVNULL,
        )
        until(lambda: port_file.exists() and port_file.read_text().strip(), "the local Mem0")
        self.sim_url = "http://127.0.0.1:" + port_file.read_text().strip()
        self.sql("CREATE TABLE bench_notes (memory_id text PRIMARY KEY, person text, body text)")
        (folder / "notes.yaml").write_text(
            "rows:\n  note:\n    table: bench_notes\n    key: {memory_id: $memory.id}\n"
            "    set: {person: $memory.user_id, body: $memory.text}\n"
        )
        self.config = config = folder / "membridge.yaml"
        config.write_text(
            f'listen: 127.0.0.1:{self.port}\nadmin: {{listen: "127.0.0.1:{self.admin}"}}\ndatabase: "{server.dsn(database)}"\n'
            f"state_dir: {folder}/state\nprojects:\n  crm:\n    api_key: {key}\n    base_url: {self.sim_url}\n    calls_per_second: 1000\n"
            f'    webhook: {{public_url: "http://127.0.0.1:{self.port}", manage: true}}\nmappings: [notes.yaml]\n'
        )
        self.log = open(folder / "membridge.log", "w")
        self.process = start([build / "membridge", "serve", "--config", config], stderr=self.log)
        until(lambda: get(f"http://127.0.0.1:{self.admin}/readyz")[0] == 200, "membridge")
        hooks = []

        def registered():
            hooks[:] = call("GET", f"{self.sim_url}/api/v1/webhooks/projects/proj_bench/", None, key)
            return bool(hooks)

        until(registered, "the webhook")
        self.path = re.sub(r"^https?://[^/]+", "", hooks[0]["url"])
        if not settle:
            return
        # The sweeps after a start and after a registration, seconds later, would write rows before their deliveries come.
        time.sleep(6)
        swept = "SELECT count(*) > 0 AND bool_and(state NOT IN ('queued', 'running')) FROM membridge.backfill_runs"
        until(lambda: self.sql(swept) == "t", "the sweep after the start")

    def sql(self, text):
        return self.server.sql(text, self.database)

    def load(self, count):
        call(
            "POST",
            self.sim_url + "/_sim/load",
            {"users": 100, "memories": count, "text": "note {i}", "announce": False},
        )
        return list(self.texts())[-count:]

    def leave_unread(self):
        """Mem0 refuses every read from now on, so that workers leave the machine to what is measured."""
        faults = {"rate_limited": 1.0, "retry_after": "seconds", "retry_after_seconds": 600}
        call("PUT", self.sim_url + "/_sim/faults", faults)

    def texts(self):
        """What Mem0 has, by id, in the order in which it came."""
        with urllib.request.urlopen(self.sim_url + "/_sim/memories") as answer:
            records = [json.loads(line) for line in answer.read().decode().splitlines() if line]
        return {record["id"]: record["memory"] for record in records}

    def resident_megabytes(self):
        return (
            int(re.search(r"VmRSS:\s+(\d+)", pathlib.Path(f"/proc/{self.process.pid}/status").read_text()).group(1))
            / 1000
        )

    def metric(self, name):
        samples = re.findall(rf"^{name}(?:{{[^}}]*}})? (\S+)$", get(f"http://127.0.0.1:{self.admin}/metrics")[1], re.M)
        return sum(float(sample) for sample in samples)

    def deliveries(self):
        return int(self.sql("SELECT count(*) FROM membridge.deliveries"))

    def reads(self):
        endpoints = call("GET", self.sim_url + "/_sim/calls", None)
        return sum(endpoint["calls"] for name, endpoint in endpoints.items() if name.startswith("memories."))
