"""What patients can book: who sees patients in the coming days, when, and how many numbers are left. Reads only.

Who is booked is an expert, or a pooled clinic of a department (by its title). A page of the list costs eight queries at
most, however many experts there are, and builds no model per session: there are thousands.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db.models import Case, Exists, F, Min, OuterRef, Prefetch, Q, QuerySet, Sum, Value, When

from booking import search
from booking.models import Ballot, Department, Expert, Session, Slot

PAGE = 20  # of the list: a phone on a weak network
SESSIONS = 60  # of one who can be booked, at most
FOUND = 300  # experts of a name, at most
# So many free sessions for each of the list, in their order, are looked at before all are: mostly they are enough.
LOOKED_AT = 4

# The expert's id, or of a pooled clinic its department's id and its title.
Who = tuple[int | None, int | None, str]


@dataclass(frozen=True, slots=True)
class Offer:
    """One who can be booked: an expert, or a pooled clinic (`session`: one of its sessions).

    next_day  the next day with a number that is free to book now, None: there is none
    left      numbers free to book on that day
    appears   when more numbers are released, None: all have been
    draw      nothing is free now, but numbers are drawn: until when one can ask for one; past: they are being drawn
    full      there are sessions ahead, and all their numbers are taken
    """

    department: Department
    expert: Expert | None
    names: dict[str, str]
    session: int | None = None
    next_day: date | None = None
    left: int = 0
    appears: datetime | None = None
    draw: datetime | None = None
    full: bool = False


@dataclass(frozen=True, slots=True)
class Listed:
    """A page of the list, and whether another one follows."""

    offers: list[Offer]
    more: bool


@dataclass(frozen=True, slots=True)
class _Found:
    """Who is on the list, and why there."""

    who: Who
    soonest: date | None
    appears: datetime | None
    drawn: int | None = None  # a session whose numbers are drawn


def ahead(now: datetime) -> QuerySet[Session]:
    """Sessions of which numbers can be booked now, or once they are released (R3.1)."""
    return Session.objects.filter(
        Q(expert=None) | Q(expert__active=True),
        state=Session.State.PLANNED,
        pool_opened_at=None,
        registration_opens_at__gt=now,
    )


def first_come(sessions: QuerySet[Session]) -> QuerySet[Session]:
    """Of these sessions those whose numbers do not wait for a draw (R3.7)."""
    return sessions.filter(~Exists(_waited_for()))


def _waited_for() -> QuerySet[Ballot]:
    return Ballot.objects.filter(session=OuterRef("pk"), drawn_at=None)


def find(*, now: datetime, text: str = "", department: str = "", day: date | None = None, page: int = 1) -> Listed:
    """Who can be booked, the soonest free first; then whose numbers are drawn, or appear later, then who is full.

    `text`: of a name or of a department's; `department`: a slug; `day`: only who has a session then. An expert who was
    looked for by name comes last where no session is ahead.
    """
    sessions, named = ahead(now), None
    if department:
        sessions = sessions.filter(department__slug=department)
    if day:
        sessions = sessions.filter(date=day)
    if text:
        named = _named(text, department)
        sessions = sessions.filter(Q(expert__in=named) | _pooled(text))
    first, last = (page - 1) * PAGE, page * PAGE + 1
    found = _order(sessions, now, last)
    offers = _offers(found[first : last - 1], now)
    if named and not day and len(found) < last:
        seen = {each.who[0] for each in found}
        offers += _idle([pk for pk in named if pk not in seen][: PAGE - len(offers)])
    return Listed(offers, len(found) == last)


def of_expert(expert: Expert, *, now: datetime) -> list[Session]:
    """An expert's sessions ahead, with their slots and draws."""
    sessions = _with_slots(ahead(now).filter(expert=expert))
    for session in sessions:
        session.expert = expert
    return sessions


def of_pooled(session: Session, *, now: datetime) -> list[Session]:
    """The sessions ahead of the pooled clinic that this session is one of, with their slots."""
    return _with_slots(ahead(now).filter(expert=None, department=session.department_id, title=session.title))


def of_department(department: Department, *, now: datetime) -> list[Session]:
    """The department's next sessions that can be booked now, with their slots."""
    sessions = first_come(ahead(now).filter(department=department, released_at__lte=now))
    return _with_slots(sessions.select_related("expert"))


def _with_slots(sessions: QuerySet[Session]) -> list[Session]:
    # A department has many columns: one row of it is read, not one for each session.
    related = ("department", Prefetch("slots", Slot.objects.order_by("index")))
    with_draws = sessions.select_related("ballot").defer("ballot__seed", "ballot__numbers")
    return list(with_draws.order_by("starts_at", "pk").prefetch_related(*related)[:SESSIONS])


def _named(text: str, department: str) -> list[int]:
    """Experts by name or department. Read by themselves: compared with each expert once, and not with each session."""
    experts = Expert.objects.filter(search.matching(text, "search_keys", "department__search_keys"), active=True)
    if department:
        experts = experts.filter(department__slug=department)
    return list(experts.order_by("name", "pk").values_list("pk", flat=True)[:FOUND])


def _pooled(text: str) -> Q:
    titles = Q(title__icontains=text) | Q(title_en__icontains=text) | Q(title_zh_hant__icontains=text)
    return Q(expert=None) & (titles | search.matching(text, "department__search_keys"))


def _order(sessions: QuerySet[Session], now: datetime, count: int) -> list[_Found]:
    """The first so many on the list."""
    rows = _free(sessions, now)[: LOOKED_AT * count]
    found = _each_once(rows)
    if len(found) < count and len(rows) == LOOKED_AT * count:
        found = _each_once(_free(sessions, now))
    if len(found) < count:
        found += _without_a_number(sessions, now, count + len(found), seen={each.who for each in found})
    return found[:count]


def _free(sessions: QuerySet[Session], now: datetime) -> QuerySet:
    """Those with a number that can be booked now, in the order of their index."""
    slots = Slot.objects.filter(session=OuterRef("pk"), bookable__gt=F("booked") + F("withheld"))
    free = first_come(sessions).filter(Exists(slots), released_at__lte=now)
    return free.order_by("starts_at", "pk").values_list("expert", "department", "title", "date")


def _each_once(rows: Iterable[tuple[int | None, int, str, date]]) -> list[_Found]:
    days: dict[Who, date] = {}
    for expert, department, title, day in rows:
        days.setdefault(_who(expert, department, title), day)
    return [_Found(who, day, None) for who, day in days.items()]


def _without_a_number(sessions: QuerySet[Session], now: datetime, count: int, seen: set[Who]) -> list[_Found]:
    """Whose numbers are drawn, then of the first so many by the time when more numbers appear, those not seen."""
    pooled = Q(expert=None)
    by_who = sessions.order_by().values_list(
        "expert", Case(When(pooled, then="department")), Case(When(pooled, then="title"), default=Value(""))
    )
    appears = Min(Case(When(released_at__gt=now, then="released_at")))
    drawn = Min(Case(When(Exists(_waited_for()), released_at__lte=now, then="pk")))
    soonest = F("drawn").asc(nulls_last=True), F("appears").asc(nulls_last=True)
    rows = by_who.annotate(appears=appears, drawn=drawn).order_by(*soonest, "expert")[:count]
    return [_Found((*key,), None, later, draw) for *key, later, draw in rows if (*key,) not in seen]


def _who(expert: int | None, department: int, title: str) -> Who:
    return (None, department, title) if expert is None else (expert, None, "")


def _offers(found: Sequence[_Found], now: datetime) -> list[Offer]:
    left = _left(found, now)
    titles = _titles([each.who for each in found if each.who[0] is None], now)
    experts = Expert.objects.select_related("department").in_bulk([each.who[0] for each in found if each.who[0]])
    draws = _draws([each.drawn for each in found if each.drawn is not None])
    offers = []
    for each in found:
        told: dict[str, Any] = {
            "next_day": each.soonest,
            "left": left.get((each.who, each.soonest), 0),
            "appears": each.appears,
            "draw": draws.get(each.drawn),
            "full": each.soonest is None and each.appears is None and each.drawn is None,
        }
        if each.who[0] is not None:
            expert = experts[each.who[0]]
            offers.append(Offer(expert.department, expert, expert.names, **told))
        elif each.who in titles:
            session = titles[each.who]
            offers.append(Offer(session.department, None, session.names, session.pk, **told))
    return offers


def _left(found: Sequence[_Found], now: datetime) -> dict[tuple[Who, date | None], int]:
    """Numbers free to book, by who and day, on the days that are told."""
    days = {each.soonest for each in found if each.soonest is not None}
    released = ahead(now).filter(released_at__lte=now)
    sessions = first_come(released).filter(_one_of([each.who for each in found]), date__in=days)
    slots = Slot.objects.filter(session__in=sessions).order_by()
    rows = slots.values_list("session__expert", "session__department", "session__title", "session__date")
    left: dict[tuple[Who, date | None], int] = {}
    for expert, department, title, day, free in rows.annotate(free=Sum(F("bookable") - F("booked") - F("withheld"))):
        key = _who(expert, department, title), day
        left[key] = left.get(key, 0) + free
    return left


def _draws(sessions: Sequence[int]) -> dict[int | None, datetime]:
    """Until when one can ask in the draws of these sessions."""
    if not sessions:
        return {}
    ballots = Ballot.objects.filter(session__in=sessions).select_related("session").defer("seed", "numbers")
    return {ballot.session_id: ballot.closes_at for ballot in ballots}


def _titles(whos: Sequence[Who], now: datetime) -> dict[Who, Session]:
    """Of pooled clinics the next session, for its names."""
    if not whos:
        return {}
    sessions = ahead(now).filter(_one_of(whos)).select_related("department").order_by("-starts_at", "-pk")
    return {_who(None, session.department_id, session.title): session for session in sessions}


def _one_of(whos: Sequence[Who]) -> Q:
    wanted = Q(expert__in=[expert for expert, _, _ in whos if expert is not None])
    for expert, department, title in whos:
        if expert is None:
            wanted |= Q(expert=None, department=department, title=title)
    return wanted


def _idle(experts: Sequence[int]) -> list[Offer]:
    """Those without a session ahead."""
    known = Expert.objects.select_related("department").in_bulk(experts)
    return [Offer(known[pk].department, known[pk], known[pk].names) for pk in experts]
