"""The load: connections that stay open, each posting its next booking when it has the answer to the last.

Writes a line when all connections stand, waits for one, and writes a line when so many are answered; the last line is
what came of it, as JSON.
"""

import asyncio
import json
import sys
import time
from collections import Counter, deque

import uvloop

from bench.push import machine
from bench.rush import people


class Patient(asyncio.Protocol):
    """One connection."""

    def __init__(self, load: "Load") -> None:
        self.load, self.buffer, self.sent_at = load, b"", 0.0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self.transport = transport
        self.load.standing(self)

    def post(self) -> None:
        if self.load.waiting:
            self.sent_at = time.perf_counter()
            self.transport.write(people.request(*self.load.waiting.popleft()))

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        head, found, body = self.buffer.partition(b"\r\n\r\n")
        if not found:
            return
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        if len(body) >= length:
            self.buffer = b""
            self.load.answered(int(head[9:12]), body, time.perf_counter() - self.sent_at)
            self.post()

    def connection_lost(self, error: Exception | None) -> None:
        self.load.lost(self)


class Load:
    """`waiting`: whom each request is for, and which slot. `say_at`: after how many answers it says so."""

    def __init__(self, wanted: list[tuple[int, int]], connections: int, say_at: int) -> None:
        self.waiting, self.count, self.connections, self.say_at = deque(wanted), len(wanted), connections, say_at
        self.open: list[Patient] = []
        self.spans: list[float] = []
        self.answers: Counter[str] = Counter()
        self.without_elsewhere = 0
        loop = asyncio.get_running_loop()
        self.all_open, self.done = loop.create_future(), loop.create_future()

    def standing(self, patient: Patient) -> None:
        self.open.append(patient)
        if len(self.open) == self.connections:
            self.all_open.set_result(None)

    def answered(self, status: int, body: bytes, span: float) -> None:
        self.spans.append(span)
        code = json.loads(body).get("code", "") if status != 201 else "booked"
        self.answers[f"{status} {code}"] += 1
        self.without_elsewhere += code == "none_left" and b'"elsewhere":[{' not in body
        if len(self.spans) == self.say_at:
            print("half", flush=True)
        if len(self.spans) == self.count:
            self.done.set_result(None)

    def lost(self, patient: Patient) -> None:
        if not self.done.done():
            self.done.set_exception(RuntimeError("the server closed a connection"))

    def said(self, seconds: float, used: float) -> str:
        spans = sorted(self.spans)
        return json.dumps(
            {
                "answers": self.answers, "without_elsewhere": self.without_elsewhere, "seconds": seconds, "used": used,
                "p50": spans[len(spans) // 2], "p99": spans[len(spans) * 99 // 100],
            }
        )  # fmt: skip


async def main(port: int, connections: int, wanted: list[tuple[int, int]]) -> None:
    loop = asyncio.get_running_loop()
    load = Load(wanted, connections, say_at=len(wanted) // 2)
    for _ in range(connections):
        await loop.create_connection(lambda: Patient(load), "127.0.0.1", port)
    await load.all_open
    print("open", flush=True)
    sys.stdin.readline()
    started, used = time.perf_counter(), time.process_time()
    for patient in list(load.open):
        patient.post()
    await load.done
    print(load.said(time.perf_counter() - started, time.process_time() - used), flush=True)


if __name__ == "__main__":
    machine.many_files()
    uvloop.run(main(int(sys.argv[1]), int(sys.argv[2]), json.loads(sys.stdin.readline())))
