"""What was booked with one's account, and for whom one books."""

from collections.abc import Iterable
from typing import Any

from django.db import transaction
from django.db.models import F
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from booking import phones
from booking.errors import BookingError
from booking.models import Account, Appointment, BallotEntry, WaitlistEntry
from booking.services import accounts, suspensions
from queueboard.challenge import gate
from queueboard.masking import masked
from queueboard.views import refusals
from queueboard.views.account import account_of, signed_in
from queueboard.views.language import in_language
from queueboard.views.person import PersonForm, join
from queueboard.views.phone import again
from queueboard.views.private import private

SHOWN = 100
State = Appointment.State


@require_safe
@private
@in_language
@signed_in
def mine(request: HttpRequest) -> HttpResponse:
    """Appointments to come and earlier ones, who cannot book and until when, and the family."""
    account = _account(request)
    joins = ("patient", "slot", "session__department", "session__expert")
    rows = list(account.appointments.select_related(*joins).order_by("-slot__starts_at", "-pk")[:SHOWN])
    members = list(account.member_set.select_related("patient"))
    today = timezone.localdate()
    coming = [row for row in rows if row.state in Appointment.ACTIVE and row.session.date >= today]
    patients = {each.patient_id: each.patient.name for each in rows}
    patients |= {each.patient_id: each.patient.name for each in members}
    context = {
        "phone": phones.masked(account.phone),
        "waiting": _waiting(account),
        "coming": [_row(row) for row in reversed(coming)],
        "earlier": [_row(row) for row in rows if row not in coming],
        "members": [(each.patient_id, masked(each.patient.name)) for each in members],
        "suspended": [(masked(patients[pk]), words) for pk, words in _suspended(patients)],
    }
    return render(request, "book/mine.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@private
@in_language
@signed_in
def add(request: HttpRequest) -> HttpResponse:
    """Somebody more of the family."""
    form = PersonForm(request.POST or None)
    refused = None
    if request.method == "POST" and form.is_valid():
        try:
            with gate.guarded(request, "book", answer=gate.Answer.of_form(request.POST)), transaction.atomic():
                join(_account(request), form)
            return redirect("book_mine")
        except BookingError as error:
            refused = error
    status = refused.status if refused else 400 if form.errors else 200
    return render(
        request, "book/add.html", {"form": form, "refused": refused and refusals.told(refused)}, status=status
    )


@require_POST
@private
@signed_in
def drop(request: HttpRequest, patient_id: int) -> HttpResponse:
    """Somebody is off the list; what was booked stays. Nobody's name or number is ever changed here (R3.7)."""
    accounts.drop_member(account=_account(request), patient_id=patient_id)
    return redirect("book_mine")


def _account(request: HttpRequest) -> Account:
    account = account_of(request)
    assert account is not None  # the pages here are for who is signed in
    return account


def _row(appointment: Appointment) -> dict[str, Any]:
    return {
        "appointment": appointment,
        "patient": masked(appointment.patient.name),
        "state": in_words(appointment),
        "again": again(appointment.session),
    }


def _waiting(account: Account) -> list[dict[str, Any]]:
    """What is asked for in a draw or waited for, what is offered first."""
    joins = ("patient", "session__department", "session__expert")
    waits = account.waitlist.filter(state__in=WaitlistEntry.ACTIVE).select_related(*joins, "freed__slot", "slot")
    asked = account.ballot_entries.filter(state=BallotEntry.State.ASKED).select_related(
        "patient", "ballot__session__department", "ballot__session__expert"
    )
    now = timezone.now()
    rows = [
        {
            "url": reverse("book_waiting", args=[each.token]),
            "session": each.session,
            "slot": each.wanted,
            "patient": masked(each.patient.name),
            "until": each.offered_until if each.offered_until is not None and each.offered_until > now else None,
            "words": _("Waiting for a freed number"),
        }
        for each in waits.order_by(F("offered_until").asc(nulls_last=True), "pk")[:SHOWN]
    ]
    return rows + [
        {
            "url": reverse("book_request", args=[each.token]),
            "session": each.ballot.session,
            "slot": None,
            "patient": masked(each.patient.name),
            "until": None,
            "words": _("In the draw"),
        }
        for each in asked.order_by("pk")[:SHOWN]
    ]


def in_words(appointment: Appointment) -> str:
    """What has become of it, as its patient would say."""
    if appointment.state == State.HELD and appointment.held_until is not None:
        return _("Please pay by %(time)s") % {"time": f"{timezone.localtime(appointment.held_until):%H:%M}"}
    return ended_words(appointment.state)


def ended_words(state: str) -> str:
    """The same of what is not held any more."""
    return {
        State.BOOKED: _("Booked"),
        State.ARRIVED: _("Checked in"),
        State.SEEN: _("Visit over"),
        State.NOT_SEEN: _("Was there and could not be seen"),
        State.CANCELLED: _("Cancelled"),
        State.CANCELLED_LATE: _("Cancelled on the day itself"),
        State.EXPIRED: _("Not paid in time"),
        State.NO_SHOW: _("Missed without cancelling"),
        State.CALLED_OFF: _("The clinic was called off"),
    }.get(State(state), "")


def _suspended(patients: Iterable[int]) -> list[tuple[int, str]]:
    """Of these patients those who cannot book, and why and until when (R3.6)."""
    lasting = suspensions.lasting(timezone.now()).filter(patient__in=list(patients)).prefetch_related("counted")
    return [(each.patient_id, suspensions.sentence(each)) for each in lasting.order_by("pk")]
