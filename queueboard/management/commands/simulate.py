"""manage.py simulate: what a way of splitting the numbers does to those who wait (R7.1, R7.2; docs/simulation.md)."""

import json
import math
import sys
from argparse import ArgumentParser
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from tqdm import tqdm

from booking.errors import BookingError
from booking.models import Expert
from queueboard import own_past
from queueboard.simulation import picture, report, study, tables
from queueboard.simulation.policies import POLICIES, Policy
from queueboard.simulation.scenario import Scenario

MOST = 1_000_000  # mornings
MOST_AN_HOUR = 120  # walk-ins
MOST_SEED = 2**32 - 1
PICTURES = (".png", ".svg")

KINDS = {
    "visits": gettext_lazy("visit lengths"),
    "walk_ins": gettext_lazy("walk-ins an hour"),
    "start_delay": gettext_lazy("the expert's late start"),
    "absent": gettext_lazy("who never comes"),
    "punctuality": gettext_lazy("when booked patients check in"),
    "missed": gettext_lazy("missed calls and who comes back"),
}
SOURCES = {
    "expert": gettext_lazy("From the expert's own past"),
    "department": gettext_lazy("From the department's past"),
    "default": gettext_lazy("The department's stated default, for want of any past"),
    "stated": gettext_lazy("Stated, not counted here"),
    "study": gettext_lazy("The study's, or assumed where it does not say"),
}


def count(given: str | int) -> int:
    """A whole number of mornings. Raises CommandError."""
    return _whole("--mornings", given, 1, MOST)


def seed(given: str | int) -> int:
    """Raises CommandError."""
    return _whole("--seed", given, 0, MOST_SEED)


def _whole(option: str, given: str | int, least: int, most: int) -> int:
    text = str(given)
    if not text.isascii() or not text.isdigit() or not least <= int(text) <= most:
        raise CommandError(
            _("%(option)s is a whole number from %(least)d to %(most)d.")
            % {"option": option, "least": least, "most": most}
        )
    return int(text)


def rate(given: str | float | None) -> float | None:
    """Walk-ins an hour, or None where none are stated. Raises CommandError."""
    if given is None:
        return None
    try:
        value = float(given)
    except ValueError:
        value = math.nan
    if not 0 <= value <= MOST_AN_HOUR:
        raise CommandError(
            _("%(option)s is a number from %(least)d to %(most)d.")
            % {"option": "--walk-ins-per-hour", "least": 0, "most": MOST_AN_HOUR}
        )
    return value


def morning(code: str | None, walk_ins_per_hour: float | None) -> tuple[Scenario, dict[str, str]]:
    """The study's morning, or one from the past of the expert with this code, and where its figures come from.

    Raises CommandError.
    """
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


class Command(BaseCommand):
    help = "Plays mornings under several ways to split the numbers: waits, idle time, overtime, crowd."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--expert", metavar="CODE", help="from this expert's own past (default: the study's morning)"
        )
        parser.add_argument("--walk-ins-per-hour", metavar="X", help="in place of what the expert's past says")
        parser.add_argument(
            "--policy", nargs="+", default=list(POLICIES), metavar="NAME", help=f"which: {', '.join(POLICIES)} (all)"
        )
        parser.add_argument("--mornings", default=10_000, metavar="N", help="how many, in whole groups of 20 (10000)")
        parser.add_argument("--seed", default=1, metavar="N", help="the same seed gives the same mornings (1)")
        parser.add_argument("--json", action="store_true", help="everything, for programs")
        parser.add_argument("--picture", type=Path, metavar="FILE", help="waits and the crowd over time, .png or .svg")

    def handle(self, *args: Any, **options: Any) -> None:
        how_many, which = count(options["mornings"]), seed(options["seed"])
        file = options["picture"]
        if file is not None and file.suffix not in PICTURES:
            raise CommandError(_("The picture's name ends in .png or .svg."))
        policies = {name: _policy(name) for name in dict.fromkeys(options["policy"])}
        scenario, sources = morning(options["expert"], rate(options["walk_ins_per_hour"]))
        with tqdm(total=None, unit=" steps", file=sys.stderr, disable=not sys.stderr.isatty(), leave=False) as bar:

            def progress(done: int, steps: int) -> None:
                bar.total = steps
                bar.update(done - bar.n)

            reports = report.simulate(scenario, policies, count=how_many, seed=which, progress=progress)
        if file is not None:
            try:
                picture.waits_and_crowd(scenario, reports).savefig(file, dpi=150)
            except OSError as error:
                raise CommandError(
                    _("The picture cannot be written to %(file)s: %(why)s.") % {"file": file, "why": error.strerror}
                ) from error
        if options["json"]:
            document = {"mornings": how_many, "seed": which} | tables.document(scenario, reports, sources)
            self.stdout.write(json.dumps(document, indent=2))
            return
        for line in (*tables.lines(scenario, reports), "", *_origin(sources)):
            self.stdout.write(line)
        if scenario.bookings == 0:
            self.stdout.write(
                _("Walk-ins alone take all numbers: nobody books, and the policies hardly differ. "
                  "--walk-ins-per-hour states how many come.")
            )  # fmt: skip


def _origin(sources: Mapping[str, str]) -> Iterator[str]:
    """What the figures rest on."""
    for source, name in SOURCES.items():
        kinds = [str(KINDS[kind]) for kind in sources if sources[kind] == source]
        if kinds:
            yield f"{name}: {', '.join(kinds)}."


def _policy(name: str) -> Policy:
    if name not in POLICIES:
        raise CommandError(
            _("There is no policy named %(name)s; there are %(names)s.") % {"name": name, "names": ", ".join(POLICIES)}
        )
    return POLICIES[name]
