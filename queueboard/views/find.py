"""Who can be booked: the list, by department, by name, by day; and one expert's days and slots (R3.1)."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from math import ceil
from typing import Any
from urllib.parse import urlencode

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.cache import patch_cache_control
from django.utils.dateparse import parse_date
from django.views.decorators.http import require_safe

from booking import offers, search
from booking.models import Department, Expert, Session, waited_for
from queueboard import expected
from queueboard.views.language import in_language

LAST_PAGE = 1000
DAYS = 14  # that one can be chosen from
STEP = 5  # minutes: a wait that is days away is not told to the minute


@require_safe
@in_language
def find(request: HttpRequest) -> HttpResponse:
    """`?q=` a name, `?department=` a slug, `?day=` a date, `?page=`; all together narrow the list down."""
    now = timezone.now()
    asked = {name: _plain(request.GET.get(name, "")) for name in ("q", "department", "day")}
    day, page = _day(asked["day"]), _page(request.GET.get("page", ""))
    departments = list(Department.objects.order_by("name", "pk").only("slug", "name", "name_en", "name_zh_hant"))
    chosen = next((each for each in departments if each.slug == asked["department"]), None)
    listed = offers.find(now=now, text=asked["q"], department=asked["department"], day=day, page=page)
    context = {
        "text": asked["q"],
        "departments": [(each, _link(asked, department=each.slug)) for each in departments],
        "any_department": _link(asked, department=""),
        "department": chosen,
        "days": [(each, _link(asked, day=each.isoformat())) for each in _days_ahead(now)],
        "any_day": _link(asked, day=""),
        "day": day,
        "offers": listed.offers,
        "now": now,
        "more": _link(asked, page=str(page + 1)) if listed.more else "",
    }
    return fresh(render(request, "book/find.html", context))


@require_safe
@in_language
def expert(request: HttpRequest, code: str) -> HttpResponse:
    """An expert's days, and what is left in each slot. Raises Http404 for one who sees no patients."""
    who = get_object_or_404(Expert.objects.select_related("department"), code=code, active=True)
    now = timezone.now()
    return _days_page(request, offers.of_expert(who, now=now), now, who, who.department, who.names)


@require_safe
@in_language
def session(request: HttpRequest, session_id: int) -> HttpResponse:
    """The same of the pooled clinic that this session is one of. Raises Http404."""
    chosen = get_object_or_404(Session.objects.select_related("department", "expert"), pk=session_id)
    if chosen.expert is not None:
        return redirect("book_expert", code=chosen.expert.code)
    now = timezone.now()
    return _days_page(request, offers.of_pooled(chosen, now=now), now, None, chosen.department, chosen.names)


def fresh(response: HttpResponse) -> HttpResponse:
    """Asked for again each time, what is left changes fast; and kept by no one in between."""
    patch_cache_control(response, no_cache=True, private=True)
    return response


def _days_page(
    request: HttpRequest,
    sessions: Sequence[Session],
    now: datetime,
    who: Expert | None,
    department: Department,
    names: dict[str, str],
) -> HttpResponse:
    waits = expected.waits(sessions)
    days = [_day_of(session, waits, now) for session in sessions]
    context = {
        "expert": who,
        "department": department,
        "names": names,
        "draws": [each for each in days if each["released"] and each["draw"]],
        "free": [each for each in days if each["left"] and each["released"] and not each["draw"]],
        "known": bool(waits),
        "later": sorted((each for each in days if not each["released"]), key=lambda each: each["session"].released_at),
        "full": [each for each in days if each["released"] and not each["left"] and not each["draw"]],
        "now": now,
        "fees": sorted({session.prepayment for session in sessions}),
    }
    return fresh(render(request, "book/days.html", context))


def _day_of(session: Session, waits: dict[int, expected.Wait], now: datetime) -> dict[str, Any]:
    slots = list(session.slots.all())
    return {
        "session": session,
        "released": session.released_at <= now,
        "draw": waited_for(session),
        "slots": [{"slot": slot, "wait": rounded(waits.get(slot.pk))} for slot in slots],
        "taken": [slot for slot in slots if not slot.left_bookable],
        "left": sum(slot.left_bookable for slot in slots),
    }


def rounded(wait: expected.Wait | None) -> tuple[int, int] | None:
    """The wait in steps, the lower end down and the upper one up; None: nothing is known."""
    return wait and (int(wait[0] // STEP * STEP), max(STEP, ceil(wait[1] / STEP) * STEP))


def _days_ahead(now: datetime) -> list[date]:
    today = timezone.localdate(now)
    return [today + timedelta(days=days) for days in range(DAYS)]


def _link(asked: dict[str, str], **changed: str) -> str:
    """The list narrowed down as it is but for what changes; a page counts for one list only."""
    return "?" + urlencode({name: value for name, value in (asked | changed).items() if value})


def _plain(text: str) -> str:
    """Without what a database refuses to look for."""
    return "".join(character for character in text if character.isprintable()).strip()[: search.LONGEST]


def _day(text: str) -> date | None:
    try:
        return parse_date(text)
    except ValueError:
        return None


def _page(text: str) -> int:
    if text and not (text.isascii() and text.isdecimal() and len(text) < 5 and 1 <= int(text) <= LAST_PAGE):
        raise Http404
    return int(text or 1)
