"""Draws and waitlists, to be read: what becomes of them only their services decide (R3.4, R3.7)."""

from django.contrib import admin
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from booking.models import Ballot, BallotEntry, WaitlistEntry
from queueboard.admin.base import OwnSessions, ReadOnly
from queueboard.admin.of_patients import OfPatients


@admin.register(Ballot)
class BallotAdmin(ReadOnly, OwnSessions):
    """The seed is shown by the draw's public page, once all is drawn, and nowhere before."""

    list_display = ("session", "released_at", "closes_at", "minutes", "requests", "won", "drawn_at")
    list_filter = (("drawn_at", admin.EmptyFieldListFilter), "session__department")
    list_select_related = ("session__expert",)
    search_fields = ("session__expert__name", "session__expert__name_en", "session__title")
    date_hierarchy = "session__date"
    fields = ("session", "minutes", "released_at", "closes_at", "commitment", "closed_at", "drawn_at")
    readonly_fields = ("released_at", "closes_at", "commitment", "closed_at", "drawn_at")

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        States = BallotEntry.State
        return (
            super()
            .get_queryset(request)
            .defer("seed", "numbers")
            .annotate(
                asked=Count("entries", filter=~Q(entries__state=States.WITHDRAWN)),
                drawn=Count("entries", filter=Q(entries__state=States.WON)),
            )
        )

    @display(description=_("released for booking"), ordering="session__released_at")
    def released_at(self, ballot: Ballot) -> object:
        return ballot.session.released_at

    @display(description=_("closes at"))
    def closes_at(self, ballot: Ballot) -> object:
        return ballot.closes_at

    @display(description=_("requests"), ordering="asked")
    def requests(self, ballot: Ballot) -> int:
        return ballot.asked  # type: ignore[attr-defined]  # annotated

    @display(description=_("drawn"), ordering="drawn")
    def won(self, ballot: Ballot) -> int:
        return ballot.drawn  # type: ignore[attr-defined]


@admin.register(BallotEntry)
class BallotEntryAdmin(ReadOnly, OwnSessions, OfPatients):
    session_path = "ballot__session"
    list_display = ("ballot", "place", "code", "patient", "state", "slot", "lost_because", "waitlist", "asked_at")
    list_filter = ("state", "ballot__session__department", ("ballot__session__date", admin.DateFieldListFilter))
    list_select_related = ("ballot__session__expert", "patient", "slot")
    search_fields = ("code__startswith", "patient__name__startswith")
    ordering = ("-ballot__session__starts_at", "place", "pk")
    fields = (
        "ballot", "code", "patient", "any_slot", "waitlist", "first_visit", "state", "place", "slot", "lost_because",
        "appointment", "asked_at", "ended_at",
    )  # fmt: skip


@admin.register(WaitlistEntry)
class WaitlistEntryAdmin(ReadOnly, OwnSessions, OfPatients):
    list_display = ("session", "patient", "slot", "state", "joined_at", "offered_at", "offered_until", "ended_at")
    list_filter = ("state", "session__department", ("session__date", admin.DateFieldListFilter))
    list_select_related = ("session__expert", "patient", "slot")
    search_fields = ("patient__name__startswith",)
    ordering = ("-session__starts_at", "pk")
    fields = (
        "session", "slot", "patient", "first_visit", "state", "joined_at", "offered_at", "offered_until", "ended_at",
        "appointment",
    )  # fmt: skip
