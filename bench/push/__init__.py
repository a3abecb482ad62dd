"""Pushes from a committed call to many sockets, handshakes, memory and polls, each beside its reference."""

import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from bench.push import contenders, machine, measure
from bench.push.contenders import EXTENSION, SEND, Contender
from bench.table import Row, markdown

SOCKETS, ROUNDS, BYTES = (500, 2000, 5000), 3, 1500
MANY = 15_000
PACE = 0.3  # seconds between two calls: above the pace at which a burst is coalesced (queueboard.live.feeds.PACE)


class Bench:
    """The contenders, round by round in turn, so that what else the machine does falls on all of them."""

    def __init__(self, environment: dict[str, str], session_id: int, size: int, push) -> None:
        self.extension = contenders.ours(EXTENSION, environment, session_id)
        self.send = contenders.ours(SEND, environment, session_id)
        self.bare, self.rooms = contenders.bare(size), contenders.rooms(size)
        self.groups = contenders.groups(size, environment["REDIS_URL"])
        self.plain = contenders.plain(size)
        self.session_id, self.size, self.push = session_id, size, push
        self.load = 0.0  # the most that the load used beside its server

    def pushes(self, sockets: int, rounds: int) -> list[Row]:
        found: dict[str, list[measure.Pushes]] = {}
        for _ in range(rounds):
            for name in ("bare", "extension", "send", "rooms", "groups"):
                contender: Contender = getattr(self, name)
                own = name in ("extension", "send")
                figures = measure.pushes(contender, sockets, PACE, self.push if own else None)
                found.setdefault(name, []).append(figures)
                self.load = max(self.load, figures.load)
        per_cpu = {name: [each.per_cpu for each in figures] for name, figures in found.items()}
        unit, count = "messages per server CPU second", f"{sockets:,} sockets"
        return [
            Row(f"{count}, extension / {self.bare.name}", unit, per_cpu["extension"], per_cpu["bare"]),
            Row(f"{count}, plain `send` / {self.bare.name}", unit, per_cpu["send"], per_cpu["bare"]),
            Row(f"{count}, extension / {self.rooms.name}", unit, per_cpu["extension"], per_cpu["rooms"]),
            Row(f"{count}, extension / {self.groups.name}", unit, per_cpu["extension"], per_cpu["groups"]),
            Row(
                f"{count}, commit to the last of them / {self.bare.name}", "ms",
                [each.latency for each in found["extension"]], [each.latency for each in found["bare"]],
            ),
        ]  # fmt: skip

    def deaf(self, sockets: int, rounds: int) -> list[Row]:
        """The others, where one more never reads, beside the same without it."""
        found = [
            [measure.pushes(self.extension, sockets, PACE, self.push, deaf=deaf).late for deaf in (1, 0)]
            for _ in range(rounds)
        ]
        with_one, without = zip(*found, strict=True)
        return [Row(f"{sockets:,} sockets and one that never reads, 99 of 100 / without", "ms", with_one, without)]

    def handshakes(self, sockets: int, rounds: int) -> list[Row]:
        found = [(measure.opened(self.extension, sockets), measure.opened(self.plain, sockets)) for _ in range(rounds)]
        ours, plain = zip(*found, strict=True)
        return [
            Row(
                f"{sockets:,} handshakes / {self.plain.name}", "sockets per server CPU second",
                [each.per_cpu for each in ours], [each.per_cpu for each in plain],
            ),
            Row(
                f"{sockets:,} idle sockets / {self.plain.name}", "KB each",
                [each.memory / 1024 for each in ours], [each.memory / 1024 for each in plain],
            ),
        ]  # fmt: skip

    def polls(self, rounds: int) -> list[Row]:
        path = f"/live/queues/{self.session_id}"
        found = [(measure.polled(self.extension, path), measure.polled(self.plain, path)) for _ in range(rounds)]
        ours, plain = zip(*found, strict=True)
        return [Row(f"GET /live/queues/<id> / {self.plain.name}", "answers per server CPU second", ours, plain)]


def run(sockets: Sequence[int] = SOCKETS, rounds: int = ROUNDS) -> str:
    """The table: everything per second of the server's processor time, and how long the last socket waits."""
    machine.many_files()
    with _bench() as bench:
        rows = [row for count in sockets for row in bench.pushes(count, rounds)]
        rows += bench.deaf(max(sockets), rounds)
        rows += bench.handshakes(max(sockets), rounds)
        rows += bench.polls(rounds)
        many = measure.opened(bench.extension, MANY)
    limit = "was the limit of the fastest" if bench.load > 1 else "was never the limit"
    notes = [
        f"{rounds} rounds, in turn; {bench.size:,} bytes; server on one core, load on another. Ours is the whole path: "
        "a call committed in another process, the snapshot, Redis, the hub, uvicorn; the references only write. For a "
        f"second of its server the load used {bench.load:.2f} s of its core at most: it {limit}. "
        f"{MANY:,} sockets on one process: {many.memory / 1024:.1f} KB each, {many.per_cpu:,.0f} accepted per CPU "
        "second."
    ]
    return markdown("Live", "the reference", rows, notes)


@contextmanager
def _bench() -> Iterator[Bench]:
    from queueboard.supervisor.valkey import running_valkey

    with tempfile.TemporaryDirectory(prefix="qb") as folder, running_valkey(Path(folder)) as url:
        environment = os.environ | {
            "DATABASE_URL": f"sqlite:///{folder}/bench.sqlite3", "REDIS_URL": url, "REDIS_PREFIX": "bench",
            "QUEUEBOARD_VAR": folder, "LOG_LEVEL": "ERROR",
            "LIVE_SOCKETS": "100000", "LIVE_SOCKETS_PER_ADDRESS": "100000",
        }  # fmt: skip
        with measure.publisher(environment, BYTES) as (publisher, session_id, size):
            yield Bench(environment, session_id, size, partial(contenders.press, publisher))
