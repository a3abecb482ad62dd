"""Boards: what each shows, and to whom."""

from typing import Any

from django.contrib import admin
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin
from unfold.decorators import action, display

from queueboard.models import Board


@admin.register(Board)
class BoardAdmin(ModelAdmin):
    list_display = ("slug", "title", "public", "screens", "address")
    list_filter = ("departments", "public")
    change_form_after_template = "admin/parts/board_preview.html"
    search_fields = ("slug", "title", "title_en")
    autocomplete_fields = ("departments", "rooms")
    readonly_fields = ("screens", "address")
    fieldsets = (
        (None, {"fields": ("slug", "title", "title_en", "title_zh_hant")}),
        (_("What it shows"), {"fields": ("departments", "rooms", "sound")}),
        (_("How it looks"), {"fields": ("language", "second_language", "look", "layout", "accent")}),
        (_("Who may see it"), {"fields": ("public", "screens", "address")}),
    )
    actions_detail = ("connect_screen",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        connected = Count("devices", filter=Q(devices__revoked_at=None))
        return super().get_queryset(request).annotate(connected=connected)

    @display(description=_("screens connected"), ordering="connected")
    def screens(self, board: Any) -> SafeString | str:
        if not board.pk:
            return ""
        address = reverse("admin:queueboard_device_changelist")
        return format_html('<a href="{}?board__id__exact={}">{}</a>', address, board.pk, board.connected)

    @display(description=_("address"))
    def address(self, board: Board) -> SafeString | str:
        return format_html('<a href="{0}">{0}</a>', reverse("board", args=[board.slug])) if board.pk else ""

    def has_connect_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        return request.user.has_perm("queueboard.add_device")

    @action(description=_("Connect a screen"), permissions=["connect"], url_path="connect", icon="cast")
    def connect_screen(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return HttpResponseRedirect(f"{reverse('admin:queueboard_device_add')}?board={object_id}")
