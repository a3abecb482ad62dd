"""manage.py demo: the demonstration clinic, filled in (--seed) and lived in (docs/demo.md)."""

import logging
import os
import signal
import sys
import time
from argparse import ArgumentParser
from datetime import datetime
from random import Random
from typing import Any

from django.core.management.base import BaseCommand
from django.db import DatabaseError, InterfaceError, close_old_connections
from django.utils import timezone

from queueboard.demo import actors, clinic
from queueboard.demo.hands import Away, Hands, Services
from queueboard.demo.web import Web
from queueboard.supervisor.services import NOT_THE_DEMONSTRATION

log = logging.getLogger(__name__)

BREATH = 0.2  # seconds between two doings: 5 a second at most, however much is due at once
LONGEST_SLEEP = 0.5
TRY_AGAIN = 1.0
SAY_EVERY = 30.0
BASE = "http://127.0.0.1:8000"


class Command(BaseCommand):
    help = "Acts the demonstration clinic's patients, experts and clerks, one short morning after the other."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--seed", action="store_true", help="only fill an empty database with the clinic")
        parser.add_argument(
            "--base",
            default=os.environ.get("QUEUEBOARD_BASE", BASE),
            metavar="URL",
            help=f"the running server (QUEUEBOARD_BASE, else {BASE})",
        )
        parser.add_argument("--direct", action="store_true", help="act through the services, without a server")
        parser.add_argument("--random", type=int, metavar="N", help="start of the random numbers, to repeat a morning")
        parser.add_argument("--seconds", type=float, metavar="N", help="stop after so long")

    def handle(self, *args: Any, **options: Any) -> None:
        rng = Random(options["random"])
        try:
            if options["seed"]:
                self._fill(rng)
                return
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, _stop)
            hands = Services() if options["direct"] else Web(options["base"])
            self._live(hands, rng, options["seconds"])
        except (clinic.NotEmpty, clinic.NotTheDemonstration):
            self.stderr.write("This database holds something other than the demonstration: it is left alone.")
            sys.exit(NOT_THE_DEMONSTRATION)

    def _fill(self, rng: Random) -> None:
        now = timezone.now()
        if not clinic.fill(now=now, rng=rng):
            self.stdout.write("The demonstration is here already.")
            return
        there = actors.warm_up(now=now, rng=rng)
        self.stdout.write(f"Three mornings are under way; {actors.said(there.counts)}.")

    def _live(self, hands: Hands, rng: Random, seconds: float | None) -> None:
        if not clinic.is_demo():
            raise clinic.NotTheDemonstration
        there = actors.Clinic(hands=hands, rng=rng, now=timezone.now(), say=self._say)
        until = None if seconds is None else time.monotonic() + seconds
        said_at = float("-inf")
        while until is None or time.monotonic() < until:
            try:
                now = timezone.now()
                there.act(now)
                pause = _pause(there.due, now)
            except (Away, DatabaseError, InterfaceError) as error:
                # The server, or the database, is being started again: said now and then, tried until it is there.
                close_old_connections()
                if time.monotonic() > said_at + SAY_EVERY:
                    log.warning("waiting for the server: %s", error)
                    said_at = time.monotonic()
                pause = TRY_AGAIN
            time.sleep(pause)

    def _say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()


def _pause(due: datetime, now: datetime) -> float:
    return min(max((due - now).total_seconds(), 0.0), LONGEST_SLEEP) or BREATH


def _stop(number: int, frame: object) -> None:
    sys.exit(0)
