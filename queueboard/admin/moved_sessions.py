"""A session at another time of its day or in another room: whom it touches is shown first (R3.2b)."""

from collections.abc import Sequence
from datetime import datetime

from django import forms
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from unfold.admin import ModelAdmin
from unfold.decorators import action
from unfold.widgets import UnfoldAdminSelectWidget

from booking import touched
from booking.models import Room, Session, SessionRoom
from booking.services import times
from booking.wanted import local
from queueboard.admin.base import actor, own
from queueboard.admin.confirming import Asked, ReasonForm, confirmed, time_widget
from queueboard.admin.effects import span_words
from queueboard.services import schedules


class TimesForm(ReasonForm):
    starts = forms.TimeField(label=gettext_lazy("starts"), widget=time_widget())
    ends = forms.TimeField(label=gettext_lazy("ends"), widget=time_widget())
    field_order = ("starts", "ends", "reason")


class RoomForm(ReasonForm):
    seat = forms.ModelChoiceField(
        SessionRoom.objects.none(), label=gettext_lazy("now"), widget=UnfoldAdminSelectWidget, empty_label=None
    )
    room = forms.ModelChoiceField(
        Room.objects.none(), label=gettext_lazy("new room"), widget=UnfoldAdminSelectWidget
    )  # fmt: skip
    field_order = ("seat", "room", "reason")


class MovedSessions(ModelAdmin):
    """For the admin of sessions."""

    @action(description=gettext_lazy("Another time"), permissions=["manage"], url_path="times", icon="schedule")
    def times(self, request: HttpRequest, object_id: str) -> HttpResponse:
        session = own(self, request, object_id)
        now = {name: timezone.localtime(getattr(session, f"{name}_at")).time() for name in ("starts", "ends")}

        def span(asked: Asked) -> dict[str, datetime]:
            return {f"{name}_at": local(session.date, asked[name]) for name in now}

        def act(asked: Asked, seen: str | None) -> object:
            return schedules.change_times(
                session_id=session.pk, **span(asked), reason=asked["reason"], seen=seen, actor=actor(request)
            )  # fmt: skip

        return confirmed(
            self, request, session, TimesForm(request.POST or None, initial=now),
            title=_("Another time"),
            words=_("On the same day. Everybody keeps the number; each slot moves as the start does, and the last ends "
                    "when the session does. Once registration has opened, and nobody was called, it can begin later."),
            effect=lambda asked: (None, _times_words(session, **span(asked))),
            act=act,
        )  # fmt: skip

    @action(description=gettext_lazy("Another room"), permissions=["manage"], url_path="room", icon="meeting_room")
    def room(self, request: HttpRequest, object_id: str) -> HttpResponse:
        session = own(self, request, object_id)
        form = RoomForm(request.POST or None)
        form.fields["seat"].queryset = session.rooms.select_related("room", "expert")  # type: ignore[attr-defined]
        free = session.department.rooms.exclude(pk__in=session.rooms.values("room"))
        form.fields["room"].queryset = free  # type: ignore[attr-defined]

        def act(asked: Asked, seen: str | None) -> object:
            return schedules.change_room(
                session_id=session.pk, room_id=asked["seat"].room_id, to_room_id=asked["room"].pk,
                reason=asked["reason"], seen=seen, actor=actor(request),
            )  # fmt: skip

        return confirmed(
            self, request, session, form,
            title=_("Another room"),
            words=_("Before registration opens; later the expert changes rooms on the expert's page."),
            effect=lambda asked: (None, _room_words(session, asked["room"])),
            act=act,
        )  # fmt: skip


def _times_words(session: Session, *, starts_at: datetime, ends_at: datetime) -> list[str]:
    slots = list(session.slots.order_by("index"))
    moved = {slot.starts_at: span for slot, span in zip(slots, times.spans(slots, starts_at, ends_at), strict=True)}
    told = [
        ngettext("%(was)s → %(now)s: %(count)d patient", "%(was)s → %(now)s: %(count)d patients", slot.count)
        % {"was": span_words(slot.starts_at, slot.ends_at), "now": span_words(*moved[slot.starts_at]),
           "count": slot.count}
        for slot in touched.one(session).slots
    ]  # fmt: skip
    if starts_at == session.starts_at:
        told.append(_("Nobody has to be told: no slot begins at another time."))
    elif told:
        told.append(_("They keep their numbers and are told the new time."))
    else:
        told.append(_("Nobody has to be told."))
    if session.pool_opened_at is None and starts_at != session.starts_at:
        opens = timezone.localtime(starts_at - (session.starts_at - session.registration_opens_at))
        told.append(_("Registration opens at %(time)s.") % {"time": f"{opens:%H:%M}"})
    rooms = [seat.room for seat in session.rooms.select_related("room")]
    return told + also_there(rooms, starts_at, ends_at, besides=session)


def _room_words(session: Session, room: Room) -> list[str]:
    count = touched.one(session).count
    if session.expert_id is None:
        told = [_("Nobody is told: in a pooled session the room is said with the call.")]
    elif not count:
        told = [_("Nobody has to be told.")]
    else:
        words = ngettext("%(count)d patient is told.", "%(count)d patients are told.", count)
        told = [words % {"count": count}]
    return told + also_there([room], session.starts_at, session.ends_at, besides=session)


def also_there(rooms: Sequence[Room], starts_at: datetime, ends_at: datetime, *, besides: Session | None) -> list[str]:
    """Two sessions may share a room; it is said so that nobody plans that without knowing."""
    others = SessionRoom.objects.filter(
        room__in=rooms, session__starts_at__lt=ends_at, session__ends_at__gt=starts_at
    ).exclude(session__state__in=Session.OVER)
    if besides is not None:
        others = others.exclude(session=besides)
    words = _("%(room)s is used at that time by %(session)s too.")
    return [
        words % {"room": seat.room, "session": seat.session}
        for seat in others.select_related("room", "session__expert").order_by("session__starts_at")
    ]
