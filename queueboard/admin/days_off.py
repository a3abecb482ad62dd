"""Holidays and leave: each leads to the sessions it touches, and says what is made once it is gone (R1.1, R1.3)."""

from collections.abc import Callable, Sequence
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action

from booking import days_off, overtime, touched
from booking.models import Expert, Holiday, Leave, Session
from booking.touched import Touched
from booking.wanted import Wanted
from queueboard import ending
from queueboard.access import departments_of
from queueboard.admin import effects
from queueboard.admin.base import Managed, OwnDepartments, actor, own, step_page
from queueboard.admin.choices import KEEP, Act, Option, Row, choices_page
from queueboard.services import lifecycle, rooms
from queueboard.services import schedules as steps

CancelledFor = Session.CancelledFor


class DaysOff(Managed, OwnDepartments):
    """Saved, it leads to the sessions it touches: until that is confirmed nothing happens to them."""

    actions = None  # one by one: each is asked what it makes again
    actions_detail = ("sessions",)

    def save_model(self, request: HttpRequest, obj: Any, form: ModelForm, change: Any) -> None:
        was = self.model._default_manager.get(pk=obj.pk) if change else None
        super().save_model(request, obj, form, change)
        if was is not None:
            _say_again(request, days_off.again_after(was))

    def response_post_save_add(self, request: HttpRequest, obj: Any) -> HttpResponse:
        return self._to_sessions(obj) or super().response_post_save_add(request, obj)

    def response_post_save_change(self, request: HttpRequest, obj: Any) -> HttpResponse:
        return self._to_sessions(obj) or super().response_post_save_change(request, obj)

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Says first which sessions the task makes again."""
        off = self.get_object(request, object_id)
        if off is None or not self.has_delete_permission(request, off):
            raise PermissionDenied
        again = days_off.again_if_gone(off)
        if request.method == "POST":
            self.log_deletions(request, [off])
            self.delete_model(request, off)
            messages.success(request, gettext("Deleted: %(what)s") % {"what": off})
            _say_again(request, again)
            return HttpResponseRedirect(reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_changelist"))
        back = reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_change", args=[off.pk])
        title = gettext("Delete")
        return step_page(
            self, request, title=f"{title}: {off}", words=_again_words(again), lines=_in_lines(again), button=title,
            back=back,
        )  # fmt: skip

    def _to_sessions(self, off: Any) -> HttpResponse | None:
        if not days_off.sessions_in(off).exists():
            return None
        name = f"admin:{self.opts.app_label}_{self.opts.model_name}_sessions"
        return HttpResponseRedirect(reverse(name, args=[off.pk]))

    def _sessions_page(
        self, request: HttpRequest, off: Any, *, title: str, rows: Sequence[Row], act: Callable[[Act], None]
    ) -> HttpResponse:
        back = reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_changelist")
        if not rows and request.method != "POST":
            messages.info(request, _("No session that has been made is touched by it."))
            return HttpResponseRedirect(back)
        words = [gettext("These sessions have been made already. Nothing happens to them until you confirm it here.")]
        return choices_page(
            self, request, title=f"{title}: {off}", words=words, rows=rows, button=gettext("Do this"), back=back,
            act=act,
        )  # fmt: skip


@admin.register(Holiday)
class HolidayAdmin(DaysOff):
    list_display = ("date", "name", "department")
    list_filter = ("department",)
    search_fields = ("name",)
    date_hierarchy = "date"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        mine = Q(department__in=departments_of(request.user)) | Q(department=None)
        return super(OwnDepartments, self).get_queryset(request).filter(mine)

    @action(description=_("Sessions on this day"), permissions=["manage"], url_path="sessions", icon="event_busy")
    def sessions(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """What the holiday does to those booked, and after confirmation does it: each session in one transaction."""
        holiday = own(self, request, object_id)

        def act(asked: Act) -> None:
            _end(request, asked, reason=holiday.name, cause=CancelledFor.HOLIDAY)

        rows = [_row(session, whom, [_ending(session, whom)]) for session, whom in _with_touched(holiday)]
        title = gettext("Sessions on this day")
        return self._sessions_page(request, holiday, title=title, rows=rows, act=act)


@admin.register(Leave)
class LeaveAdmin(DaysOff):
    department_path = "expert__department"
    list_display = ("expert", "first_day", "last_day", "reason")
    list_filter = ("expert__department",)
    search_fields = ("expert__name", "expert__name_en", "reason")
    autocomplete_fields = ("expert",)

    @action(description=_("Sessions in this leave"), permissions=["manage"], url_path="sessions", icon="event_busy")
    def sessions(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """What the leave does to those booked, and after confirmation does it: each session in one transaction."""
        leave = own(self, request, object_id)
        found = _with_touched(leave)
        free = days_off.free_experts(session for session, _whom in found)

        def act(asked: Act) -> None:
            _leave(request, asked, leave)

        rows = [_row(session, whom, _leave_options(leave, session, whom, free[session.pk])) for session, whom in found]
        title = gettext("Sessions in this leave")
        return self._sessions_page(request, leave, title=title, rows=rows, act=act)


def _with_touched(off: Holiday | Leave) -> list[tuple[Session, Touched]]:
    sessions = list(days_off.sessions_in(off))
    whom = touched.of(sessions)
    return [(session, whom[session.pk]) for session in sessions]


def _row(session: Session, whom: Touched, options: list[Option]) -> Row:
    keep = Option(KEEP, gettext("Leave it as it is"), gettext("The session takes place."))
    return Row(session, whom, [*options, keep], options[0].value)


def _ending(session: Session, whom: Touched) -> Option:
    """A session is cancelled, or stopped where its registration has opened."""
    if session.state == Session.State.PLANNED:
        return Option("off", gettext("Cancel the session"), effects.back_words(whom), calls_off=True)
    words = " ".join(effects.stop_words(ending.of(session, now=timezone.now()), closed=True))
    return Option("stop", gettext("Stop the session now"), words, calls_off=True)


def _leave_options(leave: Leave, session: Session, whom: Touched, free: list[Expert]) -> list[Option]:
    live = session.state != Session.State.PLANNED
    seats = {seat.expert_id for seat in session.rooms.all()}
    if session.expert_id is not None or seats == {leave.expert_id}:
        options = [_ending(session, whom)]
    elif live:
        options = [Option("pause", gettext("Pause the room"), gettext("The others go on with the queue."))]
    else:
        options = [Option("seat", gettext("Give the seat up"), _without_seat(session, len(seats)))]
    if free:
        words = gettext("Everybody keeps their number.")
        if session.expert_id is not None and whom.count:
            words = gettext("Everybody keeps their number and is told.")
        options.append(Option("substitute", gettext("Substitute"), words, experts=free))
    return options


def _without_seat(session: Session, seats: int) -> str:
    words = gettext("The others see those booked. If every number comes, they end %(then)d min late (now: %(now)d).")
    figures = {
        "now": overtime.minutes_over(session, experts=seats),
        "then": overtime.minutes_over(session, experts=seats - 1),
    }
    return words % figures


def _leave(request: HttpRequest, asked: Act, leave: Leave) -> None:
    session, who = asked.row.session, actor(request)
    reason = leave.reason or gettext("leave")
    if asked.value == "substitute":
        assert asked.expert_id is not None
        steps.substitute(
            session_id=session.pk, away_id=leave.expert_id, expert_id=asked.expert_id, reason=reason, seen=asked.seen,
            actor=who,
        )  # fmt: skip
    elif asked.value == "seat":
        steps.give_seat_up(
            session_id=session.pk, expert_id=leave.expert_id, reason=reason, seen=asked.seen, actor=who
        )  # fmt: skip
    elif asked.value == "pause":
        seat = next(each for each in session.rooms.all() if each.expert_id == leave.expert_id)
        rooms.pause(session_id=session.pk, room_id=seat.room_id, reason=reason, actor=who)
    else:
        _end(request, asked, reason=reason, cause=CancelledFor.LEAVE)


def _end(request: HttpRequest, asked: Act, *, reason: str, cause: str) -> None:
    session_id, who = asked.row.session.pk, actor(request)
    if asked.value == "stop":
        lifecycle.stop_for_good(session_id=session_id, reason=reason, seen=asked.seen, actor=who)
    else:
        steps.call_off(session_id=session_id, reason=reason, cause=cause, seen=asked.seen, actor=who)


def _again_words(again: Sequence[Wanted]) -> str:
    if not again:
        return gettext("No session is made because of it.")
    return gettext(
        "These sessions are made by themselves within the hour, with all their numbers free. Who was booked in one "
        "that was cancelled is not booked again."
    )


def _in_lines(again: Sequence[Wanted]) -> list[str]:
    return [f"{each.template.expert or each.template.title} {each.day} {each.template.starts:%H:%M}" for each in again]


def _say_again(request: HttpRequest, again: Sequence[Wanted]) -> None:
    """After it is gone, or is shorter."""
    if again:
        words = ngettext(
            "%(count)d session is made by itself within the hour: %(which)s.",
            "%(count)d sessions are made by themselves within the hour: %(which)s.",
            len(again),
        )
        messages.info(request, words % {"count": len(again), "which": ", ".join(_in_lines(again))})
