"""What a clerk must know of somebody before pressing Enter: suspended, not paid, another day, late and placed where.

Each warning is a code for the page, which has the words, with the time, session and slot that they name.
"""

from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet
from django.utils import timezone

from booking.models import Appointment, Department, Patient, Session
from booking.services import suspensions
from queueboard import snapshots

PEOPLE = 8  # of one phone: a family
VISITS = 5
CODES = ("suspended", "not_paid", "says_late", "not_open", "stopped", "other_day", "other_department")


def warn(results: list[dict[str, Any]], now: datetime) -> None:
    """Adds to each visit of today its warnings; where there is but one, also where it would be placed (`joining`)."""
    until = _suspended([row["patient"] for row in results], now)
    for row in results:
        row["warnings"] = _suspension(until.get(row["patient"])) + _of_visit(row, now)
        alone = len(results) == 1 and row["can_check_in"]
        row["joining"] = snapshots.checking_in(row["booked"], now=now) if alone else None


def _of_visit(row: dict[str, Any], now: datetime) -> list[dict[str, Any]]:
    appointment: Appointment | None = row.get("booked")
    if appointment is None:
        return []
    session = appointment.session
    if appointment.state == Appointment.State.HELD:
        return [_warning("not_paid", until=appointment.held_until)]
    if appointment.state != Appointment.State.BOOKED:
        return []
    if session.stopped_early:
        return [_warning("stopped")]
    if session.state == Session.State.PLANNED and now < session.registration_opens_at:
        return [_warning("not_open", until=session.registration_opens_at)]
    return [_warning("says_late", until=appointment.late_said_at)] if appointment.says_late else []


def people(who: Q, token: str, departments: QuerySet[Department], now: datetime) -> list[dict[str, Any]]:
    """Who is known and has no visit here today, with what is open of theirs elsewhere.

    What and where is told of the own departments, and of the visit whose code was shown: whoever shows it could open
    its page. Of others only that there is something (R6.2).
    """
    patients = list(Patient.objects.filter(who, erased_at=None).distinct().order_by("-pk")[:PEOPLE])
    ids = [patient.pk for patient in patients]
    until = _suspended(ids, now)
    to_come = Appointment.objects.filter(
        patient__in=ids, state__in=Appointment.ACTIVE, session__date__gte=timezone.localdate(now)
    ).select_related("slot", "session__department", "session__expert")
    own = set(departments.values_list("pk", flat=True))
    visits: dict[int, list[dict[str, Any]]] = {}
    for visit in to_come.order_by("slot__starts_at", "pk")[: VISITS * PEOPLE]:
        mine = visit.session.department_id in own
        told = mine or (token != "" and visit.token == token)
        code = "other_day" if mine else "other_department"
        facts = {"session": visit.session, "slot": visit.slot} if told else {}
        visits.setdefault(visit.patient_id, []).append(_warning(code, **facts))
    return [
        {
            "patient": patient.pk,
            "name": patient.name,
            "phone_end": (patient.phone or "")[-4:],
            "warnings": _suspension(until.get(patient.pk)) + visits.get(patient.pk, [])[:VISITS],
        }
        for patient in patients
    ]


def _suspended(patient_ids: list[int], now: datetime) -> dict[int, datetime]:
    lasting = suspensions.lasting(now).filter(patient__in=patient_ids).order_by("until")
    return dict(lasting.values_list("patient", "until"))


def _suspension(until: datetime | None) -> list[dict[str, Any]]:
    return [] if until is None else [_warning("suspended", until=until)]


def _warning(code: str, **facts: Any) -> dict[str, Any]:
    return {"code": code, "until": None, "session": None, "slot": None} | facts
