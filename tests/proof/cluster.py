"""A PostgreSQL server of its own, and what starting and ending processes takes."""

import ctypes
import glob
import os
import pwd
import select
import shutil
import signal
import socket
import subprocess
import tempfile
import time

import psycopg2


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def dies_with_us(sig):
    """For a child: it ends when we do, however that comes about."""
    libc = ctypes.CDLL(None)
    return lambda: libc.prctl(1, sig)  # PR_SET_PDEATHSIG


def end(process, sig):
    if process and process.poll() is None:
        process.send_signal(sig)
    if process:
        process.wait()


class Cluster:
    """A server of its own, in a folder of its own, with a template that holds tables and migrated state."""

    def __init__(self, settings=(), environment=None):
        self.settings, self.environment = settings, environment or {}
        self.programs = sorted(glob.glob("/usr/lib/postgresql/*/bin"))[-1]
        self.folder = tempfile.mkdtemp(prefix="membridge-proof-")
        self.user = pwd.getpwnam("postgres") if os.geteuid() == 0 else None
        if self.user:
            os.chown(self.folder, self.user.pw_uid, self.user.pw_gid)
        self.data = os.path.join(self.folder, "data")
        self._run(
            "initdb",
            "--no-sync",
            "--auth=trust",
            "--username=postgres",
            "--encoding=UTF8",
            "--locale=C.UTF-8",
            "--pgdata=" + self.data,
        )
        self.process, self.inherited = None, ()
        self.databases = 0
        self.start()

    def _as(self):
        return dict(user=self.user.pw_uid, group=self.user.pw_gid, extra_groups=[]) if self.user else {}

    def _run(self, program, *arguments):
        subprocess.run(
            [os.path.join(self.programs, program), *arguments],
            check=True,
            stdout=subprocess.DEVNULL,
            cwd=self.folder,
            **self._as(),
        )

    def start(self):
        log = open(os.path.join(self.folder, "log"), "ab")
        self.process = subprocess.Popen(
            [
                os.path.join(self.programs, "postgres"),
                "-D",
                self.data,
                "-c",
                "listen_addresses=",
                "-k",
                self.folder,
                "-c",
                "max_connections=200",
                "-c",
                "shared_buffers=64MB",
                "-c",
                "checkpoint_timeout=1h",
                *(word for setting in self.settings for word in ("-c", setting)),
            ],
            stdout=log,
            stderr=log,
            cwd=self.folder,
            env={**os.environ, **self.environment},
            pass_fds=self.inherited,
            preexec_fn=dies_with_us(signal.SIGQUIT),
            **self._as(),
        )
        deadline = time.monotonic() + 120
        while True:
            try:
                psycopg2.connect(self.dsn("postgres")).close()
                return
            except psycopg2.OperationalError:
                if time.monotonic() > deadline:
                    raise
                select_wait(0.05)

    def stop_immediately(self):
        end(self.process, signal.SIGQUIT)

    @property
    def socket(self):
        return os.path.join(self.folder, ".s.PGSQL.5432")

    def dsn(self, database, port=None):
        where = f"host=127.0.0.1 port={port}" if port else f"host={self.folder}"
        return f"{where} user=postgres dbname={database}"

    def sql(self, database, text):
        connection = psycopg2.connect(self.dsn(database))
        connection.autocommit = True
        try:
            with connection.cursor() as cursor:
                cursor.execute(text)
                return cursor.fetchall() if cursor.description else []
        finally:
            connection.close()

    def close(self):
        end(self.process, signal.SIGQUIT)
        shutil.rmtree(self.folder, ignore_errors=True)


def select_wait(seconds):
    """Between two looks at something that another process does."""
    select.select([], [], [], seconds)
