"""Two proxies that stand between the bridge and its neighbours, PostgreSQL and Mem0, and stop at named points.

A process keeps nothing but what it told its neighbours. So all that a fault can leave behind is decided by which message came
through. A message is named by what it says; a fault strikes before it reaches the neighbour, or after the neighbour has answered
and before the bridge hears it.
"""

import asyncio
import re
import struct

_WRITES = re.compile(
    r"^\s*(INSERT|UPDATE|DELETE|ALTER|CREATE|DROP|TRUNCATE|NOTIFY|WITH\b.*\b(INSERT|UPDATE|DELETE)\b"
    r"|SELECT (\* FROM )?membridge\.(store|mark|enter|take|note|renew|lift)\w*|SELECT .* FROM membridge\.fold_journal)",
    re.S | re.I,
)
_STARTUP_ANSWERED_BY_NO = (80877103, 80877104)  # SSLRequest, GSSENCRequest
_CANCEL = 80877102


def name_of(sql):
    """The first words of a statement, without what differs between runs."""
    text = re.sub(r"--[^\n]*", "", sql)
    text = re.sub(r"'(?:[^']|'')*'", "'…'", re.sub(r"\s+", " ", text)).strip()
    return text[:64]


class Fault(Exception):
    """The hook closed the connection."""


class _Proxy:
    """Listens on a free port of loopback. What it holds open closes with `cut()`, as a kill of either side would do it."""

    def __init__(self, upstream, hook):
        self.upstream, self.hook = upstream, hook
        self.connections = set()
        self.tear = None  # the next message that passes ends after so many of its bytes, and its connection with it

    async def start(self):
        self.server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self.server.sockets[0].getsockname()[1]

    async def stop(self):
        self.server.close()
        self.cut()

    async def pass_on(self, writer, message):
        if self.tear is not None:
            message, self.tear = message[: self.tear % len(message)], None
            writer.write(message)
            await writer.drain()
            raise Fault
        writer.write(message)
        await writer.drain()

    def cut(self):
        for connection in list(self.connections):
            self._abort(connection)

    @staticmethod
    def _abort(writer):
        if writer.transport and not writer.transport.is_closing():
            writer.transport.abort()


class PostgresProxy(_Proxy):
    """`hook(point)` is awaited before and after each statement.

    It answers None, or an SQLSTATE with which the server is to refuse the statement. `rewrite(sql)` answers the statement that the
    server gets instead: that is how a bug is planted.
    """

    def __init__(self, upstream, hook, rewrite=None):
        super().__init__(upstream, hook)
        self.rewrite = rewrite

    @staticmethod
    def _abort(connection):
        connection.close()

    async def _serve(self, reader, writer):
        connection = None
        try:
            while True:
                head = await reader.readexactly(8)
                length, code = struct.unpack("!ii", head)
                rest = await reader.readexactly(length - 8)
                if code not in _STARTUP_ANSWERED_BY_NO:
                    break
                writer.write(b"N")
            there = await asyncio.open_unix_connection(self.upstream)
            there[1].write(head + rest)
            if code == _CANCEL:
                await there[1].drain()
                there[1].close()
                return
            connection = _Connection(self, (reader, writer), there)
            self.connections.add(connection)
            await connection.run()
        except (OSError, EOFError, Fault, asyncio.CancelledError):
            pass
        finally:
            if connection:
                self.connections.discard(connection)
                connection.close()
            writer.close()


class _Connection:
    def __init__(self, proxy, client, server):
        self.proxy = proxy
        self.client_in, self.client_out = client
        self.server_in, self.server_out = server
        self.statements = {}  # prepared, by name
        self.open = "I"  # ReadyForQuery's status
        self.first_write = None  # of the open transaction
        self.points = []  # of the statements that are under way
        self.ready = False

    def close(self):
        for end in (self.client_out, self.server_out):
            _Proxy._abort(end)

    async def run(self):
        tasks = [asyncio.ensure_future(self._from_client()), asyncio.ensure_future(self._from_server())]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    @staticmethod
    async def _message(reader):
        head = await reader.readexactly(5)
        kind, length = head[:1], struct.unpack("!i", head[1:])[0]
        return kind, await reader.readexactly(length - 4)

    def _point(self, sql):
        """(name, whether something becomes durable behind it)"""
        name = name_of(sql)
        verb = name.split(" ")[0].upper().rstrip(";")
        if verb in ("COMMIT", "END"):
            return f"COMMIT of {self.first_write}", self.first_write is not None
        if verb in ("BEGIN", "START", "ROLLBACK", "SET", "SAVEPOINT", "RELEASE", "LISTEN", "DEALLOCATE"):
            if verb in ("BEGIN", "START"):
                self.first_write = None
            return name, False
        writes = bool(_WRITES.match(sql))
        if writes and self.open == "I" and "COMMIT" not in sql:
            return name, True
        if writes and self.first_write is None:
            self.first_write = name
        return name, False

    async def _from_client(self):
        while True:
            kind, body = await self._message(self.client_in)
            sql = None
            if self.proxy.rewrite and kind in (b"P", b"Q"):
                body = self._rewritten(kind, body)
            if kind == b"Q":
                sql = body[:-1].decode(errors="replace")
            elif kind == b"P":
                name, query = body.split(b"\0", 2)[:2]
                self.statements[name] = query.decode(errors="replace")
                if name == b"":
                    sql = self.statements[name]
            elif kind == b"B":
                name = body.split(b"\0", 2)[1]
                if name != b"":
                    sql = self.statements.get(name)
            if sql is not None and self.ready:
                name, durable = self._point(sql)
                state = await self.proxy.hook(("postgres", "before", name, durable))
                if state and kind in (b"P", b"Q"):
                    body = self._refusing(kind, body, sql, state)
                self.points.append((name, durable))
            await self.proxy.pass_on(self.server_out, kind + struct.pack("!i", len(body) + 4) + body)

    def _rewritten(self, kind, body):
        name, sql, rest = (b"", body[:-1], b"") if kind == b"Q" else body.split(b"\0", 2)
        sql = self.proxy.rewrite(sql.decode(errors="surrogateescape")).encode(errors="surrogateescape")
        return sql + b"\0" if kind == b"Q" else name + b"\0" + sql + b"\0" + rest

    @staticmethod
    def _refusing(kind, body, sql, state):
        """The same message with a statement that fails with this SQLSTATE and takes as many parameters."""
        numbers = [int(n) for n in re.findall(r"\$(\d+)", sql)]
        condition = " AND ".join(f"(${n}::text IS NULL OR true)" for n in range(1, max(numbers, default=0) + 1))
        refusing = f"SELECT proof.refuse('{state}')" + (f" WHERE {condition}" if condition else "")
        if kind == b"Q":
            # A COMMIT that fails has ended its transaction all the same.
            ends = re.match(r"(?i)\s*(commit|end)\b", sql)
            return ("ROLLBACK; " if ends else "").encode() + refusing.encode() + b"\0"
        name, _, rest = body.split(b"\0", 2)
        return name + b"\0" + refusing.encode() + b"\0" + (struct.pack("!h", 0) if rest else b"")

    async def _from_server(self):
        held = []
        while True:
            kind, body = await self._message(self.server_in)
            message = kind + struct.pack("!i", len(body) + 4) + body
            if kind == b"Z":
                self.open, self.ready = body.decode(), True
                points, self.points = self.points, []
                for name, durable in points:
                    await self.proxy.hook(("postgres", "after", name, durable))
            if self.points and kind != b"A":
                held.append(message)  # nothing is heard of a statement before it is over
                continue
            await self.proxy.pass_on(self.client_out, b"".join(held) + message)
            held = []


class HttpProxy(_Proxy):
    """The same in front of an HTTP server; a point is named by method and path, with ids left out."""

    @staticmethod
    async def _read(reader):
        head = await reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"(?im)^content-length: *(\d+)", head)
        body = await reader.readexactly(int(length.group(1))) if length else b""
        return head, body

    async def _serve(self, reader, writer):
        self.connections.add(writer)
        there = None
        try:
            there = await asyncio.open_connection("127.0.0.1", self.upstream)
            self.connections.add(there[1])
            while True:
                head, body = await self._read(reader)
                method, path = head.split(b" ", 2)[:2]
                name = f"{method.decode()} " + re.sub(r"[0-9a-f-]{32,36}|\?.*", "…", path.decode())
                await self.hook(("mem0", "before", name, True))
                await self.pass_on(there[1], head + body)
                answer = await self._read(there[0])
                await self.hook(("mem0", "after", name, True))
                await self.pass_on(writer, b"".join(answer))
        except (OSError, EOFError, Fault, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            for end in (writer, there[1] if there else None):
                if end is not None:
                    self.connections.discard(end)
                    end.close()
