"""Quotas: a session's numbers split between booking and walk-ins, and why (R2.4 to R2.7)."""

import logging
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.db.models import Sum
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from booking import quota, splits
from booking.cuts import Cuts
from booking.errors import BookingError
from booking.estimates import DIGITS, Estimate, Period, estimate
from booking.history import is_morning
from booking.models import QuotaMove, QuotaPlan, Session, Slot
from booking.services import freed, numbers
from booking.splits import Choice, Given

log = logging.getLogger(__name__)

Place = QuotaMove.Place
Reason = QuotaMove.Reason

# Moves that share out a session's own numbers; all others across its border add numbers or take some away.
SHARES_OUT = (Reason.PLANNED, Reason.RECALCULATED, Reason.LOCKED, Reason.PASSED_ON)

_WORDS = {
    "too_few_numbers": _("The session has fewer numbers than are booked or locked."),
    "all_locked": _("Every slot is locked, and some of the session's numbers are in none of them."),
    "locked_under_booked": _("A slot is locked with fewer numbers to book than are booked."),
    "no_slots": _("The session has no slots."),
}


def recalculate(*, session_id: int, actor: AbstractBaseUser | None = None, now: datetime | None = None) -> QuotaPlan:
    """Splits a session's numbers anew from the history of its expert, by hand also after its release.

    Never goes under what is booked and leaves locked slots alone. Where nothing has changed the last plan is returned
    and nothing is written. Raises BookingError `registration_open` once walk-ins can register, `quota_<code>` where no
    split is possible (booking.quota.QuotaError).
    """
    return _recalculate(session_id, Cuts(), actor=actor, now=now or timezone.now(), by_hand=True)[0]


def renumber(
    *, session_id: int, numbers_in_all: int, actor: AbstractBaseUser | None = None, now: datetime | None = None
) -> QuotaPlan:
    """Gives a session other numbers in all than it was made with, split anew; those added to it stay on top.

    Raises BookingError as `recalculate` does, `quota_too_few_numbers` for fewer than are booked or locked among them.
    """
    now = now or timezone.now()
    return _recalculate(session_id, Cuts(), actor=actor, now=now, by_hand=True, numbers_in_all=numbers_in_all)[0]


def recalculate_all(*, now: datetime | None = None) -> int:
    """Recalculates every session that is not yet released for booking (R2.6). Returns how many plans are new.

    One transaction per session: killed halfway, those done are done, and the next run does the others. Department by
    department, each log read once.
    """
    now = now or timezone.now()
    waiting = Session.objects.filter(state=Session.State.PLANNED, released_at__gt=now, pool_opened_at=None)
    cuts, changed = Cuts(), 0
    by_log = sorted(
        waiting.values_list("department_id", "starts_at", "pk"), key=lambda row: (row[0], is_morning(row[1]), row[2])
    )
    for _department, _starts_at, session_id in by_log:
        try:
            changed += _recalculate(session_id, cuts, actor=None, now=now, by_hand=False)[1]
        except BookingError as error:
            # Cancelled, opened or released since it was listed, or locked into a corner by a manager.
            log.warning("session %s keeps its quotas: %s", session_id, error.code)
    return changed


def share_out(
    session: Session, slots: Sequence[Slot], estimated: Estimate, choice: Choice | None, *, now: datetime
) -> QuotaPlan:
    """The first split of a new session, in the transaction that makes it. `slots` in order, saved, without numbers."""
    given = splits.given(slots, session.numbers)
    return _apply(session, slots, estimated, given, choice, reason=Reason.PLANNED, actor=None, now=now)[0]


def period_of(session: Session) -> Period:
    """What is to be estimated for a saved session; its slots give the spans."""
    spans = tuple(session.slots.order_by("index").values_list("starts_at", "ends_at"))
    if not spans:
        raise BookingError(_WORDS["no_slots"], code="quota_no_slots")
    experts = tuple(sorted(set(session.rooms.values_list("expert_id", flat=True))))
    return Period(
        department=session.department,
        expert_ids=experts if session.expert_id is None else (session.expert_id,),
        rooms=max(1, len(experts)) if session.expert_id is None else 1,
        opens_at=session.registration_opens_at,
        spans=spans,
    )


def _recalculate(
    session_id: int,
    cuts: Cuts,
    *,
    actor: AbstractBaseUser | None,
    now: datetime,
    by_hand: bool,
    numbers_in_all: int | None = None,
) -> tuple[QuotaPlan, bool]:
    # Read, and searched, before the transaction: on SQLite that one holds the lock of all writers.
    session = Session.objects.select_related("department", "expert").get(pk=session_id)
    if numbers_in_all is not None:
        session.numbers = numbers_in_all
    period = period_of(session)
    estimated = estimate(period, cuts)
    given = _given(session, session.slots.order_by("index"))
    last = session.plans.order_by("-pk").values_list("basis__optimised", flat=True).first()
    choice = splits.choose(session.expert, period, estimated, given, last)
    with transaction.atomic():
        session = Session.objects.select_for_update(no_key=True).get(pk=session_id)
        _still_planned(session)
        if not by_hand and session.released_at <= now:
            raise BookingError(_("The session is released for booking."), code="released")
        if numbers_in_all is not None:
            session.numbers = numbers_in_all
            session.save(update_fields=["numbers"])
        slots = list(session.slots.select_for_update(no_key=True).order_by("index"))
        found = _given(session, slots)
        if choice is not None and found != given:
            raise BookingError(
                _("Somebody booked, locked or added a number meanwhile. Please calculate again."),
                code="changed_meanwhile",
            )
        return _apply(session, slots, estimated, found, choice, reason=Reason.RECALCULATED, actor=actor, now=now)


def _given(session: Session, slots: Iterable[Slot]) -> Given:
    return splits.given(slots, session.numbers + added_numbers(session.pk))


def added_numbers(session_id: int) -> int:
    """Numbers that came to a session after it was made, less those that left it."""
    moves = QuotaMove.objects.filter(slot__session_id=session_id).exclude(reason__in=SHARES_OUT)
    came = moves.filter(source=Place.OUTSIDE).aggregate(n=Sum("count", default=0))["n"]
    went = moves.filter(target=Place.OUTSIDE).aggregate(n=Sum("count", default=0))["n"]
    return came - went


def _apply(
    session: Session,
    slots: Sequence[Slot],
    estimated: Estimate,
    given: Given,
    choice: Choice | None,
    *,
    reason: str,
    actor: AbstractBaseUser | None,
    now: datetime,
) -> tuple[QuotaPlan, bool]:
    try:
        split = splits.plan(estimated, given, choice)
    except quota.QuotaError as error:
        words = _WORDS.get(error.code, _("No split can be computed from these figures."))
        raise BookingError(words, code=f"quota_{error.code}", session=session.pk) from error
    moved = _move(session, slots, split, reason=reason, actor=actor, now=now)
    basis = estimated.basis | {"numbers": given.total}
    if choice is not None:
        basis["optimised"] = choice.basis
    rows = [
        _row(slot, measured, planned, estimated.basis["rooms"])
        for slot, measured, planned in zip(slots, estimated.capacities, split, strict=True)
    ]
    last = session.plans.order_by("-pk").first()
    if last is not None and not moved and (last.basis, last.rows) == (basis, rows):
        return last, False
    made = QuotaPlan.objects.create(
        session=session,
        made_at=now,
        made_by=actor,  # type: ignore[misc]  # the stubs know the default user only
        basis=basis,
        rows=rows,
    )
    return made, True


def _row(slot: Slot, measured: quota.SlotCapacity, planned: quota.SlotPlan, rooms: int) -> dict[str, Any]:
    """One slot's line of the report; JSON values only. Minutes and expectations are rounded for comparing."""
    return {
        "slot": slot.index,
        "start": timezone.localtime(slot.starts_at).isoformat(),
        "end": timezone.localtime(slot.ends_at).isoformat(),
        "observed": None if measured.observed is None else round(measured.observed, DIGITS),
        "visits": measured.visits,
        "mean_minutes": None if measured.mean_minutes is None else round(measured.mean_minutes, DIGITS),
        "visit_minutes": round(measured.visit_minutes, DIGITS),
        "expected": round(measured.expected, DIGITS),
        "capacity": planned.capacity,
        "reason": measured.reason.value,
        "walk_ins": planned.walk_ins,
        "carry_in": planned.carry_in,
        "demand": planned.demand,
        "carry": planned.carry_out,
        "bookable": planned.bookable,
        "walk_in": planned.walk_in,
        "booked": planned.booked,
        "locked": slot.locked,
        "overtime": planned.overtime,
        "overtime_minutes": round(planned.overtime * measured.visit_minutes / rooms, DIGITS),
    }


def _move(
    session: Session,
    slots: Sequence[Slot],
    split: Sequence[quota.SlotPlan],
    *,
    reason: str,
    actor: AbstractBaseUser | None,
    now: datetime,
) -> bool:
    """Moves numbers until each slot is as planned: within a slot first, then out of slots, then into others."""
    within, out, into = [], [], []
    for slot, planned in zip(slots, split, strict=True):
        bookable = planned.bookable - slot.bookable
        pool = planned.walk_in - slot.walk_in
        if bookable * pool < 0:
            count = min(abs(bookable), abs(pool))
            source, target = (Place.BOOKABLE, Place.POOL) if bookable < 0 else (Place.POOL, Place.BOOKABLE)
            within.append((slot.pk, source, target, count))
            bookable += count if bookable < 0 else -count
            pool += count if pool < 0 else -count
        for place, change in ((Place.BOOKABLE, bookable), (Place.POOL, pool)):
            if change < 0:
                out.append((slot.pk, place, Place.OUTSIDE, -change))
            elif change > 0:
                into.append((slot.pk, Place.OUTSIDE, place, change))
    moves = [*within, *out, *into]
    for slot_id, source, target, count in moves:
        if target == Place.BOOKABLE:
            freed.give(
                slot_id=slot_id, session=session, source=source, count=count, reason=reason, actor=actor, now=now
            )  # fmt: skip
        else:
            numbers.move(
                slot_id=slot_id, source=source, target=target, count=count, reason=reason, actor=actor, now=now
            )  # fmt: skip
    return bool(moves)


def lock_split(*, slot_id: int, bookable: int, actor: AbstractBaseUser | None, now: datetime | None = None) -> Slot:
    """A manager fixes how many of a slot's numbers can be booked (see `lock_splits`)."""
    session_id = Slot.objects.values_list("session_id", flat=True).get(pk=slot_id)
    return lock_splits(session_id=session_id, bookable={slot_id: bookable}, actor=actor, now=now)[0]


def lock_splits(
    *,
    session_id: int,
    bookable: Mapping[int, int],
    actor: AbstractBaseUser | None,
    note: str = "",
    now: datetime | None = None,
) -> list[Slot]:
    """A manager fixes how many numbers of these slots (by id) can be booked: recalculation leaves them from then on
    (R2.5). All or none; `note` is the manager's reason, kept in the ledger.

    Raises BookingError `registration_open`, `locked_under_booked` under what is booked, `too_few_numbers` over what a
    slot has.
    """
    now = now or timezone.now()
    with transaction.atomic():
        session = Session.objects.select_for_update(no_key=True).get(pk=session_id)
        _still_planned(session)
        slots = list(session.slots.select_for_update(no_key=True).filter(pk__in=bookable).order_by("pk"))
        for slot in slots:
            fits(slot, bookable[slot.pk])
        for slot in slots:
            more = bookable[slot.pk] - slot.bookable
            if more > 0:
                freed.give(
                    slot_id=slot.pk, session=session, source=Place.POOL, count=more, reason=Reason.LOCKED, now=now,
                    actor=actor, note=note,
                )  # fmt: skip
            elif more < 0:
                numbers.move(
                    slot_id=slot.pk, source=Place.BOOKABLE, target=Place.POOL, count=-more, reason=Reason.LOCKED,
                    now=now, actor=actor, note=note,
                )  # fmt: skip
        session.slots.filter(pk__in=bookable).update(locked=True)
        return list(session.slots.filter(pk__in=bookable).order_by("index"))


def unlock_splits(*, session_id: int, slot_ids: Collection[int]) -> list[Slot]:
    """Gives locked slots back to the calculation; their numbers stay until the next one. Returns those that were
    locked. Raises BookingError `registration_open`."""
    with transaction.atomic():
        session = Session.objects.select_for_update(no_key=True).get(pk=session_id)
        _still_planned(session)
        slots = list(session.slots.select_for_update(no_key=True).filter(pk__in=slot_ids, locked=True).order_by("pk"))
        session.slots.filter(pk__in=[slot.pk for slot in slots]).update(locked=False)
        return slots


def _still_planned(session: Session) -> None:
    if session.state != Session.State.PLANNED or session.pool_opened_at:
        raise BookingError(_("Registration is open: the split stays as it is."), code="registration_open")


def fits(slot: Slot, bookable: int) -> None:
    """Raises BookingError `locked_under_booked` or `too_few_numbers` where a slot cannot have so many to book."""
    taken = slot.booked + slot.withheld
    if bookable < taken:
        words = _("%(slot)s: %(taken)d are booked already, so fewer cannot be bookable.")
        raise BookingError(words % {"slot": slot, "taken": taken}, code="locked_under_booked", slot=slot.pk)
    if bookable > slot.numbers:
        words = _("%(slot)s has %(numbers)d numbers, so %(bookable)d cannot be bookable.")
        figures = {"slot": slot, "numbers": slot.numbers, "bookable": bookable}
        raise BookingError(words % figures, code="too_few_numbers", slot=slot.pk)
