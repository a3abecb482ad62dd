"""Boards and their keys."""

import secrets

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin
from unfold.decorators import action, display

from queueboard.admin.base import step_page
from queueboard.board_keys import hash_key
from queueboard.models import Board


@admin.register(Board)
class BoardAdmin(ModelAdmin):
    """A key is shown once, when it is made: only its hash is kept, so a new one shuts out every screen with the old."""

    list_display = ("slug", "title", "public", "has_key", "seen_at", "address")
    list_filter = ("departments", "public")
    search_fields = ("slug", "title", "title_en")
    filter_horizontal = ("departments", "rooms")
    readonly_fields = ("has_key", "seen_at", "address")
    fieldsets = (
        (None, {"fields": ("slug", "title", "title_en", "title_zh_hant")}),
        (_("What it shows"), {"fields": ("departments", "rooms")}),
        (_("Who may see it"), {"fields": ("public", "has_key", "seen_at", "address")}),
    )
    actions_detail = ("new_key", "revoke_key")

    @display(description=_("has a key"), boolean=True)
    def has_key(self, board: Board) -> bool:
        return bool(board.key_hash)

    @display(description=_("address"))
    def address(self, board: Board) -> SafeString | str:
        return format_html('<a href="{0}">{0}</a>', reverse("board", args=[board.slug])) if board.pk else ""

    @action(description=_("Make a new key"), permissions=["change"], url_path="new-key", icon="key")
    def new_key(self, request: HttpRequest, object_id: str) -> HttpResponse:
        board, back = Board.objects.get(pk=object_id), reverse("admin:queueboard_board_change", args=[object_id])
        if request.method != "POST":
            words = _("Screens that use the present key of this board go dark until the new one is typed there.")
            return step_page(
                self, request, title=_("Make a new key"), words=words, button=_("Make a new key"), back=back
            )
        key = secrets.token_urlsafe(12)
        board.key_hash = hash_key(key)
        board.save(update_fields=["key_hash"])
        self.log_change(request, board, "new key")
        context = {
            **self.admin_site.each_context(request),
            "title": _("The new key of %(board)s") % {"board": board.slug},
            "key": key, "board": board, "back": back, "opts": self.model._meta,
        }  # fmt: skip
        return TemplateResponse(request, "admin/board_key.html", context)

    @action(description=_("Revoke the key"), permissions=["change"], url_path="revoke", icon="key_off")
    def revoke_key(self, request: HttpRequest, object_id: str) -> HttpResponse:
        board, back = Board.objects.get(pk=object_id), reverse("admin:queueboard_board_change", args=[object_id])
        if request.method != "POST":
            words = _("No screen can open this board any more until a new key is made, unless it is public.")
            return step_page(
                self, request, title=_("Revoke the key"), words=words, button=_("Revoke the key"), back=back
            )
        board.key_hash = ""
        board.save(update_fields=["key_hash"])
        self.log_change(request, board, "key revoked")
        messages.success(request, _("The key is revoked."))
        return HttpResponseRedirect(back)
