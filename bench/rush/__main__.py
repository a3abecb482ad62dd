"""What bench.rush measures, in a process that has the database: the figures as JSON on the last line."""

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from bench.push import machine
from bench.rush import clinic, pgbench, served

ROUNDS, REQUESTS, CONNECTIONS, WARM = 5, 2_000, 32, 400
CLIENTS, SECONDS = 8, 3  # pgbench's
RUSH, CROWD, NUMBERS = 10_000, 500, 40
SAME = 50  # patients who send half of a rush
NEWCOMERS = 100_000  # from this number on, patients whom nobody knows yet

Wanted = Sequence[tuple[int, int]]  # number of the patient, and the slot


def load(port: int, connections: int, wanted: Wanted, half: Callable[[], None] = lambda: None) -> dict[str, Any]:
    """What came of these requests; `half` is called when half of them are answered."""
    command = [sys.executable, "-m", "bench.rush.load", str(port), str(connections)]
    with subprocess.Popen(
        command, cwd=served.ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin
        assert process.stdout
        print(json.dumps(wanted), file=process.stdin, flush=True)
        process.stdout.readline()
        print(file=process.stdin, flush=True)
        process.stdout.readline()
        half()
        said = process.stdout.readline()
    if not said:
        raise RuntimeError("the load ended early")
    return json.loads(said)


def throughput(site: served.Site, made: clinic.Clinic) -> dict[str, Any]:
    """Bookings of the hot slot in turn with pgbench, and what each costs whom."""
    rates: dict[str, list[float]] = {"ours": [], "pgbench": []}
    each: dict[str, list[float]] = {"site": [], "PostgreSQL": [], "load": []}
    shares = []
    for _ in range(ROUNDS):
        clinic.reset()
        rates["pgbench"].append(
            pgbench.booked_a_second(clients=CLIENTS, seconds=SECONDS, patient=made.patients, slots=(made.hot, made.hot))
        )
        clinic.reset()
        load(site.port, CONNECTIONS, [(REQUESTS + number, made.first) for number in range(WARM)])
        site_before, database_before = site.used, _database_used()
        found = load(site.port, CONNECTIONS, [(number, made.hot) for number in range(REQUESTS)])
        if found["answers"] != {"201 booked": REQUESTS}:
            raise RuntimeError(f"not all were booked: {found['answers']}")
        used = (site.used - site_before, _database_used() - database_before, found["used"])
        for name, seconds in zip(each, used, strict=True):
            each[name].append(1e6 * seconds / REQUESTS)
        rates["ours"].append(REQUESTS / found["seconds"])
        shares.append(found["used"] / found["seconds"])
    return {"http": rates, "each": each, "load_share": shares}


def _database_used() -> float:
    """Seconds of processor time of the database's processes that serve us, which are on this machine."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT pid FROM pg_stat_activity WHERE datname = current_database()")
        return sum(machine.cpu_seconds(pid) for (pid,) in cursor.fetchall())


def rush(
    port: int, name: str, first: int, *, half_the_same: bool = False, half: Callable[[], None] = lambda: None
) -> dict[str, Any]:
    """Everybody at once for a slot of a few numbers; patients from number `first` on."""
    from booking import invariants as of_booking
    from booking.models import Department, Slot
    from queueboard import invariants as of_queues

    slot = clinic.slot(NUMBERS, of=Department.objects.get())
    wanted = [
        (first + (number % (2 * SAME) // 2 if half_the_same and number % 2 else SAME + number), slot)
        for number in range(RUSH)
    ]
    found = load(port, CROWD, wanted, half)
    breaches = [*of_booking.breaches(), *of_queues.breaches()]
    booked = Slot.objects.get(pk=slot).booked
    if booked != found["answers"].get("201 booked"):
        breaches.append(f"{booked} booked in the database")
    about = {"requests": RUSH, "connections": CROWD, "numbers": NUMBERS}
    return found | about | {"name": name, "breaches": breaches}


def main() -> None:
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "queueboard.settings")
    django.setup()
    machine.many_files()
    made = clinic.made(max(REQUESTS + WARM, 20_000))
    with (
        tempfile.TemporaryDirectory(prefix="qb") as folder,
        served.news(Path(folder)) as (url, valkey),
        served.site(REDIS_URL=url) as site,
        served.worker(REDIS_URL=url) as worker,
    ):
        figures = throughput(site, made)
        clinic.reset()

        def kill() -> None:
            for process in (worker, valkey):
                process.send_signal(signal.SIGKILL)

        figures["rushes"] = [
            rush(site.port, "everybody once", NEWCOMERS),
            rush(site.port, f"half of it by the same {SAME} patients", 2 * NEWCOMERS, half_the_same=True),
            rush(site.port, "worker and Redis killed in the middle", 3 * NEWCOMERS, half=kill),
        ]
    print(json.dumps(figures | {"requests": REQUESTS, "connections": CONNECTIONS, "clients": CLIENTS}))


if __name__ == "__main__":
    main()
