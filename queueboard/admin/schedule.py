"""Weekly templates, holidays, leave: what sessions are made from."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.admin import TabularInline
from unfold.decorators import action

from booking.errors import BookingError
from booking.models import Holiday, Leave, Template, TemplateRoom
from booking.services import schedules
from queueboard import access
from queueboard.access import departments_of
from queueboard.admin.base import OwnDepartments, actor, refused, step_page
from queueboard.admin.schedule_steps import booked_words
from queueboard.services import schedules as steps


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
    actions_detail = ("sessions",)

    def has_manage_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        return access.may_manage(request.user)

    def response_post_save_add(self, request: HttpRequest, obj: Leave) -> HttpResponse:
        return self._to_sessions(obj) or super().response_post_save_add(request, obj)

    def response_post_save_change(self, request: HttpRequest, obj: Leave) -> HttpResponse:
        return self._to_sessions(obj) or super().response_post_save_change(request, obj)

    @action(description=_("Sessions in this leave"), permissions=["manage"], url_path="sessions", icon="event_busy")
    def sessions(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """What the leave does to those booked, and after confirmation does it: each session in one transaction."""
        leave = self.get_queryset(request).get(pk=object_id)
        back = reverse("admin:booking_leave_changelist")
        covered = list(schedules.covered(leave))
        if not covered:
            messages.info(request, _("No session that has been made is in this leave."))
            return HttpResponseRedirect(back)
        if request.method != "POST":
            words = _(
                "These sessions have been made and are cancelled; whoever is booked is told, and it counts against "
                "nobody. To keep one, give it a substitute first."
            )
            lines = [f"{session}: {booked_words(session)}" for session in covered]
            title = gettext("Cancel the sessions in this leave")
            return step_page(
                self, request, title=f"{title}: {leave}", words=words, lines=lines, button=title, back=back
            )
        reason = leave.reason or gettext("leave")
        try:
            for session in covered:
                steps.call_off(session_id=session.pk, reason=reason, actor=actor(request))
        except BookingError as error:
            return refused(request, error, back)
        messages.success(request, _("The sessions in this leave are cancelled."))
        return HttpResponseRedirect(back)

    def _to_sessions(self, leave: Leave) -> HttpResponse | None:
        if not schedules.covered(leave).exists():
            return None
        return HttpResponseRedirect(reverse("admin:booking_leave_sessions", args=[leave.pk]))
