"""One session as the demonstration's people live it: patients come, experts call, the desk helps.

What is to come is a heap of moments. What is there is read from the database each time, so that a morning can be taken
over after a restart, and goes on beside a visitor who presses the same buttons.
"""

import heapq
import itertools
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from random import Random
from typing import Any

from booking.models import Appointment, Session, SessionRoom
from queueboard.demo import people
from queueboard.demo.hands import Hands, Refused
from queueboard.demo.invented import POPULATION, is_invented, person
from queueboard.models import Ticket

AT_LEAST = timedelta(seconds=1.5)  # what nobody does faster, however short the morning
LOOK_EVERY = 90  # seconds of a real half-day between two looks of an expert at the own room
MIND_EVERY = 240
CALL_GAP = 60
CALLS = 2
WALK = (20, 75)
CLOSE_AFTER = 900  # the periodic task closes long before
RETRY = timedelta(seconds=1)
HAND_OVER_AT = 4  # patients more than next door

CLERK, MANAGER = "clerk", "manager"
# Does something; returns when to do it again, or None.
Doing = Callable[[datetime], datetime | None]
HERE = (Ticket.State.WAITING, Ticket.State.CALLED, Ticket.State.SERVING)


class Look(partial):  # type: ignore[type-arg]
    """An expert's look at the own room, or the desk's at the queue: repeated whatever comes of it."""


class Morning:
    """A session from now to its end. `scale`: its length as a share of a real half-day's."""

    def __init__(self, session: Session, *, hands: Hands, rng: Random, rates: people.Rates) -> None:
        self.session_id = session.pk
        self.over = False
        self.counts: Counter[str] = Counter()
        self._starts_at, self._ends_at = session.starts_at, session.ends_at
        self._opens_at = session.registration_opens_at
        self._numbers = session.numbers
        self._scale = (session.ends_at - session.starts_at) / timedelta(minutes=people.HALF_DAY_MINUTES)
        self._hands, self._rng, self._rates = hands, rng, rates
        self._heap: list[tuple[datetime, int, Doing]] = []
        self._order = itertools.count()
        self._busy_at = session.ends_at
        self._minded: set[tuple[int, str, int]] = set()
        self._expected: set[int] = set()
        self._answers: dict[tuple[int, int], bool] = {}
        self._ends: dict[tuple[int, datetime | None], datetime] = {}

    # --- the course of things ----------------------------------------------------------------------------------
    def begin(self, now: datetime) -> None:
        """Plans what is still to come of the session."""
        if now < self._opens_at:
            self._plan_bookings(now)
        for minute in people.walk_ins(self._rng, self._numbers):
            at = self._starts_at + self._span(minutes=minute)
            if at > now and at >= self._opens_at:
                self._at(at, self._walk_in)
        for seat_id in SessionRoom.objects.filter(session=self.session_id).values_list("pk", flat=True):
            self._at(now + self._human(2, 30), Look(self._seat, seat_id))
        self._at(max(now, self._opens_at), Look(self._mind))

    @property
    def due(self) -> datetime | None:
        """When something is to happen next."""
        return self._heap[0][0] if self._heap and not self.over else None

    def act(self, now: datetime) -> None:
        """Lets the first thing happen that is due. Where that fails (Away, no database), it is still to happen."""
        at, order, act = heapq.heappop(self._heap)
        again: datetime | None = max(at, now + RETRY)
        try:
            again = act(now)
        except Refused as refused:
            self.counts[f"refused: {refused.code}"] += 1
            # Who looks at a room looks again; what was asked for once has had its answer.
            again = now + self._human(LOOK_EVERY, LOOK_EVERY) if isinstance(act, Look) else None
        finally:
            if again is not None:
                heapq.heappush(self._heap, (again, order, act))

    def _at(self, moment: datetime, act: Doing) -> None:
        heapq.heappush(self._heap, (moment, next(self._order), act))

    def _span(self, *, minutes: float) -> timedelta:
        """So many minutes of a real half-day, in this one."""
        return timedelta(minutes=minutes) * self._scale

    def _human(self, least: float, most: float) -> timedelta:
        """Seconds that people take, shorter in a short morning but not endlessly so."""
        return AT_LEAST + timedelta(seconds=self._rng.uniform(least, most)) * self._scale

    def _did(self, what: str) -> None:
        self.counts[what] += 1

    # --- booked patients ---------------------------------------------------------------------------------------
    def _plan_bookings(self, now: datetime) -> None:
        for slot in Session.objects.get(pk=self.session_id).slots.all():
            for _ in range(slot.left_bookable):
                if self._rng.random() < self._rates.filled:
                    span = (self._opens_at - now) * 0.9
                    self._at(now + span * self._rng.random(), self._book(slot.pk))

    def _book(self, slot_id: int) -> Doing:
        def book(now: datetime) -> None:
            who, first = person(self._rng.randrange(POPULATION)), people.is_first_visit(self._rng)
            self._hands.book(slot_id=slot_id, person=who, first_visit=first, now=now)
            self._did("booked")

        return book

    def _expect(self, now: datetime) -> None:
        """Decides for each booked patient when to come, whoever booked."""
        booked = Appointment.objects.filter(session=self.session_id, state=Appointment.State.BOOKED)
        for appointment in booked.exclude(pk__in=self._expected).select_related("slot", "patient"):
            self._expected.add(appointment.pk)
            minutes = people.arrival(self._rng, self._rates)
            if minutes is None or not is_invented(appointment.patient.id_number):
                continue
            earliest = max(now, self._opens_at) + self._human(0, 120)
            self._at(max(appointment.slot.starts_at + self._span(minutes=minutes), earliest), self._arrive(appointment))

    def _arrive(self, appointment: Appointment) -> Doing:
        def arrive(now: datetime) -> None:
            if Appointment.objects.filter(pk=appointment.pk, state=Appointment.State.BOOKED).exists():
                self._hands.look(token=appointment.token)
                self._hands.check_in(who=CLERK, token=appointment.token, now=now)
                self._did("checked in")
                self._at(now + self._human(20, 60), self._settle_in(appointment.patient_id))

        return arrive

    # --- walk-ins, and everybody once in the queue -------------------------------------------------------------
    def _walk_in(self, now: datetime) -> None:
        who, first = person(self._rng.randrange(POPULATION)), people.is_first_visit(self._rng)
        self._hands.walk_in(who=CLERK, session_id=self.session_id, person=who, first_visit=first, now=now)
        self._did("walked in")
        waiting = Ticket.objects.filter(session=self.session_id, booked=False).order_by("-number")
        newest = waiting.values_list("patient_id", flat=True).first()
        if newest is not None:
            self._at(now + self._human(20, 60), self._settle_in(newest))

    def _settle_in(self, patient_id: int) -> Doing:
        """Who has just come may be urgent, or have no patience."""

        def settle_in(now: datetime) -> None:
            ticket = Ticket.objects.filter(session=self.session_id, patient_id=patient_id).order_by("-number").first()
            if ticket is None or ticket.state != Ticket.State.WAITING:
                return
            patience = people.gives_up_after(self._rng, self._rates)
            if patience is not None:
                self._at(now + self._span(minutes=patience), self._if_still(ticket, ("waiting",), "leave"))
            first = people.goes_first(self._rng, self._rates)
            if first is not None:
                self._hands.ticket(
                    "priority", who=CLERK, ticket_id=ticket.pk, now=now, priority=first.priority, reason=first.reason
                )
                self._did(first.priority)

        return settle_in

    def _if_still(self, ticket: Ticket, states: tuple[str, ...], action: str) -> Doing:
        def act(now: datetime) -> None:
            if Ticket.objects.filter(pk=ticket.pk, state__in=states).exists():
                self._hands.ticket(action, who=CLERK, ticket_id=ticket.pk, now=now)
                self._did(action)

        return act

    # --- the desk minds the queue ------------------------------------------------------------------------------
    def _mind(self, now: datetime) -> datetime | None:
        """Who missed a call or went for a test comes back; who looks at a page; whether all is over."""
        session = Session.objects.get(pk=self.session_id)
        if session.state in (Session.State.CLOSED, Session.State.CANCELLED):
            self.over = True
            return None
        self._expect(now)
        tickets = list(Ticket.objects.filter(session=session).select_related("patient"))
        for ticket in tickets:
            self._mind_ticket(ticket, now)
        here = [ticket for ticket in tickets if ticket.state in HERE]
        if here or now < self._ends_at:
            self._busy_at = now
        if now > self._busy_at + timedelta(seconds=CLOSE_AFTER * self._scale):
            self._hands.close(who=MANAGER, session_id=self.session_id, now=now)
            self._did("closed by hand")
        elif here:
            self._hands.look(token=self._rng.choice(here).token)
            self._hand_over(session, here, now)
        return now + self._human(MIND_EVERY, MIND_EVERY)

    def _mind_ticket(self, ticket: Ticket, now: datetime) -> None:
        calls = ticket.called_no
        if ticket.state not in (Ticket.State.MISSED, Ticket.State.AWAY) or not is_invented(ticket.patient.id_number):
            return
        if (ticket.pk, ticket.state, calls) in self._minded:
            return
        self._minded.add((ticket.pk, ticket.state, calls))
        missed = ticket.state == Ticket.State.MISSED
        minutes = (people.back_after_miss if missed else people.back_with_result)(self._rng, self._rates)
        if minutes is not None:
            action = "put-back" if missed else "return-visit"
            self._at(now + self._span(minutes=minutes), self._if_still(ticket, (ticket.state,), action))

    def _hand_over(self, session: Session, here: list[Ticket], now: datetime) -> None:
        """Where far more wait here than next door, the last goes there."""
        waiting = [ticket for ticket in here if ticket.state == Ticket.State.WAITING]
        if len(waiting) < HAND_OVER_AT or self._rng.random() > 0.1 or session.expert_id is None:
            return
        others = Session.objects.filter(department=session.department_id, state=Session.State.RUNNING)
        for other in others.exclude(pk=session.pk).filter(stopped_early=False, ends_at__gt=now):
            if other.tickets.filter(state__in=HERE).count() + HAND_OVER_AT <= len(waiting):
                self._hands.ticket(
                    "hand-over", who=CLERK, ticket_id=waiting[-1].pk, now=now, to_session=other.pk, reason="均衡候诊"
                )
                self._did("handed over")
                return

    # --- the expert in a room ----------------------------------------------------------------------------------
    def _seat(self, seat_id: int, now: datetime) -> datetime:
        """An expert looks at the own room, whichever that is now."""
        seat = SessionRoom.objects.select_related("session", "expert__user").get(pk=seat_id)
        return self._in_room(seat, now, now + self._human(LOOK_EVERY, LOOK_EVERY))

    def _in_room(self, seat: SessionRoom, now: datetime, later: datetime) -> datetime:
        """Does the next thing in this room; when to look again."""
        if now < self._starts_at or seat.session.state not in Session.LIVE:
            return max(self._starts_at, later)
        present = Ticket.objects.filter(room_id=seat.room_id, state__in=HERE[1:], session=self.session_id)
        ticket = present.select_related("patient").first()
        if ticket is None:
            if seat.paused_at is not None:
                return self._resume(seat, now, later)
            return self._next(seat, None, now) or later
        if ticket.state == Ticket.State.CALLED:
            return self._called(seat, ticket, now)
        return self._serving(seat, ticket, now, later)

    def _next(self, seat: SessionRoom, present: Ticket | None, now: datetime) -> datetime | None:
        """Presses "next" where somebody waits and may be called."""
        if (
            seat.session.stopped_early
            or not Ticket.objects.filter(session=self.session_id, state=Ticket.State.WAITING).exists()
        ):
            return None
        self._hands.call_next(
            who=self._login(seat),
            session_id=self.session_id,
            room_id=seat.room_id,
            seen=present.pk if present else None,
            now=now,
        )
        self._did("called")
        return now + self._human(*WALK)

    def _called(self, seat: SessionRoom, ticket: Ticket, now: datetime) -> datetime:
        key = (ticket.pk, ticket.called_no)
        if key not in self._answers:
            there = people.answers(self._rng, self._rates, misses=ticket.misses)
            # A visitor who plays a patient is never called in vain.
            self._answers[key] = there or not is_invented(ticket.patient.id_number)
        if self._answers[key]:
            self._press("start", seat, ticket, now)
            return now + self._human(LOOK_EVERY, LOOK_EVERY)
        again = (ticket.called_at or now) + self._human(CALL_GAP, CALL_GAP)
        if now < again:
            return again
        if ticket.calls < CALLS:
            self._press("recall", seat, ticket, now)
            return now + self._human(CALL_GAP, CALL_GAP)
        self._press("miss", seat, ticket, now)
        return now + AT_LEAST

    def _serving(self, seat: SessionRoom, ticket: Ticket, now: datetime, later: datetime) -> datetime:
        key = (ticket.pk, ticket.started_at)
        if key not in self._ends:
            minutes = people.visit(self._rng, first=ticket.first_visit)
            self._ends[key] = (ticket.started_at or now) + self._span(minutes=minutes)
        if now < self._ends[key]:
            return min(self._ends[key], later)
        if ticket.returned is None and self._rng.random() < self._rates.test:
            self._press("send-for-test", seat, ticket, now)
            return now + AT_LEAST
        if self._rng.random() < self._rates.pause:
            self._press("finish", seat, ticket, now)
            return self._pause(seat, now)
        following = self._next(seat, ticket, now)
        if following is None:
            self._press("finish", seat, ticket, now)
        return following or later

    def _pause(self, seat: SessionRoom, now: datetime) -> datetime:
        minutes, reason = people.pause(self._rng)
        until = now + AT_LEAST + self._span(minutes=minutes)
        self._hands.room(
            "pause", who=self._login(seat), session_id=self.session_id, room_id=seat.room_id, now=now,
            until=until, reason=reason,
        )  # fmt: skip
        self._did("paused")
        return until

    def _resume(self, seat: SessionRoom, now: datetime, later: datetime) -> datetime:
        # A visitor may have pressed it, without a time: their pause lasts an hour of a real morning.
        until = seat.paused_until or (seat.paused_at or now) + self._span(minutes=60)
        if until > now:
            return min(until, later)
        self._hands.room("resume", who=self._login(seat), session_id=self.session_id, room_id=seat.room_id, now=now)
        self._did("resumed")
        return now + AT_LEAST

    def _press(self, action: str, seat: SessionRoom, ticket: Ticket, now: datetime, **details: Any) -> None:
        self._hands.ticket(action, who=self._login(seat), ticket_id=ticket.pk, now=now, **details)
        self._did(action)

    @staticmethod
    def _login(seat: SessionRoom) -> str:
        """The expert's own login; an expert without one has the desk press."""
        return seat.expert.user.username if seat.expert.user is not None else CLERK
