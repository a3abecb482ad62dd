"""One number of a slot claimed for one appointment: counted, recorded and announced, or nothing of it (R3.2, R2.7).

On PostgreSQL it is one statement, so one round trip, and a slot that everybody wants is locked no longer than that.
SQLite has no round trips and lets one writer in at a time: there it is the same writes one after the other.
"""

import contextlib
from dataclasses import dataclass
from datetime import date
from enum import Enum
from typing import Any

from django.db import connection, models, transaction
from django.db.models import F

from booking.errors import BookingError
from booking.models import AddressDay, Appointment, Outbox, Patient, QuotaMove, Session
from booking.services import numbers


class Outcome(Enum):
    CLAIMED = "claimed"
    CLOSED = "closed"  # the session cannot be booked any more
    RACED = "raced"  # the patient, or another of the same phone, has claimed since `seen` was read: look again
    ADDRESS_FULL = "address_full"  # too many bookings came from this address today
    NONE_LEFT = "none_left"


@dataclass(frozen=True, slots=True)
class Address:
    """Where a booking comes from (a keyed hash), the day that it counts for, and how many a day may have."""

    hash: str
    day: date
    limit: int


@dataclass(frozen=True, slots=True)
class Claim:
    """What is written. `appointment`, `move` and `message` (None: nothing is sent) are not saved yet; ids and balances
    that only the database knows are filled in by it. `seen`: `Patient.bookings` by patient when the limits were looked
    at. `address`: None for one that is not counted."""

    appointment: Appointment
    seen: dict[int, int]
    move: QuotaMove
    message: Outbox | None
    address: Address | None = None


def claim(wanted: Claim) -> Outcome:
    """Takes one number from what is free to book; `wanted.appointment` has its id then.

    Anything but CLAIMED has written nothing, but that ADDRESS_FULL and NONE_LEFT raise what is compared, which harms
    nobody, and that outside of a transaction NONE_LEFT counts for the address.
    Raises IntegrityError where the patient has an active appointment in the session.
    """
    # Inside somebody's transaction a refusal by a constraint must not end theirs.
    with transaction.atomic() if connection.in_atomic_block else contextlib.nullcontext():
        return _in_one_statement(wanted) if connection.vendor == "postgresql" else _one_after_the_other(wanted)


def raise_counts(seen: dict[int, int]) -> bool:
    """For what takes a number in another way: False, and nothing done, where somebody has claimed since `seen`."""
    patients = Patient.objects.filter(pk__in=seen)
    locked = patients.select_for_update(no_key=True).order_by("pk")
    unchanged = dict(locked.values_list("pk", "bookings")) == seen
    return unchanged and bool(patients.update(bookings=F("bookings") + 1))


# The session is locked as shared: whoever cancels it or opens its pool waits for the claims under way, and later ones
# see what has become of it. The counts of the patient and of the phone are locked in the order of their ids, compared
# and raised, so that two bookings cannot both be the last within a limit; the address counts up to its own. The slot
# comes last, and is the only row that strangers at different addresses wait for.
_STATEMENT = """
WITH open AS (
    SELECT id FROM booking_session WHERE id = %s AND state = 'planned' AND pool_opened_at IS NULL FOR SHARE
), patient AS (
    SELECT booking_patient.id, bookings FROM booking_patient, open WHERE booking_patient.id IN ({ids})
    ORDER BY booking_patient.id FOR NO KEY UPDATE OF booking_patient
), looked AS (
    SELECT 1 FROM patient WHERE (id, bookings) IN ({seen}) HAVING count(*) = %s
), raised AS (
    UPDATE booking_patient SET bookings = bookings + 1 FROM looked WHERE booking_patient.id IN ({ids})
){address}, slot AS (
    UPDATE booking_slot SET booked = booked + 1 FROM {within}
    WHERE booking_slot.id = %s AND bookable - booked - withheld > 0
    RETURNING bookable - booked - withheld AS bookable_left, walk_in - registered AS walk_in_left
), made AS (
    {appointment} FROM slot RETURNING id
), moved AS (
    {move} FROM slot, made
){said}
SELECT (SELECT count(*) FROM open), (SELECT count(*) FROM looked), (SELECT count(*) FROM {within}),
    (SELECT id FROM made)
"""
_ADDRESS = """, address AS (
    INSERT INTO booking_addressday (address_hash, day, bookings) SELECT %s, %s, 1 FROM looked
    ON CONFLICT (address_hash, day) DO UPDATE SET bookings = booking_addressday.bookings + 1
    WHERE booking_addressday.bookings < %s RETURNING 1
)"""


def _in_one_statement(wanted: Claim) -> Outcome:
    made = wanted.appointment
    appointment, values = _insert(made)
    move, move_values = _insert(
        wanted.move, bookable_left="slot.bookable_left", walk_in_left="slot.walk_in_left", appointment_id="made.id"
    )
    ids, pairs = list(wanted.seen), [each for pair in wanted.seen.items() for each in pair]
    parameters: list[Any] = [made.session_id, *ids, *pairs, len(ids), *ids]
    address, within, said = "", "looked", ""
    if wanted.address is not None:
        address, within = _ADDRESS, "address"
        parameters += [wanted.address.hash, wanted.address.day, wanted.address.limit]
    parameters += [made.slot_id, *values, *move_values]
    if wanted.message is not None:
        message, message_values = _insert(
            wanted.message,
            key="%s || made.id",
            payload="%s || jsonb_build_object('appointment', made.id)",
        )
        said = f", said AS ({message} FROM made)"
        parameters += message_values
    with connection.cursor() as cursor:
        statement = _STATEMENT.format(
            ids=", ".join(["%s"] * len(ids)), seen=", ".join(["(%s, %s)"] * len(ids)), address=address, within=within,
            appointment=appointment, move=move, said=said,
        )  # fmt: skip
        cursor.execute(statement, parameters)
        opened, unchanged, counted, made.pk = cursor.fetchone()
    if made.pk is not None:
        made._state.adding = False
        return Outcome.CLAIMED
    if not opened:
        return Outcome.CLOSED
    if not unchanged:
        return Outcome.RACED
    return Outcome.NONE_LEFT if counted else Outcome.ADDRESS_FULL


def _insert(row: models.Model, **expressions: str) -> tuple[str, list[Any]]:
    """`INSERT INTO ... SELECT ...` of an unsaved row, without its FROM, and its parameters in order.

    `expressions` stand for columns whose value the statement knows; `%s` in one is the row's own value.
    """
    columns, selected, values = [], [], []
    for field in row._meta.local_concrete_fields:
        if field.primary_key:
            continue
        columns.append(connection.ops.quote_name(str(field.column)))
        expression = expressions.get(field.attname, "%s")
        selected.append(expression)
        if "%s" in expression:
            values.append(field.get_db_prep_save(getattr(row, field.attname), connection))
    table = connection.ops.quote_name(row._meta.db_table)
    return f"INSERT INTO {table} ({', '.join(columns)}) SELECT {', '.join(selected)}", values


def _one_after_the_other(wanted: Claim) -> Outcome:
    made = wanted.appointment
    with transaction.atomic():
        # One writer at a time: what is read here stays true to the end.
        session = Session.objects.filter(pk=made.session_id, state=Session.State.PLANNED, pool_opened_at=None)
        if not session.exists():
            return Outcome.CLOSED
        if not raise_counts(wanted.seen):
            return Outcome.RACED
        if wanted.address is not None and not _counted(wanted.address):
            return Outcome.ADDRESS_FULL
        with contextlib.suppress(BookingError), transaction.atomic():
            made.save()
            move = wanted.move
            numbers.move(
                slot_id=made.slot_id, source=move.source, target=move.target, reason=move.reason, now=move.at,
                actor=move.actor, appointment_id=made.pk,
            )  # fmt: skip
            if wanted.message is not None:
                wanted.message.key += str(made.pk)
                wanted.message.payload["appointment"] = made.pk
                wanted.message.save()
            return Outcome.CLAIMED
        made.pk = None
        return Outcome.NONE_LEFT


def _counted(address: Address) -> bool:
    of_today, _made = AddressDay.objects.get_or_create(
        address_hash=address.hash, day=address.day, defaults={"bookings": 0}
    )  # fmt: skip
    within = AddressDay.objects.filter(pk=of_today.pk, bookings__lt=address.limit)
    return bool(within.update(bookings=F("bookings") + 1))
