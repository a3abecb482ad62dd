"""The screens of the house: connected by the code that they show, renamed, sent to another board, disconnected."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.admin import ModelAdmin
from unfold.dataclasses import UnfoldAction
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from booking.errors import BookingError
from queueboard.admin.base import actor, own, step_page
from queueboard.build import build_id
from queueboard.models import Board, Device, Kiosk
from queueboard.screens import pairing


class ConnectForm(forms.Form):
    """The code that a screen shows, and what it is to show instead."""

    code = forms.CharField(
        label=gettext_lazy("code on the screen"), max_length=12, help_text=gettext_lazy("Six digits."),
        widget=UnfoldAdminTextInputWidget(
            attrs={"inputmode": "numeric", "autocomplete": "off", "autofocus": True, "placeholder": "000 000"}
        ),
    )  # fmt: skip
    board = forms.ModelChoiceField(
        Board.objects.all(), label=gettext_lazy("board"), widget=UnfoldAdminSelectWidget, required=False
    )
    kiosk = forms.ModelChoiceField(
        Kiosk.objects.all(), label=gettext_lazy("kiosk"), widget=UnfoldAdminSelectWidget, required=False
    )
    name = forms.CharField(
        label=gettext_lazy("name"), max_length=80,
        help_text=gettext_lazy("Where it hangs, such as: 3rd floor, left."), widget=UnfoldAdminTextInputWidget,
    )  # fmt: skip

    def clean(self) -> dict[str, Any]:
        asked = super().clean() or self.cleaned_data
        if bool(asked.get("board")) == bool(asked.get("kiosk")):
            self.add_error("board", _("Please say what the screen shows: one board, or one kiosk."))
        return asked


class Heard(admin.SimpleListFilter):
    title = gettext_lazy("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("connected", _("connected")), ("off", _("disconnected"))]

    def queryset(self, request: HttpRequest, rows: QuerySet) -> QuerySet:
        return rows.filter(revoked_at__isnull=self.value() == "connected") if self.value() else rows


@admin.register(Device)
class DeviceAdmin(ModelAdmin):
    list_display = (
        "name",
        "board",
        "kiosk",
        "state",
        "last_seen",
        "size",
        "shown_version",
        "connected_by",
        "connected_at",
    )
    list_filter = (Heard, "board", "kiosk")
    list_select_related = ("board", "kiosk", "connected_by")
    search_fields = ("name", "board__slug", "board__title", "kiosk__slug", "kiosk__title")
    fields = ("name", "board", "kiosk", "state", "last_seen", "size", "shown_version", "connected_by", "connected_at")
    readonly_fields = ("state", "last_seen", "size", "shown_version", "connected_by", "connected_at")
    ordering = ("revoked_at", "name")
    actions_detail = ("disconnect",)

    @display(description=gettext_lazy("state"), ordering="seen_at")
    def state(self, device: Device) -> str:
        if device.revoked_at is not None:
            when = date_format(timezone.localtime(device.revoked_at), "SHORT_DATETIME_FORMAT")
            return _("disconnected, %(when)s") % {"when": when}
        now = timezone.now()
        if not device.silent(now):
            return _("on")
        minutes = int((now - (device.seen_at or device.connected_at)).total_seconds() // 60)
        if minutes < 120:
            return _("not seen for %(minutes)s minutes") % {"minutes": minutes}
        return _("not seen for %(hours)s hours") % {"hours": minutes // 60}

    @display(description=gettext_lazy("last seen"), ordering="seen_at")
    def last_seen(self, device: Device) -> str:
        return date_format(timezone.localtime(device.seen_at), "SHORT_DATETIME_FORMAT") if device.seen_at else "–"

    @display(description=gettext_lazy("size in pixels"))
    def size(self, device: Device) -> str:
        return f"{device.width} × {device.height}" if device.width else "–"

    @display(description=gettext_lazy("version"), ordering="version")
    def shown_version(self, device: Device) -> str:
        if not device.version:
            return "–"
        return _("newest") if device.version == build_id() else _("%(version)s, older") % {"version": device.version}

    def has_change_permission(self, request: HttpRequest, obj: Device | None = None) -> bool:
        connected = obj is None or obj.revoked_at is None
        return connected and super().has_change_permission(request, obj)

    def has_disconnect_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        return request.user.has_perm("queueboard.change_device")

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """ "Connect a screen"."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = ConnectForm(request.POST or None, initial={name: request.GET.get(name) for name in ("board", "kiosk")})
        if request.method == "POST" and form.is_valid():
            asked = form.cleaned_data
            try:
                with transaction.atomic():
                    place = asked["board"] or asked["kiosk"]
                    device = pairing.connect(code=asked["code"], place=place, name=asked["name"], actor=actor(request))
                    self.log_addition(request, device, f"connected to {place}")
            except BookingError as error:
                form.add_error("code", str(error.message))
            else:
                messages.success(request, _("The screen is connected: it goes to its place within a few seconds."))
                return HttpResponseRedirect(reverse("admin:queueboard_device_changelist"))
        words = _("Open %(address)s on the screen. It shows a code of six digits.") % {
            "address": request.build_absolute_uri(reverse("screen"))
        }
        return step_page(
            self, request, title=_("Connect a screen"), words=words, button=_("Connect"),
            back=reverse("admin:queueboard_device_changelist"), form=form,
        )  # fmt: skip

    def get_actions_detail(self, request: HttpRequest, object_id: int) -> list[UnfoldAction]:
        if not Device.objects.filter(pk=object_id, revoked_at=None).exists():
            return []
        return super().get_actions_detail(request, object_id)

    @action(
        description=gettext_lazy("Disconnect the screen"),
        permissions=["disconnect"],
        url_path="disconnect",
        icon="cast_pause",
    )
    def disconnect(self, request: HttpRequest, object_id: str) -> HttpResponse:
        device = own(self, request, object_id)
        title = _("Disconnect the screen")
        if request.method != "POST":
            words = _("It goes dark within a minute and shows a code again. Other screens stay as they are.")
            back = reverse("admin:queueboard_device_change", args=[object_id])
            return step_page(self, request, title=f"{title}: {device}", words=words, button=title, back=back)
        with transaction.atomic():
            if pairing.revoke(device_id=device.pk):
                self.log_change(request, device, "disconnected")
        messages.success(request, _("The screen is disconnected."))
        return HttpResponseRedirect(reverse("admin:queueboard_device_changelist"))
