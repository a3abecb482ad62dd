"""Logs that nobody edits: the ledgers, calculations, past sessions, what went out."""

from typing import Any

from django.contrib import admin
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin, TabularInline
from unfold.decorators import display

from booking.models import DataLog, MoneyMove, Outbox, PastSession, PastVisit, Payment, QuotaMove, QuotaPlan, Refund
from queueboard.admin.base import OwnDepartments, OwnSessions, ReadOnly
from queueboard.admin.why_page import why_page
from queueboard.notify.models import Delivery


@admin.register(QuotaMove)
class QuotaMoveAdmin(ReadOnly, OwnSessions):
    """The ledger of every number (R2.7)."""

    session_path = "slot__session"
    list_display = ("at", "session", "slot", "count", "source", "target", "reason", "who", "note")
    list_filter = ("reason", "source", "target", "slot__session__department")
    list_select_related = ("slot__session__expert", "actor")
    search_fields = ("slot__session__expert__name", "slot__session__expert__name_en", "slot__session__title", "note")
    date_hierarchy = "at"
    ordering = ("-id",)

    @display(description=_("session"))
    def session(self, move: QuotaMove) -> str:
        return str(move.slot.session)

    @display(description=_("who"), empty_value="—")
    def who(self, move: QuotaMove) -> Any:
        return move.actor


@admin.register(QuotaPlan)
class QuotaPlanAdmin(ReadOnly, OwnSessions):
    """Calculations; one opens as its answer to "why" (R2.5)."""

    list_display = ("session", "made_at", "made_by")
    list_filter = ("session__department",)
    list_select_related = ("session__expert", "made_by")
    search_fields = ("session__expert__name", "session__expert__name_en", "session__title")
    date_hierarchy = "made_at"

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, *args: Any, **kw: Any
    ) -> HttpResponse:
        plan = self.get_object(request, object_id or "")
        if plan is None or not self.has_view_permission(request, plan):
            return super().changeform_view(request, object_id, *args, **kw)
        return why_page(self, request, plan.session, plan)


class PastVisits(ReadOnly, TabularInline):
    model = PastVisit
    extra = 0
    fields = readonly_fields = (
        "position", "booked", "first_visit", "slot_index", "arrived_at", "started_at", "seconds", "refused",
    )  # fmt: skip

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("booking.view_pastsession")


@admin.register(PastSession)
class PastSessionAdmin(ReadOnly, OwnDepartments):
    """The log that quotas and waiting times are computed from."""

    department_path = "expert__department"
    list_display = ("starts_at", "ends_at", "expert", "morning", "visit_count", "has_arrivals", "source")
    list_filter = ("expert__department", "morning", "has_arrivals")
    list_select_related = ("expert",)
    search_fields = ("expert__name", "expert__name_en", "expert__code")
    date_hierarchy = "starts_at"
    inlines = (PastVisits,)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).annotate(count_of_visits=Count("visits"))

    @display(description=_("visits"), ordering="count_of_visits")
    def visit_count(self, past: Any) -> int:
        return past.count_of_visits


class MoneyMoves(ReadOnly, TabularInline):
    model = MoneyMove
    extra = 0
    fields = readonly_fields = ("at", "kind", "amount", "balance", "provider_number")


class Refunds(ReadOnly, TabularInline):
    model = Refund
    extra = 0
    fields = readonly_fields = ("made_at", "reason", "amount", "done_at", "number", "provider_number", "error")


@admin.register(Payment)
class PaymentAdmin(ReadOnly, OwnSessions):
    """Prepayments with their refunds and their rows of the money ledger (R3.3)."""

    session_path = "appointment__session"
    list_display = ("number", "made_at", "provider", "state", "amount", "balance", "flag")
    list_filter = ("provider", "state", ("flag", admin.EmptyFieldListFilter), "appointment__session__department")
    search_fields = ("number", "provider_number", "refund__number")
    date_hierarchy = "made_at"
    ordering = ("-id",)
    fields = (
        "number", "provider", "provider_number", "state", "amount", "balance", "made_at", "until", "paid_at", "flag",
    )  # fmt: skip
    inlines = (Refunds, MoneyMoves)


@admin.register(Outbox)
class OutboxAdmin(ReadOnly, ModelAdmin):
    """What must still go out; the content is not shown, as it may hold a patient's link."""

    list_display = ("kind", "key", "made_at", "sent_at", "attempts", "error")
    list_filter = ("kind", ("sent_at", admin.EmptyFieldListFilter))
    search_fields = ("key",)
    ordering = ("-id",)
    fields = ("kind", "key", "made_at", "claimed_until", "sent_at", "attempts", "error")


@admin.register(Delivery)
class DeliveryAdmin(ReadOnly, ModelAdmin):
    """What was told by which way; neither to whom nor in which words."""

    list_display = ("cause", "way", "state", "urgent", "ended_at", "attempts", "error")
    list_filter = ("way", "state", "cause__kind")
    search_fields = ("cause__key", "provider_number")
    list_select_related = ("cause",)
    ordering = ("-id",)
    fields = ("cause", "way", "state", "urgent", "due_at", "ended_at", "attempts", "provider_number", "error")


@admin.register(DataLog)
class DataLogAdmin(ReadOnly, ModelAdmin):
    """Whose data was handed out or erased; of who was erased, only the number that they had here."""

    list_display = ("at", "kind", "account", "patients", "actor", "reason")
    list_filter = ("kind", ("actor", admin.RelatedOnlyFieldListFilter))
    list_select_related = ("actor",)
    search_fields = ("=account", "actor__username", "reason")
    date_hierarchy = "at"
