"""Departments with their rules, rooms, experts."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action

from booking.models import Department, Expert, Room, Session, Template
from booking.services import ballots
from queueboard import expert_codes
from queueboard.admin.base import Managed, OwnDepartments
from queueboard.admin.exchange import DepartmentRows, ExpertRows, InAndOut, RoomRows
from queueboard.admin.reports import reports_page
from queueboard.services import foretold

NAMES = ("name", "name_en", "name_zh_hant")


@admin.register(Department)
class DepartmentAdmin(InAndOut, OwnDepartments):
    """Every duration, limit and grace of the rules, with its default; by the chapters of the rules."""

    department_path = "pk"
    resource_classes = (DepartmentRows,)
    list_display = ("name", "name_en", "slug", "slot_minutes", "registration_opens_minutes", "booked_first")
    search_fields = ("name", "name_en", "name_zh_hant", "slug")
    autocomplete_fields = ("staff",)
    compressed_fields = True
    fieldsets = (
        (None, {"fields": (*NAMES, "slug", "staff"), "description": _("Clerks see the departments that list them.")}),
        (
            _("Sessions"),
            {
                "fields": ("slot_minutes", "sessions_ahead_days", "registration_opens_minutes"),
                "description": _("Changes hold for sessions made from now on; those that exist stay as they are."),
            },
        ),
        (
            _("Numbers"),
            {
                "fields": (
                    "history_sessions", "default_visit_minutes", "default_walk_ins_per_hour", "late_start_share",
                    "pass_on_unused",
                ),
                "description": _(
                    "How a session's numbers are split between booking and walk-ins. Each calculation can be opened "
                    "at the session, with what it came from."
                ),
            },
        ),
        (
            _("Booking"),
            {
                "fields": (
                    "release_days_ahead", "release_time", "hold_minutes", "free_again_minutes", "offer_minutes",
                    "ballot_hold_minutes",
                    "prepayment", "refund_late", "no_show_forfeits",
                    "booked_per_patient_day", "booked_per_patient_department", "booked_per_phone_day",
                    "added_per_session", "no_show_limit", "no_show_days", "suspension_days",
                ),
                "description": _("When numbers can be booked, by whom how many, and how soon a cancelled one is back."),
            },
        ),
        (
            _("The order of the queue"),
            {
                "fields": (
                    "booked_first", "early_minutes", "late_grace_minutes", "call_ahead_minutes", "missed_behind",
                    "return_every",
                ),
                "description": _("These change the order of queues that run now as soon as the next thing happens."),
            },
        ),
        (
            _("Calls that nobody answers"),
            {
                "fields": ("auto_miss", "miss_after_calls", "call_gap_seconds"),
                "description": _("If set, such a call is repeated, then counted as missed, and the next is called."),
            },
        ),
        (_("Patients"), {"fields": ("tell_when_ahead",)}),
    )  # fmt: skip


@admin.register(Room)
class RoomAdmin(InAndOut, OwnDepartments):
    resource_classes = (RoomRows,)
    list_display = ("code", "name", "department", "way")
    list_filter = ("department",)
    search_fields = ("code", "name", "name_en", "name_zh_hant")
    fieldsets = (
        (None, {"fields": ("department", "code", *NAMES)}),
        (
            _("The way there"),
            {
                "fields": ("way", "way_en", "way_zh_hant"),
                "description": _("Shown to a patient who is called: how to get there from the waiting area."),
            },
        ),
    )


def _still_made(template: Template) -> SafeString:
    """No more are made, but those there are stand until somebody decides."""
    words = gettext("Sessions of %(template)s have been made already and take place until you decide:")
    return format_html(
        '{} <a class="underline" href="{}">{}</a>', words % {"template": template},
        reverse("admin:booking_template_sessions", args=[template.pk]), gettext("Sessions that differ"),
    )  # fmt: skip


class ExpertForm(forms.ModelForm):
    def clean_code(self) -> str:
        code: str = self.cleaned_data["code"]
        expert_codes.check(code)
        return code


@admin.register(Expert)
class ExpertAdmin(Managed, InAndOut, OwnDepartments):
    resource_classes = (ExpertRows,)
    form = ExpertForm
    list_display = ("name", "title", "department", "code", "user", "active")
    list_filter = ("department", "active", "split_by")
    search_fields = ("name", "name_en", "name_zh_hant", "code")
    autocomplete_fields = ("user",)
    actions_detail = ("tables",)
    fieldsets = (
        (None, {"fields": ("department", "code", *NAMES, "active", "split_by", "prepayment", "ballot_minutes")}),
        (pgettext_lazy("of a doctor", "title"), {"fields": ("title", "title_en", "title_zh_hant")}),
        (
            _("login"),
            {"fields": ("user",), "description": _("With this login the expert's page shows their own queue.")},
        ),
        (_("predictions"), {"fields": ("foretold",)}),
    )
    readonly_fields = ("foretold",)

    def get_urls(self) -> list[Any]:
        page = self.admin_site.admin_view(lambda request: reports_page(self, request))
        return [path("reports/", page, name="booking_expert_reports"), *super().get_urls()]

    def save_model(self, request: HttpRequest, obj: Expert, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        # At once, so that what binds to the seeds is published as long before the release as can be.
        ballots.prepare()
        if change and "active" in form.changed_data and not obj.active:
            for template in obj.templates.filter(sessions__state=Session.State.PLANNED).distinct():
                messages.warning(request, _still_made(template))

    @action(description=_("Reports of the study"), permissions=["manage"], url_path="tables", icon="table_chart")
    def tables(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return HttpResponseRedirect(f"{reverse('admin:booking_expert_reports')}?expert={object_id}")

    @admin.display(description=_("the last 30 days"))
    def foretold(self, expert: Expert) -> str:
        """R5.2: how good they were."""
        found = foretold.last_month(expert) if expert.pk else None
        if found is None:
            return gettext("Nobody who came was called yet.")
        return ngettext(
            "%(count)d patient: off by %(minutes).1f min on average, %(share)d%% called before the later time told.",
            "%(count)d patients: off by %(minutes).1f min on average, %(share)d%% called before the later time told.",
            found.patients,
        ) % {"count": found.patients, "minutes": found.error_minutes, "share": round(100 * found.before_p90)}
