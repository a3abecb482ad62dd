"""Patients, appointments, logins."""

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin as PlainGroupAdmin
from django.contrib.auth.admin import UserAdmin as PlainUserAdmin
from django.contrib.auth.models import Group, User
from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin
from unfold.decorators import display
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm
from unfold.widgets import UnfoldAdminTextInputWidget

from booking.models import Appointment, Patient
from booking.models.patients import lookup_hash
from queueboard.access import departments_of
from queueboard.admin.base import OwnSessions, ReadOnly

SHOWN_CHARACTERS = 4


def last_four(value: str) -> str:
    """An ID number or phone as lists show it: the last four characters."""
    return f"•••• {value[-SHOWN_CHARACTERS:]}" if len(value) > SHOWN_CHARACTERS else "••••"


class PatientForm(forms.ModelForm):
    """ID and phone are never shown whole: who corrects one types it anew."""

    new_id_number = forms.CharField(
        label=_("New ID number"), required=False, max_length=60, widget=UnfoldAdminTextInputWidget,
        help_text=_("Leave empty to keep what is stored."),
    )  # fmt: skip
    new_phone = forms.CharField(
        label=_("New phone"), required=False, max_length=40, widget=UnfoldAdminTextInputWidget,
        help_text=_("Leave empty to keep what is stored."),
    )  # fmt: skip

    class Meta:
        model = Patient
        fields = ("name", "id_type", "language")

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        self.instance.id_number = cleaned.get("new_id_number") or self.instance.id_number
        self.instance.phone = cleaned.get("new_phone") or self.instance.phone
        same = Patient.objects.filter(id_type=cleaned.get("id_type"), id_hash=lookup_hash(self.instance.id_number))
        if self.instance.id_number and same.exclude(pk=self.instance.pk).exists():
            raise ValidationError(_("Another patient has this ID number."))
        return cleaned


@admin.register(Patient)
class PatientAdmin(ModelAdmin):
    """Found by the beginning of the name, or by the whole ID number or phone (kept as keyed hashes)."""

    form = PatientForm
    list_display = ("name", "id_type", "id_shown", "phone_shown", "language")
    list_filter = ("id_type", "language")
    search_fields = ("name__startswith",)
    search_help_text = _("The beginning of the name, or the whole ID number or phone.")
    readonly_fields = ("id_shown", "phone_shown")
    fieldsets = (
        (None, {"fields": ("name", "language")}),
        (_("ID number"), {"fields": ("id_type", "id_shown", "new_id_number")}),
        (_("phone"), {"fields": ("phone_shown", "new_phone")}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows = super().get_queryset(request)
        if request.user.has_perm("queueboard.manage_queues"):
            return rows
        mine = departments_of(request.user)
        tickets = Q(tickets__session__department__in=mine)
        return rows.filter(Q(appointments__session__department__in=mine) | tickets).distinct()

    def get_search_results(self, request: HttpRequest, queryset: QuerySet, search_term: str) -> tuple[QuerySet, bool]:
        by_name, duplicates = super().get_search_results(request, queryset, search_term)
        wanted = lookup_hash(search_term)
        return (by_name | queryset.filter(Q(id_hash=wanted) | Q(phone_hash=wanted)) if wanted else by_name), duplicates

    @display(description=_("ID number"))
    def id_shown(self, patient: Patient) -> str:
        return last_four(patient.id_number) if patient.id_number else "—"

    @display(description=_("phone"))
    def phone_shown(self, patient: Patient) -> str:
        return last_four(patient.phone) if patient.phone else "—"


@admin.register(Appointment)
class AppointmentAdmin(ReadOnly, OwnSessions):
    list_display = ("patient", "session", "slot", "state", "first_visit", "booked_at", "held_until", "ended_at")
    list_filter = ("state", "session__department", ("session__date", admin.DateFieldListFilter))
    list_select_related = ("patient", "session__expert", "slot")
    search_fields = ("patient__name__startswith", "=token")
    date_hierarchy = "booked_at"


admin.site.unregister(User)
admin.site.unregister(Group)


@admin.register(User)
class UserAdmin(PlainUserAdmin, ModelAdmin):
    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    list_filter = ("groups", "is_staff", "is_active")


@admin.register(Group)
class GroupAdmin(PlainGroupAdmin, ModelAdmin):
    """The roles: clerk, expert, manager, board."""
