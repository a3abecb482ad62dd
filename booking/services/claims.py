"""One number of a slot claimed for one appointment: counted, recorded and announced, or nothing of it (R3.2, R2.7).

On PostgreSQL it is one statement, so one round trip, and a slot that everybody wants is locked no longer than that.
SQLite has no round trips and lets one writer in at a time: there it is the same writes one after the other.
"""

import contextlib
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from enum import Enum
from functools import cache, partial
from operator import attrgetter
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connection, models, transaction
from django.db.models import F

from booking import kept
from booking.errors import BookingError
from booking.models import Appointment, Outbox, Patient, QuotaMove, Session, SourceCount
from booking.services import numbers, sources
from booking.services.sources import Source


class Outcome(Enum):
    CLAIMED = "claimed"
    CLOSED = "closed"  # the session cannot be booked any more
    RACED = "raced"  # the patient, or another of the same phone, has claimed since `seen` was read: look again
    ACCOUNT_FULL = "account_full"  # too many bookings came from it today
    DEVICE_FULL = "device_full"
    ADDRESS_FULL = "address_full"
    NONE_LEFT = "none_left"


FULL = {
    SourceCount.Kind.ACCOUNT: Outcome.ACCOUNT_FULL,
    SourceCount.Kind.DEVICE: Outcome.DEVICE_FULL,
    SourceCount.Kind.ADDRESS: Outcome.ADDRESS_FULL,
}


@dataclass(frozen=True, slots=True)
class Claim:
    """What is written: `appointment`, `move` and `message` (None: nothing is sent) are not saved yet, and nor is the
    appointment's patient where that is somebody new. `seen`: `Patient.bookings` by patient when the limits were looked
    at. `sources`: where it comes from, as far as that has a limit."""

    appointment: Appointment
    seen: dict[int, int]
    move: QuotaMove
    message: Outbox | None
    sources: tuple[Source, ...] = ()


def claim(wanted: Claim) -> Outcome:
    """Takes one number from what is free to book: the appointment has its id then, its patient, the slot its counts.

    Anything but CLAIMED has written nothing, but that what is compared may have risen, which harms nobody. Raises
    IntegrityError where the patient has an active appointment in the session, or is not new any more.
    """
    # Inside somebody's transaction a refusal by a constraint must not end theirs.
    with transaction.atomic() if connection.in_atomic_block else contextlib.nullcontext():
        return _in_one_statement(wanted) if connection.vendor == "postgresql" else _one_after_the_other(wanted)


def raise_counts(seen: dict[int, int]) -> bool:
    """For what takes a number in another way: False, and nothing done, where somebody has claimed since `seen`."""
    patients = Patient.objects.filter(pk__in=seen)
    locked = patients.select_for_update(no_key=True).order_by("pk")
    if dict(locked.values_list("pk", "bookings")) != seen:
        return False
    patients.update(bookings=F("bookings") + 1)
    return True


# The session is locked as shared: whoever cancels it or opens its pool waits for the claims under way, and later ones
# see what has become of it. The counts of the patient and of the phone are locked in the order of their ids, compared
# and raised, so that two bookings cannot both be the last within a limit; each source counts up to its own, the one
# that most share last. The slot comes last, and is the only row that strangers at different addresses wait for.
_STATEMENT = """
WITH open AS (
    SELECT id FROM booking_session WHERE id = %s AND state = 'planned' AND pool_opened_at IS NULL FOR SHARE
), patient AS (
    SELECT booking_patient.id, bookings FROM booking_patient, open WHERE booking_patient.id IN ({ids})
    ORDER BY booking_patient.id FOR NO KEY UPDATE OF booking_patient
), looked AS (
    SELECT 1 FROM open WHERE (SELECT count(*) FROM patient WHERE (id, bookings) IN ({seen})) = %s
), raised AS (
    UPDATE booking_patient SET bookings = bookings + 1 FROM looked WHERE booking_patient.id IN ({ids})
){sources}, slot AS (
    UPDATE booking_slot SET booked = booked + 1 FROM {within}
    WHERE booking_slot.id = %s AND bookable - booked - withheld > 0
    RETURNING {counts}
), who AS (
    {who}
), made AS (
    {appointment} FROM slot, who RETURNING id
), moved AS (
    {move} FROM slot, made
){said}
SELECT (SELECT count(*) FROM open), (SELECT count(*) FROM looked), {kinds}, who.id, made.id, {counts}
FROM (VALUES (1)) AS one LEFT JOIN slot ON TRUE LEFT JOIN who ON TRUE LEFT JOIN made ON TRUE
"""
_COUNTS = ("bookable", "booked", "withheld", "walk_in", "registered")
_SOURCES = """, source AS ({counted}
), within AS (
    SELECT 1 FROM source HAVING count(*) = %s
)"""


def _in_one_statement(wanted: Claim) -> Outcome:
    made = wanted.appointment
    who, who_values = _who(made)
    appointment, values = _insert(made, patient_id="who.id")
    move, move_values = _insert(
        wanted.move, bookable_left="bookable - booked - withheld", walk_in_left="walk_in - registered",
        appointment_id="made.id",
    )  # fmt: skip
    ids, pairs = list(wanted.seen), [each for pair in wanted.seen.items() for each in pair]
    parameters: list[Any] = [made.session_id, *ids, *pairs, len(ids), *ids]
    counted, within, kinds, said = "", "looked", "''", ""
    if wanted.sources:
        counting, counted_values = _counting(wanted, after="looked")
        counted, within, kinds = (
            _SOURCES.format(counted=counting),
            "within",
            "(SELECT string_agg(kind, ' ') FROM source)",
        )
        parameters += [*counted_values, len(wanted.sources)]
    parameters += [made.slot_id, *who_values, *values, *move_values]
    if wanted.message is not None:
        message, message_values = _insert(
            wanted.message,
            key="%s || made.id",
            payload="%s || jsonb_build_object('appointment', made.id, 'patient', who.id)",
        )
        said = f", said AS ({message} FROM made, who)"
        parameters += message_values
    statement = _STATEMENT.format(
        ids=", ".join(["%s"] * len(ids)) or "NULL", seen=", ".join(["(%s, %s)"] * len(ids)) or "(NULL, NULL)",
        sources=counted, within=within, who=who, appointment=appointment, move=move, said=said, kinds=kinds,
        counts=", ".join(_COUNTS),
    )  # fmt: skip
    ((opened, unchanged, counted, patient_id, appointment_id, *counts),) = kept.rows(statement, parameters)
    if appointment_id is not None:
        if made.patient_id is None:
            _saved(made.patient, patient_id)
            made.patient_id = patient_id
        _saved(made, appointment_id)
        for name, count in zip(_COUNTS, counts, strict=True):
            setattr(made.slot, name, count)
        return Outcome.CLAIMED
    if not opened:
        return Outcome.CLOSED
    if not unchanged:
        return Outcome.RACED
    kinds_counted = (counted or "").split()
    _take_back(wanted, kinds_counted)
    return _first_full(wanted, kinds_counted) or Outcome.NONE_LEFT


def _who(made: Appointment) -> tuple[str, list[Any]]:
    """The patient's id, for a slot that had a number; of somebody new once they are written."""
    if made.patient_id is not None:
        return "SELECT %s::bigint AS id FROM slot", [made.patient_id]
    statement, values = _insert(made.patient, bookings="1")
    return f"{statement} FROM slot RETURNING id", values


def _saved(row: models.Model, pk: int) -> None:
    row.pk, row._state.adding, row._state.db = pk, False, DEFAULT_DB_ALIAS


def _counting(wanted: Claim, after: str = "") -> tuple[str, list[Any]]:
    since = sources.day_of(wanted.appointment.booked_at)
    return sources.insertion(wanted.sources, what=SourceCount.What.BOOKED, since=since, after=after)


def _take_back(wanted: Claim, counted: Collection[str]) -> None:
    """For a booking that came to nothing, as the last number went meanwhile: it was counted, and is not any more."""
    hashes = [source.hash for source in wanted.sources if source.kind in counted]
    if hashes:
        since = sources.day_of(wanted.appointment.booked_at)
        of_today = SourceCount.objects.filter(source_hash__in=hashes, what=SourceCount.What.BOOKED, since=since)
        of_today.update(count=F("count") - 1)


def _first_full(wanted: Claim, counted: Iterable[str]) -> Outcome | None:
    within = set(counted)
    return next((FULL[source.kind] for source in wanted.sources if source.kind not in within), None)


def _insert(row: models.Model, **expressions: str) -> tuple[str, list[Any]]:
    """`INSERT INTO ... SELECT ...` of an unsaved row, without its FROM, and its parameters in order.

    `expressions` stand for columns whose value the statement knows; `%s` in one is the row's own value.
    """
    statement, values_of = _insertion(type(row), **expressions)
    return statement, [value_of(row) for value_of in values_of]


# The driver writes their values as they are.
_PLAIN = {
    models.BooleanField, models.CharField, models.DateTimeField, models.ForeignKey, models.IntegerField,
    models.PositiveIntegerField, models.PositiveSmallIntegerField,
}  # fmt: skip


@cache
def _insertion(model: type[models.Model], **expressions: str) -> tuple[str, list[Callable[[models.Model], Any]]]:
    """The statement, and what finds each of its values in a row."""
    fields = [field for field in model._meta.local_concrete_fields if not field.primary_key]
    selected = [expressions.get(field.attname, "%s") for field in fields]
    columns = ", ".join(connection.ops.quote_name(str(field.column)) for field in fields)
    table = connection.ops.quote_name(model._meta.db_table)
    values_of: list[Callable[[models.Model], Any]] = [
        attrgetter(field.attname) if _is_plain(field) else partial(_prepared, field)
        for field, expression in zip(fields, selected, strict=True)
        if "%s" in expression
    ]
    return f"INSERT INTO {table} ({columns}) SELECT {', '.join(selected)}", values_of


def _is_plain(field: models.Field) -> bool:
    return type(field) in _PLAIN and not getattr(field, "auto_now_add", False)


def _prepared(field: models.Field, row: models.Model) -> Any:
    return field.get_db_prep_save(field.pre_save(row, add=True), connection)


def _one_after_the_other(wanted: Claim) -> Outcome:
    made = wanted.appointment
    with transaction.atomic():
        # One writer at a time: what is read here stays true to the end.
        session = Session.objects.filter(pk=made.session_id, state=Session.State.PLANNED, pool_opened_at=None)
        if not session.exists():
            return Outcome.CLOSED
        if not raise_counts(wanted.seen):
            return Outcome.RACED
        full = _first_full(wanted, _counted(wanted))
        if full is not None:
            transaction.set_rollback(True)
            return full
        try:
            _write(wanted)
        except BookingError:
            transaction.set_rollback(True)
            made.pk = None
            return Outcome.NONE_LEFT
        made.slot.refresh_from_db(fields=_COUNTS)
        return Outcome.CLAIMED


def _write(wanted: Claim) -> None:
    """Raises BookingError `none_left`."""
    made, move, message = wanted.appointment, wanted.move, wanted.message
    if made.patient_id is None:
        made.patient.bookings = 1
        made.patient.save()
        made.patient_id = made.patient.pk
    made.save()
    numbers.move(
        slot_id=made.slot_id, source=move.source, target=move.target, reason=move.reason, now=move.at,
        actor=move.actor, appointment_id=made.pk,
    )  # fmt: skip
    if message is not None:
        message.key += str(made.pk)
        message.payload |= {"appointment": made.pk, "patient": made.patient_id}
        message.save()


def _counted(wanted: Claim) -> list[str]:
    """The kinds of its sources that had not reached their limit."""
    if not wanted.sources:
        return []
    with connection.cursor() as cursor:
        cursor.execute(*_counting(wanted))
        return [kind for (kind,) in cursor.fetchall()]
