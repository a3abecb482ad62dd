"""Suspensions: read, and lifted by a manager (R3.6)."""

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from unfold.admin import TabularInline
from unfold.decorators import action
from unfold.widgets import UnfoldAdminTextInputWidget

from booking.models import CountedNoShow, Suspension
from booking.services import suspensions
from queueboard.admin.base import Managed, ReadOnly, actor, own, reason_page
from queueboard.admin.of_patients import OfPatients


class CountedNoShows(ReadOnly, TabularInline):
    model = CountedNoShow
    extra = 0
    fields = readonly_fields = ("appointment",)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("booking.view_suspension")


class LiftForm(forms.Form):
    reason = forms.CharField(label=_("reason"), max_length=200, widget=UnfoldAdminTextInputWidget)


@admin.register(Suspension)
class SuspensionAdmin(Managed, ReadOnly, OfPatients):
    """Of the whole hospital: no-shows of all departments count together."""

    list_display = ("who", "cause", "begins_at", "until", "ended_at", "lifted_by", "lift_reason")
    list_filter = (("ended_at", admin.EmptyFieldListFilter), "cause")
    list_select_related = ("patient", "lifted_by")
    search_fields = ("patient__name__startswith",)
    readonly_fields = ("who",)
    date_hierarchy = "begins_at"
    inlines = (CountedNoShows,)
    actions_detail = ("lift",)

    @action(description=_("Lift the suspension"), permissions=["manage"], url_path="lift", icon="lock_open")
    def lift(self, request: HttpRequest, object_id: str) -> HttpResponse:
        suspension = own(self, request, object_id)
        back = reverse("admin:booking_suspension_change", args=[suspension.pk])
        return reason_page(
            self,
            request,
            form=LiftForm(request.POST or None),
            title=_("Lift the suspension"),
            of=suspension.patient.name,
            words=_(
                "The patient can book again at once and is told so. The no-shows that led to it never count again."
            ),
            back=back,
            step=lambda reason: suspensions.lift(suspension_id=suspension.pk, reason=reason, actor=actor(request)),
            done=_("The suspension is lifted. What it counted does not count again."),
            then=back,
        )
