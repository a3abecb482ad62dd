"""manage.py optimise_split: a better split of a morning's numbers than the study's, and its price (docs/quotas.md)."""

import json
import math
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _
from tqdm import tqdm

from booking.models import Expert
from queueboard.management.commands.simulate import PICTURES, count, morning, rate, seed
from queueboard.own_past import order_of
from queueboard.simulation import optimise, optimum, policies, report, tables
from queueboard.simulation.optimise import Limits, Order, ordered

# The study has the booked first within a slot.
STUDY_ORDER = Order(booked_first=True)


def share(given: str | float | None) -> float | None:
    """A weight, or None where none is stated. Raises CommandError."""
    if given is None:
        return None
    try:
        value = float(given)
    except ValueError:
        value = math.nan
    if not 0 <= value <= 1:
        raise CommandError(
            _("%(option)s is a number from %(least)d to %(most)d.") % {"option": "--weight", "least": 0, "most": 1}
        )
    return value


class Command(BaseCommand):
    help = "Searches the split of a morning's numbers with the shortest waits, and what can be traded for what."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--expert", metavar="CODE", help="from this expert's own past (default: the study's morning)"
        )
        parser.add_argument("--walk-ins-per-hour", metavar="X", help="in place of what the expert's past says")
        parser.add_argument(
            "--weight", metavar="W",
            help="the walk-ins' share in the wait that is minimised, 0 to 1 (a minute of any patient counts the same)",
        )  # fmt: skip
        parser.add_argument(
            "--limits", choices=["today", "study", "none"], default="today",
            help="under which split the booked patients' wait and the overtime must not be worse (today)",
        )  # fmt: skip
        parser.add_argument("--any-order", action="store_true", help="search the order's settings too (R4.2)")
        parser.add_argument("--mornings", default=10_000, metavar="N", help="to report on (10000)")
        parser.add_argument("--seed", default=1, help="the same seed gives the same split (1)")
        parser.add_argument("--json", action="store_true", help="everything, for programs")
        parser.add_argument("--picture", type=Path, metavar="FILE", help="what can be traded for what, .png or .svg")

    def handle(self, *args: Any, **options: Any) -> None:
        how_many, which, weight = count(options["mornings"]), seed(options["seed"]), share(options["weight"])
        file = options["picture"]
        if file is not None and file.suffix not in PICTURES:
            raise CommandError(_("The picture's name ends in .png or .svg."))
        scenario, sources = morning(options["expert"], rate(options["walk_ins_per_hour"]))
        order = STUDY_ORDER
        if options["expert"]:
            order = order_of(Expert.objects.select_related("department").get(code=options["expert"]).department)
        plans = {name: ordered(policies.POLICIES[name](scenario), order) for name in ("today", "study")}
        limit = plans.get(options["limits"])
        search: dict[str, Any] = {
            "limits": None if limit is None else Limits(limit),
            "orders": optimise.orders_around(order) if options["any_order"] else (order,),
            "seed": which,
        }
        with tqdm(total=None, unit=" steps", file=sys.stderr, disable=not sys.stderr.isatty(), leave=False) as bar:

            def progress(done: int, steps: int) -> None:
                bar.total = steps
                bar.update(done - bar.n)

            best = optimise.optimise(scenario, plans["study"], weight=weight, progress=progress, **search)
            front = optimise.front(scenario, plans["study"], progress=progress, **search)
            plans["optimised"] = best.plan
            given = {name: lambda _scenario, plan=plan: plan for name, plan in plans.items()}
            # Mornings that no choice was made on.
            reports = report.simulate(scenario, given, count=how_many, seed=which, progress=progress)
        if file is not None:
            points = {"study": best.start, "optimised": best.judged}
            try:
                optimum.trade({"front": front}, points).savefig(file, dpi=150)
            except OSError as error:
                raise CommandError(
                    _("The picture cannot be written to %(file)s: %(why)s.") % {"file": file, "why": error.strerror}
                ) from error
        if options["json"]:
            found = tables.document(scenario, reports, sources) | {"optimum": optimum.document(best, front)}
            self.stdout.write(
                json.dumps(
                    found
                    | {"weight": optimise.alike(scenario) if weight is None else weight, "limits": options["limits"]},
                    indent=2,
                )
            )
            return
        for line in [*tables.lines(scenario, reports), "", *optimum.split_lines(plans), "", self._said(best), ""]:
            self.stdout.write(line)
        self.stdout.write("what can be traded for what: no split found is better for walk-ins and for the booked")
        for line in optimum.front_lines(front):
            self.stdout.write(line)

    def _said(self, best: optimise.Optimum) -> str:
        if best.better:
            return f"{best.tried} splits tried; fresh mornings confirm the one chosen against the study's."
        return f"{best.tried} splits tried; none is better than the study's under these limits."
