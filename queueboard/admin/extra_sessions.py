"""A session that no weekly template asks for (加开门诊): how it would be is shown before it is made."""

from typing import Any

from django import forms
from django.db import transaction
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.admin import ModelAdmin
from unfold.decorators import action
from unfold.widgets import UnfoldAdminIntegerFieldWidget, UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from booking import overtime
from booking.errors import BookingError
from booking.models import Expert, Holiday, Room, Session, Slot, Template
from booking.services import sessions
from booking.wanted import local
from queueboard import access
from queueboard.admin.base import actor
from queueboard.admin.confirming import Asked, Effect, ReasonForm, confirmed, time_widget
from queueboard.admin.effects import span_words
from queueboard.admin.moved_sessions import also_there
from queueboard.services import schedules


class ExtraForm(ReasonForm):
    """Either one expert in a room, or as a weekly template: that is how a pooled session gets its rooms."""

    expert = forms.ModelChoiceField(
        Expert.objects.none(), label=gettext_lazy("expert"), required=False, widget=UnfoldAdminSelectWidget
    )
    room = forms.ModelChoiceField(
        Room.objects.none(), label=gettext_lazy("room"), required=False, widget=UnfoldAdminSelectWidget
    )
    like = forms.ModelChoiceField(
        Template.objects.none(), label=gettext_lazy("or as this weekly template"), required=False,
        widget=UnfoldAdminSelectWidget,
    )  # fmt: skip
    date = forms.DateField(label=gettext_lazy("date"), widget=UnfoldAdminTextInputWidget(attrs={"type": "date"}))
    starts = forms.TimeField(label=gettext_lazy("starts"), widget=time_widget())
    ends = forms.TimeField(label=gettext_lazy("ends"), widget=time_widget())
    numbers = forms.IntegerField(
        label=gettext_lazy("numbers"), min_value=1, max_value=500, widget=UnfoldAdminIntegerFieldWidget
    )
    letter = forms.CharField(
        label=gettext_lazy("letter of the tickets"), max_length=2, initial="A", widget=UnfoldAdminTextInputWidget
    )
    field_order = ("expert", "room", "like", "date", "starts", "ends", "numbers", "letter", "reason")

    def __init__(self, departments: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        experts = Expert.objects.filter(active=True, department__in=departments).order_by("department", "name")
        rooms = Room.objects.filter(department__in=departments).order_by("department", "code")
        templates = Template.objects.filter(department__in=departments).select_related("expert")
        for name, rows in (("expert", experts), ("room", rooms), ("like", templates)):
            self.fields[name].queryset = rows  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        expert, room, like = cleaned.get("expert"), cleaned.get("room"), cleaned.get("like")
        if (like is None) != (expert is not None and room is not None) or (like is not None and (expert or room)):
            raise forms.ValidationError(_("Please choose an expert and a room, or a weekly template."))
        if expert is not None and room is not None and expert.department_id != room.department_id:
            raise forms.ValidationError(_("That room is not one of the department's."))
        return cleaned


class ExtraSessions(ModelAdmin):
    """For the admin of sessions."""

    @action(description=gettext_lazy("Extra session"), permissions=["manage"], url_path="extra", icon="add_circle")
    def extra(self, request: HttpRequest) -> HttpResponse:
        form = ExtraForm(access.departments_of(request.user), request.POST or None)
        return confirmed(
            self, request, None, form,
            title=_("Extra session"),
            words=_("A session that no weekly template asks for, on one day."),
            effect=_extra_effect,
            act=lambda asked, _seen: schedules.make_extra(
                _draft(asked), reason=asked["reason"], actor=actor(request)
            ),
            tried=True,
        )  # fmt: skip


def _draft(asked: Asked) -> sessions.Draft:
    day, like = asked["date"], asked["like"]
    fields = {"starts_at": local(day, asked["starts"]), "ends_at": local(day, asked["ends"])}
    fields |= {"numbers": asked["numbers"], "prefix": asked["letter"]}
    if fields["ends_at"] <= fields["starts_at"]:
        words = _("A session ends on the day on which it starts: one that goes on after midnight is two.")
        raise BookingError(words, code="other_day", status=400)
    if like is None:
        session = Session(department=asked["expert"].department, expert=asked["expert"], **fields)
        return sessions.draft(session, rooms=[(asked["room"], asked["expert"])])
    titles = {name: getattr(like, name) for name in ("title", "title_en", "title_zh_hant")}
    session = Session(department=like.department, expert=like.expert, **titles, **fields)
    seats = [(seat.room, seat.expert) for seat in like.rooms.select_related("room", "expert")]
    return sessions.draft(session, slot_minutes=like.slot_minutes, rooms=seats)


def _extra_effect(asked: Asked) -> Effect:
    """It is made and taken back, so that its slots can be shown as they will be."""
    with transaction.atomic():
        made = schedules.make_extra(_draft(asked), reason=asked["reason"])
        told = _extra_words(made)
        transaction.set_rollback(True)
    return None, told


def _extra_words(made: Session) -> list[str]:
    slots = list(made.slots.order_by("index"))
    bookable = sum(slot.bookable for slot in slots)
    told = [
        _("%(all)d numbers: %(book)d to book, %(walk)d for walk-ins.")
        % {"all": made.numbers, "book": bookable, "walk": made.numbers - bookable},
        _("To book + for walk-ins: %(slots)s") % {"slots": " · ".join(_split(slot) for slot in slots if slot.numbers)},
    ]
    if made.released_at <= timezone.now():
        told.append(_("They can be booked at once."))
    else:
        when = date_format(timezone.localtime(made.released_at), "DATETIME_FORMAT")
        told.append(_("They can be booked from %(when)s on.") % {"when": when})
    over = overtime.minutes_over(made)
    if over:
        told.append(_("If every number comes, the session ends %(over)d min late.") % {"over": over})
    everywhere_or_here = Q(department=None) | Q(department=made.department_id)
    for holiday in Holiday.objects.filter(everywhere_or_here, date=made.date):
        told.append(_("That day is a holiday: %(name)s.") % {"name": holiday.name})
    rooms = [seat.room for seat in made.rooms.select_related("room")]
    return told + also_there(rooms, made.starts_at, made.ends_at, besides=made)


def _split(slot: Slot) -> str:
    return f"{span_words(slot.starts_at, slot.ends_at)} {slot.bookable} + {slot.walk_in}"
