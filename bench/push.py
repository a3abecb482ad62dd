"""Pushes of the hub to many sockets, beside a bare uvloop server that writes the same frames."""

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

from bench.table import Row, markdown

ROOT = Path(__file__).resolve().parent.parent
SOCKETS, PUSHES, ROUNDS, BYTES = 1000, 40, 3, 1500
SERVER_CPU, LOAD_CPU = 0, 1


def run() -> str:
    """The table: messages per second of the server's processor time, and time until the last socket has it."""
    with tempfile.TemporaryDirectory(prefix="qb") as folder, ExitStack() as stack:
        from queueboard.supervisor.valkey import running_valkey

        url = os.environ.get("REDIS_URL") or stack.enter_context(running_valkey(Path(folder)))
        environment = os.environ | {
            "DATABASE_URL": f"sqlite:///{folder}/bench.sqlite3", "REDIS_URL": url, "REDIS_PREFIX": "bench",
            "QUEUEBOARD_VAR": folder, "LOG_LEVEL": "ERROR",
        }  # fmt: skip
        ours, bare = _Side(), _Side()
        with subprocess.Popen(
            [sys.executable, "-m", "bench.push"], env=environment, cwd=ROOT, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True,
        ) as publisher:  # fmt: skip
            assert publisher.stdin
            assert publisher.stdout
            session_id, size = json.loads(publisher.stdout.readline())
            publish = _press(publisher)
            for _ in range(ROUNDS):
                _measure_ours(ours, environment, session_id, publish)
                _measure_bare(bare, size)
            publisher.stdin.close()
    rows = [
        Row(f"{SOCKETS:,} sockets, {size:,} bytes", "messages per server CPU second", ours.per_cpu, bare.per_cpu),
        Row("from the commit to the last socket", "ms", ours.latency, bare.latency),
    ]
    notes = [
        f"{ROUNDS} rounds of {PUSHES} pushes, each after the last socket had the one before; server on one core, load "
        "on the other. Ours is the whole path: a commit, the snapshot, Redis, the hub, uvicorn; the bare server only "
        "writes. Plain ASGI `send`."
    ]
    return markdown("Pushes", "bare server", rows, notes)


class _Side:
    def __init__(self) -> None:
        self.per_cpu: list[float] = []
        self.latency: list[float] = []


def _press(process: subprocess.Popen) -> Callable[[], None]:
    def press() -> None:
        assert process.stdin
        process.stdin.write("\n")
        process.stdin.flush()

    return press


def _measure_ours(side: _Side, environment: dict[str, str], session_id: int, publish: Callable[[], None]) -> None:
    port = _free_port()
    command = [
        sys.executable, "-m", "uvicorn", "queueboard.asgi:application", "--port", str(port), "--loop", "uvloop",
        "--ws", "websockets-sansio", "--log-level", "error", "--backlog", "4096",
    ]  # fmt: skip
    server = subprocess.Popen(command, env=environment, cwd=ROOT, preexec_fn=_pin(SERVER_CPU))
    try:
        _measure(side, server, port, f"/ws/queues/{session_id}/", publish)
    finally:
        server.terminate()
        server.wait(20)


def _measure_bare(side: _Side, size: int) -> None:
    port = _free_port()
    server = subprocess.Popen(
        [sys.executable, "-m", "bench.bare_server", str(port), str(size)], cwd=ROOT, stdin=subprocess.PIPE, text=True,
        preexec_fn=_pin(SERVER_CPU),
    )  # fmt: skip
    try:
        _measure(side, server, port, "/", _press(server))
    finally:
        server.terminate()
        server.wait(20)


def _measure(side: _Side, server: subprocess.Popen, port: int, path: str, publish: Callable[[], None]) -> None:
    _wait_for(port)
    load = subprocess.Popen(
        [sys.executable, "-m", "bench.sockets", "127.0.0.1", str(port), path, str(SOCKETS)], cwd=ROOT,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, preexec_fn=_pin(LOAD_CPU),
    )  # fmt: skip
    assert load.stdin
    assert load.stdout
    with load:
        load.stdout.readline()  # every socket has its first snapshot
        spans = []
        before = _cpu_seconds(server.pid)
        for _ in range(PUSHES):
            started = time.perf_counter()
            publish()
            if not load.stdout.readline():
                raise RuntimeError("the load ended early")
            spans.append(time.perf_counter() - started)
        side.per_cpu.append(PUSHES * SOCKETS / (_cpu_seconds(server.pid) - before))
        side.latency.append(1000 * sorted(spans)[len(spans) // 2])
        load.stdin.close()


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _pin(cpu: int) -> Callable[[], None]:
    return lambda: os.sched_setaffinity(0, {cpu % (os.cpu_count() or 1)})


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _wait_for(port: int) -> None:
    for _ in range(200):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise RuntimeError("the server did not start")


def _publisher() -> None:
    """Makes a queue whose snapshot has about BYTES bytes; then one commit and its news for each line that comes."""
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "queueboard.settings")
    django.setup()
    from django.core.management import call_command
    from django.utils import timezone

    from queueboard import snapshots
    from queueboard.services import arrivals, clock
    from tests import factories

    call_command("migrate", verbosity=0)
    now = timezone.now()
    session = factories.session(split=((0, 40),), day=timezone.localtime(now), start="08:00", minutes=600)
    session.starts_at, session.ends_at = now, now + timedelta(hours=10)
    session.state = "running"
    session.save()
    session.slots.update(starts_at=now, ends_at=session.ends_at)
    size = 0
    while size < BYTES:
        arrivals.register_walk_in(session_id=session.pk, patient_id=factories.patient().pk)
        size = len(snapshots.build(session.pk).phone)
    print(json.dumps([session.pk, size]), flush=True)
    while sys.stdin.readline():
        clock.refresh_estimates()


if __name__ == "__main__":
    _publisher()
