"""The clinic of a rush on PostgreSQL: one hot slot, 200 others, patients by the thousand, and a year that was."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from bench.rush import people

SLOTS = 200
NUMBERS = 30_000  # of a slot: more than can be booked in one round
# Before that: an empty table is read as a whole, and no hospital's is.
PAST_SESSIONS, PAST_NUMBERS = 4_000, 10
_BATCH = 5_000


@dataclass(frozen=True)
class Clinic:
    """Ids. `hot`: the slot that all want; `first`: that of the others which has the lowest, they follow each other."""

    hot: int
    first: int
    patients: int  # of the first patient, whom the others follow


def made(patients: int) -> Clinic:
    """Migrates an empty database and fills it."""
    from django.core.management import call_command
    from django.db import connection, transaction
    from django.utils import timezone

    from tests import factories

    call_command("migrate", verbosity=0)
    first_patient = _patients(patients)
    with transaction.atomic():
        of = factories.department()
        hot, first, *_others = [slot(NUMBERS, of=of) for _ in range(1 + SLOTS)]
        connection.cursor().execute("SET LOCAL session_replication_role = replica")  # the ledger is written as a whole
        _past(of, first_patient, patients, timezone.localtime())
    return Clinic(hot, first, first_patient)


def _patients(count: int) -> int:
    from booking.models import Patient

    first = 0
    for start in range(0, count, _BATCH):
        batch = [
            Patient(name="王小明", id_number=people.id_number(number), phone=people.phone(number))
            for number in range(start, min(start + _BATCH, count))
        ]
        for each in batch:
            each.hash_all()
        made = Patient.objects.bulk_create(batch)
        first = first or made[0].pk
    return first


def _past(of: Any, first_patient: int, patients: int, now: datetime) -> None:
    """Sessions of the past in which everybody was seen who had booked."""
    from booking.models import Appointment, Outbox, QuotaMove, Session, Slot

    hours = timedelta(hours=4)
    begins = [now - timedelta(days=1 + number % 365, minutes=number) for number in range(PAST_SESSIONS)]
    sessions = Session.objects.bulk_create(
        Session(
            department=of, title="past", date=begin.date(), starts_at=begin, ends_at=begin + hours, state="closed",
            registration_opens_at=begin, released_at=begin, pool_opened_at=begin, closed_at=begin + hours,
            numbers=PAST_NUMBERS,
        )
        for begin in begins
    )  # fmt: skip
    slots = Slot.objects.bulk_create(
        Slot(
            session=session, index=0, starts_at=session.starts_at, ends_at=session.ends_at, bookable=PAST_NUMBERS,
            booked=PAST_NUMBERS,
        )
        for session in sessions
    )  # fmt: skip
    seen = Appointment.objects.bulk_create(
        (
            Appointment(
                patient_id=first_patient + (turn * PAST_NUMBERS + number) % patients, session=slot.session, slot=slot,
                state="seen", booked_at=slot.starts_at,
            )
            for turn, slot in enumerate(slots)
            for number in range(PAST_NUMBERS)
        ),
        batch_size=_BATCH,
    )  # fmt: skip
    moves = [
        QuotaMove(
            slot=slot, source="outside", target="bookable", count=PAST_NUMBERS, bookable_left=PAST_NUMBERS,
            walk_in_left=0, reason="planned", at=slot.starts_at,
        )
        for slot in slots
    ]  # fmt: skip
    moves += [
        QuotaMove(
            slot_id=each.slot_id, source="bookable", target="booked", count=1, appointment=each, reason="booked",
            bookable_left=PAST_NUMBERS - 1 - number % PAST_NUMBERS, walk_in_left=0, at=each.booked_at,
        )
        for number, each in enumerate(seen)
    ]  # fmt: skip
    QuotaMove.objects.bulk_create(moves, batch_size=_BATCH)
    Outbox.objects.bulk_create(
        (Outbox(kind="past", key=f"past:{each.pk}", payload={}, made_at=now, sent_at=now) for each in seen),
        batch_size=_BATCH,
    )


def slot(numbers: int, **fields: Any) -> int:
    """The only slot of a session in three days that is released for booking: its id."""
    from django.utils import timezone

    from tests import factories

    day = timezone.localtime() + timedelta(days=3)
    made = factories.session(split=((numbers, 0),), day=day, state="planned", pool_opened_at=None, **fields)
    return made.slots.get().pk


def reset() -> None:
    """As before any booking, for the next contender: the same rows, statistics, and an empty log to write."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")  # the ledger's triggers refuse to forget
        cursor.execute(
            "DELETE FROM booking_quotamove move USING booking_appointment made "
            "WHERE made.id = move.appointment_id AND made.state = 'booked'"
        )
        cursor.execute("DELETE FROM booking_appointment WHERE state = 'booked'")
        cursor.execute("DELETE FROM booking_outbox WHERE sent_at IS NULL OR kind <> 'past'")
        cursor.execute("TRUNCATE booking_sourcecount")
        cursor.execute(
            "UPDATE booking_slot SET booked = 0 FROM booking_session session "
            "WHERE session.id = session_id AND session.state = 'planned' AND booked > 0"
        )
        cursor.execute("UPDATE booking_patient SET bookings = 0 WHERE bookings > 0")
        cursor.execute("SET session_replication_role = origin")
        cursor.execute("VACUUM ANALYZE")
        cursor.execute("CHECKPOINT")
