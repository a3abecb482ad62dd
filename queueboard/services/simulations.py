"""Simulations that managers ask for: asked on a page, played by the worker one at a time, the same however often (R7).

A row waits in the database, not in the broker: it is there whether or not a worker runs, and none is lost.
"""

import logging
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.models import AbstractBaseUser
from django.db import IntegrityError, transaction
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from booking.errors import BookingError
from booking.models import Expert
from queueboard import own_past
from queueboard.models import Simulation
from queueboard.simulation import study
from queueboard.simulation.policies import POLICIES
from queueboard.simulation.scenario import Scenario

log = logging.getLogger(__name__)

State = Simulation.State

MOST_MORNINGS = 20_000
# Patients times mornings times policies: some seconds of one core, and under 100 MB.
MOST_VISITS = 10_000_000
MOST_WAITING = 5
SILENT = timedelta(seconds=60)  # longer than the engine takes to be compiled on the slowest machine
TAKEN_WITHIN = timedelta(seconds=15)  # the worker looks every two seconds
TELL_EVERY = 0.3  # seconds between two words of progress


@dataclass(frozen=True, slots=True)
class Assumptions:
    """What a manager may suppose other than it is on record. Percentages.

    walk_ins, visits  how many come and how long visits take, of what is on record
    absent            of those who booked; None: as on record
    instead           of those who find nothing to book and come as walk-ins
    """

    walk_ins: int = 100
    visits: int = 100
    absent: int | None = None
    instead: int = 0


def ask(
    *,
    expert: Expert | None,
    policies: Sequence[str],
    mornings: int,
    seed: int,
    assumptions: Assumptions,
    actor: AbstractBaseUser | None,
    now: datetime | None = None,
) -> Simulation:
    """Puts a simulation in the line: of an expert's next session, or of the study's morning.

    The scenario is fixed here, so that what is recorded meanwhile changes no outcome. Raises BookingError `no_history`
    (own_past), `too_big`, `too_many_wait`.
    """
    now = now or timezone.now()
    if expert is None:
        scenario, sources = study.scenario(), dict(study.SOURCES)
    else:
        own = own_past.of_expert(expert)
        scenario, sources = own.scenario, own.sources
    scenario, changed = _supposed(scenario, assumptions)
    sources |= dict.fromkeys(changed, "stated")
    visits = round(scenario.bookings + sum(scenario.walk_ins)) * len(policies)
    if mornings > MOST_MORNINGS or visits * mornings > MOST_VISITS:
        most = min(MOST_MORNINGS, MOST_VISITS // max(1, visits))
        words = _("That is too much at once: at most %(most)d mornings for so many policies and patients.")
        raise BookingError(words % {"most": most}, code="too_big", status=400)
    if Simulation.objects.filter(state=State.WAITING).count() >= MOST_WAITING:
        words = _("%(count)d simulations wait already. Ask again when they are done.")
        raise BookingError(words % {"count": MOST_WAITING}, code="too_many_wait", status=429)
    asked = {
        "policies": list(policies), "mornings": mornings, "seed": seed, "assumptions": asdict(assumptions),
        "scenario": asdict(scenario), "sources": sources,
    }  # fmt: skip
    return Simulation.objects.create(
        expert=expert,
        asked=asked,
        made_by=actor,  # type: ignore[misc]  # the stubs know the default user only
        made_at=now,
        heard_at=now,
    )


def _supposed(scenario: Scenario, assumptions: Assumptions) -> tuple[Scenario, list[str]]:
    """The scenario with what is supposed in it, and which kinds of figure that changed."""
    fields: dict[str, Any] = {"instead": assumptions.instead / 100}
    changed = []
    if assumptions.walk_ins != 100:
        fields["walk_ins"] = tuple(each * assumptions.walk_ins / 100 for each in scenario.walk_ins)
        changed.append("walk_ins")
    if assumptions.visits != 100:
        fields["visit_minutes"] = tuple(each * assumptions.visits / 100 for each in scenario.visit_minutes)
        changed.append("visits")
    if assumptions.absent is not None:
        fields["absent"] = assumptions.absent / 100
        changed.append("absent")
    return replace(scenario, **fields), changed


def scenario_of(simulation: Simulation) -> Scenario:
    """The scenario as it was when asked."""
    fields = {name: tuple(v) if isinstance(v, list) else v for name, v in simulation.asked["scenario"].items()}
    return Scenario(**fields | {"slots": tuple((start, end) for start, end in fields["slots"])})


def run_next(*, now: datetime | None = None) -> Simulation | None:
    """Plays the oldest that waits, where no other is being played. Returns it as it is then, None where none was."""
    now = now or timezone.now()
    _stop_silent(now)
    waiting = Simulation.objects.filter(state=State.WAITING).order_by("pk")
    first = waiting.first()
    if first is None:
        return None
    try:
        with transaction.atomic():
            claimed = waiting.filter(pk=first.pk).update(
                state=State.RUNNING, run=F("run") + 1, progress=0, heard_at=now
            )  # fmt: skip
    except IntegrityError:
        return None  # another is being played
    if not claimed:
        return None
    simulation = Simulation.objects.get(pk=first.pk)
    _run(simulation)
    simulation.refresh_from_db()
    return simulation


class _Overtaken(Exception):
    """This run was taken for dead, and the row is another's now."""


def _run(simulation: Simulation) -> None:
    # Compiled code of half a second to load: nobody else in this process needs it.
    from queueboard.simulation import report, tables

    mine = Simulation.objects.filter(pk=simulation.pk, run=simulation.run, state=State.RUNNING)
    told = time.monotonic()

    def progress(done: int, steps: int) -> None:
        nonlocal told
        if time.monotonic() - told < TELL_EVERY and done > 1:
            return
        told = time.monotonic()
        if not mine.update(progress=100 * done // steps, heard_at=timezone.now()):
            raise _Overtaken

    asked = simulation.asked
    try:
        scenario = scenario_of(simulation)
        policies = {name: POLICIES[name] for name in asked["policies"]}
        reports = report.simulate(
            scenario, policies, count=asked["mornings"], seed=asked["seed"], progress=progress
        )  # fmt: skip
        result = tables.document(scenario, reports, asked["sources"])
    except _Overtaken:
        return
    except Exception:
        log.exception("simulation %s failed", simulation.pk)
        mine.update(state=State.FAILED, ended_at=timezone.now())
        return
    mine.update(state=State.DONE, progress=100, result=result, ended_at=timezone.now())


def silent(now: datetime) -> Q:
    """Rows whose run has said nothing for so long that it must have been stopped halfway."""
    return Q(state=State.RUNNING, heard_at__lt=now - SILENT)


def is_silent(simulation: Simulation, now: datetime) -> bool:
    """As `silent`, of a row at hand."""
    return simulation.state == State.RUNNING and simulation.heard_at < now - SILENT


def is_left_lying(simulation: Simulation, now: datetime) -> bool:
    """Whether a row waits although nothing is being played: no worker runs."""
    if simulation.state != State.WAITING or simulation.heard_at > now - TAKEN_WITHIN:
        return False
    played = Simulation.objects.filter(state=State.RUNNING).exclude(silent(now))
    lately = Simulation.objects.filter(ended_at__gt=now - TAKEN_WITHIN)
    return not (played.exists() or lately.exists())


def again(*, simulation_id: int, now: datetime | None = None) -> None:
    """Back into the line, from the beginning: what was stopped halfway or failed.

    Raises BookingError `not_stopped` for any other.
    """
    now = now or timezone.now()
    stopped = Simulation.objects.filter(Q(state__in=(State.STOPPED, State.FAILED)) | silent(now), pk=simulation_id)
    if not stopped.update(state=State.WAITING, progress=0, heard_at=now, ended_at=None):
        raise BookingError(_("It was not stopped: there is nothing to run again."), code="not_stopped")


def _stop_silent(now: datetime) -> None:
    stopped = Simulation.objects.filter(silent(now))
    if stopped.exists():
        log.warning("simulations stopped halfway: %d", stopped.update(state=State.STOPPED, ended_at=now))
