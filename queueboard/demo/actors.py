"""All mornings of the demonstration: one begins when the last of its queue has ended."""

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from random import Random

from django.db.models import F

from booking.models import Session, Slot
from queueboard.demo import clinic, people
from queueboard.demo.clinic import PRACTICES, Practice
from queueboard.demo.hands import Hands, Refused, Services
from queueboard.demo.invented import POPULATION, person
from queueboard.demo.morning import Morning
from queueboard.services import clock

BOOKING_TIME = timedelta(seconds=30)  # between a session's making and the opening of its registration
LOOK_AROUND_EVERY = timedelta(seconds=2)
BOOK_AHEAD_EVERY = timedelta(seconds=60)
BOOKED_AHEAD = 0.6  # share of the coming days' bookable numbers
# How far the first mornings are when the clinic is first looked at: something moves at once.
UNDER_WAY = (timedelta(minutes=5.5), timedelta(minutes=2), timedelta(minutes=4))
CLOCK_EVERY = timedelta(seconds=5)

Say = Callable[[str], None]


class Clinic:
    """The people of the demonstration. One thing at a time: `act` does what is due, `due` says when to call it."""

    def __init__(
        self,
        *,
        hands: Hands,
        rng: Random,
        now: datetime,
        rates: people.Rates | None = None,
        practices: Sequence[Practice] = PRACTICES,
        say: Say = lambda _: None,
    ) -> None:
        self.counts: Counter[str] = Counter()
        self._hands, self._rng, self._rates, self._say = hands, rng, rates or people.Rates(), say
        self._practices = practices
        self._mornings: dict[int, Morning] = {}
        self._look_around_at = now
        self._book_ahead_at = now + BOOK_AHEAD_EVERY

    @property
    def due(self) -> datetime:
        """When something is to happen next."""
        moments = [morning.due for morning in self._mornings.values()]
        return min([self._look_around_at, self._book_ahead_at, *(moment for moment in moments if moment is not None)])

    def act(self, now: datetime) -> None:
        """Does the one thing that is due first. Raises Away, clinic.NotTheDemonstration."""
        due = self.due
        if due > now:
            return
        if due == self._look_around_at:
            self._look_around(now)
            self._look_around_at = now + LOOK_AROUND_EVERY
        elif due == self._book_ahead_at:
            self._book_ahead_at = now + BOOK_AHEAD_EVERY
            self.book_ahead(now)
        else:
            min((m for m in self._mornings.values() if m.due is not None), key=lambda m: m.due or now).act(now)

    def begin(self, practice: Practice, now: datetime) -> None:
        """The practice's next morning. Never on a database that holds anything else."""
        if not clinic.is_demo():
            raise clinic.NotTheDemonstration
        self._join(clinic.new_session(practice, now=now, after=BOOKING_TIME), now)

    def book_ahead(self, now: datetime) -> None:
        """Somebody books a number of a coming day, as long as enough are left."""
        free = Slot.objects.filter(
            session__department__slug__in=clinic.REGULAR_DEPARTMENTS,
            session__expert__prepayment=None,  # nobody here has a purse
            session__state=Session.State.PLANNED,
            session__pool_opened_at=None,
            session__released_at__lte=now,
            session__registration_opens_at__gt=now + timedelta(minutes=5),
            booked__lt=F("bookable") * BOOKED_AHEAD,
            bookable__gt=F("booked") + F("withheld"),
        )
        slots = list(free.values_list("pk", flat=True))
        if slots:
            who, first = person(self._rng.randrange(POPULATION)), people.is_first_visit(self._rng)
            try:
                self._hands.book(slot_id=self._rng.choice(slots), person=who, first_visit=first, now=now)
                self.counts["booked ahead"] += 1
            except Refused as refused:
                self.counts[f"refused: {refused.code}"] += 1

    def _look_around(self, now: datetime) -> None:
        """Takes part in every session that is on, and begins a morning where a practice has none."""
        ours = Session.objects.filter(department__slug__in=clinic.DEPARTMENTS).select_related("department", "expert")
        live = list(ours.filter(state__in=Session.LIVE))
        waiting = list(ours.filter(state=Session.State.PLANNED, template=None))
        for session in [*live, *waiting]:
            if session.pk not in self._mornings:
                self._join(session, now)
        for pk in [pk for pk, morning in self._mornings.items() if morning.over]:
            done = self._mornings.pop(pk)
            self.counts.update(done.counts)
            self._say(f"session {pk} is over: {said(done.counts)}")
        for practice in self._practices:
            if not any(_is_of(session, practice) for session in [*live, *waiting]):
                self.begin(practice, now)

    def _join(self, session: Session, now: datetime) -> None:
        morning = Morning(session, hands=self._hands, rng=self._rng, rates=self._rates)
        morning.begin(now)
        self._mornings[session.pk] = morning


def _is_of(session: Session, practice: Practice) -> bool:
    if session.template_id is not None or session.department.slug != practice.department:
        return False
    if practice.titles[0]:
        return session.expert_id is None and session.title == practice.titles[0]
    return session.expert is not None and session.expert.code == clinic.PREFIX + practice.doctors[0].login


def said(counts: Counter[str]) -> str:
    """Counts as a line: 12 booked, 9 checked in ..."""
    return ", ".join(f"{count} {what}" for what, count in counts.most_common()) or "nothing happened"


def warm_up(*, now: datetime, rng: Random) -> Clinic:
    """The first mornings up to now, on a clock of their own, so that the clinic is found in motion."""
    begin = now - max(UNDER_WAY)
    people_there = Clinic(hands=Services(), rng=rng, now=now)
    to_begin = sorted(zip((now - ago for ago in UNDER_WAY), PRACTICES, strict=True), key=lambda pair: pair[0])
    moment = begin
    next_tick = begin
    while moment < now:
        while to_begin and to_begin[0][0] <= moment:
            people_there.begin(to_begin.pop(0)[1], moment)
        if next_tick <= moment:
            clock.open_registrations(now=moment)
            clock.start_sessions(now=moment)
            clock.end_slots(now=moment)
            next_tick = moment + CLOCK_EVERY
        people_there.act(moment)
        moments = [people_there.due, next_tick, *(at for at, _ in to_begin)]
        moment = max(moment, min(moments))
    for _ in range(30):
        people_there.book_ahead(now)
    return people_there
