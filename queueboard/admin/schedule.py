"""Weekly templates, holidays, leave: what sessions are made from."""

from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from unfold.admin import TabularInline

from booking.models import Holiday, Leave, Template, TemplateRoom
from queueboard.access import departments_of
from queueboard.admin.base import OwnDepartments


class TemplateRooms(TabularInline):
    model = TemplateRoom
    extra = 1


@admin.register(Template)
class TemplateAdmin(OwnDepartments):
    list_display = ("__str__", "department", "weekday", "starts", "ends", "numbers", "prefix", "active")
    list_filter = ("department", "weekday", "active")
    search_fields = ("expert__name", "expert__name_en", "title", "title_en")
    list_select_related = ("department", "expert")
    inlines = (TemplateRooms,)
    fieldsets = (
        (None, {"fields": ("department", "expert", "active")}),
        (None, {"fields": ("title", "title_en", "title_zh_hant"), "classes": ("collapse",)}),
        (None, {"fields": (("weekday", "starts", "ends"), ("numbers", "slot_minutes", "prefix"))}),
    )


@admin.register(Holiday)
class HolidayAdmin(OwnDepartments):
    list_display = ("date", "name", "department")
    list_filter = ("department",)
    date_hierarchy = "date"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        mine = Q(department__in=departments_of(request.user)) | Q(department=None)
        return super(OwnDepartments, self).get_queryset(request).filter(mine)


@admin.register(Leave)
class LeaveAdmin(OwnDepartments):
    department_path = "expert__department"
    list_display = ("expert", "first_day", "last_day", "reason")
    list_filter = ("expert__department",)
    search_fields = ("expert__name", "expert__name_en", "reason")
    autocomplete_fields = ("expert",)
