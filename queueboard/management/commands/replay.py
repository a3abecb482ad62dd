"""manage.py replay FILE: a recorded half-day played through the running queue (docs/demo.md)."""

import signal
import sys
from argparse import ArgumentParser, ArgumentTypeError
from pathlib import Path
from random import Random
from types import FrameType
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _
from tqdm import tqdm

from booking import importing
from queueboard import replay

STEPS = 4  # of each visit: check-in, call, start, finish


def speed(text: str) -> float:
    """A number above 0 and up to a day's seconds."""
    try:
        value = float(text)
    except ValueError as error:
        raise ArgumentTypeError(f"not a number: {text}") from error
    if not 0 < value <= 86400:
        raise ArgumentTypeError("must be above 0, and at most 86400")
    return value


class Command(BaseCommand):
    help = "Plays a recorded half-day through the running queue: boards and phones follow. Ctrl-C closes its session."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="CSV file, columns as in docs/history.md")
        parser.add_argument("--speed", type=speed, default=60.0, metavar="X", help="so many times as fast (60)")
        parser.add_argument("--session", type=int, metavar="N", help="which half-day of the file (its first)")
        parser.add_argument(
            "--expert", default=replay.DEPARTMENT, metavar="CODE", help="expert of the replay's own department"
        )
        parser.add_argument("--seed", type=int, default=1, help="of the made-up arrivals (1)")

    def handle(self, *args: Any, **options: Any) -> None:
        signal.signal(signal.SIGTERM, _interrupt)
        visits = self._visits(options)
        try:
            stage = replay.prepare(visits=visits, speed=options["speed"], expert=options["expert"])
        except ValueError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(
            _("Session %(id)d: board %(board)s, a patient's page %(page)s")
            % {"id": stage.session_id, "board": f"/board/{stage.boards[0]}/", "page": f"/t/{stage.tokens[-1]}/"}
        )
        self.stdout.write(
            _("The record does not say who came when: arrivals are made up from the punctuality of other patients.")
        )
        with tqdm(total=STEPS * len(visits), unit=" steps", file=sys.stderr, mininterval=0.2) as bar:
            try:
                result = replay.play(stage, on_event=lambda kind, number: self._show(bar, kind, number))
            except KeyboardInterrupt:
                bar.close()
                self.stderr.write(_("Stopped: session %(id)d is closed.") % {"id": stage.session_id})
                sys.exit(130)
        self._sum_up(result)

    def _visits(self, options: dict[str, Any]) -> list[replay.Visit]:
        try:
            parsed = importing.parse(options["file"])
        except importing.UnreadableFile as error:
            raise CommandError(str(error)) from error
        for line, reason in parsed.bad:
            self.stderr.write(_("line %(line)d left out: %(reason)s") % {"line": line, "reason": reason})
        if not parsed.rows:
            raise CommandError(_("No line of the file can be played."))
        number = options["session"] or min(row.half_day.session for row in parsed.rows)
        try:
            return replay.half_day(parsed, number, rng=Random(options["seed"]))
        except ValueError as error:
            raise CommandError(_("The file has no session %(n)d.") % {"n": number}) from error

    def _show(self, bar: "tqdm[Any]", kind: str, number: str) -> None:
        bar.set_postfix_str(f"{kind} {number}", refresh=False)
        bar.update()

    def _sum_up(self, result: replay.Result) -> None:
        self.stdout.write(
            _("Visits: %(visits)d, events: %(events)d, seconds: %(seconds).1f; a call at most %(lag).3f s late.")
            % {
                "visits": result.visits,
                "events": result.events,
                "seconds": result.seconds,
                "lag": result.largest_lag,
            }
        )
        if result.out_of_order or result.refused:
            self.stdout.write(
                _("Others had a hand in it: %(order)d calls of another patient than recorded, refused: %(refused)s.")
                % {"order": result.out_of_order, "refused": ", ".join(result.refused) or "-"}
            )


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt
