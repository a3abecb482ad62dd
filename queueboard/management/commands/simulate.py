"""manage.py simulate: what a way of splitting the numbers does to those who wait (R7.1, R7.2; docs/simulation.md)."""

import json
import sys
from argparse import ArgumentParser, ArgumentTypeError
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _
from tqdm import tqdm

from booking.errors import BookingError
from booking.models import Expert
from queueboard import own_past
from queueboard.simulation import picture, report, study, tables
from queueboard.simulation.policies import POLICIES
from queueboard.simulation.scenario import Scenario

MOST = 1_000_000


def count(text: str) -> int:
    """A whole number of mornings, up to MOST."""
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= MOST:
        raise ArgumentTypeError(f"a whole number from 1 to {MOST}")
    return int(text)


def rate(text: str) -> float:
    """Walk-ins an hour, from 0 to 120."""
    try:
        value = float(text)
    except ValueError as error:
        raise ArgumentTypeError(f"not a number: {text}") from error
    if not 0 <= value <= 120:
        raise ArgumentTypeError("a number from 0 to 120")
    return value


class Command(BaseCommand):
    help = "Plays mornings under several ways to split the numbers: waits, idle time, overtime, crowd."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--expert", metavar="CODE", help="from this expert's own past (default: the study's morning)"
        )
        parser.add_argument(
            "--walk-ins-per-hour", type=rate, metavar="X", help="in place of what the expert's past says"
        )
        parser.add_argument(
            "--policy", nargs="+", choices=POLICIES, default=list(POLICIES), metavar="NAME",
            help=f"which: {', '.join(POLICIES)} (all)",
        )  # fmt: skip
        parser.add_argument("--mornings", type=count, default=10_000, metavar="N", help="how many (10000)")
        parser.add_argument("--seed", type=int, default=1, help="the same seed gives the same mornings (1)")
        parser.add_argument("--json", action="store_true", help="everything, for programs")
        parser.add_argument("--picture", type=Path, metavar="FILE", help="waits and the crowd over time, .png or .svg")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["seed"] < 0:
            raise CommandError(_("A seed is not negative."))
        scenario, sources = self._scenario(options["expert"], options["walk_ins_per_hour"])
        policies = {name: POLICIES[name] for name in dict.fromkeys(options["policy"])}
        with tqdm(total=None, unit=" steps", file=sys.stderr, mininterval=0.2, leave=False) as bar:

            def progress(done: int, steps: int) -> None:
                bar.total = steps
                bar.update(done - bar.n)

            reports = report.simulate(
                scenario, policies, count=options["mornings"], seed=options["seed"], progress=progress
            )
        if options["picture"]:
            try:
                picture.waits_and_crowd(scenario, reports).savefig(options["picture"], dpi=150)
            except (OSError, ValueError) as error:
                raise CommandError(f"{options['picture']}: {error}") from error
        if options["json"]:
            self.stdout.write(json.dumps(tables.document(scenario, reports, sources), indent=2))
            return
        for line in tables.lines(scenario, reports):
            self.stdout.write(line)

    def _scenario(self, code: str | None, walk_ins_per_hour: float | None) -> tuple[Scenario, dict[str, str]]:
        if code is None:
            if walk_ins_per_hour is not None:
                raise CommandError(_("Walk-ins an hour can be given for an expert's own past only."))
            return study.scenario(), study.SOURCES
        expert = Expert.objects.select_related("department").filter(code=code).first()
        if expert is None:
            raise CommandError(_("There is no expert with the code %(code)s.") % {"code": code})
        try:
            own = own_past.of_expert(expert, walk_ins_per_hour=walk_ins_per_hour)
        except BookingError as error:
            raise CommandError(str(error)) from error
        return own.scenario, own.sources
