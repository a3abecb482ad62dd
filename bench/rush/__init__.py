"""Bookings over HTTP with all that a real one does, beside pgbench; and a rush for 40 numbers (R3.2, R3.7)."""

import json
import os
import subprocess
import sys
import tempfile

from bench.calls import fresh_postgres
from bench.rush import pgbench, served
from bench.table import Row, markdown, spread


def run() -> str:
    """The tables; a sentence where there is no PostgreSQL or no pgbench."""
    url, missing = fresh_postgres(), pgbench.missing()
    if url is None or missing:
        return f"## The rush\n\n{missing or 'PostgreSQL did not answer: not measured.'}\n"
    with tempfile.TemporaryDirectory(prefix="qb") as folder:
        environment = os.environ | {"DATABASE_URL": url, "QUEUEBOARD_VAR": folder} | served.SETTINGS
        command = [sys.executable, "-m", "bench.rush"]
        done = subprocess.run(command, env=environment, cwd=served.ROOT, stdout=subprocess.PIPE, check=True)
    found = json.loads(done.stdout.splitlines()[-1])
    return _over_http(found) + "\n" + _rushes(found["rushes"])


def _over_http(found: dict) -> str:
    rates, each = found["http"], found["each"]
    costs = ", ".join(f"{what} {spread(each[what])}" for what in ("site", "PostgreSQL", "load"))
    return markdown(
        "The rush",
        "pgbench",
        [Row("one hot slot, over HTTP", "bookings/s", rates["ours"], rates["pgbench"])],
        [
            f"{len(rates['ours'])} rounds of {found['requests']:,} bookings from {found['connections']} connections, "
            f"site, database and load on one machine; pgbench as with the claims, {found['clients']} clients. Each is "
            "a POST to `/api/v1/appointments/` through all middleware, with the throttle and the limits of the default "
            "settings, each patient at an address of their own. The WSGI entry is served by granian, "
            f"{served.PROCESSES} processes of {served.THREADS} threads. Microseconds of a core for one booking: "
            f"{costs}; the load was {100 * max(found['load_share']):.0f} % of a core at most."
        ],
    )


def _rushes(rushes: list[dict]) -> str:
    head = ["rush", "booked", "none left", "has one already", "other", "p50", "p99", "took", "breaches"]
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    for rush in rushes:
        answers = dict(rush["answers"])
        cells = [answers.pop(kind, 0) for kind in ("201 booked", "409 none_left", "409 already_booked")]
        shown = [f"{count:,}" for count in cells] + [str(answers or "none")]
        times = [f"{1000 * rush['p50']:.0f} ms", f"{1000 * rush['p99']:.0f} ms", f"{rush['seconds']:.1f} s"]
        lines.append("| " + " | ".join([rush["name"], *shown, *times, str(rush["breaches"] or "none")]) + " |")
    first = rushes[0]
    notes = (
        f"{first['requests']:,} requests from {first['connections']} connections for {first['numbers']} numbers of one "
        f"slot. Of those refused, {sum(rush['without_elsewhere'] for rush in rushes)} were not told what is left "
        "elsewhere. Breaches are those that `manage.py check_invariants` finds afterwards, the ledger's sums among "
        "them. The worker and the Valkey of the last rush are killed when half is answered."
    )
    return "\n".join([*lines, "", notes, ""]) + "\n"
