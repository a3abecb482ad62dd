"""Sessions: mostly read, as templates make them and the ledger alone changes their numbers. Steps of a manager."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet, Sum
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.admin import TabularInline
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminTextInputWidget

from booking.errors import BookingError
from booking.models import Session, SessionRoom, Slot
from booking.services import quotas
from queueboard.admin.base import OwnSessions, ReadOnly, actor, refused, step_page
from queueboard.admin.schedule_steps import ScheduleSteps
from queueboard.admin.splits import log_step, split_page
from queueboard.admin.why_page import why_page
from queueboard.services import lifecycle

# Names of has_..._permission methods: unfold looks dotted permissions up in the database when it checks the
# settings, which fails before the first migration.
MANAGE = ["manage"]


class Slots(ReadOnly, TabularInline):
    """Read only: a slot's numbers change by the ledger alone (R2.7)."""

    model = Slot
    extra = 0
    fields = readonly_fields = (
        "bookable", "booked", "withheld", "left_bookable", "walk_in", "registered", "left_walk_in", "locked",
    )  # fmt: skip

    @display(description=_("left to book"))
    def left_bookable(self, slot: Slot) -> int:
        return slot.left_bookable

    @display(description=_("left for walk-ins"))
    def left_walk_in(self, slot: Slot) -> int:
        return slot.left_walk_in


class Rooms(TabularInline):
    """Who sits where can be set before the day; later the expert changes rooms by the queue, where it is logged."""

    model = SessionRoom
    extra = 0
    fields = ("room", "expert", "paused_at", "paused_until", "pause_reason")
    readonly_fields = ("paused_at", "paused_until", "pause_reason")

    def has_add_permission(self, request: HttpRequest, obj: Session | None = None) -> bool:
        return _planned(obj) and super().has_add_permission(request, obj)

    def has_change_permission(self, request: HttpRequest, obj: Session | None = None) -> bool:
        return _planned(obj) and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Session | None = None) -> bool:
        return _planned(obj) and super().has_delete_permission(request, obj)

    def has_view_permission(self, request: HttpRequest, obj: Session | None = None) -> bool:
        return request.user.has_perm("booking.view_session")


def _planned(session: Session | None) -> bool:
    return session is not None and session.state == Session.State.PLANNED


def recalculate(request: HttpRequest, session: Session) -> None:
    """By hand: also where nothing comes out differently, the log says who asked."""
    quotas.recalculate(session_id=session.pk, actor=actor(request))
    log_step(request, session, gettext("The split was recalculated."))


class StopForm(forms.Form):
    reason = forms.CharField(label=_("reason"), max_length=120, widget=UnfoldAdminTextInputWidget)


@admin.register(Session)
class SessionAdmin(ScheduleSteps, OwnSessions):
    session_path = "pk"
    list_display = (
        "name",
        "department",
        "date",
        "starts_at",
        "state",
        "numbers",
        "booked_count",
        "walk_in_count",
        "pages",
    )
    list_filter = ("state", "department", ("date", admin.DateFieldListFilter))
    list_select_related = ("department", "expert")
    search_fields = ("expert__name", "expert__name_en", "title", "title_en")
    date_hierarchy = "date"
    ordering = ("-date", "starts_at")
    inlines = (Slots, Rooms)
    fields = (
        ("department", "expert"),
        ("title", "pages"),
        ("state", "stopped_early"),
        ("starts_at", "ends_at"),
        ("registration_opens_at", "released_at"),
        ("numbers", "prefix"),
    )
    readonly_fields = tuple(name for line in fields for name in line)
    actions = ("recalculate_chosen",)
    actions_detail = ("why", "split", "recalculate", "add_numbers", "substitute", "call_off", "stop", "close")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Session | None = None) -> bool:
        return (obj is None or _planned(obj)) and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Session | None = None) -> bool:
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).annotate(sum_booked=Sum("slots__booked"), sum_in=Sum("slots__registered"))

    @display(description=_("session"), ordering="expert__name")
    def name(self, session: Session) -> str:
        return str(session)

    @display(description=_("booked"))
    def booked_count(self, session: Any) -> int:
        return session.sum_booked or 0

    @display(description=_("walk-ins"))
    def walk_in_count(self, session: Any) -> int:
        return session.sum_in or 0

    @display(description=_("pages"))
    def pages(self, session: Session) -> SafeString:
        return format_html(
            '<a class="text-primary-600 dark:text-primary-500 underline" href="{}?session={}">{}</a> · '
            '<a class="text-primary-600 dark:text-primary-500 underline" href="{}">{}</a>',
            reverse("expert"), session.pk, _("queue"),
            reverse("admin:booking_session_why", args=[session.pk]), _("why this split"),
        )  # fmt: skip

    @action(description=_("Why this split?"), permissions=["view"], url_path="why", icon="help")
    def why(self, request: HttpRequest, object_id: str) -> HttpResponse:
        session = self._one(request, object_id)
        return why_page(self, request, session, session.plans.order_by("-pk").first())

    @action(description=_("Recalculate the split"), permissions=MANAGE, url_path="recalculate", icon="calculate")
    def recalculate(self, request: HttpRequest, object_id: str) -> HttpResponse:
        session = self._one(request, object_id)
        if request.method != "POST":
            words = _("The numbers are split anew from the history. Never under what is booked; locked slots stay.")
            return self._ask(request, session, _("Recalculate the split"), words)
        try:
            recalculate(request, session)
        except BookingError as error:
            return refused(request, error, self._address(session))
        return HttpResponseRedirect(reverse("admin:booking_session_why", args=[session.pk]))

    @action(description=_("Try another split"), permissions=MANAGE, url_path="split", icon="tune")
    def split(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return split_page(self, request, self._one(request, object_id))

    @action(description=_("Stop early"), permissions=MANAGE, url_path="stop", icon="front_hand")
    def stop(self, request: HttpRequest, object_id: str) -> HttpResponse:
        session = self._one(request, object_id)
        form = StopForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            try:
                lifecycle.stop_early(session_id=session.pk, reason=form.cleaned_data["reason"], actor=actor(request))
            except BookingError as error:
                return refused(request, error, self._address(session))
            messages.success(request, _("Nobody more is called. Who waits can be handed over."))
            return HttpResponseRedirect(self._address(session))
        words = _("Nobody more is called and nobody more is taken. Who waits can be handed over to another expert.")
        return self._ask(request, session, _("Stop early"), words, form)

    @action(description=_("Close the session"), permissions=MANAGE, url_path="close", icon="event_busy")
    def close(self, request: HttpRequest, object_id: str) -> HttpResponse:
        session = self._one(request, object_id)
        if request.method != "POST":
            words = _("Every ticket and appointment is settled: who is here and was not seen is “not seen”, who never "
                      "came is a no-show. This cannot be undone.")  # fmt: skip
            return self._ask(request, session, _("Close the session"), words)
        try:
            lifecycle.close_session(session_id=session.pk, actor=actor(request))
        except BookingError as error:
            return refused(request, error, self._address(session))
        messages.success(request, _("The session is closed."))
        return HttpResponseRedirect(self._address(session))

    @admin.action(description=_("Recalculate the split of the chosen sessions"), permissions=MANAGE)
    def recalculate_chosen(self, request: HttpRequest, chosen: QuerySet[Session]) -> None:
        for session in chosen:
            try:
                recalculate(request, session)
            except BookingError as error:
                messages.error(request, f"{session}: {error.message}")
            else:
                messages.success(request, _("%(session)s: recalculated") % {"session": session})

    def _one(self, request: HttpRequest, object_id: str) -> Session:
        return self.get_queryset(request).get(pk=object_id)

    def _address(self, session: Session) -> str:
        return reverse("admin:booking_session_change", args=[session.pk])

    def _ask(
        self, request: HttpRequest, session: Session, title: Any, words: Any, form: forms.Form | None = None
    ) -> HttpResponse:
        named = f"{title}: {session}"
        return step_page(
            self, request, title=named, words=str(words), button=str(title), back=self._address(session), form=form
        )
