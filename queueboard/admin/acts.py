"""What was added, changed, deleted, imported and exported in the administration, by whom; not what was in it."""

from typing import Any

from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin
from unfold.decorators import display

from queueboard.access import MANAGE, may
from queueboard.admin.base import ReadOnly


@admin.register(LogEntry)
class LogEntryAdmin(ReadOnly, ModelAdmin):
    """For managers. What an entry is called is left out: of a patient that is the name."""

    list_display = ("action_time", "user", "content_type", "object_id", "action_flag", "what")
    list_filter = ("action_flag", ("content_type", admin.RelatedOnlyFieldListFilter))
    list_select_related = ("user", "content_type")
    search_fields = ("user__username", "=object_id", "change_message")
    search_help_text = _("Who did it, the number of the row, or a word of what was done.")
    date_hierarchy = "action_time"
    fields = ("action_time", "user", "content_type", "object_id", "action_flag", "what")
    readonly_fields = ("what",)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return may(request.user, MANAGE)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return may(request.user, MANAGE)

    @display(description=_("what was done"))
    def what(self, entry: LogEntry) -> str:
        return entry.get_change_message()
