"""python -m bench.lookup [--write]: does the time of a look-up tell a stranger anything (R6.2)?

Cases that must look the same are asked in turn, in random order, from one process without a network: nearer than any
stranger comes. On SQLite the clock is the thread's own processor time, which other processes do not disturb and which
holds the database's work too. Of each is shown the median, and how often it took longer than an unknown phone: one
half where time tells nothing. A look-up without its padding is measured too, to show that the measure would see it;
and the page's answer, by the clock on the wall, which is what a stranger has.
"""

import argparse
import os
import random
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from bench.table import machine

PAGE = Path(__file__).resolve().parent.parent / "docs" / "lookup.md"
ROUNDS, RESAMPLES = 1000, 2000
PATIENTS = 20_000
CLOCKS = {"sqlite": ("processor time", time.thread_time_ns), "postgresql": ("time by the clock", time.perf_counter_ns)}
FIRST = "unknown phone"
Case = tuple[str, str]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.lookup")
    parser.add_argument("--write", action="store_true", help="keep the table in docs/lookup.md")
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="qb") as folder:
        os.environ.setdefault("DATABASE_URL", f"sqlite:///{folder}/bench.sqlite3")
        os.environ |= {"DJANGO_SETTINGS_MODULE": "queueboard.settings", "QUEUEBOARD_VAR": folder}
        text = _measure()
    print(text)
    if wanted.write:
        PAGE.write_text(text)


def _measure() -> str:
    import django

    django.setup()
    from django.core.management import call_command
    from django.db import connection

    from queueboard.services import lookup

    call_command("migrate", verbosity=0)
    cases = _cases()
    lookup.PHONE_TRIES = lookup.TRIES = 10**9  # but for the one that was tried too often, which is asked to be
    clock = CLOCKS[connection.vendor][1]
    padded = _times(cases, lookup.look_up, ROUNDS, clock)
    page = _times(cases, _page_asked(), ROUNDS, time.perf_counter_ns)
    pad = lookup._patients
    lookup._patients = lambda phone, wanted: [row for row in pad(phone, wanted) if row[0] > 0]
    lookup.zip = lambda *given, strict: zip(*given, strict=False)
    bare = _times(cases, lookup.look_up, ROUNDS, clock)
    return _written(padded, bare, page, connection.vendor)


def _page_asked() -> Callable[..., object]:
    from django.test import Client

    client = Client()
    return lambda phone, last_four, address: client.post(
        "/lookup/", {"phone": phone, "last_four": last_four}, REMOTE_ADDR=address
    )


def _cases() -> dict[str, Case]:
    """Phones among many, with and without visits long ago."""
    from booking.models import Department, Expert, Patient

    made = [Patient(name="张", id_type="other", id_number=f"ID{n:08}", phone=f"139{n:08}") for n in range(PATIENTS)]
    family = [Patient(name="王", id_type="other", id_number=f"FAM{n:08}", phone="13700000000") for n in range(8)]
    for each in (*made, *family):
        each.id_hash, each.phone_hash = Patient.hashes_of(each.id_number)[0], Patient.hashes_of(each.phone)[0]
    Patient.objects.bulk_create([*made, *family], batch_size=1000)
    department = Department.objects.create(slug="d", name="d")
    _past_visits(Expert.objects.create(department=department, code="e", name="e"))
    return {
        FIRST: ("13800000000", "0000"),
        "known phone, wrong ID": ("13900000100", "XXXX"),
        "right, without a visit": ("13900000101", "0101"),
        "right, with visits in the past": ("13900000001", "0001"),
        "family of eight, wrong ID": ("13700000000", "XXXX"),
        "family of eight, right, without a visit": ("13700000000", "0003"),
    }


def _past_visits(expert: Any) -> None:
    from django.utils import timezone

    from booking.models import Appointment, Patient, Session, Slot

    patients = list(Patient.objects.filter(phone__isnull=False).order_by("pk")[:40])
    for days in range(2, 12):
        starts = timezone.now() - timedelta(days=days)
        session = Session.objects.create(
            department=expert.department, expert=expert, date=date.today() - timedelta(days=days), starts_at=starts,
            ends_at=starts + timedelta(hours=4), registration_opens_at=starts, released_at=starts, state="closed",
            numbers=40,
        )  # fmt: skip
        slot = Slot.objects.create(session=session, index=0, starts_at=starts, ends_at=session.ends_at)
        Appointment.objects.bulk_create(
            Appointment(patient=each, session=session, slot=slot, state="seen", booked_at=starts) for each in patients
        )


def _times(
    cases: dict[str, Case], ask: Callable[..., object], rounds: int, clock: Callable[[], int]
) -> dict[str, list[float]]:
    """Microseconds of each, in turn, the order of a turn by chance."""
    from queueboard.models import LookupTry

    found: dict[str, list[float]] = {name: [] for name in cases}
    order = list(cases)
    for turn in range(rounds + 50):
        random.shuffle(order)
        for name in order:
            phone, last_four = cases[name]
            begun = clock()
            ask(phone=phone, last_four=last_four, address="203.0.113.7")
            if turn >= 50:  # before that, caches fill
                found[name].append((clock() - begun) / 1000)
        if turn % 20 == 0:
            LookupTry.objects.all().delete()
    return found


def _longer(one: list[float], other: list[float]) -> np.ndarray:
    """By turn: 1 where one took longer than the other, 0 where less long."""
    difference = np.array(one) - np.array(other)
    return (np.sign(difference) + 1) / 2


def _cell(one: list[float], other: list[float]) -> str:
    """The share of turns, with its 95% interval by bootstrap over them."""
    turns = _longer(one, other)
    again = np.random.default_rng(1).choice(turns, (RESAMPLES, len(turns))).mean(axis=1)
    low, high = np.quantile(again, [0.025, 0.975])
    return f"{turns.mean():.3f} ({low:.3f}-{high:.3f})"


def _written(
    padded: dict[str, list[float]], bare: dict[str, list[float]], page: dict[str, list[float]], vendor: str
) -> str:
    lines = [
        "# What the time of a look-up tells",
        "",
        "Made by `python -m bench.lookup --write`. How it is made the same is in [security](security.md).",
        "",
        f"{ROUNDS:,} turns in one process on {vendor}, no network between, {CLOCKS[vendor][0]}, {PATIENTS:,} patients; "
        f"{machine()}. Longer: "
        f'how often a case took longer than "{FIRST}" of the same turn, with its 95% interval by bootstrap; one half '
        "says nothing. Without padding is the same without it, to show that the measure would see it. The page answers "
        "a try that finds nothing 50 ms after it came, whatever the work took: that is what a stranger can measure, "
        "here by the clock.",
        "",
        "| case | the work, µs, median | longer | without padding | the page, ms, median | longer |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for name, times in padded.items():
        work, plain, seen = [_cell(each[name], each[FIRST]) if name != FIRST else "—" for each in (padded, bare, page)]
        shown = statistics.median(page[name]) / 1000
        lines.append(f"| {name} | {statistics.median(times):.0f} | {work} | {plain} | {shown:.2f} | {seen} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
