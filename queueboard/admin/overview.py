"""The overview of a day as a page that renews itself, and as files."""

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import pgettext
from unfold.admin import ModelAdmin

from booking.models import Department
from queueboard import access, charts, csv_answer, overview


def overview_page(model_admin: ModelAdmin, request: HttpRequest) -> HttpResponse:
    """`department=`: of one alone. `csv=queues` or `csv=hours`: that table as a file. Managers only."""
    if not access.may(request.user, access.MANAGE):
        raise PermissionDenied
    departments = Department.objects.order_by("name")
    chosen = departments.filter(slug=request.GET.get("department", "")).first()
    day = overview.day(departments.filter(pk=chosen.pk) if chosen is not None else departments)
    if request.GET.get("csv") in ("queues", "hours"):
        return _file(request.GET["csv"], day)
    at = f"department={chosen.slug}&" if chosen is not None else ""
    context = {
        **model_admin.admin_site.each_context(request),
        "title": _("Overview"), "opts": model_admin.model._meta, "departments": departments, "chosen": chosen,
        "day": day, "chart": charts.load(day.hours),
        "files": {name: f"?{at}csv={name}" for name in ("queues", "hours")},
        "sums": {
            name: sum(getattr(line, name) for line in day.lines) for name in ("waiting", "seen", "absent", "pool")
        },
    }  # fmt: skip
    return TemplateResponse(request, "admin/overview.html", context)


def _file(name: str, day: overview.Day) -> HttpResponse:
    date = f"{timezone.localtime(day.at):%Y-%m-%d}"
    rows: list[list[Any]]
    if name == "hours":
        head = [_("hour"), pgettext("count of patients", "came"), _("visits begun"), _("numbers")]
        rows = [[f"{hour.hour}:00", hour.came, hour.begun, hour.capacity] for hour in day.hours]
    else:
        head = [
            _("department"), _("expert"), _("begins"), _("state"), pgettext("count of patients", "waiting"),
            pgettext("count of patients", "seen"), _("longest wait (min)"), _("behind plan (min)"), _("not come"),
            _("walk-in numbers left"),
        ]  # fmt: skip
        rows = [
            [
                line.session.department.name, line.session.name, f"{timezone.localtime(line.session.starts_at):%H:%M}",
                line.session.get_state_display(), line.waiting, line.seen, line.longest, line.behind, line.absent,
                line.pool,
            ]
            for line in day.lines
        ]  # fmt: skip
    return csv_answer.answer(f"{name}-{date}", head, rows)
