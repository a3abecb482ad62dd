"""The queues that run now, for everybody: numbers only (R6.2)."""

import hashlib
from itertools import groupby
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.utils.cache import patch_cache_control
from django.utils.translation import get_language
from django.views.decorators.http import condition, require_safe

from booking.models import Session
from queueboard.views import board_face, phone_face, source
from queueboard.views.language import in_language
from queueboard.views.texts import Texts, phone_texts

PART = "queues"  # `/?part=queues` is the part that the open page fetches again and again


@require_safe
@in_language
def home(request: HttpRequest) -> HttpResponse:
    """The queues by department; with `?part=queues` only they, with an ETag."""
    if request.GET.get("part") == PART:
        return _queues(request)
    return render(request, "queues.html", _context())


def _versions(request: HttpRequest) -> str:
    versions = source.live_sessions().order_by("pk").values_list("pk", "version", "state")
    minute = timezone.now().timestamp() // 60  # what a newcomer waits changes with the clock too
    seen = f"{get_language()} {minute:.0f} {list(versions)}"
    return f'W/"{hashlib.sha256(seen.encode()).hexdigest()[:20]}"'


@condition(etag_func=_versions)
def _queues(request: HttpRequest) -> HttpResponse:
    response = render(request, "public/_queues.html", _context())
    patch_cache_control(response, no_cache=True, private=True)
    return response


def _context() -> dict[str, Any]:
    texts = phone_texts()
    sessions = source.live_sessions().prefetch_related("slots")
    departments = [
        {"names": department.names, "queues": [summary(session, texts) for session in group]}
        for department, group in groupby(sessions, key=lambda session: session.department)
    ]
    return {"departments": departments, "now": timezone.now(), "texts": texts}


def summary(session: Session, texts: Texts) -> dict[str, Any]:
    """One queue in a few words: rooms, numbers now, how many wait, what a newcomer would wait."""
    snapshot = source.phone(session)
    now = timezone.now()
    held_up = board_face.held_up(snapshot)
    open_slots = [slot for slot in session.slots.all() if slot.ends_at > now and slot.left_walk_in > 0]
    slot = min(open_slots, key=lambda each: each.index, default=None)
    joining = next((each for each in snapshot["joining"] if slot is not None and each["slot"] == slot.index), None)
    return {
        "session": session.pk,
        "names": snapshot["names"],
        "titles": snapshot["title"],
        "rooms": snapshot["rooms"],
        "busy": snapshot["called"] + snapshot["serving"],
        "waiting": len(snapshot["waiting"]),
        "newcomer": joining and phone_face.span_text(snapshot, joining, texts, now),
        "words": board_face.instead_of_next(snapshot, texts, now),
        "held_up": held_up,
    }


@require_safe
@in_language
def queue(request: HttpRequest, session_id: int) -> HttpResponse:
    """One queue's numbers: who is called where, who waits, who missed a call. Raises Http404 for one not yet open."""
    known = Session.objects.select_related("department", "expert").exclude(state=Session.State.PLANNED)
    session = get_object_or_404(known, pk=session_id)
    snapshot = source.phone(session)
    texts = phone_texts()
    now = timezone.now()
    context = {
        "session": session,
        "snapshot": snapshot,
        "texts": texts,
        "words": texts["closed"] if session.state == "closed" else board_face.instead_of_next(snapshot, texts, now),
        "lines": [
            {**entry, "range": phone_face.span_text(snapshot, entry, texts, now)} for entry in snapshot["waiting"]
        ],
        "busy": _busy(snapshot),
        "zone": settings.TIME_ZONE,
        "now": now,
    }
    return render(request, "queue.html", context)


def _busy(snapshot: dict[str, Any]) -> list[dict[str, Any]]:
    states = (("called", snapshot["called"]), ("serving", snapshot["serving"]))
    return [
        {"number": each["number"], "state": state, "room": phone_face.room_of(snapshot, each["room"])}
        for state, entries in states
        for each in entries
    ]
