"""What speaks against one more booking of a patient, read in one query (R3.2, R3.6, R3.7).

The query is written out: every booking of a rush sends it, and to build it anew each time takes longer than to run it.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple

from django.db import connection
from django.utils.translation import gettext_lazy as _

from booking import kept
from booking.errors import BookingError
from booking.models import Appointment, Patient, Session, Slot, Suspension
from booking.services import suspensions

State = Appointment.State


class Read(NamedTuple):
    """What was read of a patient in view of one session; of somebody new, of their phone only.

    `own`: their count of bookings, None for somebody new. `erased`: nobody any more. `suspended`, `present`: ids of a
    suspension that lasts and of their active appointment there. How many count for the `day` and are `open` in the
    department. `first`: the first patient with that phone, with their count of bookings. `by_phone`: how many of that
    phone count for day and department.
    """

    own: int | None
    erased: bool | None
    suspended: int | None
    present: int | None
    day: int
    open: int
    first: int | None
    first_bookings: int
    by_phone: int


def read_beside(
    slots: kept.Query[Slot], *, patient_id: int | None, newcomer: Patient | None, now: datetime, slot_id: int
) -> tuple[Slot | None, Read | None]:
    """A slot, and what was read in view of its session; both None where there is no such slot.

    `slots` has the parameters `slot_id`, `patient_id` and `now`, and the annotations of_session, of_day, of_department.
    """
    query, who = _who(patient_id, newcomer)
    slot, read = slots.first_beside(query, slot_id=slot_id, now=now, **{"patient_id": 0} | who)
    return slot, Read(*read) if read else None


def within(
    *,
    patient_id: int | None = None,
    newcomer: Patient | None = None,
    session: Session,
    now: datetime,
    moving: Appointment | None = None,
    read: Read | None = None,
) -> dict[int, int]:
    """The counts of bookings at which nothing spoke against one more; a claim compares them.

    Of the patient, and of the first patient with the same phone, by id. `newcomer`: somebody not saved yet, of whom
    only the phone may speak against it. `moving`: the appointment that comes from elsewhere: it does not count where it
    is, and comes although its patient is suspended, as it is no visit more. `read`: where it was read just now.
    Raises BookingError as `appointments.book` does.
    """
    department = session.department
    read = read or _read(session, now, moving, *_who(patient_id, newcomer))
    if read.erased:
        raise no_patient()
    if read.suspended is not None and moving is None:
        raise suspensions.refusal(Suspension.objects.get(pk=read.suspended))
    if read.present is not None:
        raise already_booked(read.present)
    if read.day >= department.booked_per_patient_day:
        raise BookingError(
            _("No more appointments can be booked for this day."),
            code="limit_per_day",
            limit=department.booked_per_patient_day,
        )
    if read.open >= department.booked_per_patient_department:
        raise BookingError(
            _("No more appointments can be booked in this department."),
            code="limit_per_department",
            limit=department.booked_per_patient_department,
        )
    if read.by_phone >= department.booked_per_phone_day:
        raise BookingError(
            _("No more appointments can be booked for this day with this phone number."),
            code="limit_per_phone",
            limit=department.booked_per_phone_day,
        )
    seen = {} if read.first is None else {read.first: read.first_bookings}
    return seen if patient_id is None or read.own is None else seen | {patient_id: read.own}


def already_booked(present: int) -> BookingError:
    """The refusal of who has the appointment `present` (its id) in the session already."""
    words = _("This patient has an appointment in this session already.")
    return BookingError(words, code="already_booked", appointment=present)


def no_patient() -> BookingError:
    """The refusal of who has been erased."""
    return BookingError(_("There is no such patient."), code="no_patient", status=404)


def no_account() -> BookingError:
    """The same of an account."""
    return BookingError(_("There is no such account."), code="no_account", status=404)


def _listed(states: Iterable[State]) -> str:
    return ", ".join(f"'{state.value}'" for state in states)


_ACTIVE = _listed(Appointment.ACTIVE)
_TAKEN = _listed(state for state in Appointment.COUNTED if state != State.CALLED_OFF)
# A hold whose time is over counts no more, whether the task has noticed yet or not.
_COUNTED = "NOT (made.state = 'held' AND made.held_until <= %(now)s)"
_APPOINTMENTS = "FROM booking_appointment made JOIN booking_session session ON session.id = made.session_id"
_OF_DAY = f"made.state IN ({_TAKEN}) AND session.date = looked.of_day"
_OPEN = f"made.state IN ({_ACTIVE})"
_HERE = "session.department_id = looked.of_department"
# What follows `SELECT looked.*, `: `looked` is one row, the session that is wanted.
_PATIENT = f"""own.bookings, own.erased_at IS NOT NULL,
    (SELECT min(id) FROM booking_suspension WHERE patient_id = own.id AND begins_at <= %(now)s AND until > %(now)s
        AND (ended_at IS NULL OR ended_at > %(now)s)),
    counted.present, counted.of_day, counted.open_here, first.id, first.bookings,
    (SELECT count(*) {_APPOINTMENTS} WHERE {_COUNTED} AND made.id <> %(moving)s AND {_OF_DAY} AND {_HERE}
        AND made.patient_id IN (SELECT id FROM booking_patient WHERE phone_hash = own.phone_hash)
        AND own.phone_hash <> '')
FROM looked
CROSS JOIN booking_patient own
CROSS JOIN (
    SELECT min(made.id) FILTER (WHERE {_OPEN} AND session.id = looked.of_session) AS present,
        count(*) FILTER (WHERE {_OF_DAY}) AS of_day,
        count(*) FILTER (WHERE {_OPEN} AND {_HERE}) AS open_here
    {_APPOINTMENTS} CROSS JOIN looked
    WHERE {_COUNTED} AND made.id <> %(moving)s AND made.patient_id = %(patient_id)s
) counted
LEFT JOIN booking_patient first
    ON first.id = (SELECT min(id) FROM booking_patient WHERE phone_hash = own.phone_hash AND own.phone_hash <> '')
WHERE own.id = %(patient_id)s
"""
_PHONE = f"""NULL, NULL, NULL, NULL, 0, 0, first.id, first.bookings,
    (SELECT count(*) {_APPOINTMENTS} WHERE {_COUNTED} AND {_OF_DAY} AND {_HERE}
        AND made.patient_id IN (SELECT id FROM booking_patient WHERE phone_hash = %(phone)s))
FROM looked LEFT JOIN booking_patient first
    ON first.id = (SELECT min(id) FROM booking_patient WHERE phone_hash = %(phone)s AND phone_hash <> '')
"""
_SESSION = "SELECT %(session)s AS of_session, %(day)s AS of_day, %(department)s AS of_department"


def _who(patient_id: int | None, newcomer: Patient | None) -> tuple[str, dict[str, Any]]:
    """What is read of them, and with which parameters."""
    if newcomer is not None:
        return _PHONE, {"phone": newcomer.phone_hash}
    return _PATIENT, {"patient_id": patient_id, "moving": 0}


def _read(session: Session, now: datetime, moving: Appointment | None, query: str, who: dict[str, Any]) -> Read:
    values = who | {
        "session": session.pk,
        "department": session.department_id,
        "day": connection.ops.adapt_datefield_value(session.date),
        "now": connection.ops.adapt_datetimefield_value(now),
    }
    if moving is not None:
        values["moving"] = moving.pk
    ((_session, _day, _department, *read),) = kept.rows(f"WITH looked AS ({_SESSION}) SELECT looked.*, {query}", values)
    return Read(*read)
