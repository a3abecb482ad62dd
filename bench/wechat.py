"""WeChat waits five seconds for an answer: how long ours take on a real server, while many write and calls go on."""

import http.client
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from bench.rush import served

AT_ONCE = (1, 8, 32)
MESSAGES = 600  # for each of these
PEOPLE, WAITING = 400, 60
WORDS = ("排队", "排队", "A040", "专家")  # one's own place, a number, an expert's queue
WAITS = 5.0  # seconds


def run() -> str:
    """The section of docs/benchmarks.md, from a process with a database and settings of its own."""
    return subprocess.run([sys.executable, "-m", "bench.wechat"], check=True, text=True, stdout=subprocess.PIPE).stdout


def _run() -> str:
    with tempfile.TemporaryDirectory(prefix="qb") as folder, served.news(Path(folder)) as (redis, _process):
        from tests.fakes import official_account as fake

        os.environ |= {
            "DATABASE_URL": f"sqlite:///{folder}/bench.sqlite3", "REDIS_URL": redis, "QUEUEBOARD_VAR": folder,
            "DJANGO_SETTINGS_MODULE": "queueboard.settings", "SITE_URL": "https://queue.example.org",
            "ALLOWED_HOSTS": "*", "WECHAT_APP_ID": fake.APP_ID, "WECHAT_SECRET": "s" * 32, "WECHAT_TOKEN": fake.TOKEN,
            "WECHAT_AES_KEY": fake.AES_KEY,
        }  # fmt: skip
        session_id, room_id = _queue()
        with served.site() as site, _moving(session_id, room_id):
            found = {senders: _measured(site.port, senders) for senders in AT_ONCE}
    return _written(found)


def _queue() -> tuple[int, int]:
    import django

    django.setup()
    from django.core.management import call_command
    from django.utils import timezone

    from bench import open_queue
    from queueboard.notify.models import Address
    from queueboard.services.arrivals import register_walk_in
    from tests import factories

    call_command("migrate", verbosity=0)
    session = open_queue.make(2000)
    tickets = [
        register_walk_in(session_id=session.pk, patient_id=factories.patient().pk, now=timezone.now())
        for _ in range(WAITING)
    ]
    for n in range(PEOPLE):
        Address.objects.create(
            way="wechat", value=f"o{n}", token=tickets[n % WAITING].token, made_at=timezone.now(), language="zh-hans"
        )
    return session.pk, session.rooms.get().room_id


class _moving:
    """While it lasts somebody comes and somebody is called each second."""

    def __init__(self, session_id: int, room_id: int) -> None:
        self._session, self._room, self._ends = session_id, room_id, threading.Event()
        self._thread = threading.Thread(target=self._move)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_error: object) -> None:
        self._ends.set()
        self._thread.join()

    def _move(self) -> None:
        from queueboard.services.arrivals import register_walk_in
        from queueboard.services.calls import call_next
        from tests import factories

        while not self._ends.wait(1):
            register_walk_in(session_id=self._session, patient_id=factories.patient().pk)
            call_next(session_id=self._session, room_id=self._room)


def _measured(port: int, senders: int) -> np.ndarray:
    """Seconds of each answer, of so many who write at once, each the next message when the last is answered."""
    from tests.fakes import official_account as fake

    people = [f"o{n}" for n in random.Random(senders).sample(range(PEOPLE), PEOPLE)]
    wanted = [
        fake.request(fake.message(people[n % PEOPLE], Content=WORDS[n % len(WORDS)]), encrypted=True)
        for n in range(MESSAGES)
    ]
    with ThreadPoolExecutor(senders) as pool:
        took = pool.map(lambda part: _answered(port, part), [wanted[n::senders] for n in range(senders)])
        return np.array([each for part in took for each in part])


def _answered(port: int, wanted: Sequence[tuple[str, str]]) -> list[float]:
    took = []
    for path, body in wanted:
        begun = time.perf_counter()
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        connection.request("POST", path, body.encode(), {"Content-Type": "text/xml"})
        answer = connection.getresponse()
        said = answer.read()
        took.append(time.perf_counter() - begun)
        connection.close()
        if answer.status != 200 or b"Encrypt" not in said:
            raise AssertionError(f"{answer.status} {said[:200]!r}")
    return took


def _written(found: dict[int, np.ndarray]) -> str:
    lines = [
        "## WeChat's five seconds",
        "",
        "| who write at once | answers/s | median, ms | 99 of 100, ms | the slowest, ms | within five seconds |",
        "|" + " --- |" * 6,
    ]
    for senders, took in found.items():
        median, most = np.quantile(took, [0.5, 0.99]) * 1000
        lines.append(
            f"| {senders} | {senders / took.mean():.0f} | {median:.0f} | {most:.0f} | {took.max() * 1000:.0f} | "
            f"{np.mean(took <= WAITS):.1%} |"
        )
    note = (
        f"{MESSAGES} encrypted messages each, of {PEOPLE} people, to {served.PROCESSES} processes of the WSGI entry on "
        f"SQLite with a Valkey: one's own place, a number, an expert's queue. {WAITING} wait, and each second one "
        "comes and one is called, so that what is told has to be read anew. Server, queue and writers share the "
        "machine's cores; a connection is made for each message, as WeChat does."
    )
    return "\n".join([*lines, "", note, ""]) + "\n"


if __name__ == "__main__":
    print(_run())
