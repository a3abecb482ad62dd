"""All quotas of a large hospital recalculated, beside a bare SELECT of the rows that they are computed from (R2.6)."""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from datetime import datetime, timedelta
from pathlib import Path

from bench.calls import fresh_postgres
from bench.table import Row, markdown

EXPERTS, DEPARTMENTS, SESSIONS, VISITS = 1000, 40, 250, 40
ROUNDS = 2


def run() -> str:
    """The table; a sentence where there is no PostgreSQL."""
    url = fresh_postgres()
    if url is None:
        return "## Recalculation\n\nPostgreSQL did not answer: not measured.\n"
    with tempfile.TemporaryDirectory(prefix="qb") as folder:
        environment = os.environ | {"DATABASE_URL": url, "QUEUEBOARD_VAR": folder, "LOG_LEVEL": "ERROR"}
        root = Path(__file__).parent.parent
        command = [sys.executable, "-m", "bench.recalculation"]
        done = subprocess.run(command, env=environment, cwd=root, stdout=subprocess.PIPE, check=True)
    figures = json.loads(done.stdout.splitlines()[-1])
    rows = figures["rows"]
    each = [1000 * seconds / EXPERTS for seconds in figures["recalculated"]]
    return markdown(
        "Recalculation",
        "bare SELECT",
        [
            Row("log into arrays", "rows/s", _rates(rows, figures["read"]), _rates(rows, figures["select"])),
            Row("all quotas", "rows/s", _rates(rows, figures["recalculated"]), _rates(rows, figures["select"])),
        ],
        [
            f"{EXPERTS:,} experts in {DEPARTMENTS} departments, {rows:,} past visits in {EXPERTS * SESSIONS:,} "
            f"sessions, one session an expert to be split; each row is read once. "
            f"{min(each):.0f}-{max(each):.0f} ms an expert, all in all. Memory of the "
            f"process at most {figures['megabytes']:.0f} MB "
            f"({figures['megabytes_before']:.0f} MB before the first). The SELECT fetches the same columns of the same "
            "rows into Python tuples, and drops them."
        ],
    )


def _rates(rows: int, seconds: list[float]) -> list[float]:
    return [rows / each for each in seconds]


def _measure() -> dict[str, object]:
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "queueboard.settings")
    django.setup()
    from django.core.management import call_command
    from django.utils import timezone

    from booking import history
    from booking.models import Department, PastVisit
    from booking.services import quotas

    call_command("migrate", verbosity=0)
    now = timezone.now()
    _fill(timezone.localtime(now).replace(hour=8, minute=0, second=0, microsecond=0))
    figures: dict[str, list[float]] = {"select": [], "read": [], "recalculated": []}
    megabytes_before = _megabytes()
    for _ in range(ROUNDS):
        figures["select"].append(_timed(_select))
        _forget_plans()
        figures["recalculated"].append(_timed(lambda: quotas.recalculate_all(now=now)))
        figures["read"].append(
            _timed(
                lambda: [
                    history.read(morning=True, limit=SESSIONS, department_id=pk)
                    for pk in Department.objects.values_list("pk", flat=True)
                ]
            )
        )
    return figures | {
        "rows": PastVisit.objects.count(),
        "megabytes": _megabytes(),
        "megabytes_before": megabytes_before,
    }


def _timed(work) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _megabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _select() -> None:
    from django.db import connection, transaction

    query = """
        SELECT past_session_id, FLOOR(EXTRACT(EPOCH FROM arrived_at))::bigint,
               FLOOR(EXTRACT(EPOCH FROM started_at))::bigint, seconds, booked, refused
        FROM booking_pastvisit"""
    with transaction.atomic(), connection.connection.cursor(name="bare") as cursor:
        cursor.itersize = 20_000
        cursor.execute(query)
        for _row in cursor:
            pass


def _forget_plans() -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE booking_quotaplan")


def _fill(today: datetime) -> None:
    """A year of mornings of each expert: walk-ins from an hour before, visits of 4 to 9 minutes one after the other."""
    from django.db import connection, transaction

    from booking.models import PastSession
    from tests import factories

    week = today + timedelta(days=20)
    with transaction.atomic():
        for _ in range(DEPARTMENTS):
            department = factories.department(history_sessions=SESSIONS)
            for _ in range(EXPERTS // DEPARTMENTS):
                session = factories.session(
                    of=department, split=((10, 0),) * 4, state="planned", pool_opened_at=None, day=week,
                    released_at=week - timedelta(days=7),
                )  # fmt: skip
                PastSession.objects.bulk_create(
                    PastSession(
                        expert=session.expert,
                        source="bench",
                        starts_at=today - timedelta(days=1 + (7 * number) // 5),
                        ends_at=today - timedelta(days=1 + (7 * number) // 5) + timedelta(hours=4),
                        morning=True,
                    )
                    for number in range(SESSIONS)
                )
    with connection.cursor() as cursor:
        # The rows are made by a rule that keeps every reference: no need to look each up.
        cursor.execute("SET session_replication_role = replica")
        cursor.execute(
            """
            INSERT INTO booking_pastvisit
                (past_session_id, position, booked, refused, first_visit, slot_index, arrived_at, started_at, seconds)
            SELECT s.id, n, n %% 3 <> 0, false, n %% 2 = 0, n / 11,
                   s.starts_at + (6 * n - 60 + (s.id * 7 + n * 13) %% 50) * interval '1 minute',
                   s.starts_at + (6 * n + (s.id * 3 + n) %% 3) * interval '1 minute',
                   240 + (s.id * 31 + n * 17) %% 300
            FROM booking_pastsession s, generate_series(0, %s) n
            """,
            [VISITS - 1],
        )
        cursor.execute("SET session_replication_role = DEFAULT")
        cursor.execute("ANALYZE")


if __name__ == "__main__":
    print(json.dumps(_measure()))
