"""The answer to "why 3 bookable at 9-10?" (R2.5): picture, sentences, table, and what managers did since."""

from typing import Any

from django.contrib.admin.models import LogEntry
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from unfold.admin import ModelAdmin

from booking import why
from booking.models import QuotaPlan, Session, Slot
from queueboard import access, charts


def why_page(model_admin: ModelAdmin, request: HttpRequest, session: Session, plan: QuotaPlan | None) -> HttpResponse:
    """One calculation of a session; None where it has none."""
    context = {
        **model_admin.admin_site.each_context(request),
        "title": _("Why this split? %(session)s") % {"session": session},
        "session": session,
        "plan": plan,
        "earlier": session.plans.order_by("-pk")[:10],
        "steps": steps_of_managers(session),
        "may_manage": access.may(request.user, access.MANAGE),
        "opts": model_admin.model._meta,
    }
    if plan is not None:
        context |= _calculation(session, plan)
    return TemplateResponse(request, "admin/why.html", context)


def _calculation(session: Session, plan: QuotaPlan) -> dict[str, Any]:
    intervals = plan.basis["walk_ins"]["intervals"]
    rows = [
        row
        | {
            "clock": f"{row['start'][11:16]}–{row['end'][11:16]}",
            "interval": intervals[row["slot"] + 1],
            "per_hour": _per_hour(intervals[row["slot"] + 1]),
            "words": why.sentence(row, plan.basis),
        }
        for row in plan.rows
    ]
    opens, starts = (timezone.localtime(at) for at in (session.registration_opens_at, session.starts_at))
    return {
        "rows": rows,
        "ranges": any("low" in interval for interval in intervals),
        "bookable": sum(row["bookable"] for row in rows),
        "walk_in": sum(row["walk_in"] for row in rows),
        "sentences": why.sentences(plan),
        "rivals": why.rivals(plan.basis),
        "picture": charts.why(rows, intervals, f"{opens:%H:%M}–{starts:%H:%M}"),
        "since": _since(session.slots.order_by("index"), rows),
    }


def _per_hour(interval: dict[str, Any]) -> float:
    return 60 * interval["expected"] / (interval["to"] - interval["from"])


def _since(slots: QuerySet[Slot], rows: list[dict[str, Any]]) -> list[Slot]:
    """Slots whose numbers are no longer those of the calculation."""
    both = zip(slots, rows, strict=False)
    return [slot for slot, row in both if (slot.bookable, slot.walk_in) != (row["bookable"], row["walk_in"])]


def steps_of_managers(session: Session) -> QuerySet[LogEntry]:
    """What managers did to the session on its pages, the latest first."""
    of_sessions = LogEntry.objects.filter(content_type__app_label="booking", content_type__model="session")
    entries = of_sessions.filter(object_id=str(session.pk))
    return entries.select_related("user").order_by("-pk")[:10]
