"""Plays a real half-day in a process of its own, and says when each version was committed.

player.py play FILE NUMBER SPEED BOARDS: one JSON line when all is prepared; on a line of input it plays; one JSON line
with the result, and the moment (epoch seconds) of the commit of each version that this process made.
player.py clinic DAYS: a clinic with templates whose sessions are made that many days ahead, and quotas to recalculate.
player.py task NAME: sends a task to the worker. player.py plans: how many quota calculations there are.
"""

import json
import os
import sys
import time
from pathlib import Path
from random import Random

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "queueboard.settings")
django.setup()

from queueboard.live import news  # noqa: E402


def play(file: str, number: str, speed: str, boards: str) -> None:
    from booking import importing
    from queueboard import replay

    visits = replay.half_day(importing.parse(Path(file)), int(number), rng=Random(1))
    stage = replay.prepare(visits=visits, speed=float(speed), boards=int(boards))
    commits: dict[int, float] = {}
    announce = news.announce
    started = [0.0]

    def timed(session_id: int) -> None:
        started[0] = time.time()
        announce(session_id)

    news.announce = timed
    news.listeners.append(lambda snapshot: commits.setdefault(snapshot.version, started[0]))
    say({"session": stage.session_id, "boards": stage.boards, "visits": len(visits)})
    sys.stdin.readline()
    calls: list[str] = []
    result = replay.play(stage, on_event=lambda kind, label: calls.append(label) if kind == "call" else None)
    say(
        {
            "commits": commits, "calls": calls, "version": result.events, "finished": result.finished,
            "refused": result.refused, "seen": result.visits, "lag": result.largest_lag, "seconds": result.seconds,
        }
    )  # fmt: skip


def clinic(days: str) -> None:
    from datetime import time as clock
    from datetime import timedelta

    from django.utils import timezone

    from booking.models import Template, TemplateRoom
    from booking.services import sessions
    from tests import factories

    department = factories.department(sessions_ahead_days=int(days), release_days_ahead=0)
    for _ in range(3):
        who, room = factories.expert(department), factories.room(department)
        for weekday in range(7):
            template = Template.objects.create(
                department=department, expert=who, weekday=weekday, starts=clock(8), ends=clock(12), numbers=40
            )
            TemplateRoom.objects.create(template=template, room=room, expert=who)
    # From tomorrow on: a session of today may close meanwhile, and what it adds to the log is another outcome.
    made = sessions.make_sessions(today=timezone.localdate() + timedelta(days=1))
    # Every session not yet released now has another outcome: work for booking.recalculate_quotas.
    type(department).objects.update(default_walk_ins_per_hour=9)
    say({"sessions": sum(session.released_at > timezone.now() for session in made)})


def task(name: str) -> None:
    from queueboard.celery import app

    app.send_task(name)


def plans() -> None:
    from booking.models import QuotaPlan

    say({"plans": QuotaPlan.objects.count()})


def say(value: object) -> None:
    print(json.dumps(value), flush=True)


if __name__ == "__main__":
    {"play": play, "clinic": clinic, "task": task, "plans": plans}[sys.argv[1]](*sys.argv[2:])
