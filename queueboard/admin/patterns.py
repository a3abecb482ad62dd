"""What looks like selling numbers, for managers: a page, and the same as a file (R3.7)."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from itertools import groupby
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib.admin import ModelAdmin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from booking import patterns
from booking.models import Account, Patient
from booking.patterns import Found, Kind, Pattern
from queueboard import access, csv_answer
from queueboard.admin.of_patients import last_four
from queueboard.admin.reports import DayWidget

SPAN = timedelta(days=30)
LONGEST = timedelta(days=90)
SHOWN = 8  # characters of a hash: enough to tell one from another on a page

KINDS = {
    Kind.ACCOUNT: gettext_lazy("account"),
    Kind.DEVICE: gettext_lazy("device"),
    Kind.ADDRESS: gettext_lazy("network address"),
    Kind.PHONE: gettext_lazy("phone"),
}
# What was seen, and what else it may be.
WORDS = {
    Pattern.MANY_PATIENTS: (
        gettext_lazy("Booked for many different patients"),
        gettext_lazy("Perhaps a carer, a village doctor, or, as an address, a whole company's network."),
    ),
    Pattern.SHARED_PHONE: (
        gettext_lazy("One phone for many patients"),
        gettext_lazy("Perhaps a large family, a home for the aged, or a phone that the desk typed for who had none."),
    ),
    Pattern.BOOKED_AGAIN: (
        gettext_lazy("Given back, and at once booked for somebody else"),
        gettext_lazy("Counted: cancelled or lapsed, and within half an hour booked in the same session from the same "
                     "place for another patient. Perhaps a family that chose anew who goes first."),
    ),
    Pattern.FIRST_SECOND: (
        gettext_lazy("Booked in the first second after the release"),
        gettext_lazy("Perhaps somebody with a fast hand; again and again, a program."),
    ),
    Pattern.NEVER_CAME: (
        gettext_lazy("Nobody of those booked for ever came"),
        gettext_lazy("Counted: visits that were missed. Perhaps one person who is ill and forgets."),
    ),
    Pattern.REFUSED: (
        gettext_lazy("Many tries that were refused"),
        gettext_lazy("Names that were not the ID's, wrong codes, limits reached. Perhaps somebody who mistypes."),
    ),
}  # fmt: skip


class DaysForm(forms.Form):
    first = forms.DateField(label=gettext_lazy("first day"), widget=DayWidget(), input_formats=["%Y-%m-%d"])
    last = forms.DateField(label=gettext_lazy("last day"), widget=DayWidget(), input_formats=["%Y-%m-%d"])

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        if given.get("first") and given.get("last"):
            if given["last"] < given["first"]:
                self.add_error("last", _("The last day is before the first."))
            elif given["last"] - given["first"] >= LONGEST:
                self.add_error("last", _("At most ninety days at once."))
        return given


def patterns_page(model_admin: ModelAdmin, request: HttpRequest) -> HttpResponse:
    """Without days: the last thirty. `csv=1`: all of it as a file."""
    if not access.may(request.user, access.MANAGE):
        raise PermissionDenied
    today = timezone.localdate()
    days = {"first": today - SPAN + timedelta(days=1), "last": today}
    form = DaysForm({name: request.GET.get(name) or day for name, day in days.items()})
    context = {
        **model_admin.admin_site.each_context(request),
        "title": _("Suspicious patterns"),
        "form": form,
        "opts": model_admin.model._meta,
    }
    if form.is_valid():
        first, last = form.cleaned_data["first"], form.cleaned_data["last"]
        rows = _rows(first, last)
        if request.GET.get("csv") == "1":
            return _file(rows, first, last)
        context["found"] = [(WORDS[pattern], list(each)) for pattern, each in groupby(rows, key=_pattern)]
        context["file"] = "?" + urlencode({"first": first.isoformat(), "last": last.isoformat(), "csv": 1})
    return TemplateResponse(request, "admin/patterns.html", context)


def _pattern(row: dict[str, Any]) -> Pattern:
    return row["found"].pattern


def _rows(first: date, last: date) -> list[dict[str, Any]]:
    since, until = _begins(first), _begins(last + timedelta(days=1))
    found = patterns.find(since=since, until=until)
    accounts, phones = _accounts(found), _phones(found)
    rows = []
    for each in found:
        who, link = each.source[:SHOWN], {_FILTERS.get(each.kind, ""): each.source}
        if each.kind is Kind.ACCOUNT:
            who = accounts.get(each.source, "—")
        elif each.kind is Kind.PHONE:
            who, ids = phones[each.source]
            link = {"id__in": ",".join(map(str, ids))}
        page = "patient" if each.kind is Kind.PHONE else "appointment"
        if each.kind is not Kind.PHONE:
            link |= {"booked_at__gte": since.isoformat(), "booked_at__lt": until.isoformat()}
        address = f"{reverse(f'admin:booking_{page}_changelist')}?{urlencode(link)}"
        rows.append({"found": each, "kind": KINDS[each.kind], "who": who, "link": address})
    return rows


_FILTERS = {Kind.ACCOUNT: "account__id__exact", Kind.DEVICE: "device_hash", Kind.ADDRESS: "address_hash"}


def _begins(day: date) -> datetime:
    return timezone.make_aware(datetime(day.year, day.month, day.day))


def _accounts(found: Sequence[Found]) -> dict[str, str]:
    """The end of each account's phone."""
    ids = {int(each.source) for each in found if each.kind is Kind.ACCOUNT}
    return {str(account.pk): last_four(account.phone) for account in Account.objects.filter(pk__in=ids)}


def _phones(found: Sequence[Found]) -> dict[str, tuple[str, list[int]]]:
    """By hash: the end of the phone, and whose it is said to be."""
    hashes = {each.source for each in found if each.kind is Kind.PHONE}
    told: dict[str, tuple[str, list[int]]] = {}
    for patient in Patient.objects.filter(phone_hash__in=hashes).order_by("phone_hash", "pk"):
        told.setdefault(patient.phone_hash, (last_four(patient.phone), []))[1].append(patient.pk)
    return told


def _file(rows: Sequence[dict[str, Any]], first: date, last: date) -> HttpResponse:
    head = [_("pattern"), _("kind"), _("who"), _("times"), _("patients"), _("first"), _("last")]
    lines = (
        [
            WORDS[row["found"].pattern][0], row["kind"], row["who"], row["found"].times, row["found"].patients,
            *(f"{timezone.localtime(moment):%Y-%m-%d %H:%M:%S}" for moment in (row["found"].first, row["found"].last)),
        ]
        for row in rows
    )  # fmt: skip
    return csv_answer.answer(f"patterns-{first.isoformat()}-{last.isoformat()}", head, lines)
