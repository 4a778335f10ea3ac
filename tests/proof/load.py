#!/usr/bin/python3
"""Posts deliveries, or holds connections open, in a process of its own: load.py SETTINGS, as JSON; world-side, see Load.

{"post": {"port", "path", "memories", "connections", "pipelined", "rate"}} posts one delivery after the other about those memories. With a
rate, so many a second are due whether or not the last one was answered; without, each connection sends again as soon as it has its answers.
{"crowd": {"port", "path", "slow", "idle"}} keeps that many connections, opened again when the server ends one: slow ones send a header a
byte a second, idle ones nothing. A line of JSON a second tells what happened. SIGTERM ends the sending; what is under way is still
waited for.
"""

import collections
import errno
import json
import math
import os
import re
import select
import signal
import socket
import subprocess
import sys
import time

from cluster import dies_with_us

LENGTH = re.compile(rb"(?i)content-length: *(\d+)")
DRAIN = 60  # seconds for the answers to what is under way
REOPENED = 500  # connections of a crowd in one look
PER_DECADE = 40  # buckets of waits, in which a tenth of a second is told from one a 17th longer


def bucket(seconds):
    return int(math.log10(max(seconds, 1e-6)) * PER_DECADE)


def quantile(buckets, q):
    """Seconds, of a counter of buckets; None without any."""
    left = q * sum(buckets.values())
    for one, count in sorted(buckets.items()):
        left -= count
        if left <= 0:
            return 10 ** ((one + 1) / PER_DECADE)
    return None


class Told:
    """What happened in a second."""

    def __init__(self):
        self.second = int(time.time())
        self.fresh()

    def fresh(self):
        self.counts, self.waits = collections.Counter(), collections.Counter()

    def pass_on(self, **more):
        now = int(time.time())
        if now > self.second:
            waits = {str(one): count for one, count in self.waits.items()}
            print(json.dumps({"second": self.second, **self.counts, "waits": waits, **more}), flush=True)
            self.second = now
            self.fresh()


class Poster:
    """A connection, and when what it has sent was sent."""

    def __init__(self):
        self.socket, self.sent, self.unsent, self.read = None, collections.deque(), b"", b""


class Posts:
    def __init__(self, port, path, memories, connections, pipelined=1, rate=None):
        self.port, self.pipelined, self.rate = port, pipelined, rate
        self.requests = [self._request(path, memory) for memory in memories]
        self.at, self.due, self.began = 0, 0, time.monotonic()
        self.told, self.poll = Told(), select.epoll()
        self.posters, self.closed, self.idle = {}, [Poster() for _ in range(connections)], collections.deque()
        self.stopped = None

    @staticmethod
    def _request(path, memory):
        details = {"id": memory, "data": {"memory": "x" * 120}, "event": "memory_update"}
        body = json.dumps({"event_details": details}).encode()
        head = f"POST {path} HTTP/1.1\r\nHost: proof\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        return head.encode() + body

    def run(self):
        signal.signal(signal.SIGTERM, lambda *_: setattr(self, "stopped", self.stopped or time.monotonic()))
        while not self._over():
            self._open()
            self._send()
            for number, events in self.poll.poll(0.01):
                poster = self.posters.get(number)
                if poster:
                    self._serve(poster, events)
            self.told.pass_on(under_way=self._under_way())
        self.told.second -= 1
        self.told.pass_on(under_way=self._under_way())

    def _under_way(self):
        return sum(len(poster.sent) for poster in self.posters.values())

    def _over(self):
        return self.stopped and (not self._under_way() or time.monotonic() > self.stopped + DRAIN)

    def _open(self):
        for poster in self.closed[:100] if not self.stopped else []:
            poster.socket = socket.socket()
            try:
                poster.socket.connect(("127.0.0.1", self.port))
            except OSError:
                poster.socket.close()
                self.told.counts["not connected"] += 1
                return
            self.closed.remove(poster)
            poster.socket.setblocking(False)
            poster.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            poster.sent, poster.unsent, poster.read = collections.deque(), b"", b""
            self.posters[poster.socket.fileno()] = poster
            self.poll.register(poster.socket, select.EPOLLIN)
            self.idle.append(poster)

    def _send(self):
        if self.stopped:
            return
        if self.rate:
            self.due = int((time.monotonic() - self.began) * self.rate) - self.at
        while self.idle and (self.rate is None or self.due > 0):
            poster = self.idle.popleft()
            if poster.socket is None:
                continue
            for _ in range(self.pipelined):
                poster.unsent += self.requests[self.at % len(self.requests)]
                self.at, self.due = self.at + 1, self.due - 1
                poster.sent.append(time.monotonic())
            self._write(poster)

    def _write(self, poster):
        try:
            poster.unsent = poster.unsent[poster.socket.send(poster.unsent) :]
        except BlockingIOError:
            pass
        except OSError:
            self._lost(poster)
            return
        self.poll.modify(poster.socket, select.EPOLLIN | (select.EPOLLOUT if poster.unsent else 0))

    def _serve(self, poster, events):
        if events & select.EPOLLOUT:
            self._write(poster)
        if events & ~select.EPOLLOUT and poster.socket:
            try:
                bytes_read = poster.socket.recv(1 << 18)
            except BlockingIOError:
                return
            except OSError:
                bytes_read = b""
            if not bytes_read:
                self._lost(poster)
                return
            poster.read += bytes_read
            self._answers(poster)

    def _answers(self, poster):
        at, now = 0, time.monotonic()
        while (end := poster.read.find(b"\r\n\r\n", at)) >= 0:
            head = poster.read[at:end]
            length = LENGTH.search(head)
            after = end + 4 + (int(length.group(1)) if length else 0)
            if after > len(poster.read):
                break
            at = after
            status = head[9:12].decode()
            self.told.counts[status] += 1
            if status == "503" and b"\nretry-after:" not in head.lower():
                self.told.counts["503 without Retry-After"] += 1
            if not poster.sent:
                self.told.counts[f"{status} before a request"] += 1  # no room for one more connection
                continue
            self.told.waits[bucket(now - poster.sent.popleft())] += status == "200"
            if not poster.sent:
                self.idle.append(poster)
        poster.read = poster.read[at:]

    def _lost(self, poster):
        """What it had sent has no answer: it may be stored or not."""
        self.told.counts["unanswered"] += len(poster.sent)
        del self.posters[poster.socket.fileno()]
        poster.socket.close()
        poster.socket = None
        poster.sent.clear()
        self.closed.append(poster)


class Crowd:
    def __init__(self, port, path, slow, idle):
        self.port, self.told, self.poll, self.stopped = port, Told(), select.epoll(), False
        self.head = f"POST {path} HTTP/1.1\r\nHost: proof\r\nX-Slow: ".encode()
        self.kinds = {"slow": slow, "idle": idle}
        self.open = {"slow": {}, "idle": {}}  # descriptor -> socket
        self.fed = time.monotonic()

    def run(self):
        signal.signal(signal.SIGTERM, lambda *_: setattr(self, "stopped", True))
        while not self.stopped:
            for kind, wanted in self.kinds.items():
                for _ in range(min(REOPENED, wanted - len(self.open[kind]))):
                    if not self._open(kind):
                        break
            if time.monotonic() > self.fed + 1:
                self.fed = time.monotonic()
                self._feed()
            for number, _ in self.poll.poll(0.2):
                self._heard(number)
            self.told.pass_on(**{f"{kind} open": len(those) for kind, those in self.open.items()})

    def _open(self, kind):
        connection = socket.socket()
        try:
            # An address of its own for so many connections: the ports of one do not suffice.
            connection.bind((f"127.0.0.{2 + self.told.counts['opened'] % 8}", 0))
            connection.settimeout(1)
            connection.connect(("127.0.0.1", self.port))
            connection.setblocking(False)
            if kind == "slow":
                connection.send(self.head)
        except OSError as failed:
            self.told.counts[f"not opened: {errno.errorcode.get(failed.errno, 'late')}"] += 1
            connection.close()
            return False
        self.told.counts["opened"] += 1
        self.open[kind][connection.fileno()] = connection
        self.poll.register(connection, select.EPOLLIN)
        return True

    def _feed(self):
        for number, connection in list(self.open["slow"].items()):
            try:
                connection.send(b"x")
            except OSError:
                self._close("slow", number)

    def _heard(self, number):
        """The server has said that it waited long enough, or ended the connection."""
        for kind, those in self.open.items():
            if number in those:
                self.told.counts[f"{kind} ended"] += 1
                self._close(kind, number)

    def _close(self, kind, number):
        self.open[kind].pop(number).close()


class Load:
    """The same process, seen from the run that wants it."""

    def __init__(self, folder, **settings):
        self.path = os.path.join(folder, f"load-{time.monotonic_ns()}")
        with open(self.path, "wb") as told:
            self.process = subprocess.Popen(
                [sys.executable, os.path.realpath(__file__), json.dumps(settings)],
                stdout=told,
                preexec_fn=dies_with_us(signal.SIGKILL),
            )

    def seconds(self):
        with open(self.path, encoding="utf-8") as told:
            return [json.loads(line) for line in told if line.endswith("\n")]

    def count(self, what, seconds=None):
        return sum(one.get(what, 0) for one in (self.seconds() if seconds is None else seconds))

    def end(self):
        """Sends no more, waits for what is under way, and returns what was told."""
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()
        return self.seconds()


def waits(seconds):
    every = collections.Counter()
    for one in seconds:
        every.update({int(wait): count for wait, count in one["waits"].items()})
    return every


def main():
    settings = json.loads(sys.argv[1])
    (Posts(**settings["post"]) if "post" in settings else Crowd(**settings["crowd"])).run()


if __name__ == "__main__":
    main()
