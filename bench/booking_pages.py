"""Server time of the pages that patients book on, beside that of an empty view, with 1,000 experts and 14 days."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

from bench.calls import fresh_postgres
from bench.table import Row, markdown

EXPERTS, DEPARTMENTS, DAYS, SLOTS = 1000, 25, 14, 4
ROUNDS, REQUESTS = 5, 15
LIMIT = 50.0  # milliseconds at the median


def run() -> str:
    """The table, for each database that answers."""
    rows, notes = [], []
    with tempfile.TemporaryDirectory(prefix="qb") as folder:
        for name, url in (("PostgreSQL", fresh_postgres()), ("SQLite", f"sqlite:///{folder}/bench.sqlite3")):
            if url is None:
                notes.append("PostgreSQL did not answer: not measured.")
                continue
            figures = _in_a_process_of_its_own(url, folder)
            rows += [
                Row(f"{name}, {page}", "ms", figures[page], figures["an empty view"])
                for page in figures
                if page != "an empty view"
            ]
    worst = max(sorted(row.ours)[len(row.ours) // 2] for row in rows)
    notes.append(
        f"{EXPERTS:,} experts in {DEPARTMENTS} departments, each with one session of {SLOTS} slots on {DAYS} days: "
        f"{EXPERTS * DAYS * SLOTS:,} slots, half of the days released, half of the experts full on the first three. "
        f"From the request to the last byte, with all middleware, in one process without a network; {REQUESTS} "
        f"requests a round. The slowest page takes {worst:.0f} ms at the median; the limit is {LIMIT:.0f}."
    )
    return markdown("Pages of booking", "an empty view", rows, notes)


def _in_a_process_of_its_own(url: str, folder: str) -> dict[str, list[float]]:
    environment = os.environ | {"DATABASE_URL": url, "QUEUEBOARD_VAR": folder, "LOG_LEVEL": "ERROR"}
    root = Path(__file__).parent.parent
    command = [sys.executable, "-m", "bench.booking_pages"]
    done = subprocess.run(command, env=environment, cwd=root, stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def _measure() -> dict[str, list[float]]:
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "queueboard.settings")
    django.setup()
    from django.core.management import call_command
    from django.http import HttpResponse
    from django.test import Client
    from django.urls import path

    from queueboard import urls

    urls.urlpatterns.append(path("empty", lambda request: HttpResponse("")))
    call_command("migrate", verbosity=0)
    code = fill()
    client = Client(headers={"accept-language": "zh-hans"})
    pages = {
        "the list": "/book/",
        "its second page": "/book/?page=2",
        "of a department": "/book/?department=bench-7",
        "by name, in pinyin": "/book/?q=zhangw",
        "an expert's days": f"/book/{code}/",
        "an empty view": "/empty",
    }
    figures: dict[str, list[float]] = {page: [] for page in pages}
    for address in pages.values():
        assert client.get(address).status_code == 200
    for _ in range(ROUNDS):
        for page, address in pages.items():
            figures[page].append(_median(lambda address=address: client.get(address).content))
    return figures


def _median(ask: Callable[[], object]) -> float:
    """Milliseconds."""
    times = []
    for _ in range(REQUESTS):
        started = time.perf_counter()
        ask()
        times.append(1000 * (time.perf_counter() - started))
    return sorted(times)[len(times) // 2]


def fill() -> str:
    """The clinic that is measured; returns the code of one of its experts."""
    from django.db import connection, transaction
    from django.utils import timezone

    from booking import search
    from booking.models import Department, Expert, Session, Slot

    family, given = "王李张刘陈杨黄赵吴周徐孙马朱胡林郭何高罗", "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超霞平刚"
    today = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
    with transaction.atomic():
        departments = [
            Department.objects.create(slug=f"bench-{n}", name=f"第{n}科", name_en=f"Department {n}")
            for n in range(DEPARTMENTS)
        ]
        experts = []
        for n in range(EXPERTS):
            name = family[n % 20] + given[n // 20 % 20] + given[n * 7 % 20]
            experts.append(
                Expert(
                    department=departments[n % DEPARTMENTS], code=f"bench-{n}", name=name, title="主任医师",
                    search_keys=search.keys([name]),
                )
            )  # fmt: skip
        Expert.objects.bulk_create(experts)
        sessions = [_session(expert, today + timedelta(days=day)) for expert in experts for day in range(1, DAYS + 1)]
        Session.objects.bulk_create(sessions, batch_size=2000)
        slots = [
            slot for n, session in enumerate(sessions) for slot in _slots(session, full=n // DAYS % 2 and n % DAYS < 3)
        ]
        Slot.objects.bulk_create(slots, batch_size=2000)
        _past(experts[17], today)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    return experts[17].code


def _past(expert: object, today: datetime) -> None:
    """So much that the expert's waits can be told: 80 half-days of 20 visits."""
    from booking.models import PastSession, PastVisit

    for days in range(1, 81):
        starts_at = today - timedelta(days=days) + timedelta(hours=8)
        past = PastSession.objects.create(
            expert=expert, source="bench", starts_at=starts_at, ends_at=starts_at + timedelta(hours=SLOTS), morning=True
        )
        PastVisit.objects.bulk_create(
            PastVisit(
                past_session=past, position=n + 1, booked=n % 2 == 0, slot_index=n // 5, seconds=600,
                arrived_at=starts_at + timedelta(minutes=12 * n), started_at=starts_at + timedelta(minutes=12 * n + 5),
            )
            for n in range(20)
        )  # fmt: skip


def _session(expert: object, day: datetime) -> object:
    from booking.models import Session

    starts_at = day + timedelta(hours=8)
    return Session(
        department_id=expert.department_id, expert=expert, date=starts_at.date(), starts_at=starts_at,
        ends_at=starts_at + timedelta(hours=SLOTS), registration_opens_at=starts_at - timedelta(hours=1),
        released_at=day - timedelta(days=7) + timedelta(hours=7), numbers=40,
    )  # fmt: skip


def _slots(session: object, *, full: bool) -> list[object]:
    from booking.models import Slot

    return [
        Slot(
            session=session, index=n, starts_at=session.starts_at + timedelta(hours=n),
            ends_at=session.starts_at + timedelta(hours=n + 1), bookable=5, booked=5 if full else 3, walk_in=5,
        )
        for n in range(SLOTS)
    ]  # fmt: skip


if __name__ == "__main__":
    print(json.dumps(_measure()))
