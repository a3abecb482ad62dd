"""A clinic in which everything of booking can happen, each thing by two numbers: for tests that do it in any order, or
all at once."""

from collections import Counter
from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from threading import Lock

from django.db.models import F, Model, QuerySet, Sum

from booking import invariants
from booking.errors import BookingError
from booking.models import (
    Account,
    Appointment,
    Ballot,
    BallotEntry,
    CountedNoShow,
    FreedNumber,
    MoneyMove,
    Outbox,
    Payment,
    QuotaMove,
    Refund,
    Session,
    Slot,
    Suspension,
    WaitlistEntry,
)
from booking.payments.interface import Told
from booking.services import appointments, ballots, endings, payments, schedules, waitlist
from queueboard import invariants as queue_invariants
from queueboard.errors import QueueError
from queueboard.models import QueueEvent, Ticket
from queueboard.services import arrivals, lifecycle
from tests import factories
from tests.booking.clinic import planned
from tests.factories import at

FEE, PEOPLE = 2000, 8
OPEN = ("held", "booked")
BEGIN = at("05:00")
# When something is released, drawn, opened, or has ended.
MOMENTS = tuple(
    at(time) for time in ("05:10", "05:20", "05:30", "07:00", "09:00", "10:00", "12:00", "15:00", "18:00", "21:00")
)

BOOKS: tuple[type[Model], ...] = (
    Appointment, BallotEntry, CountedNoShow, FreedNumber, MoneyMove, Outbox, Payment, QuotaMove, QueueEvent, Refund,
    Session, Slot, Suspension, Ticket, WaitlistEntry,
)  # fmt: skip


class Clinic:
    """A morning, a noon whose numbers are drawn, and an evening; released at 05:10, 05:20 and 05:30.

    Of one account: people 0 and 1; of one phone: 2 and 3. `happened` counts what was done and not refused.
    """

    def __init__(self) -> None:
        of = factories.department(
            prepayment=FEE, booked_per_patient_day=2, booked_per_patient_department=3, booked_per_phone_day=3,
            hold_minutes=15, ballot_hold_minutes=30, free_again_minutes=10, offer_minutes=10, no_show_limit=1,
            added_per_session=2,
        )  # fmt: skip
        splits = {"08:00": ((2, 1), (1, 0)), "13:00": ((2, 0), (1, 1)), "19:00": ((1, 0), (1, 1))}
        made = [planned(split, of=of, start=start) for start, split in splits.items()]
        for turn, each in enumerate(made, start=1):
            Session.objects.filter(pk=each.pk).update(released_at=BEGIN + timedelta(minutes=10 * turn))
        Ballot.objects.create(session=made[1], minutes=10)
        self.sessions = [each.pk for each in made]
        self.slots = list(Slot.objects.filter(session__in=made).order_by("pk").values_list("pk", flat=True))
        self.numbers = self._counted()
        self.account = Account.objects.create(phone=f"139{of.pk:08}", made_at=BEGIN).pk
        shared = f"137{of.pk:08}"
        self.people = [factories.patient(**({"phone": shared} if n in (2, 3) else {})).pk for n in range(PEOPLE)]
        self.happened: Counter[str] = Counter()
        self._lock = Lock()

    def begin(self, waiters: Collection[tuple[int, int]] = (), askers: Collection[tuple[int, int]] = ()) -> datetime:
        """The morning is booked and paid by people 2, 4 and 5, one of whom lets go; the waiters have joined before
        that, and the askers have asked for the noon. Returns when it is then."""
        now = BEGIN + timedelta(minutes=11)
        for n, slot in ((2, 0), (4, 0), (5, 1)):
            self.do("book", n, slot, now)
            self.do("pay", 0, 0, now)
        for n, m in waiters:
            self.do("join", n, 3 * m, now)
        self.do("cancel", 0, 0, now)
        now += timedelta(minutes=10)
        for n, m in askers:
            self.do("ask", n, m, now)
        return now

    def pass_until(self, then: datetime, now: datetime) -> datetime:
        """So much of the day goes by as it usually does: the tasks run, somebody comes, sessions end. At last one lets
        go, and another begins to pay for the evening."""
        for moment in (each for each in MOMENTS if now < each <= then):
            for task in ("expire", "lapse", "free", "draw"):
                self.do(task, 0, 0, moment)
            for turn, ends in enumerate(("10:00", "15:00", "21:00")):
                self.do("open", 0, turn, moment)
                if moment == at(ends):
                    self.do("close", 0, turn, moment)
            if moment in (at("07:00"), at("12:00")):
                self.do("check_in", 0, 0, moment)
            now = moment
        for what, n, m in (("cancel", 0, 0), ("book", 6, 4), ("start", 0, 0)):
            self.do(what, n, m, now)
        return now

    def do(self, action: str, n: int, m: int, now: datetime) -> str:
        """Does it, or is refused; says which. Nothing else may come of it."""
        act: Callable[[int, int, datetime], object] = getattr(self, action)
        try:
            done = act(n, m, now)
        except (BookingError, QueueError) as refusal:
            return refusal.code
        if done is not None:
            with self._lock:
                self.happened[action] += 1
        return "done"

    # Everything returns None where there is nothing to do it to.

    def book(self, n: int, m: int, now: datetime) -> object:
        return appointments.book(
            patient_id=self._person(n), slot_id=self._slot(m), account_id=self._account(n), now=now
        )

    def pay(self, n: int, m: int, now: datetime) -> object:
        """In time or late, a second time, now and then another amount."""
        made = self._one(self._mine().exclude(fee=0), n, state="held")
        if made is None:
            return None
        if not made.payments.exists():
            payments.start(appointment_id=made.pk, provider="demo", return_url="", address="", now=now)
        payment = made.payments.get()
        amount = payment.amount - (m % 8 == 7)
        told = Told(number=payment.number, amount=amount, provider_number=f"paid-{payment.pk}")
        return payments.receive(provider="demo", told=told, now=now)

    def start(self, n: int, m: int, now: datetime) -> object:
        """Of a payment that may be made when its hold is over, and told of later still."""
        made = self._one(self._mine().exclude(fee=0), n, state="held")
        return made and payments.start(
            appointment_id=made.pk, provider="demo", return_url="", address="", now=now
        )  # fmt: skip

    def notice(self, n: int, m: int, now: datetime) -> object:
        """Of what has been begun, in time or late, or of what is known already."""
        bills = Payment.objects.filter(appointment__session__in=self.sessions)
        payment = self._one(bills, n, state="open")
        if payment is None:
            return None
        told = Told(number=payment.number, amount=payment.amount, provider_number=f"paid-{payment.pk}")
        return payments.receive(provider="demo", told=told, now=now)

    def cancel(self, n: int, m: int, now: datetime) -> object:
        made = self._one(self._mine(), n, state__in=OPEN)
        return made and endings.cancel(appointment_id=made.pk, now=now)

    def move(self, n: int, m: int, now: datetime) -> object:
        made = self._one(self._mine(), n, state__in=OPEN)
        return made and appointments.move(appointment_id=made.pk, slot_id=self._slot(m), now=now)

    def join(self, n: int, m: int, now: datetime) -> object:
        session = self._session(m)
        own = Slot.objects.filter(session=session).order_by("pk").values_list("pk", flat=True)
        return waitlist.join(
            session_id=session, patient_id=self._person(n), slot_id=[None, *own][m % 3], account_id=self._account(n),
            now=now,
        )  # fmt: skip

    def take(self, n: int, m: int, now: datetime) -> object:
        entry = self._one(self._waiting().exclude(freed=None), n, state="offered")
        return entry and waitlist.accept(entry_id=entry.pk, now=now)

    def give_up(self, n: int, m: int, now: datetime) -> object:
        entry = self._one(self._waiting(), n, state__in=WaitlistEntry.ACTIVE)
        return entry and waitlist.leave(entry_id=entry.pk, now=now)

    def ask(self, n: int, m: int, now: datetime) -> object:
        own = list(Slot.objects.filter(session=self.sessions[1]).order_by("pk").values_list("pk", flat=True))
        return ballots.ask(
            session_id=self.sessions[1], patient_id=self._person(n), wishes=[own[m % 2]], any_slot=m % 3 == 0,
            on_waitlist=m % 2 == 0, account_id=self._account(n), now=now,
        )  # fmt: skip

    def withdraw(self, n: int, m: int, now: datetime) -> object:
        entry = self._one(BallotEntry.objects.filter(ballot__session__in=self.sessions), n, state="asked")
        return entry and ballots.withdraw(entry_id=entry.pk, now=now)

    def draw(self, n: int, m: int, now: datetime) -> object:
        return ballots.draw_due(session_id=self.sessions[1], now=now) or None

    def expire(self, n: int, m: int, now: datetime) -> object:
        return endings.expire_holds(now=now) or None

    def lapse(self, n: int, m: int, now: datetime) -> object:
        return waitlist.lapse_offers(now=now) or None

    def free(self, n: int, m: int, now: datetime) -> object:
        return endings.free_numbers(now=now) or None

    def add(self, n: int, m: int, now: datetime) -> object:
        return schedules.add_numbers(slot_id=self._slot(m), count=1, reason="one more", now=now)

    def call_off(self, n: int, m: int, now: datetime) -> object:
        return schedules.call_off(session_id=self._session(m), reason="ill", now=now)

    def open(self, n: int, m: int, now: datetime) -> object:
        return lifecycle.open_registration(session_id=self._session(m), now=now) or None

    def check_in(self, n: int, m: int, now: datetime) -> object:
        made = self._one(self._mine(), n, state="booked")
        return made and arrivals.check_in(appointment_id=made.pk, now=now)

    def stop(self, n: int, m: int, now: datetime) -> object:
        return lifecycle.stop_early(session_id=self._session(m), reason="ill", now=now)

    def close(self, n: int, m: int, now: datetime) -> object:
        return lifecycle.close_session(session_id=self._session(m), now=now)

    # What must not change where something is refused.

    def books(self) -> dict[str, list[tuple]]:
        """Every row that an action may write."""
        rows = {model.__name__: list(model._default_manager.order_by("pk").values_list()) for model in BOOKS}
        return rows | {"Ballot": list(Ballot.objects.order_by("pk").values_list("pk", "closed_at", "drawn_at"))}

    def overdue(self, now: datetime) -> bool:
        """Whether a task is late: who comes first does what it has left, whatever becomes of their own."""
        held = self._mine().filter(state="held", held_until__lte=now)
        closed = Session.objects.filter(pk__in=self.sessions, state="planned", registration_opens_at__lte=now)
        return held.exists() or closed.exists()

    # What must hold, whatever has been done.

    def wrong(self) -> list[str]:
        """A sentence for each thing that is not as it must be; of all clinics in the database, and of this one."""
        return [
            *invariants.breaches(), *queue_invariants.breaches(), *self._numbers(), *self._people(), *self._early(),
            *self._money(),
        ]  # fmt: skip

    def _numbers(self) -> list[str]:
        added = self.happened["add"]
        found = [f"{self._counted()} numbers of {self.numbers} and {added} added"]
        over = self._own(Slot).filter(bookable__lt=F("booked") + F("withheld"))
        return found * (self._counted() != self.numbers + added) + [f"{slot} has more than it has" for slot in over]

    def _people(self) -> list[str]:
        active = Counter(self._mine().filter(state__in=Appointment.ACTIVE).values_list("patient", "session"))
        return [f"{who} has {count} in one session" for who, count in active.items() if count > 1]

    def _early(self) -> list[str]:
        """Nothing is booked before its release, nor past a draw (R3.1, R3.7)."""
        moved = QuotaMove.objects.filter(reason="moved").values("appointment")
        early = self._mine().filter(booked_at__lt=F("session__released_at")).exclude(pk__in=moved)
        undrawn = self._mine().filter(session__ballot__isnull=False, session__ballot__drawn_at=None, drawn=None)
        return [f"{made.pk} was booked too early" for made in {*early, *undrawn}]

    def _money(self) -> list[str]:
        """What came in is what is kept and what goes back; nobody keeps a number that is not paid (R3.3)."""
        moves = MoneyMove.objects.filter(payment__appointment__session__in=self.sessions)
        kept = moves.aggregate(sum=Sum("amount"))["sum"] or 0
        back = Refund.objects.filter(payment__appointment__session__in=self.sessions, done_at=None)
        owed = back.aggregate(sum=Sum("amount"))["sum"] or 0
        paid = Payment.objects.filter(appointment__session__in=self.sessions, state="paid")
        due = paid.aggregate(sum=Sum("amount"))["sum"] or 0
        unpaid = self._mine().filter(state__in=("booked", "arrived"), fee__gt=0).exclude(payments__state="paid")
        wrong = [f"{kept} fen are here, {due} are paid and {owed} go back"] * (kept != due + owed)
        return wrong + [f"{made.pk} is booked and not paid" for made in unpaid]

    def _counted(self) -> int:
        sums = self._own(Slot).aggregate(sum=Sum(F("bookable") + F("walk_in")))
        return int(sums["sum"])

    def _own(self, model: type[Model]) -> QuerySet:
        return model._default_manager.filter(session__in=self.sessions)

    def _mine(self) -> QuerySet[Appointment]:
        return self._own(Appointment)

    def _waiting(self) -> QuerySet[WaitlistEntry]:
        return self._own(WaitlistEntry)

    def _one(self, rows: QuerySet, n: int, **usual):
        """Mostly one of those to which it usually is done, and now and then any."""
        found = list((rows if n % 6 == 5 else rows.filter(**usual)).order_by("pk"))
        return found[n % len(found)] if found else None

    def _person(self, n: int) -> int:
        return self.people[n % PEOPLE]

    def _account(self, n: int) -> int | None:
        return self.account if n % PEOPLE in (0, 1) else None

    def _slot(self, m: int) -> int:
        return self.slots[m % len(self.slots)]

    def _session(self, m: int) -> int:
        return self.sessions[m % len(self.sessions)]


def later(now: datetime, pause: int | str) -> datetime:
    """So many minutes, or the next moment."""
    if isinstance(pause, int):
        return now + timedelta(minutes=pause)
    return next((moment for moment in MOMENTS if moment > now), now)


# What people do comes more often than what ends all for a session.
ACTIONS = (
    *("book", "pay", "pay", "cancel", "cancel", "move", "join", "join", "take", "take", "give_up", "ask", "withdraw"),
    *("book", "pay", "pay", "cancel", "move", "join", "take", "ask", "expire", "lapse", "free", "draw", "add", "open"),
    *("move", "move", "take", "take", "start", "start", "notice", "notice", "notice"),
    *("open", "check_in", "check_in", "close", "call_off", "stop"),
)  # fmt: skip
