"""R3.3, R3.4, R3.5 in any order: booked, cancelled, expired, offered, taken, given up, lapsed, freed, opened.

Who is next is worked out here from the rows alone, in the words of the rule.
"""

from datetime import timedelta
from random import Random

import pytest
from django.db import transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from booking import invariants
from booking.errors import BookingError
from booking.models import Account, Appointment, FreedNumber, Payment, QuotaMove, WaitlistEntry
from booking.services import appointments, endings, money, sessions, waitlist
from tests import factories
from tests.booking.clinic import planned, slots
from tests.chance import examples
from tests.factories import at

SPLIT = ((2, 0), (1, 0))
PATIENTS = 8
OPENS = at("07:00")


class Waitlist(RuleBasedStateMachine):
    """A session of three numbers, forty minutes before its registration opens. Of one account: patients 0 and 1; of one
    phone: 2 and 3."""

    def __init__(self) -> None:
        super().__init__()
        self.block = transaction.atomic()
        self.block.__enter__()
        # What can be done next depends on when numbers are free again: the same in every run of the same steps.
        self.patched = pytest.MonkeyPatch()
        self.patched.setattr("booking.services.freed._random", Random(0))
        of = factories.department(
            booked_per_patient_day=99, booked_per_patient_department=99, booked_per_phone_day=99, hold_minutes=15
        )
        self.session = planned(SPLIT, of=of)
        self.account = Account.objects.create(phone="13800000001", made_at=at("05:00"))
        phones = {2: "13800000002", 3: "13800000002"}
        self.people = [factories.patient(**({"phone": phones[n]} if n in phones else {})) for n in range(PATIENTS)]
        self.family = [{0, 1}, {0, 1}, {2, 3}, {2, 3}, {4}, {5}, {6}, {7}]
        self.now = at("06:20")
        self.seen_offers: set[int] = set()

    @initialize(fee=st.sampled_from([0, 2000]), ends=st.sets(st.integers(0, 1), min_size=1))
    def all_is_booked_and_some_of_it_let_go(self, fee, ends):
        self.session.department.prepayment = fee
        self.session.department.save()
        for patient, slot in enumerate((0, 0, 1)):
            self.book(patient=patient, slot=slot)
        for made in Appointment.objects.filter(state="held"):
            self.pay(made)
        self.join(patient=4, slot=None)
        self.join(patient=5, slot=0)
        self.join(patient=6, slot=None)
        for slot in ends:
            made = self.session.appointments.filter(slot__index=slot, state="booked").first()
            self.attempt(endings.cancel, appointment_id=made.pk)

    def teardown(self) -> None:
        self.patched.undo()
        transaction.set_rollback(True)
        self.block.__exit__(None, None, None)

    def attempt(self, service, **kwargs):
        """A refusal is a fine outcome. No two things happen at one time."""
        self.now += timedelta(seconds=1)
        try:
            with transaction.atomic():
                return service(now=self.now, **kwargs)
        except BookingError:
            return None

    def account_of(self, patient):
        return self.account.pk if patient in (0, 1) else None

    def number_of(self, patient_id):
        return [who.pk for who in self.people].index(patient_id)

    def pay(self, made):
        with transaction.atomic():
            paid = Payment.objects.create(
                appointment=made, provider="demo", amount=made.fee, made_at=self.now, until=made.held_until
            )
            money.received(paid, state="paid", amount=made.fee, provider_number=f"{paid.pk}", now=self.now)
            appointments.confirm(appointment_id=made.pk, now=self.now)

    # What may happen.

    @rule(patient=st.integers(0, PATIENTS - 1), slot=st.integers(0, 1))
    def book(self, patient, slot):
        self.attempt(
            appointments.book, patient_id=self.people[patient].pk, slot_id=slots(self.session)[slot].pk,
            account_id=self.account_of(patient),
        )  # fmt: skip

    @rule(patient=st.integers(0, PATIENTS - 1), slot=st.none() | st.integers(0, 1))
    def join(self, patient, slot):
        self.attempt(
            waitlist.join, session_id=self.session.pk, patient_id=self.people[patient].pk,
            slot_id=None if slot is None else slots(self.session)[slot].pk, account_id=self.account_of(patient),
        )  # fmt: skip

    @precondition(lambda self: self.session.appointments.filter(state__in=("held", "booked")).exists())
    @rule(data=st.data())
    def cancel(self, data):
        open_here = self.session.appointments.filter(state__in=("held", "booked")).order_by("pk")
        self.attempt(endings.cancel, appointment_id=data.draw(st.sampled_from(list(open_here))).pk)

    @precondition(lambda self: self.offered())
    @rule(data=st.data())
    def take(self, data):
        entry = data.draw(st.sampled_from(self.offered()))
        is_theirs = self.now + timedelta(seconds=1) < entry.offered_until and not self.has_one(entry.patient_id)
        assert (self.attempt(waitlist.accept, entry_id=entry.pk) is not None) == is_theirs

    @precondition(lambda self: self.offered())
    @rule(data=st.data())
    def give_up(self, data):
        entry = data.draw(st.sampled_from(self.offered()))
        assert self.attempt(waitlist.leave, entry_id=entry.pk).state == "declined"

    @precondition(lambda self: WaitlistEntry.objects.exclude(state="offered").exists())
    @rule(data=st.data(), takes=st.booleans())
    def answer_again(self, data, takes):
        """Twice is once, and too late is too late."""
        entry = data.draw(st.sampled_from(list(WaitlistEntry.objects.exclude(state="offered").order_by("pk"))))
        made = self.attempt(waitlist.accept if takes else waitlist.leave, entry_id=entry.pk)
        assert not takes or made == entry.appointment

    @rule(minutes=st.integers(1, 12), late=st.booleans())
    def time_passes(self, minutes, late):
        """The tasks run then, twice as any task may, or are late."""
        self.now += timedelta(minutes=minutes)
        if not late:
            self.the_tasks_run()

    def the_tasks_run(self):
        before = set(self.freed_to_all())
        for _twice in range(2):
            endings.expire_holds(now=self.now)
            waitlist.lapse_offers(now=self.now)
            endings.free_numbers(now=self.now)
        assert not WaitlistEntry.objects.filter(state="offered", offered_until__lte=self.now).exists()
        for slot in set(self.freed_to_all()) - before:
            # Whoever waits for it could not take it: it is never free to all past them.
            freed = FreedNumber.objects.filter(slot=slot[0], done_at=self.now)
            waiting = WaitlistEntry.objects.filter(state="waiting")
            assert self.now >= OPENS or any(
                all(not self.could_take(entry, number) for entry in waiting) for number in freed
            )

    @precondition(lambda self: self.now >= at("06:55"))
    @rule()
    def open_pool(self):
        self.attempt(sessions.open_pool, session_id=self.session.pk)
        assert not WaitlistEntry.objects.filter(state__in=("waiting", "offered")).exists()
        assert all(slot.left_bookable == slot.withheld == 0 for slot in slots(self.session))

    # What must hold after each of them.

    def offered(self):
        return list(WaitlistEntry.objects.filter(state="offered").order_by("pk"))

    def freed_to_all(self):
        return QuotaMove.objects.filter(slot__session=self.session, reason="freed").values_list("slot", "pk")

    def has_one(self, patient_id):
        mine = Appointment.objects.filter(patient=patient_id, state__in=Appointment.ACTIVE)
        return mine.exclude(state="held", held_until__lte=self.now).exists()

    def could_take(self, entry, freed):
        let_go = self.number_of(freed.appointment.patient_id)
        return (
            entry.slot_id in (None, freed.slot_id)
            and self.number_of(entry.patient_id) not in self.family[let_go]
            and not WaitlistEntry.objects.filter(freed=freed, patient=entry.patient_id).exists()
            and not self.has_one(entry.patient_id)
        )

    @invariant()
    def nothing_is_breached(self):
        assert list(invariants.breaches()) == []

    @invariant()
    def no_number_is_lost(self):
        assert [slot.bookable + slot.walk_in for slot in slots(self.session)] == [2, 1]
        assert all(slot.withheld <= FreedNumber.objects.filter(slot=slot).count() for slot in slots(self.session))

    @invariant()
    def the_order_is_kept_and_nothing_comes_back(self):
        """Each new offer went past nobody who could have taken it, and not to the family that let the number go."""
        offered = WaitlistEntry.objects.filter(freed__isnull=False).exclude(pk__in=self.seen_offers)
        for entry in offered.order_by("offered_at", "pk"):
            let_go = self.number_of(entry.freed.appointment.patient_id)
            assert self.number_of(entry.patient_id) not in self.family[let_go]
            past = WaitlistEntry.objects.filter(state="waiting", pk__lt=entry.pk)
            assert not any(self.could_take(each, entry.freed) for each in past)
            self.seen_offers.add(entry.pk)

    @invariant()
    def what_is_given_up_or_lapses_goes_to_the_next_at_once(self):
        for freed in FreedNumber.objects.filter(done_at=None, offers__ended_at=self.now):
            waiting = WaitlistEntry.objects.filter(state="waiting")
            next_has_it = freed.offers.filter(state="offered").exists()
            assert next_has_it or self.now >= OPENS or not any(self.could_take(each, freed) for each in waiting)

    @invariant()
    def each_offer_lasts_for_ten_minutes_or_until_the_opening(self):
        for entry in WaitlistEntry.objects.filter(state="offered"):
            assert entry.offered_until == min(entry.offered_at + timedelta(minutes=10), OPENS)


class TestWaitlist(Waitlist.TestCase, TestCase):
    settings = settings(
        max_examples=examples(15), stateful_step_count=20, deadline=None, suppress_health_check=[HealthCheck.too_slow]
    )


pytestmark = pytest.mark.django_db
