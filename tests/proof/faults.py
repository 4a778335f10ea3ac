"""Which fault at which message, and a run in which one strikes."""

import asyncio
import collections
import shutil
import os
import zlib

import wire
import world

STATES = [
    "22023",
    "23514",
    "40001",
    "40P01",
    "42703",
    "42P01",
    "53200",
    "54000",
    "55P03",
    "57014",
    "0A000",
    "XX000",
    "P0001",
    "25006",
]
DISK_FULL = "53100"
CHANGES = 45
PATIENCE = 300


class Run:
    """Notes the points of a run, and strikes at one of them."""

    def __init__(self, cell=None, occurrence=1):
        self.points, self.cell, self.occurrence = collections.Counter(), cell, occurrence
        self.struck = False
        self.world, self.keep_log = None, ""

    async def hook(self, point):
        self.points[point] += 1
        if self.cell is None or self.struck or point != self.cell[1] or self.points[point] < self.occurrence:
            return None
        self.struck = True
        fault = self.cell[0].split(" ")
        if fault[0] == "kill":
            self.world.kill()
            raise wire.Fault
        if fault[0] == "cut":
            raise wire.Fault
        if fault[0] == "stop":
            await asyncio.get_running_loop().run_in_executor(None, self._stop)
            raise wire.Fault
        return fault[1]

    def _stop(self):
        self.world.cluster.stop_immediately()
        self.world.postgres.cut()
        self.world.cluster.start()

    async def play(self, cluster, programs, seed):
        """Returns findings, as `kind: place: detail`; of the kind `stuck` when it does not come to rest."""
        here = self.world = world.World(cluster, programs, seed, self.hook)
        loop = asyncio.get_running_loop()
        try:
            try:
                await here.start()
            except TimeoutError as late:
                return [f"stuck: not so in time, at the start: {late}"]
            changes = here.live(CHANGES)
            while (change := await loop.run_in_executor(None, next, changes, None)) is not None:
                if change >= CHANGES // 2 and not here.people:
                    await loop.run_in_executor(None, self._person)
            try:
                await here.until(here.settled, PATIENCE, "nothing is left to do")
            except TimeoutError as late:
                return [f"stuck: not so within {PATIENCE} s: {late}"]
            return [f"{f.kind}: {f.place}: {f.detail}" for f in await loop.run_in_executor(None, here.findings)]
        finally:
            if self.keep_log:
                shutil.copy(os.path.join(here.folder, "log"), self.keep_log)
            await here.close()

    def _person(self):
        try:
            self.world.person_writes()
        except world.psycopg2.Error:
            pass  # PostgreSQL is being started; the person tries again


def cells_of(points, dice):
    """(fault, point) for every point that matters to that fault."""
    cells = []
    for point in sorted(points):
        where, when, name, durable = point
        if durable:
            cells += [("kill", point), ("cut", point)]
            if where == "postgres":
                cells.append(("stop", point))
        if where == "postgres" and when == "before":
            cells.append((f"refuse {STATES[zlib.crc32(name.encode()) % len(STATES)]}", point))
            if durable:
                cells.append((f"full {DISK_FULL}", point))
    dice.shuffle(cells)
    return cells


def name_of(cell):
    fault, (where, when, name, _) = cell
    return f"{fault} {when} {where}: {name}"


def cell_of(text, points):
    begin, name = text.split(": ", 1)
    *fault, when, where = begin.split(" ")
    return " ".join(fault), next((p for p in points if p[:3] == (where, when, name)), (where, when, name, True))
