"""When the patients of a queue will be called: its rows as queueboard.waiting wants them. Reads only."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from itertools import zip_longest

import numpy as np

from booking.models import Session, SessionRoom, Slot
from queueboard import habits, rules
from queueboard.models import Ticket
from queueboard.policy import policy_of
from queueboard.waiting import coming, lengths, times
from queueboard.waiting.known import Known, still_late

IN_ROOM = (Ticket.State.CALLED, Ticket.State.SERVING)


@dataclass(frozen=True, kw_only=True)
class Outlook:
    """One queue at one moment. Minutes count from `now`; places are numbers of patients called before.

    tickets  all of the session's
    absent   by slot id, how many booked patients have not come
    """

    session: Session
    slots: Mapping[int, Slot]
    seats: Sequence[SessionRoom]
    tickets: Sequence[Ticket]
    absent: Mapping[int, int]
    now: datetime

    @cached_property
    def policy(self) -> rules.Policy:
        return policy_of(self.session.department, slots=len(self.slots))

    @cached_property
    def views(self) -> list[rules.Ticket]:
        return [ticket.rule_view(self.slots[ticket.slot_id]) for ticket in self.tickets]

    @cached_property
    def line(self) -> list[rules.Ticket]:
        """Those who wait, in order."""
        return rules.order(self.views, self.policy)

    @cached_property
    def joining(self) -> list[int]:
        """Of each slot, the place that its booked patient would get, checking in now (R5.1)."""
        return [self._place_of(slot) for slot in self.slots.values()]

    @cached_property
    def waits(self) -> list[tuple[float, float]]:
        """Median and 90th percentile until called, of each in line and of one behind them."""
        return self._predict([self._kind(view) for view in self.line], self._coming())

    def wait_at(self, place: int) -> tuple[float, float]:
        """The wait of who has so many before them."""
        return self.waits[min(place, len(self.waits) - 1)]

    def turn(self, slot: Slot, rank: int) -> tuple[float, float]:
        """The wait of a booked patient who checks in now, after `rank` others of the slot who are not here yet."""
        place = self.joining[list(self.slots).index(slot.pk)]
        before = [self._kind(view) for view in self.line[:place]]
        others = [each for each in self._coming(besides=slot.pk) if each.place <= place]
        return self._predict([*before, *[lengths.UNKNOWN] * rank], others)[-1]

    def checking_in(self, slot: Slot) -> rules.Ticket:
        """The ticket that a booked patient of this slot would get, checking in now."""
        grace = timedelta(minutes=self.session.department.late_grace_minutes)
        return rules.Ticket(
            number=self.session.last_number + 1,
            slot=slot.index,
            slot_start=slot.starts_at,
            booked=True,
            arrived=self.now,
            late=rules.is_late(self.now, slot.ends_at, grace),
            passed=rules.is_passed(slot.index, self.views),
        )

    # --- what goes into it

    @cached_property
    def _known(self) -> Known:
        experts = [seat.expert for seat in self.seats] or [e for e in (self.session.expert,) if e is not None]
        return habits.known(self.session, experts, len(self.slots))

    def _place_of(self, slot: Slot) -> int:
        made_up = self.checking_in(slot)
        return rules.order([*self.views, made_up], self.policy).index(made_up)

    def _coming(self, besides: int | None = None) -> list[coming.Coming]:
        out = (ticket for ticket in self.tickets if ticket.state in (Ticket.State.MISSED, Ticket.State.AWAY))
        return coming.expected(
            self.views,
            self.policy,
            self._known.habits,
            places=self.joining,
            slot_starts=[slot.starts_at for slot in self.slots.values()],
            absent=[0 if pk == besides else self.absent.get(pk, 0) for pk in self.slots],
            out_since={ticket.number: ticket.ended_at or ticket.called_at or self.now for ticket in out},
            now=self.now,
        )

    def _predict(self, queue: Sequence[int], others: Sequence[coming.Coming]) -> list[tuple[float, float]]:
        start = self.session.starts_at
        rooms = {seat.room_id for seat in self._working}
        busy = [t for t in self.tickets if t.room_id in rooms and t.state in IN_ROOM]
        found = times.predict(
            queue,
            lengths=self._known.lengths,
            pace=self._pace,
            now=_minutes(self.now - start),
            slot_ends=self._slot_ends,
            under_way=[(_kind(t), _minutes(max(self.now - _began(t), timedelta()))) for t in busy],
            rooms=max(1, len(rooms)),
            pause=self._pause(),
            late_start=self._late_start(),
            coming=others,
        )
        return [(median, p90) for median, p90 in np.round(found, 1).tolist()]

    @cached_property
    def _working(self) -> Sequence[SessionRoom]:
        """The rooms that go on; where every room pauses, all of them."""
        return [seat for seat in self.seats if seat.paused_at is None] or self.seats

    @cached_property
    def _slot_ends(self) -> list[float]:
        return [_minutes(slot.ends_at - self.session.starts_at) for slot in self.slots.values()]

    def _pause(self) -> float:
        """Until the planned start, or until the first room goes on; a pause without an end lasts as long again."""
        planned = self.session.state in (Session.State.PLANNED, Session.State.OPEN)
        ends = []
        for seat in self._working:
            if seat.paused_at is not None:
                ends.append(seat.paused_until or self.now + (self.now - seat.paused_at))
        starts = self.session.starts_at if planned else self.now
        return max(0.0, _minutes(starts - self.now), _minutes(min(ends) - self.now) if ends else 0.0)

    def _late_start(self) -> tuple[float, float]:
        if rules.calls_made(self.views):
            return 0.0, 0.0
        return still_late(self._known.late_starts, _minutes(self.now - self.session.starts_at))

    @cached_property
    def _pace(self) -> lengths.Pace:
        """From each room's visits, until the next began where that patient waited already, else until they ended."""
        visits = []
        for seat in self.seats:
            own = [t for t in self.tickets if t.room_id == seat.room_id and (t.started_at or t.state in IN_ROOM)]
            own.sort(key=_began)
            for ticket, following in zip_longest(own, own[1:]):
                if ticket.ended_at is None or ticket.state in IN_ROOM:
                    continue
                waited = following is not None and following.arrived <= ticket.ended_at
                until = _began(following) if following is not None and waited else ticket.ended_at
                slot = times.slot_at(_minutes(_began(ticket) - self.session.starts_at), self._slot_ends)
                if until > _began(ticket):
                    visits.append((until, slot, _kind(ticket), _minutes(until - _began(ticket))))
        visits.sort()
        return lengths.todays(self._known.lengths, [(slot, kind, minutes) for _, slot, kind, minutes in visits])

    @cached_property
    def _by_number(self) -> dict[int, Ticket]:
        return {ticket.number: ticket for ticket in self.tickets}

    def _kind(self, view: rules.Ticket) -> int:
        return _kind(self._by_number[view.number])


def _kind(ticket: Ticket) -> int:
    return lengths.FIRST if ticket.first_visit and ticket.returned is None else lengths.RETURN


def _began(ticket: Ticket) -> datetime:
    return ticket.started_at or ticket.called_at or ticket.arrived


def _minutes(span: timedelta) -> float:
    return span.total_seconds() / 60
