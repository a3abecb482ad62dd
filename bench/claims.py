"""Claims of numbers on PostgreSQL in threads, beside pgbench that does the same writes (R3.2)."""

import json
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from bench.calls import fresh_postgres
from bench.rush import clinic, pgbench
from bench.table import Row, markdown

if TYPE_CHECKING:
    from booking.models import Slot

CLIENTS, ROUNDS, SECONDS = 8, 5, 4
PATIENTS = 60_000  # more than book in one round
WARM = 15  # bookings of each client before it counts: its statements are planned then


def run() -> str:
    """The table; a sentence where there is no PostgreSQL or no pgbench."""
    url, missing = fresh_postgres(), pgbench.missing()
    if url is None or missing:
        return f"## Claims\n\n{missing or 'PostgreSQL did not answer: not measured.'}\n"
    with tempfile.TemporaryDirectory(prefix="qb") as folder:
        environment = os.environ | {"DATABASE_URL": url, "QUEUEBOARD_VAR": folder, "LOG_LEVEL": "ERROR"}
        command = [sys.executable, "-m", "bench.claims"]
        root = Path(__file__).parent.parent
        done = subprocess.run(command, env=environment, cwd=root, stdout=subprocess.PIPE, check=True)
    figures = json.loads(done.stdout.splitlines()[-1])
    return markdown(
        "Claims",
        "pgbench",
        [
            Row(f"{what}, {where}", "a second", figures[f"{kind}, {ours}"], figures[f"{kind}, pgbench"])
            for ours, what in (("claim", "the claim"), ("book", "a whole booking"))
            for kind, where in (("hot", "one hot slot"), ("many", f"{clinic.SLOTS} slots"))
        ],
        [
            f"{ROUNDS} rounds of {SECONDS} s, {CLIENTS} connections each, on one machine with the database: what the "
            "clients use of the cores PostgreSQL does not have. Ours runs in threads of one process. The claim is "
            "`booking.services.claims.claim`, one round trip: quota and counts, the session's lock, appointment, "
            "ledger row and message. A whole booking is `booking.services.appointments.book`: in a round trip before "
            "it, the slot with its session, department and expert is read, and all that may speak against it. pgbench "
            "sends the claim's writes as one prepared statement: the same rows, constraints and triggers. A claim "
            f"costs us {_span(figures['python, claim'])} µs of a core in Python and a whole booking "
            f"{_span(figures['python, book'])}; the threads of a process share one core."
        ],
    )


def _measure() -> dict[str, list[float]]:
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "queueboard.settings")
    django.setup()
    made = clinic.made(PATIENTS)
    slots = {"hot": (made.hot, made.hot), "many": (made.first, made.first + clinic.SLOTS - 1)}
    figures: dict[str, list[float]] = {}
    for _ in range(ROUNDS):
        for kind, between in slots.items():
            clinic.reset()
            reference = pgbench.booked_a_second(clients=CLIENTS, seconds=SECONDS, patient=made.patients, slots=between)
            figures.setdefault(f"{kind}, pgbench", []).append(reference)
            for name, act in (("claim", _claim), ("book", _book)):
                clinic.reset()
                ours = Threads(made.patients, between, act)
                figures.setdefault(f"{kind}, {name}", []).append(ours.booked / ours.seconds)
                figures.setdefault(f"python, {name}", []).append(ours.used / ours.booked)
    return figures


def _span(seconds: list[float]) -> str:
    """In microseconds, the least and the most."""
    return f"{1e6 * min(seconds):.0f}-{1e6 * max(seconds):.0f}"


def _book(patient_id: int, slot_id: int) -> None:
    from booking.services import appointments

    appointments.book(patient_id=patient_id, slot_id=slot_id)


def _claim(patient_id: int, slot_id: int) -> None:
    """What `_book` does once it has read that nothing speaks against it."""
    from django.utils import timezone

    from booking.models import Appointment, Outbox, QuotaMove
    from booking.services import claims

    now, slot = timezone.now(), _slot(slot_id)
    place, reason = QuotaMove.Place, QuotaMove.Reason
    made = Appointment(patient_id=patient_id, session=slot.session, slot=slot, state="booked", booked_at=now)
    wanted = claims.Claim(
        appointment=made,
        seen={patient_id: 0},
        move=QuotaMove(slot=slot, source=place.BOOKABLE, target=place.BOOKED, count=1, reason=reason.BOOKED, at=now),
        message=Outbox(kind="appointment_booked", key="appointment_booked:", payload={}, made_at=now),
    )
    outcome = claims.claim(wanted)
    if outcome is not claims.Outcome.CLAIMED:
        raise RuntimeError(outcome)


@cache
def _slot(slot_id: int) -> "Slot":
    from booking.models import Slot

    return Slot.objects.select_related("session__department", "session__expert").get(pk=slot_id)


class Threads:
    """Clients that book as fast as they can, each with a connection of its own.

    `booked` in `seconds`, for which this process `used` so many seconds of processor time.
    """

    def __init__(self, first_patient: int, slots: tuple[int, int], act: Callable[[int, int], None]) -> None:
        self.booked, self.first_patient, self.slots, self._act = 0, first_patient, slots, act
        self._ready, self._lock = threading.Barrier(CLIENTS + 1), threading.Lock()
        clients = [threading.Thread(target=self._book, args=(number,)) for number in range(CLIENTS)]
        for each in clients:
            each.start()
        self._ready.wait()
        started, used = time.perf_counter(), time.process_time()
        self._end = started + SECONDS
        self._ready.wait()
        for each in clients:
            each.join()
        self.seconds, self.used = time.perf_counter() - started, time.process_time() - used

    def _book(self, client: int) -> None:
        from django.db import connection

        slots = random.Random(client)
        turn = 0

        def book() -> None:
            nonlocal turn
            patient = self.first_patient + turn * CLIENTS + client
            self._act(patient, slots.randint(*self.slots))
            turn += 1

        while turn < WARM:
            book()
        self._ready.wait()
        self._ready.wait()
        while time.perf_counter() < self._end:
            book()
        with self._lock:
            self.booked += turn - WARM
        connection.close()


if __name__ == "__main__":
    print(json.dumps(_measure()))
