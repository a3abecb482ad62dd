"""What the commands that simulate a morning share: its options, what they refuse, progress, the picture's file."""

import math
import sys
from argparse import ArgumentParser
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError
from django.utils.translation import gettext as _
from matplotlib.figure import Figure
from tqdm import tqdm

from booking.errors import BookingError
from booking.models import Expert
from queueboard import own_past
from queueboard.simulation import study
from queueboard.simulation.scenario import Scenario

MOST = 1_000_000  # mornings
MOST_AN_HOUR = 120  # walk-ins
MOST_SEED = 2**32 - 1
PICTURES = (".png", ".svg")


def add_options(parser: ArgumentParser, *, picture: str) -> None:
    """Whose morning, how many, and what comes out; `picture` says what is drawn."""
    parser.add_argument("--expert", metavar="CODE", help="from this expert's own past (default: the study's morning)")
    parser.add_argument("--walk-ins-per-hour", metavar="X", help="in place of what the expert's past says")
    parser.add_argument("--mornings", default=10_000, metavar="N", help="how many, in whole groups of 20 (10000)")
    parser.add_argument("--seed", default=1, metavar="N", help="the same seed gives the same (1)")
    parser.add_argument("--json", action="store_true", help="everything, for programs")
    parser.add_argument("--picture", type=Path, metavar="FILE", help=f"{picture}, .png or .svg")


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


def between(option: str, given: str | float | None, most: int) -> float | None:
    """A number from 0 to `most`, or None where none is stated. Raises CommandError."""
    if given is None:
        return None
    try:
        value = float(given)
    except ValueError:
        value = math.nan
    if not 0 <= value <= most:
        raise CommandError(
            _("%(option)s is a number from %(least)d to %(most)d.") % {"option": option, "least": 0, "most": most}
        )
    return value


def morning(options: dict[str, Any]) -> tuple[Scenario, dict[str, str]]:
    """The study's morning, or one from the past of the expert asked for, and where its figures come from.

    Raises CommandError.
    """
    code = options["expert"]
    walk_ins_per_hour = between("--walk-ins-per-hour", options["walk_ins_per_hour"], MOST_AN_HOUR)
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


@contextmanager
def progress_shown() -> Iterator[Callable[[int, int], None]]:
    """A bar on a terminal, fed with the steps done and those there are."""
    with tqdm(total=None, unit=" steps", file=sys.stderr, disable=not sys.stderr.isatty(), leave=False) as bar:

        def progress(done: int, steps: int) -> None:
            bar.total = steps
            bar.update(done - bar.n)

        yield progress


def check_picture(file: Path | None) -> None:
    """Before the work. Raises CommandError for a name that no picture has."""
    if file is not None and file.suffix not in PICTURES:
        raise CommandError(_("The picture's name ends in .png or .svg."))


def save_picture(figure: Figure, file: Path) -> None:
    """Raises CommandError."""
    try:
        figure.savefig(file, dpi=150)
    except OSError as error:
        raise CommandError(
            _("The picture cannot be written to %(file)s: %(why)s.") % {"file": file, "why": error.strerror}
        ) from error
