"""Patients, appointments, logins."""

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin as PlainGroupAdmin
from django.contrib.auth.admin import UserAdmin as PlainUserAdmin
from django.contrib.auth.models import Group, User
from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import path, reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin
from unfold.decorators import action, display
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm
from unfold.widgets import UnfoldAdminTextInputWidget

from booking import identity, phones
from booking.errors import BookingError
from booking.models import Appointment, Patient
from booking.models.hashes import lookup_hashes
from booking.services import patients, personal
from queueboard.access import MANAGE, departments_of, may
from queueboard.admin.base import Managed, OwnSessions, ReadOnly, actor, own, reason_page
from queueboard.admin.exchange import AppointmentRows, Out
from queueboard.admin.of_patients import OfPatients, last_four
from queueboard.admin.patterns import patterns_page
from queueboard.masking import masked


class ReasonForm(forms.Form):
    reason = forms.CharField(
        label=_("reason"), max_length=200, widget=UnfoldAdminTextInputWidget,
        help_text=_("No name and no number: it is kept."),
    )  # fmt: skip


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
    reason = forms.CharField(
        label=_("Reason"), required=False, max_length=200, widget=UnfoldAdminTextInputWidget,
        help_text=_("Where an appointment is booked, name and ID are only corrected with a reason, which is kept."),
    )  # fmt: skip
    by_manager = False
    corrected: str | None = None  # the name before, where somebody with an appointment was corrected

    class Meta:
        model = Patient
        fields = ("name", "id_type", "language")

    def clean_new_phone(self) -> str:
        typed = self.cleaned_data["new_phone"]
        plain = phones.plain(typed)
        if typed and not plain:
            raise ValidationError(_("This is not a phone number."))
        return plain

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        kind, typed = cleaned.get("id_type", ""), cleaned.get("new_id_number")
        if typed:
            cleaned["new_id_number"] = identity.plain(kind, typed)
            if not cleaned["new_id_number"]:
                raise ValidationError({"new_id_number": str(identity.wrong(kind, typed))})
        if self.instance.pk is not None:
            self._check(cleaned)
        self.instance.id_number = cleaned.get("new_id_number") or self.instance.id_number
        if cleaned.get("new_phone"):
            self.instance.phone, self.instance.phone_typed_at = cleaned["new_phone"], None
        hashes = lookup_hashes(self.instance.id_number or "")
        same = Patient.objects.filter(id_type=cleaned.get("id_type"), id_hash__in=hashes)
        if same.exclude(pk=self.instance.pk).exists():
            raise ValidationError(_("Another patient has this ID number."))
        return cleaned

    def _check(self, cleaned: dict[str, Any]) -> None:
        """R3.7."""
        before = Patient.objects.get(pk=self.instance.pk)
        try:
            corrects = patients.check_correction(
                patient_id=before.pk,
                name=cleaned.get("name", before.name),
                id_type=cleaned.get("id_type", before.id_type),
                id_number=cleaned.get("new_id_number", ""),
                by_manager=self.by_manager,
                reason=cleaned.get("reason", ""),
            )
        except BookingError as error:
            raise ValidationError(str(error.message)) from error
        self.corrected = before.name if corrects else None


@admin.register(Patient)
class PatientAdmin(Managed, OfPatients):
    """Found by the beginning of the name, or by the whole ID number or phone (kept as keyed hashes)."""

    form = PatientForm
    list_display = ("name", "id_type", "id_shown", "phone_shown", "language")
    list_filter = ("id_type", "language")
    patient_path = ""
    search_fields = ("name__startswith",)
    readonly_fields = ("id_shown", "phone_shown")
    actions_detail = ("erase",)
    fieldsets = (
        (None, {"fields": ("name", "language")}),
        (_("ID number"), {"fields": ("id_type", "id_shown", "new_id_number")}),
        (_("phone"), {"fields": ("phone_shown", "new_phone")}),
    )

    def get_fieldsets(self, request: HttpRequest, obj: Patient | None = None) -> Any:
        """Only a manager is asked for a reason: nobody else may correct what it is needed for."""
        own = ((_("Correction"), {"fields": ("reason",)}),)
        return (*self.fieldsets, *own) if obj is not None and may(request.user, MANAGE) else self.fieldsets

    def get_form(self, request: HttpRequest, obj: Patient | None = None, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, **kwargs)
        form.by_manager = may(request.user, MANAGE)
        return form

    def construct_change_message(self, request: HttpRequest, form: Any, formsets: Any, add: bool = False) -> Any:
        """What is kept of a correction: who was corrected, masked, to whom, and why."""
        if form.corrected is None:
            return super().construct_change_message(request, form, formsets, add)
        fields = [str(form.fields[name].label) for name in form.changed_data if name != "reason"]
        return gettext(
            "Corrected with an appointment booked (%(before)s, now %(after)s): %(fields)s. Reason: %(reason)s"
        ) % {
            "before": masked(form.corrected),
            "after": masked(form.instance.name),
            "fields": ", ".join(fields),
            "reason": form.cleaned_data["reason"],
        }

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows = super().get_queryset(request).filter(erased_at=None)
        if request.user.has_perm("queueboard.manage_queues"):
            return rows
        mine = departments_of(request.user)
        tickets = Q(tickets__session__department__in=mine)
        return rows.filter(Q(appointments__session__department__in=mine) | tickets).distinct()

    @action(description=_("Erase the data"), permissions=["manage"], url_path="erase", icon="person_off")
    def erase(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """For who asked for it at the desk, and has no phone to do so alone."""
        patient = own(self, request, object_id)
        back = reverse("admin:booking_patient_change", args=[patient.pk])
        return reason_page(
            self,
            request,
            form=ReasonForm(request.POST or None),
            title=_("Erase the data"),
            of=patient.name,
            words=_("Name, ID number and phone are erased for good, and links open no more. Numbers and money stay."),
            back=back,
            step=lambda reason: personal.erase_patient(patient_id=patient.pk, reason=reason, actor=actor(request)),
            done=_("The patient's data is erased."),
            then=reverse("admin:booking_patient_changelist"),
        )

    @display(description=_("ID number"))
    def id_shown(self, patient: Patient) -> str:
        return last_four(patient.id_number)

    @display(description=_("phone"))
    def phone_shown(self, patient: Patient) -> str:
        return last_four(patient.phone)


@admin.register(Appointment)
class AppointmentAdmin(ReadOnly, Out, OwnSessions, OfPatients):
    resource_classes = (AppointmentRows,)
    list_display = (
        "who", "session", "slot", "state", "first_visit", "booked_at", "held_until", "ended_at", "late_said_at",
    )  # fmt: skip
    list_filter = ("state", "session__department", ("session__date", admin.DateFieldListFilter))
    list_select_related = ("patient", "session__expert", "slot")
    search_fields = ("patient__name__startswith", "=token")
    date_hierarchy = "booked_at"
    readonly_fields = ("who",)

    def get_urls(self) -> list[Any]:
        page = self.admin_site.admin_view(lambda request: patterns_page(self, request))
        return [path("patterns/", page, name="booking_appointment_patterns"), *super().get_urls()]


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
