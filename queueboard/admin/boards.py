"""Boards: what each shows, and to whom."""

from typing import Any

from django.contrib import admin
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from queueboard.admin.connecting import ConnectsScreens
from queueboard.models import Board


@admin.register(Board)
class BoardAdmin(ConnectsScreens):
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
