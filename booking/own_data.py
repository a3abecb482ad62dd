"""What booking keeps about a person, read for that person: plain values, ready for JSON."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db.models import Q
from django.utils import timezone

from booking.models import (
    Account,
    Appointment,
    BallotEntry,
    Patient,
    Payment,
    PhoneCode,
    Suspension,
    WaitlistEntry,
)


def of_person(patient_ids: Sequence[int], account_id: int | None) -> dict[str, Any]:
    """The account, its codes, each patient with appointments, payments and suspensions, and what was booked for others.

    Money is in fen; times are ISO 8601 with offset, None where something has not happened.
    """
    account = None if account_id is None else Account.objects.filter(pk=account_id).first()
    patients = Patient.objects.filter(pk__in=patient_ids).order_by("pk")
    wished = Q(patient__in=patient_ids) | Q(account=account_id, account__isnull=False)
    draws = BallotEntry.objects.filter(wished).select_related("patient", "ballot__session").order_by("pk")
    waits = WaitlistEntry.objects.filter(wished).select_related("patient", "session").order_by("pk")
    others = Appointment.objects.exclude(patient__in=patient_ids)
    return {
        "account": account and _account(account),
        "patients": [_patient(each) for each in patients],
        "draws": [_draw(each) for each in draws],
        "waitlists": [_wait(each) for each in waits],
        "booked_for_others": _appointments(others, Q(account=account_id)) if account else [],
    }


def moment(at: datetime | None) -> str | None:
    """A time as it stands in what is handed out."""
    return None if at is None else timezone.localtime(at).isoformat()


def _account(account: Account) -> dict[str, Any]:
    codes = PhoneCode.objects.filter(phone_hash__in=PhoneCode.hashes_of(account.phone)).order_by("pk")
    members = account.member_set.select_related("patient")
    return {
        "phone": account.phone,
        "language": account.language,
        "made_at": moment(account.made_at),
        "books_for": [each.patient.name for each in members],
        "codes": [{"made_at": moment(each.made_at), "used_at": moment(each.used_at)} for each in codes],
    }


def _patient(patient: Patient) -> dict[str, Any]:
    suspended = Suspension.objects.filter(patient=patient).order_by("pk")
    return {
        "id": patient.pk,
        "name": patient.name,
        "id_type": patient.id_type,
        "id_number": patient.id_number or "",
        "phone": patient.phone or "",
        "language": patient.language,
        "made_at": moment(patient.made_at),
        "appointments": _appointments(Appointment.objects.all(), Q(patient=patient)),
        "suspensions": [
            {"cause": each.cause, "begins_at": moment(each.begins_at), "until": moment(each.until),
             "ended_at": moment(each.ended_at), "lift_reason": each.lift_reason}
            for each in suspended
        ],
    }  # fmt: skip


def _appointments(rows: Any, mine: Q) -> list[dict[str, Any]]:
    found = rows.filter(mine).select_related("patient", "slot", "session__expert", "session__department")
    return [
        {
            "patient": each.patient.name,
            "department": each.session.department.names,
            "expert": each.session.names,
            "starts_at": moment(each.slot.starts_at),
            "ends_at": moment(each.slot.ends_at),
            "state": each.state,
            "first_visit": each.first_visit,
            "fee": each.fee,
            "booked_at": moment(each.booked_at),
            "way_minutes": each.way_minutes,
            "held_until": moment(each.held_until),
            "ended_at": moment(each.ended_at),
            "page": f"/t/{each.token}/",
            "payments": [_payment(payment) for payment in each.payments.select_related("refund").order_by("pk")],
        }
        for each in found.order_by("slot__starts_at", "pk")
    ]


def _draw(entry: BallotEntry) -> dict[str, Any]:
    return {
        "patient": entry.patient.name,
        "session": moment(entry.ballot.session.starts_at),
        "code": entry.code,
        "state": entry.state,
        "place": entry.place,
        "asked_at": moment(entry.asked_at),
        "ended_at": moment(entry.ended_at),
    }


def _wait(entry: WaitlistEntry) -> dict[str, Any]:
    return {
        "patient": entry.patient.name,
        "session": moment(entry.session.starts_at),
        "state": entry.state,
        "joined_at": moment(entry.joined_at),
        "offered_until": moment(entry.offered_until),
        "ended_at": moment(entry.ended_at),
    }


def _payment(payment: Payment) -> dict[str, Any]:
    refund = getattr(payment, "refund", None)
    return {
        "provider": payment.provider,
        "number": payment.number,
        "number_at_provider": payment.provider_number,
        "amount": payment.amount,
        "state": payment.state,
        "made_at": moment(payment.made_at),
        "paid_at": moment(payment.paid_at),
        "refund": refund
        and {"amount": refund.amount, "why": refund.reason, "made_at": moment(refund.made_at),
             "done_at": moment(refund.done_at)},
    }  # fmt: skip
