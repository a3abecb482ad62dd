"""A day without power or network: the queues on paper, and what happened there entered afterwards."""

import re
import unicodedata
from collections.abc import Mapping
from datetime import date, datetime, time
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext, ngettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from booking.errors import BookingError
from booking.models import Appointment, Patient, Session
from queueboard import access, rules
from queueboard.admin.base import actor
from queueboard.content_policy import strict
from queueboard.models import Ticket
from queueboard.services import paper
from queueboard.services.queue import LIVE, load
from queueboard.staff_words import event_words, place_words
from queueboard.views.private import private
from queueboard.views.seats import open_today

BLANK_PRINTED = 18  # lines for whoever comes while there is no power
BLANK_ENTERED = 12
CLOCK = re.compile(r"(\d{1,2})\D?(\d{2})")
# Who is being seen or called comes first on a sheet, then who waits, in order.
BEFORE_LINE = (Ticket.State.SERVING, Ticket.State.CALLED)
AFTER_LINE = (Ticket.State.MISSED, Ticket.State.AWAY)


@private
def sheets(request: HttpRequest) -> HttpResponse:
    """The queues of the own departments as they stand, to be printed. Posted, it is noted who printed them."""
    if not access.may(request.user, access.DESK):
        raise PermissionDenied
    now = timezone.now()
    sessions = list(open_today(now).filter(department__in=access.departments_of(request.user)))
    if request.method == "POST":
        for session in sessions:
            paper.printed(session_id=session.pk, actor=actor(request), now=now)
    context = {
        "sheets": [_sheet(session, now) for session in sessions],
        "now": timezone.localtime(now),
        "printed": request.method == "POST",
    }
    return strict(render(request, "paper/sheets.html", context))


def _sheet(session: Session, now: datetime) -> dict[str, Any]:
    queue = load(session, now=now)
    words, policy = place_words(), queue.policy
    views = {view.number: view for view in queue.views()}
    places = [(ticket, words[rules.place(views[ticket.number], policy)]) for ticket in queue.order()]
    first, last = (
        [(t, t.get_state_display()) for state in states for t in queue.tickets if t.state == state]
        for states in (BEFORE_LINE, AFTER_LINE)
    )
    names = dict(Patient.objects.filter(tickets__session=session).values_list("pk", "name"))
    rows = [
        {
            "number": t.label,
            "name": names[t.patient_id],
            "place": place,
            "slot": queue.slots[t.slot_id],
            "arrived": t.arrived,
        }
        for t, place in [*first, *places, *last]
    ]  # fmt: skip
    slots = [slot for slot in queue.slots.values() if slot.ends_at > now]
    return {
        "session": session,
        "rooms": list(queue.rooms.values()),
        "rows": rows,
        "to_come": _to_come(session),
        "left": [(slot, slot.left_walk_in) for slot in slots],
        "blank": [f"{session.prefix}{session.last_number + n:03d}" for n in range(1, BLANK_PRINTED + 1)],
    }


def _to_come(session: Session) -> list[Appointment]:
    booked = Appointment.objects.filter(session=session, state=Appointment.State.BOOKED)
    return list(booked.select_related("patient", "slot").order_by("slot__starts_at", "pk"))


class ClockField(forms.CharField):
    """A time of the session's day as it is written on paper: 9:05, 0905, 9.05. Cleaned to a datetime, None if empty."""

    day: date

    def clean(self, value: Any) -> datetime | None:  # type: ignore[override]
        text = unicodedata.normalize("NFKC", str(value or "")).strip()
        if not text:
            return None
        found = CLOCK.fullmatch(text)
        try:
            written = time(int(found[1]), int(found[2])) if found else None
        except ValueError:
            written = None
        if written is None:
            raise forms.ValidationError(_("A time is written like 9:05 or 0905."))
        return timezone.make_aware(datetime.combine(self.day, written))


OUTCOMES = [
    ("", "—"),
    (paper.SEEN, pgettext_lazy("ticket", "seen")),
    (paper.MISSED, pgettext_lazy("ticket", "missed the call")),
    (paper.LEFT, pgettext_lazy("ticket", "left")),
]


class LineForm(forms.Form):
    """One line of a sheet. Who it is about is said by the page that made it, not by what is sent."""

    number = forms.IntegerField(label=_("number"), required=False, min_value=1, max_value=9999)
    name = forms.CharField(label=pgettext_lazy("of a person", "name"), required=False, max_length=80)
    came = ClockField(label=_("came"), required=False)
    room = forms.TypedChoiceField(label=_("room"), required=False, coerce=int, empty_value=None)
    called = ClockField(label=_("called"), required=False)
    began = ClockField(label=_("begun"), required=False)
    ended = ClockField(label=_("ended"), required=False)
    outcome = forms.ChoiceField(label=_("what became of it"), required=False, choices=OUTCOMES)

    def __init__(
        self, data: Any, *, prefix: str, initial: dict[str, Any], session: Session, rooms: list[tuple[Any, str]],
        whom: Mapping[str, Any],
    ) -> None:  # fmt: skip
        super().__init__(data, prefix=prefix, initial=initial)
        self.whom = whom
        self.problems: list[str] = []
        for name in ("came", "called", "began", "ended"):
            field = self.fields[name]
            assert isinstance(field, ClockField)
            field.day = session.date
            field.widget.attrs = {"inputmode": "numeric", "maxlength": "5", "size": "5", "autocomplete": "off"}
        self.fields["room"].choices = rooms  # type: ignore[attr-defined]
        label = whom.get("label") or whom.get("name") or gettext("new")
        for field in self.fields.values():
            field.widget.attrs["aria-label"] = f"{field.label}, {label}"

    @property
    def says_something(self) -> bool:
        """Whether anything was written in this line: the number alone, and the room, are printed."""
        return any(self.cleaned_data.get(name) for name in ("name", "came", "called", "began", "ended", "outcome"))

    def line(self, row: int) -> paper.Line:
        written = self.cleaned_data
        return paper.Line(
            row=row, ticket=self.whom.get("ticket"), appointment_id=self.whom.get("appointment"), name=written["name"],
            number=written["number"], room_id=written["room"], came=written["came"], called=written["called"],
            began=written["began"], ended=written["ended"], outcome=written["outcome"],
        )  # fmt: skip


@private
def enter(request: HttpRequest, session_id: int) -> HttpResponse:
    """What happened on paper: a line for everybody who waits or is to come, and blank ones for who came meanwhile."""
    session = Session.objects.select_related("department", "expert").filter(pk=session_id).first()
    if session is None:
        raise Http404
    if not access.may_desk(request.user, session):
        raise PermissionDenied
    here = reverse("paper_enter", args=[session_id])
    if "take_back" in request.POST:
        _take_back(request, session)
        return HttpResponseRedirect(here)
    forms = _forms(request, session)
    if request.method == "POST" and _entered(request, session, forms):
        return HttpResponseRedirect(here)
    last = paper.last_entered(session.pk)
    words = event_words()
    context = {
        "session": session, "forms": forms, "last": last,
        "last_words": [(event, words.get(event.kind, event.kind)) for event in last],
        "several_rooms": session.rooms.count() > 1, "live": session.state in Session.LIVE,
        "others": open_today(timezone.now()).filter(department__in=access.departments_of(request.user)),
        "wrong": sum(bool(form.problems or form.errors) for form in forms),
    }  # fmt: skip
    return strict(render(request, "paper/enter.html", context, status=400 if context["wrong"] else 200))


def _forms(request: HttpRequest, session: Session) -> list[LineForm]:
    seats = session.rooms.select_related("room").order_by("room__code")
    rooms: list[tuple[Any, str]] = [(seat.room_id, seat.room.code) for seat in seats]
    queue = load(session, now=timezone.now())
    names = dict(Patient.objects.filter(tickets__session=session).values_list("pk", "name"))
    order = [t for s in BEFORE_LINE for t in queue.tickets if t.state == s] + queue.order()
    order += [t for t in queue.tickets if t.state in LIVE and t not in order]
    whom: list[tuple[str, dict[str, Any]]] = [
        (f"t{t.pk}", {"ticket": t, "label": t.label, "name": names[t.patient_id], "state": t.get_state_display()})
        for t in order
    ]
    whom += [
        (f"a{a.pk}", {"appointment": a.pk, "name": a.patient.name, "slot": a.slot, "state": a.get_state_display()})
        for a in _to_come(session)
    ]
    whom += [(f"n{n}", {"state": ""}) for n in range(1, BLANK_ENTERED + 1)]
    only = rooms[0][0] if len(rooms) == 1 else None
    rooms = rooms if only is not None else [("", "—"), *rooms]
    data = request.POST if request.method == "POST" else None
    return [
        LineForm(
            data,
            prefix=prefix,
            session=session,
            rooms=rooms,
            whom=facts,
            initial=_initial(session, prefix, facts, only),
        )
        for prefix, facts in whom
    ]


def _initial(session: Session, prefix: str, facts: Mapping[str, Any], only: int | None) -> dict[str, Any]:
    ticket = facts.get("ticket")
    initial: dict[str, Any] = {"room": only or (ticket.room_id if ticket is not None else None)}
    if prefix.startswith("n"):
        initial["number"] = session.last_number + int(prefix[1:])
    return initial


def _entered(request: HttpRequest, session: Session, forms: list[LineForm]) -> bool:
    wrong = [form for form in forms if not form.is_valid()]
    if wrong:
        return False
    written = {row: form for row, form in enumerate(forms, start=1) if form.says_something}
    if not written:
        messages.info(request, gettext("Nothing was written in any line."))
        return True
    try:
        done = paper.enter(
            session_id=session.pk, lines=[form.line(row) for row, form in written.items()], actor=actor(request)
        )
    except paper.DoesNotFit as refused:
        for row, problems in refused.problems.items():
            forms[row - 1].problems = problems
        return False
    except BookingError as refused:
        messages.error(request, str(refused.message))
        return True
    words = ngettext("{n} step is entered.", "{n} steps are entered.", done.steps).format(n=done.steps)
    for was, label in done.renamed:
        words += " " + gettext("{was} on paper is {label} here.").format(was=was, label=label)
    messages.success(request, words)
    return True


def _take_back(request: HttpRequest, session: Session) -> None:
    try:
        count = paper.take_back(session_id=session.pk, actor=actor(request))
    except BookingError as refused:
        messages.error(request, str(refused.message))
    else:
        messages.success(
            request, ngettext("{n} step is taken back.", "{n} steps are taken back.", count).format(n=count)
        )
