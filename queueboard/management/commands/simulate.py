"""manage.py simulate: what a way of splitting the numbers does to those who wait (R7.1, R7.2; docs/simulation.md)."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from queueboard.management.simulating import (
    add_options,
    check_picture,
    count,
    morning,
    progress_shown,
    save_picture,
    seed,
)
from queueboard.simulation import picture, report, tables
from queueboard.simulation.policies import POLICIES, Policy
from queueboard.simulation_words import source_words


class Command(BaseCommand):
    help = "Plays mornings under several ways to split the numbers: waits, idle time, overtime, crowd."

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_options(parser, picture="waits and the crowd over time")
        parser.add_argument(
            "--policy", nargs="+", default=list(POLICIES), metavar="NAME", help=f"which: {', '.join(POLICIES)} (all)"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        how_many, which = count(options["mornings"]), seed(options["seed"])
        file = options["picture"]
        check_picture(file)
        policies = {name: _policy(name) for name in dict.fromkeys(options["policy"])}
        scenario, sources = morning(options)
        with progress_shown() as progress:
            reports = report.simulate(scenario, policies, count=how_many, seed=which, progress=progress)
        if file is not None:
            save_picture(picture.waits_and_crowd(scenario, reports), file)
        if options["json"]:
            document = {"mornings": how_many, "seed": which} | tables.document(scenario, reports, sources)
            self.stdout.write(json.dumps(document, indent=2))
            return
        for line in (*tables.lines(scenario, reports), "", *source_words(sources)):
            self.stdout.write(line)
        if scenario.bookings == 0:
            self.stdout.write(
                _("Walk-ins alone take all numbers: nobody books, and the policies hardly differ. "
                  "--walk-ins-per-hour states how many come.")
            )  # fmt: skip


def _policy(name: str) -> Policy:
    if name not in POLICIES:
        raise CommandError(
            _("There is no policy named %(name)s; there are %(names)s.") % {"name": name, "names": ", ".join(POLICIES)}
        )
    return POLICIES[name]
