"""The live queue's rows, and the audit log of what staff did to it (R6.3)."""

import re
from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from queueboard import masking
from queueboard.admin.base import OwnSessions, ReadOnly
from queueboard.admin.exchange import Out, TicketRows
from queueboard.admin.of_patients import OfPatients
from queueboard.models import QueueEvent, Ticket
from queueboard.services import by_phone
from queueboard.staff_words import event_words


@admin.register(Ticket)
class TicketAdmin(ReadOnly, Out, OwnSessions, OfPatients):
    resource_classes = (TicketRows,)
    list_display = ("label", "session", "who", "state", "booked", "slot", "arrived", "calls", "misses", "priority")
    list_filter = ("state", "booked", "priority", "session__department", ("session__date", admin.DateFieldListFilter))
    list_select_related = ("session__expert", "patient", "slot")
    search_fields = ("patient__name__startswith", "=number")
    search_help_text = _("The number, the beginning of the name, or the whole ID number or phone.")
    readonly_fields = ("who",)
    ordering = ("-session__starts_at", "number")
    exclude = ("behind", "returned_after", "called_no", "return_call")

    def get_search_results(self, request: HttpRequest, queryset: QuerySet, search_term: str) -> tuple[QuerySet, bool]:
        found, duplicates = super().get_search_results(request, queryset, search_term)
        return found | queryset.filter(_labelled(search_term)), duplicates

    @display(description=_("number"), ordering="number")
    def label(self, ticket: Ticket) -> str:
        return ticket.label


LABEL = re.compile(r"([A-Za-z]{1,2})0*(\d{1,4})")


def _labelled(words: str, ticket: str = "") -> Q:
    """A number as it is called, A017. `ticket`: leads to the ticket from the model."""
    label = LABEL.fullmatch(words.strip())
    if label is None:
        return Q(pk=None)
    return Q(**{f"{ticket}session__prefix__iexact": label[1], f"{ticket}number": int(label[2])})


# What a step notes in its reason, where that is no words of staff.
NOTED = {
    ("call", "chosen"): _("out of turn"),
    ("check_in", by_phone.NOTE): _("by the patient, with the code shown on site"),
    ("leave", by_phone.NOTE): _("by the patient, on the phone"),
}


class EventKind(admin.SimpleListFilter):
    title = _("what")
    parameter_name = "kind"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return list(event_words().items())

    def queryset(self, request: HttpRequest, rows: Any) -> Any:
        return rows.filter(kind=self.value()) if self.value() else rows


@admin.register(QueueEvent)
class QueueEventAdmin(ReadOnly, OwnSessions):
    """Who did what to a queue, and when. The database refuses to change or delete a row."""

    list_display = ("at", "who", "what", "number", "patient", "room", "because", "session", "version", "entered_at")
    list_display_links = ("at", "what")
    list_filter = (EventKind, "session__department", ("actor", admin.RelatedOnlyFieldListFilter))
    list_select_related = (
        "session__expert",
        "session__department",
        "ticket__patient",
        "ticket__session",
        "room",
        "actor",
    )
    search_fields = ("=ticket__number", "actor__username", "reason", "session__expert__name", "session__title")
    search_help_text = _("The number, who did it, the reason, or whose queue it was.")
    date_hierarchy = "at"
    ordering = ("-at", "-id")
    fields = (
        "at",
        "who",
        "what",
        "number",
        "patient",
        "room",
        "because",
        "session",
        "version",
        "entered_at",
        "undoes",
        "changes",
        "worse",
    )

    def get_search_results(self, request: HttpRequest, queryset: QuerySet, search_term: str) -> tuple[QuerySet, bool]:
        found, duplicates = super().get_search_results(request, queryset, search_term)
        return found | queryset.filter(_labelled(search_term, "ticket__")), duplicates

    @display(description=_("who"))
    def who(self, event: QueueEvent) -> str:
        return str(event.actor) if event.actor is not None else str(_("by itself"))

    @display(description=_("what"), ordering="kind")
    def what(self, event: QueueEvent) -> str:
        words = event_words()
        if event.kind == "undo":
            return f"{words['undo']}: {words.get(event.reason, event.reason)}"
        return words.get(event.kind, event.kind)

    @display(description=_("reason"), ordering="reason")
    def because(self, event: QueueEvent) -> str:
        """The reason in words: an undo notes the kind of step there, some steps a code."""
        if event.kind == "undo":
            return "—"
        return str(NOTED.get((event.kind, event.reason), event.reason)) or "—"

    @display(description=_("number"))
    def number(self, event: QueueEvent) -> str:
        return event.ticket.label if event.ticket is not None else "—"

    @display(description=_("patient"))
    def patient(self, event: QueueEvent) -> str:
        return masking.masked(event.ticket.patient.name) if event.ticket is not None else "—"
