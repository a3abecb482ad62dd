"""manage.py optimise_split: a better split of a morning's numbers than the study's, and its price (docs/quotas.md)."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from booking.models import Expert
from queueboard.management.simulating import (
    add_options,
    between,
    check_picture,
    count,
    morning,
    progress_shown,
    save_picture,
    seed,
)
from queueboard.own_past import order_of
from queueboard.simulation import optimise, optimum, policies, report, tables
from queueboard.simulation.optimise import Limits, ordered
from queueboard.simulation.scenario import Order

# The study has the booked first within a slot.
STUDY_ORDER = Order(booked_first=True)


class Command(BaseCommand):
    help = "Searches the split of a morning's numbers with the shortest waits, and what can be traded for what."

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_options(parser, picture="what can be traded for what")
        parser.add_argument(
            "--weight", metavar="W",
            help="the walk-ins' share in the wait that is minimised, 0 to 1 (a minute of any patient counts the same)",
        )  # fmt: skip
        parser.add_argument(
            "--limits", choices=["today", "study", "none"], default="today",
            help="under which split the booked patients' wait and the overtime must not be worse (today)",
        )  # fmt: skip
        parser.add_argument("--any-order", action="store_true", help="search the order's settings too (R4.2)")

    def handle(self, *args: Any, **options: Any) -> None:
        how_many, which = count(options["mornings"]), seed(options["seed"])
        weight = between("--weight", options["weight"], 1)
        file = options["picture"]
        check_picture(file)
        scenario, sources = morning(options)
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
        with progress_shown() as progress:
            best = optimise.optimise(scenario, plans["study"], weight=weight, progress=progress, **search)
            front = optimise.front(scenario, plans["study"], progress=progress, **search)
            plans["optimised"] = best.plan
            given = {name: lambda _scenario, plan=plan: plan for name, plan in plans.items()}
            # Mornings that no choice was made on.
            reports = report.simulate(scenario, given, count=how_many, seed=which, progress=progress)
        if file is not None:
            points = {"study": best.start, "optimised": best.judged}
            save_picture(optimum.trade({"front": front}, points), file)
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
