"""Sessions: mostly read, as templates make them and the ledger alone changes their numbers. Steps of a manager."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet, Sum
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.admin import TabularInline
from unfold.decorators import action, display

from booking.errors import BookingError
from booking.models import Session, SessionRoom, Slot
from booking.services import quotas
from queueboard import pauses
from queueboard.admin.base import OwnSessions, ReadOnly, actor, own, refused, step_page
from queueboard.admin.extra_sessions import ExtraSessions
from queueboard.admin.moved_sessions import MovedSessions
from queueboard.admin.overview import overview_page
from queueboard.admin.schedule_steps import STEPS_BY_STATE, ScheduleSteps
from queueboard.admin.splits import log_step, split_page
from queueboard.admin.why_page import why_page

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
    """Before the day somebody may be added; who is there already moves or leaves by a step, as patients are told."""

    model = SessionRoom
    extra = 0
    fields = ("room", "expert", "paused_at", "paused_until", "paused_for")
    readonly_fields = ("paused_at", "paused_until", "paused_for")

    @display(description=_("reason"))
    def paused_for(self, seat: SessionRoom) -> str:
        return pauses.in_words(seat.pause_reason)

    def has_add_permission(self, request: HttpRequest, obj: Session | None = None) -> bool:
        return _planned(obj) and super().has_add_permission(request, obj)

    def has_change_permission(self, request: HttpRequest, obj: Session | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Session | None = None) -> bool:
        return False

    def has_view_permission(self, request: HttpRequest, obj: Session | None = None) -> bool:
        return request.user.has_perm("booking.view_session")


def _planned(session: Session | None) -> bool:
    return session is not None and session.state == Session.State.PLANNED


def recalculate(request: HttpRequest, session: Session) -> None:
    """By hand: also where nothing comes out differently, the log says who asked."""
    quotas.recalculate(session_id=session.pk, actor=actor(request))
    log_step(request, session, gettext("The split was recalculated."))


@admin.register(Session)
class SessionAdmin(ScheduleSteps, MovedSessions, ExtraSessions, OwnSessions):
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
    search_fields = ("expert__name", "expert__name_en", "expert__code", "title", "title_en")
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
    actions_list = ("extra",)
    actions_detail = (
        {"title": _("Numbers"), "icon": "tune", "items": ["why", "split", "recalculate", "add_numbers"]},
        {"title": _("Change the session"), "icon": "edit_calendar", "items": list(STEPS_BY_STATE)},
    )

    def get_urls(self) -> list[Any]:
        page = self.admin_site.admin_view(lambda request: overview_page(self, request))
        return [path("overview/", page, name="booking_session_overview"), *super().get_urls()]

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
        session = own(self, request, object_id)
        return why_page(self, request, session, session.plans.order_by("-pk").first())

    @action(description=_("Recalculate the split"), permissions=MANAGE, url_path="recalculate", icon="calculate")
    def recalculate(self, request: HttpRequest, object_id: str) -> HttpResponse:
        session = own(self, request, object_id)
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
        return split_page(self, request, own(self, request, object_id))

    @admin.action(description=_("Recalculate the split of the chosen sessions"), permissions=MANAGE)
    def recalculate_chosen(self, request: HttpRequest, chosen: QuerySet[Session]) -> None:
        for session in chosen:
            try:
                recalculate(request, session)
            except BookingError as error:
                messages.error(request, f"{session}: {error.message}")
            else:
                messages.success(request, _("%(session)s: recalculated") % {"session": session})

    def _address(self, session: Session) -> str:
        return reverse("admin:booking_session_change", args=[session.pk])

    def _ask(self, request: HttpRequest, session: Session, title: Any, words: Any) -> HttpResponse:
        named = f"{title}: {session}"
        return step_page(
            self, request, title=named, words=str(words), button=str(title), back=self._address(session)
        )  # fmt: skip
