"""The way back for who has lost the link (R6.2): phone and last four of the ID, limited per address.

A stranger learns nothing: an unknown phone, a wrong ID and a patient without a visit get one answer, after one amount
of work (one query and at least one decryption each).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache

from django import forms
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from booking.models import Appointment, Patient, Session, Slot
from booking.models.patients import lookup_hash
from queueboard.models import LookupTry, Ticket
from queueboard.views.address import address_of
from queueboard.views.language import in_language

TRIES = 10
WINDOW = timedelta(minutes=15)
SHARED_PHONE = 8  # patients of one family may share a phone; more than this is no family


class LookupForm(forms.Form):
    phone = forms.CharField(
        label=_("Phone number"),
        max_length=30,
        widget=forms.TextInput(attrs={"type": "tel", "autocomplete": "tel", "inputmode": "tel"}),
    )
    last_four = forms.RegexField(
        label=_("Last four characters of the ID"),
        regex=r"^\s*[0-9A-Za-z]{4}\s*$",
        error_messages={"invalid": _("Please type four characters.")},
        widget=forms.TextInput(attrs={"autocomplete": "off", "maxlength": "6", "autocapitalize": "characters"}),
    )


@dataclass(frozen=True)
class Visit:
    """One page found: its token and what tells it from another."""

    token: str
    names: dict[str, str]
    slot: Slot
    number: str


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@in_language
def lookup(request: HttpRequest) -> HttpResponse:
    """The form; on success the patient's page, or a list where there are several."""
    form = LookupForm(request.POST or None)
    context: dict[str, object] = {"form": form}
    status = 200
    if request.method == "POST" and form.is_valid():
        now = timezone.now()
        if not _may_try(address_of(request), now):
            context["limited"] = WINDOW.seconds // 60
            status = 429
        else:
            visits = list(find(form.cleaned_data["phone"], form.cleaned_data["last_four"], timezone.localdate(now)))
            if len(visits) == 1:
                return redirect("phone", token=visits[0].token)
            context |= {"visits": visits, "not_found": not visits}
    return render(request, "lookup.html", context, status=status)


def find(phone: str, last_four: str, today: date) -> Iterator[Visit]:
    """The pages of today and of days to come of whoever has this phone and this end of the ID, the nearest first."""
    hashes = [lookup_hash(each) for each in _written(phone)]
    patients = list(Patient.objects.filter(phone_hash__in=hashes)[:SHARED_PHONE])
    if not patients:
        _decrypt_for_nothing()
    wanted = last_four.strip().upper()
    own = [
        patient.pk
        for patient in patients
        if len(patient.id_number or "") >= 4 and constant_time_compare(patient.id_number[-4:].upper(), wanted)
    ]
    yield from _visits(own, today)


def _visits(patient_ids: list[int], today: date) -> Iterator[Visit]:
    seen: set[str] = set()
    # A session that runs past midnight is still today's for those who wait.
    current = Q(session__date__gte=today) | Q(session__state__in=Session.LIVE)
    tickets = Ticket.objects.filter(current, patient__in=patient_ids)
    appointments = Appointment.objects.filter(
        current, Q(state__in=Appointment.ACTIVE) | Q(session__date=today), patient__in=patient_ids
    )
    joins = ("session__expert", "slot")
    rows: list[Ticket | Appointment] = [*tickets.select_related(*joins).order_by("-pk")]
    rows += appointments.select_related(*joins)
    for row in sorted(rows, key=lambda each: each.slot.starts_at):
        if row.token not in seen:
            seen.add(row.token)
            yield Visit(row.token, row.session.names, row.slot, row.label if isinstance(row, Ticket) else "")


def _written(phone: str) -> set[str]:
    """The ways in which a phone number may have been noted: as typed, without marks, without the country's code."""
    plain = "".join(character for character in phone if character.isdigit() or character == "+")
    local = plain.removeprefix("+86").removeprefix("0086")
    return {plain, local, f"+86{local}"}


def _decrypt_for_nothing() -> None:
    """What reading a found patient costs, so that the time does not tell an unknown phone from a wrong ID."""
    for name in ("id_number", "phone"):
        Patient._meta.get_field(name).from_db_value(_secret(name), None, None)  # type: ignore[union-attr]


@cache
def _secret(name: str) -> str:
    return Patient._meta.get_field(name).get_prep_value("0" * 18)  # type: ignore[union-attr]


def _may_try(address: str, now: datetime) -> bool:
    """Counts a try of this address in the database, and whether it is one too many; one refused is not counted on."""
    LookupTry.objects.filter(at__lt=now - WINDOW).delete()
    hashed = lookup_hash(address)
    mine = LookupTry.objects.create(address_hash=hashed, at=now)
    if LookupTry.objects.filter(address_hash=hashed).count() <= TRIES:
        return True
    mine.delete()
    return False
