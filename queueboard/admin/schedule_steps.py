"""Steps that change one session: each shows whom it touches, and what it does, before it is confirmed (R3.2b, R1.3)."""

from typing import Any

from django import forms
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from unfold.admin import ModelAdmin
from unfold.dataclasses import UnfoldAction
from unfold.decorators import action
from unfold.widgets import UnfoldAdminIntegerFieldWidget, UnfoldAdminSelectWidget

from booking import touched
from booking.models import Expert, Session, Slot
from queueboard import access, added, ending
from queueboard.admin import effects
from queueboard.admin.base import Managed, actor, own
from queueboard.admin.confirming import Asked, Effect, ReasonForm, confirmed
from queueboard.services import hand_over, lifecycle, schedules
from queueboard.views.seats import open_today

PLANNED = (Session.State.PLANNED,)
# In which states a step is offered; what comes of it is decided by the services.
STEPS_BY_STATE = {
    "substitute": (*PLANNED, *Session.LIVE),
    "times": (*PLANNED, *Session.LIVE),
    "room": PLANNED,
    "call_off": PLANNED,
    "stop": Session.LIVE,
    "close": Session.LIVE,
}


class AddForm(ReasonForm):
    slot = forms.ModelChoiceField(Slot.objects.none(), label=gettext_lazy("slot"), widget=UnfoldAdminSelectWidget)
    count = forms.IntegerField(
        label=gettext_lazy("how many"), min_value=1, max_value=500, initial=1, widget=UnfoldAdminIntegerFieldWidget
    )
    field_order = ("slot", "count", "reason")


class SubstituteForm(ReasonForm):
    away = forms.ModelChoiceField(
        Expert.objects.none(), label=gettext_lazy("who is away"), widget=UnfoldAdminSelectWidget, empty_label=None
    )
    expert = forms.ModelChoiceField(
        Expert.objects.none(), label=gettext_lazy("substitute"), widget=UnfoldAdminSelectWidget
    )
    field_order = ("away", "expert", "reason")


class StopForm(ReasonForm):
    waiting = forms.ChoiceField(label=gettext_lazy("who waits"), widget=UnfoldAdminSelectWidget)
    field_order = ("waiting", "reason")

    STAY = "stay"
    CLOSE = "close"

    def __init__(self, session: Session, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        others = open_today(timezone.now()).filter(department=session.department_id, state__in=Session.LIVE)
        to = [(str(other.pk), _("goes on to %(session)s") % {"session": other}) for other in _can_take(others, session)]
        self.fields["waiting"].choices = [  # type: ignore[attr-defined]
            (self.STAY, _("stays in the queue until the session closes, to be handed over")),
            *to,
            (self.CLOSE, _("goes home: the session is closed now")),
        ]


def _can_take(others: Any, session: Session) -> list[Session]:
    return list(others.filter(stopped_early=False).exclude(pk=session.pk))


class ScheduleSteps(Managed, ModelAdmin):
    """For the admin of sessions."""

    def get_actions_detail(self, request: HttpRequest, object_id: int) -> list[UnfoldAction]:
        """Those that make sense in the state that the session is in."""
        state = Session.objects.filter(pk=object_id).values_list("state", flat=True).first()
        off = {f"booking_session_{name}" for name, states in STEPS_BY_STATE.items() if state not in states}
        return [each for each in super().get_actions_detail(request, object_id) if each.action_name not in off]

    def has_add_numbers_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """A manager, or the expert whose session it is."""
        session = Session.objects.filter(pk=object_id).first() if object_id else None
        return access.may_manage(request.user) or (session is not None and access.sits(request.user, session))

    @action(description=gettext_lazy("Add numbers"), permissions=["add_numbers"], url_path="add-numbers", icon="add")
    def add_numbers(self, request: HttpRequest, object_id: str) -> HttpResponse:
        session = own(self, request, object_id)
        form = AddForm(request.POST or None)
        form.fields["slot"].queryset = session.slots.order_by("index")  # type: ignore[attr-defined]

        def act(asked: Asked, _seen: str | None) -> object:
            return schedules.add_numbers(**asked, actor=actor(request))

        return confirmed(
            self, request, session, form,
            title=_("Add numbers"),
            words=_("Numbers more than the session was made with. Who and why is kept in the ledger."),
            effect=lambda asked: _added(session, asked),
            act=act,
        )  # fmt: skip

    @action(description=gettext_lazy("Substitute"), permissions=["manage"], url_path="substitute", icon="swap_horiz")
    def substitute(self, request: HttpRequest, object_id: str) -> HttpResponse:
        session = own(self, request, object_id)
        form = SubstituteForm(request.POST or None)
        seated = Expert.objects.filter(Q(sessions=session) | Q(sessionroom__session=session)).distinct()
        form.fields["away"].queryset = seated  # type: ignore[attr-defined]
        others = session.department.experts.filter(active=True).exclude(pk__in=seated)
        form.fields["expert"].queryset = others  # type: ignore[attr-defined]

        def act(asked: Asked, seen: str | None) -> object:
            return schedules.substitute(
                session_id=session.pk, away_id=asked["away"].pk, expert_id=asked["expert"].pk,
                reason=asked["reason"], seen=seen, actor=actor(request),
            )  # fmt: skip

        return confirmed(
            self, request, session, form,
            title=_("Substitute"),
            words=_("Another expert of the department takes over, who has neither leave nor a session at that time."),
            effect=lambda asked: (None, _substitute_words(session, asked["away"], asked["expert"])),
            act=act,
        )  # fmt: skip

    @action(description=gettext_lazy("Cancel the session"), permissions=["manage"], url_path="call-off", icon="block")
    def call_off(self, request: HttpRequest, object_id: str) -> HttpResponse:
        session = own(self, request, object_id)

        def act(asked: Asked, seen: str | None) -> object:
            return schedules.call_off(session_id=session.pk, reason=asked["reason"], seen=seen, actor=actor(request))

        return confirmed(
            self, request, session, ReasonForm(request.POST or None),
            title=_("Cancel the session"),
            words=_("It does not take place and is not made again. This cannot be undone."),
            effect=lambda _asked: (None, [effects.back_words(touched.one(session))]),
            act=act,
            at_once=True,
        )  # fmt: skip

    @action(description=gettext_lazy("Stop early"), permissions=["manage"], url_path="stop", icon="front_hand")
    def stop(self, request: HttpRequest, object_id: str) -> HttpResponse:
        session = own(self, request, object_id)

        def act(asked: Asked, seen: str | None) -> None:
            _stop(request, session, asked, seen)

        def effect(asked: Asked) -> Effect:
            end = ending.of(session, now=timezone.now())
            return end, effects.stop_words(end, closed=asked["waiting"] == StopForm.CLOSE)

        return confirmed(
            self, request, session, StopForm(session, request.POST or None),
            title=_("Stop early"),
            words=_("Nobody more is called and nobody more is taken, from now on."),
            effect=effect,
            act=act,
        )  # fmt: skip

    @action(description=gettext_lazy("Close the session"), permissions=["manage"], url_path="close", icon="event_busy")
    def close(self, request: HttpRequest, object_id: str) -> HttpResponse:
        session = own(self, request, object_id)

        def effect(_asked: Asked) -> Effect:
            end = ending.of(session, now=timezone.now())
            return end, effects.close_words(end)

        def act(_asked: Asked, seen: str | None) -> object:
            return lifecycle.close_session(session_id=session.pk, seen=seen, actor=actor(request))

        return confirmed(
            self, request, session, forms.Form(request.POST or None),
            title=_("Close the session"),
            words=_("Every ticket and appointment is settled. This cannot be undone."),
            effect=effect,
            act=act,
            at_once=True,
        )  # fmt: skip


def _added(session: Session, asked: Asked) -> Effect:
    found = added.of(session, asked["slot"], asked["count"], now=timezone.now())
    return found, added.words(found)


def _substitute_words(session: Session, away: Expert, expert: Expert) -> list[str]:
    if session.expert_id != away.pk:
        return [_("Nobody has booked this expert: all keep their numbers, and nobody is told.")]
    whom = touched.one(session)
    words = ngettext(
        "%(count)d patient keeps the number and is told.", "%(count)d patients keep their numbers and are told.",
        whom.count,
    )  # fmt: skip
    told = [words % {"count": whom.count}]
    if whom.paid_in_all and _fee(session, expert) != _fee(session, away):
        told.append(_("What they have paid stays as it is; until registration opens they can cancel and get it back."))
    return told


def _fee(session: Session, expert: Expert) -> int:
    return session.department.prepayment if expert.prepayment is None else expert.prepayment


def _stop(request: HttpRequest, session: Session, asked: Asked, seen: str | None) -> None:
    who, reason, waiting = actor(request), asked["reason"], asked["waiting"]
    if waiting == StopForm.CLOSE:
        lifecycle.stop_for_good(session_id=session.pk, reason=reason, seen=seen, actor=who)
    elif waiting == StopForm.STAY:
        lifecycle.stop_early(session_id=session.pk, reason=reason, seen=seen, actor=who)
    else:
        hand_over.stop_and_hand_over(
            session_id=session.pk, to_session_id=int(waiting), reason=reason, seen=seen, actor=who
        )  # fmt: skip
