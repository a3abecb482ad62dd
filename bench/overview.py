"""python -m bench.overview: how long the managers' overview takes for a large hospital's day; said in docs/managers.md.

Sixty sessions of forty tickets today, and as many on the same weekday of each of the eight weeks before.
"""

import os
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import timedelta

from bench.table import machine

SESSIONS, TICKETS, WEEKS, ROUNDS = 60, 40, 8, 15


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="qb") as folder:
        os.environ.setdefault("DATABASE_URL", f"sqlite:///{folder}/bench.sqlite3")
        os.environ |= {"ALLOWED_HOSTS": "testserver"}
        os.environ |= {"DJANGO_SETTINGS_MODULE": "queueboard.settings", "QUEUEBOARD_VAR": folder, "LOG_LEVEL": "ERROR"}
        import django

        django.setup()
        from django.core.management import call_command
        from django.db import connection

        call_command("migrate", verbosity=0)
        _fill()
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")  # PostgreSQL does it by itself, minutes after so many rows came
        for what, ask in _asked().items():
            times = [_milliseconds(ask) for _ in range(ROUNDS)]
            print(f"{what}: {statistics.median(times):.0f} ms ({min(times):.0f}-{max(times):.0f}), {connection.vendor}")
        print(f"{SESSIONS} sessions of {TICKETS} tickets, and those of {WEEKS} weeks before; {machine()}")


def _fill() -> None:
    from django.utils import timezone

    from booking.models import Department, Expert, Patient, Session, Slot
    from queueboard.models import Ticket

    opened = timezone.localtime().replace(hour=8, minute=0, second=0, microsecond=0)
    departments = [Department.objects.create(slug=f"d{n}", name=f"{n}") for n in range(12)]
    experts = [
        Expert.objects.create(department=departments[n % 12], code=f"e{n}", name=f"{n}") for n in range(SESSIONS)
    ]
    made = [Patient(name="张", id_type="other", id_number=f"ID{n:08}", phone=f"139{n:08}") for n in range(TICKETS)]
    patients = Patient.objects.bulk_create(made)
    for week in range(WEEKS + 1):
        starts = opened - timedelta(weeks=week)
        tickets = []
        for expert in experts:
            session = Session.objects.create(
                department=expert.department, expert=expert, date=starts.date(), starts_at=starts,
                ends_at=starts + timedelta(hours=4), registration_opens_at=starts, released_at=starts,
                state="closed" if week else "running", numbers=TICKETS,
            )  # fmt: skip
            hours = [starts + timedelta(hours=n) for n in range(4)]
            slots = [
                Slot.objects.create(session=session, index=n, starts_at=at, ends_at=at + timedelta(hours=1))
                for n, at in enumerate(hours)
            ]
            tickets += [
                Ticket(
                    session=session, slot=slots[n * 4 // TICKETS], number=n + 1, patient=patients[n], booked=n % 2 == 0,
                    arrived=starts + timedelta(minutes=5 * n), called_at=starts + timedelta(minutes=6 * n + 10),
                    started_at=starts + timedelta(minutes=6 * n + 11), called_no=n + 1, state="done",
                    ended_at=starts + timedelta(minutes=6 * n + 16),
                )
                for n in range(TICKETS)
            ]  # fmt: skip
        Ticket.objects.bulk_create(tickets)


def _asked() -> dict[str, Callable[[], object]]:
    from django.contrib.auth.models import User
    from django.test import Client
    from django.urls import reverse

    from booking.models import Department
    from queueboard import overview

    client = Client()
    client.force_login(User.objects.create_superuser("manager"), backend="django.contrib.auth.backends.ModelBackend")
    address = reverse("admin:booking_session_overview")
    assert client.get(address).status_code == 200
    return {
        "what it counts": lambda: overview.day(Department.objects.all()),
        "the whole page": lambda: client.get(address).content,
    }


def _milliseconds(ask: Callable[[], object]) -> float:
    begun = time.perf_counter()
    ask()
    return 1000 * (time.perf_counter() - begun)


if __name__ == "__main__":
    main()
