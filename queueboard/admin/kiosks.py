"""Kiosks: which queues each serves, and whether walk-ins may register there."""

from django.contrib import admin
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from queueboard.admin.connecting import ConnectsScreens
from queueboard.models import Kiosk


@admin.register(Kiosk)
class KioskAdmin(ConnectsScreens):
    list_display = ("slug", "title", "walk_ins", "public", "address")
    list_filter = ("departments", "public")
    search_fields = ("slug", "title", "title_en")
    autocomplete_fields = ("departments",)
    readonly_fields = ("address",)
    fieldsets = (
        (None, {"fields": ("slug", "title", "title_en", "title_zh_hant")}),
        (_("What is done here"), {"fields": ("departments", "walk_ins", "prints_by_itself")}),
        (_("Who may use it"), {"fields": ("public", "address")}),
    )

    @display(description=_("address"))
    def address(self, kiosk: Kiosk) -> SafeString | str:
        return format_html('<a href="{0}">{0}</a>', reverse("kiosk", args=[kiosk.slug])) if kiosk.pk else ""
