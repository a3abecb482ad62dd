"""One number of a slot claimed for one appointment: counted, recorded and announced, or nothing of it (R3.2, R2.7).

On PostgreSQL it is one statement, so one round trip, and a slot that everybody wants is locked no longer than that.
SQLite has no round trips and lets one writer in at a time: there it is the same writes one after the other.
"""

import contextlib
from dataclasses import dataclass
from enum import Enum
from typing import Any

from django.db import connection, models, transaction
from django.db.models import F

from booking.errors import BookingError
from booking.models import Appointment, Outbox, Patient, QuotaMove, Session
from booking.services import numbers


class Outcome(Enum):
    CLAIMED = "claimed"
    CLOSED = "closed"  # the session cannot be booked any more
    RACED = "raced"  # the patient has claimed another number since `seen` was read: look at the limits again
    NONE_LEFT = "none_left"


@dataclass(frozen=True, slots=True)
class Claim:
    """What is written. `appointment`, `move` and `message` (None: nothing is sent) are not saved yet; ids and balances
    that only the database knows are filled in by it. `seen`: `Patient.bookings` when the limits were looked at."""

    appointment: Appointment
    seen: int
    move: QuotaMove
    message: Outbox | None


def claim(wanted: Claim) -> Outcome:
    """Takes one number from what is free to book; `wanted.appointment` has its id then.

    Anything but CLAIMED has written nothing, but that NONE_LEFT may raise the patient's count, which harms nobody.
    Raises IntegrityError where the patient has an active appointment in the session.
    """
    # Inside somebody's transaction a refusal by a constraint must not end theirs.
    with transaction.atomic() if connection.in_atomic_block else contextlib.nullcontext():
        return _in_one_statement(wanted) if connection.vendor == "postgresql" else _one_after_the_other(wanted)


# The session is locked as shared: whoever cancels it or opens its pool waits for the claims under way, and later ones
# see what has become of it. The patient's count is compared and raised, so that two bookings of one patient cannot both
# be the last within a limit. The slot comes after both, and is the only row that strangers wait for.
_STATEMENT = """
WITH open AS (
    SELECT id FROM booking_session WHERE id = %s AND state = 'planned' AND pool_opened_at IS NULL FOR SHARE
), patient AS (
    UPDATE booking_patient SET bookings = bookings + 1 FROM open
    WHERE booking_patient.id = %s AND bookings = %s RETURNING booking_patient.id
), slot AS (
    UPDATE booking_slot SET booked = booked + 1 FROM patient
    WHERE booking_slot.id = %s AND bookable - booked - withheld > 0
    RETURNING bookable - booked - withheld AS bookable_left, walk_in - registered AS walk_in_left
), made AS (
    {appointment} FROM slot RETURNING id
), moved AS (
    {move} FROM slot, made
){said}
SELECT (SELECT count(*) FROM open), (SELECT count(*) FROM patient), (SELECT id FROM made)
"""


def _in_one_statement(wanted: Claim) -> Outcome:
    made = wanted.appointment
    appointment, values = _insert(made)
    move, move_values = _insert(
        wanted.move, bookable_left="slot.bookable_left", walk_in_left="slot.walk_in_left", appointment_id="made.id"
    )
    parameters = [made.session_id, made.patient_id, wanted.seen, made.slot_id, *values, *move_values]
    said = ""
    if wanted.message is not None:
        message, message_values = _insert(
            wanted.message,
            key="%s || made.id",
            payload="%s || jsonb_build_object('appointment', made.id)",
        )
        said = f", said AS ({message} FROM made)"
        parameters += message_values
    with connection.cursor() as cursor:
        cursor.execute(_STATEMENT.format(appointment=appointment, move=move, said=said), parameters)
        opened, raised, made.pk = cursor.fetchone()
    if made.pk is not None:
        made._state.adding = False
        return Outcome.CLAIMED
    return Outcome.CLOSED if not opened else Outcome.RACED if not raised else Outcome.NONE_LEFT


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
        if not Patient.objects.filter(pk=made.patient_id, bookings=wanted.seen).update(bookings=F("bookings") + 1):
            return Outcome.RACED
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
