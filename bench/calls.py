"""Calls a second through services.call_next, beside a bare SQL transaction that does the same writes."""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench.table import Row, markdown

POSTGRES = os.environ.get("BENCH_DATABASE_URL", "postgres://postgres@127.0.0.1:5432/postgres")
ROUNDS, SESSIONS, WAITING = 5, 3, 40


def run() -> str:
    """The table, for each database that answers."""
    rows, notes = [], []
    with tempfile.TemporaryDirectory(prefix="qb") as folder:
        for name, url in (("PostgreSQL", fresh_postgres()), ("SQLite", f"sqlite:///{folder}/bench.sqlite3")):
            if url is None:
                notes.append("PostgreSQL did not answer: not measured.")
                continue
            figures = _in_a_process_of_its_own(url, folder)
            rows.append(Row(f"{name}, the transaction", "calls/s", figures["service"], figures["bare"]))
            rows.append(Row(f"{name}, with snapshot and news", "calls/s", figures["announced"], figures["bare"]))
    notes.append(
        f"One connection, {WAITING} tickets in the queue. The bare transaction locks the session's row, finishes one "
        "ticket, calls the next, raises the version and appends the event; ours also reads the queue, orders it twice "
        "(before and after, to tell whose position got worse) and keeps what an undo needs."
    )
    return markdown("Calls", "bare SQL", rows, notes)


def fresh_postgres() -> str | None:
    import psycopg

    try:
        with psycopg.connect(POSTGRES, autocommit=True, connect_timeout=3) as connection:
            connection.execute("DROP DATABASE IF EXISTS queueboard_bench")
            connection.execute("CREATE DATABASE queueboard_bench")
    except psycopg.OperationalError:
        return None
    return POSTGRES.rsplit("/", 1)[0] + "/queueboard_bench"


def _in_a_process_of_its_own(url: str, folder: str) -> dict[str, list[float]]:
    environment = os.environ | {"DATABASE_URL": url, "QUEUEBOARD_VAR": folder, "LOG_LEVEL": "ERROR"}
    root = Path(__file__).parent.parent
    command = [sys.executable, "-m", "bench.calls"]
    done = subprocess.run(command, env=environment, cwd=root, stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def _measure() -> dict[str, list[float]]:
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "queueboard.settings")
    django.setup()
    from django.core.management import call_command

    from queueboard.live import news
    from queueboard.services import calls

    call_command("migrate", verbosity=0)
    announce = news.announce
    figures: dict[str, list[float]] = {"service": [], "announced": [], "bare": []}
    for _ in range(ROUNDS):
        for kind in figures:
            sessions = [_session_with_a_queue() for _ in range(SESSIONS)]
            news.announce = announce if kind == "announced" else (lambda session_id: None)
            started = time.perf_counter()
            for session_id, room_id in sessions:
                for _ in range(WAITING):
                    if kind == "bare":
                        _bare_call(session_id, room_id)
                    else:
                        calls.call_next(session_id=session_id, room_id=room_id)
            figures[kind].append(SESSIONS * WAITING / (time.perf_counter() - started))
    return figures


def _session_with_a_queue() -> tuple[int, int]:
    from django.db import transaction
    from django.utils import timezone

    from queueboard.models import Ticket
    from tests import factories

    with transaction.atomic():
        session = factories.session(split=((0, WAITING), (0, 0)), day=timezone.localtime())
        slot = session.slots.get(index=0)
        Ticket.objects.bulk_create(
            Ticket(
                session=session, slot=slot, number=number, patient=factories.patient(), booked=False,
                arrived=session.starts_at,
            )
            for number in range(1, WAITING + 1)
        )  # fmt: skip
        session.last_number = WAITING
        session.save()
    return session.pk, session.rooms.get().room_id


def _bare_call(session_id: int, room_id: int) -> None:
    from django.db import connection, transaction
    from django.utils import timezone

    now = timezone.now()
    lock = " FOR NO KEY UPDATE" if connection.vendor == "postgresql" else ""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"SELECT version FROM booking_session WHERE id = %s{lock}", [session_id])
        version = cursor.fetchone()[0] + 1
        cursor.execute(
            "UPDATE queueboard_ticket SET state = 'done', ended_at = %s, started_at = called_at, served_seconds = 0 "
            "WHERE session_id = %s AND state = 'called'",
            [now, session_id],
        )
        cursor.execute(
            "UPDATE queueboard_ticket SET state = 'called', room_id = %s, called_no = %s, calls = 1, called_at = %s "
            "WHERE id = (SELECT id FROM queueboard_ticket WHERE session_id = %s AND state = 'waiting' "
            "ORDER BY number LIMIT 1)",
            [room_id, version, now, session_id],
        )
        cursor.execute("UPDATE booking_session SET version = %s WHERE id = %s", [version, session_id])
        cursor.execute(
            "INSERT INTO queueboard_queueevent (session_id, version, kind, room_id, at, reason, changes, worse) "
            "VALUES (%s, %s, 'call', %s, %s, '', %s, '{}')",
            [session_id, version, room_id, now, json.dumps([{"model": "ticket", "now": {"state": "called"}}])],
        )


if __name__ == "__main__":
    print(json.dumps(_measure()))
