"""What can be booked instead, for who found nothing (R3.2). Reads only."""

from datetime import datetime
from typing import Any

from django.db.models import Case, F, Q, QuerySet, When
from django.utils import timezone

from booking import kept
from booking.models import Expert, Session, Slot

MOST = 10  # slots that a refused patient is shown
# Sessions whose numbers go to who comes first: there is no draw, or it is over (R3.7).
FIRST_COME = Q(session__ballot=None) | Q(session__ballot__drawn_at__isnull=False)


def left(*, session: Session, now: datetime) -> list[dict[str, Any]]:
    """What can be booked instead: other slots of the session first, then of the department's others by time."""
    found = _LEFT.all(session_id=session.pk, department_id=session.department_id, now=now)
    return [
        {
            "session": session_id,
            "slot": slot,
            "names": _names(*names),
            "starts_at": timezone.localtime(starts_at).isoformat(),
            "left": left,
        }
        for session_id, slot, starts_at, left, *names in found
    ]


def _left(*, session_id: int, department_id: int, now: datetime) -> QuerySet[Slot, tuple[Any, ...]]:
    slots = Slot.objects.filter(
        FIRST_COME,
        session__department_id=department_id,
        session__state=Session.State.PLANNED,
        session__pool_opened_at=None,
        session__released_at__lte=now,
        session__registration_opens_at__gt=now,
        bookable__gt=F("booked") + F("withheld"),
    ).annotate(left=F("bookable") - F("booked") - F("withheld"))
    own_first = Case(When(session=session_id, then=0), default=1)
    titles = [f"session__title{language}" for language in ("", "_en", "_zh_hant")]
    names = [f"session__expert__name{language}" for language in ("", "_en", "_zh_hant")]
    columns = ("session", "pk", "starts_at", "left", "session__expert", *titles, *names)
    return slots.order_by(own_first, "starts_at", "pk").values_list(*columns)[:MOST]


def _names(expert: int | None, *names: str) -> dict[str, str]:
    """Of the expert, else of the pooled clinic."""
    if expert is None:
        title, title_en, title_zh_hant = names[:3]
        return Session(title=title, title_en=title_en, title_zh_hant=title_zh_hant).names
    name, name_en, name_zh_hant = names[3:]
    return Expert(name=name, name_en=name_en, name_zh_hant=name_zh_hant).names


_LEFT = kept.Query(_left, session_id=int, department_id=int, now=datetime)
