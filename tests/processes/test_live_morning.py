"""A real half-day through real processes, watched on 200 sockets and 20 boards; then again with kill -9 in it."""

import asyncio
import json
import os
import signal
import statistics
import subprocess
import sys
import threading
import time
from contextlib import contextmanager, suppress

import psycopg
import pytest
from django.conf import settings
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

from tests.processes.running import ROOT, Up, environment, wait_for

pytestmark = pytest.mark.processes

QUEUE_SOCKETS, BOARDS = 200, 20
HALF_DAY, SPEED = 3, 500  # 200 s of the morning are 0.4 s here


@pytest.fixture
def database(folder):
    """Environment that names the database of this run: SQLite in its folder, or a new PostgreSQL database."""
    given = settings.DATABASES["default"]
    if "postgresql" not in given["ENGINE"]:
        yield {}
        return
    name = f"morning_{os.getpid()}"
    host, port = given["HOST"] or "127.0.0.1", given["PORT"] or 5432
    login = {"host": host, "port": port, "user": given["USER"], "password": given["PASSWORD"]}
    with psycopg.connect(**login, dbname="postgres", autocommit=True) as server:
        server.execute(f'CREATE DATABASE "{name}"')
        yield {"DATABASE_URL": f"postgres://{given['USER']}:{given['PASSWORD']}@{host}:{port}/{name}"}
        server.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


class Play:
    """The player in a process of its own, beside a running system."""

    def __init__(self, up, folder, database, *arguments):
        # The key that `up` made: what one process encrypts the others read.
        more = {**database, "SECRET_KEY": (folder / "secret_key").read_text().strip(), "LOG_LEVEL": "ERROR"}
        self.environment = environment(folder, **more)
        self.command = [sys.executable, "-m", "tests.processes.player"]
        if arguments:
            self.process = subprocess.Popen(
                [*self.command, *map(str, arguments)], cwd=ROOT, env=self.environment, text=True,
                stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            )  # fmt: skip
            self.stage = self.says()

    def says(self):
        line = self.process.stdout.readline()
        assert line, "the player ended"
        return json.loads(line)

    def begin(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def once(self, *arguments):
        done = subprocess.run(
            [*self.command, *map(str, arguments)], cwd=ROOT, env=self.environment, text=True, capture_output=True
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout) if done.stdout else None

    def manage(self, command):
        return subprocess.run(
            [sys.executable, "manage.py", command], cwd=ROOT, env=self.environment, text=True, capture_output=True
        )


class Watchers:
    """Sockets in a thread of their own. Each keeps (moment, version, numbers called or in service, state) of messages.

    With `again`, a socket that is lost is opened anew, as a screen does.
    """

    def __init__(self, port, session, boards, *, again=False):
        self.port, self.session, self.again = port, session, again
        paths = [f"/ws/queues/{session}/"] * QUEUE_SOCKETS + [f"/ws/boards/{slug}/" for slug in boards]
        self.seen = [(path, []) for path in paths]
        self.over = threading.Event()
        self.thread = threading.Thread(target=lambda: asyncio.run(self._watch()))
        self.thread.start()
        wait_for(lambda: all(seen for _, seen in self.seen), seconds=60, what="a first snapshot on every socket")

    async def _watch(self):
        tasks = [asyncio.create_task(self._socket(path, seen)) for path, seen in self.seen]
        while not self.over.is_set():
            await asyncio.sleep(0.05)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _socket(self, path, seen):
        while True:
            with suppress(OSError, WebSocketException, TimeoutError):
                async with connect(f"ws://127.0.0.1:{self.port}{path}", ping_interval=None) as ws:
                    if seen:
                        seen.append((time.time(), None, frozenset(), "reconnected"))
                    async for message in ws:
                        moment, told = time.time(), json.loads(message)
                        if "heartbeat" in told:
                            continue
                        queues = told.get("queues", [told])
                        mine = next((queue for queue in queues if queue["session"] == self.session), None)
                        if mine is not None:
                            out = frozenset(entry["number"] for entry in mine["called"] + mine["serving"])
                            seen.append((moment, told["version"], out, mine["state"]))
                        else:
                            # A board on which the queue is not: not open yet, or closed.
                            seen.append((moment, told["version"], frozenset(), "not shown"))
            if not self.again:
                return
            await asyncio.sleep(0.3)

    def last_versions(self):
        return {path: {seen[-1][1] for p, seen in self.seen if p == path} for path, _ in self.seen}

    def stop(self):
        self.over.set()
        self.thread.join(20)


@contextmanager
def watching(*arguments, **kwargs):
    watchers = Watchers(*arguments, **kwargs)
    try:
        yield watchers
    finally:
        watchers.stop()


def shown_as_polled(up, path):
    """The version that the poll of the same queue or board answers."""
    import urllib.request

    with urllib.request.urlopen(f"http://127.0.0.1:{up.port}{path}", timeout=10) as answer:
        return json.load(answer)["version"]


def versions_only_rise(seen):
    """Within one connection every message is newer; a reconnection may start with the version already shown."""
    last = -1
    for _, version, _, state in seen:
        if state == "reconnected":
            last = -1
            continue
        assert version > last
        last = version


def all_caught_up(watchers, version, up):
    """Every queue socket at the database's version, every board at what its poll answers."""
    latest = watchers.last_versions()
    queue = latest.pop(f"/ws/queues/{watchers.session}/")
    boards = {path: shown_as_polled(up, path.replace("/ws/", "/live/").rstrip("/")) for path in latest}
    return queue == {version} and all(latest[path] == {boards[path]} for path in latest)


@pytest.mark.embedded
def test_every_call_of_a_real_half_day_is_on_every_screen(folder, database, consultations, capsys):
    """R6.1: versions only rise, the last state is the database's, every call was seen."""
    up = Up(folder, **database)
    try:
        up.ready()
        play = Play(up, folder, database, "play", consultations, HALF_DAY, SPEED, BOARDS)
        with watching(up.port, play.stage["session"], play.stage["boards"]) as watchers:
            play.begin()
            result = play.says()
            wait_for(lambda: all_caught_up(watchers, result["version"], up), seconds=10, what="the last state")
        assert result["finished"]
        assert result["refused"] == []
        assert result["seen"] == len(result["calls"]) == play.stage["visits"]
        for _path, seen in watchers.seen:
            versions_only_rise(seen)
            assert set(result["calls"]) <= frozenset().union(*(numbers for _, _, numbers, _ in seen))
        commits = {int(version): moment for version, moment in result["commits"].items()}
        took = sorted(
            1000 * (moment - commits[version])
            for path, seen in watchers.seen
            if path.startswith("/ws/queues/")
            for moment, version, _, _ in seen
            if version in commits
        )
        with capsys.disabled():
            print(
                f"\n{len(took)} receipts of {len(commits)} commits on {QUEUE_SOCKETS} sockets and {BOARDS} boards: "
                f"median {statistics.median(took):.0f} ms, 99th percentile {took[int(0.99 * len(took))]:.0f} ms, "
                f"last {took[-1]:.0f} ms"
            )
        assert play.manage("check_invariants").returncode == 0
    finally:
        up.end()


def kill(up, name):
    """kill -9 of a child; returns once the supervisor has started another."""
    pid = up.children()[name]
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: up.children().get(name, pid) != pid, seconds=20, what=f"{name} again")


@pytest.mark.postgres
def test_after_kill_9_of_redis_worker_and_web_every_invariant_holds(folder, database, consultations):
    """The morning goes on while each of them is killed; afterwards every screen is right and nothing is lost."""
    up = Up(folder, **database)
    try:
        up.ready()
        play = Play(up, folder, database, "play", consultations, HALF_DAY, SPEED, BOARDS)
        sessions = play.once("clinic", 21)["sessions"]
        before = play.once("plans")["plans"]
        with watching(up.port, play.stage["session"], play.stage["boards"], again=True) as watchers:
            play.begin()
            wait_for(
                lambda: any(len(seen) > 20 for _path, seen in watchers.seen), seconds=60, what="some of the morning"
            )
            kill(up, "valkey")
            kill(up, "web")
            wait_for(up.answers, seconds=20, what="the web process")
            play.once("task", "booking.recalculate_quotas")
            # In mid-task: some sessions are recalculated, others are not.
            wait_for(lambda: play.once("plans")["plans"] > before, seconds=30, what="the task at work")
            kill(up, "worker")
            halfway = play.once("plans")["plans"] - before
            result = play.says()
            wait_for(lambda: all_caught_up(watchers, result["version"], up), seconds=20, what="the last state")
        assert result["finished"]
        assert result["seen"] == play.stage["visits"]
        for _path, seen in watchers.seen:
            versions_only_rise(seen)
        assert halfway > 0
        for _ in range(2):
            play.once("task", "booking.recalculate_quotas")
        wait_for(lambda: play.once("plans")["plans"] - before >= sessions, seconds=60, what="the rest of the task")
        checked = play.manage("check_invariants")
        assert checked.returncode == 0, checked.stdout + checked.stderr
        assert play.once("plans")["plans"] - before == sessions
    finally:
        up.end()
