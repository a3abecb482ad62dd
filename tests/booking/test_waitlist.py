"""R3.4, R3.5: who found nothing waits; a freed number is offered in order before it is free to all."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from booking.models import Account, Appointment, FreedNumber, Outbox, Payment, WaitlistEntry
from booking.services import appointments, endings, money, quotas, schedules, sessions, waitlist
from tests import factories
from tests.booking.clinic import NO_WALK_INS, WEEK_BEFORE, book, counts, moves, planned, refused, slots
from tests.factories import at

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("nothing_is_breached")]
TEN_MINUTES = timedelta(minutes=10)


@pytest.fixture
def full():
    """Two slots of one number each, both booked."""
    session = planned(((1, 1), (1, 1)))
    book(session, 0), book(session, 1)
    return session


def join(session, who=None, index=None, now=WEEK_BEFORE, **kwargs):
    slot_id = None if index is None else slots(session)[index].pk
    return waitlist.join(
        session_id=session.pk, patient_id=(who or factories.patient()).pk, slot_id=slot_id, now=now, **kwargs
    )


def cancel(session, index=0, now=WEEK_BEFORE):
    (made,) = session.appointments.filter(slot__index=index, state__in=("held", "booked"))
    return endings.cancel(appointment_id=made.pk, now=now)


def state(entry):
    entry.refresh_from_db()
    return entry.state


def states(*entries):
    return [state(entry) for entry in entries]


class TestQuietHours:
    """Nobody is offered a number while asleep, to lose it and the place in the list within minutes (R3.4)."""

    NIGHT, MORNING = at("23:00") - timedelta(days=5), at("07:00") - timedelta(days=4)

    def test_what_is_freed_at_night_is_offered_in_the_morning_and_free_to_nobody_before(self, full):
        first = join(full)
        cancel(full, now=self.NIGHT)
        assert endings.free_numbers(now=self.MORNING - timedelta(seconds=1)) == 0
        assert state(first) == "waiting"
        assert full.slots.get(index=0).left_bookable == 0
        endings.free_numbers(now=self.MORNING + TEN_MINUTES)
        assert state(first) == "offered"
        assert first.offered_until == self.MORNING + 2 * TEN_MINUTES

    def test_an_offer_that_ends_at_night_goes_on_in_the_morning(self, full):
        first, second = join(full), join(full)
        cancel(full, now=at("20:55") - timedelta(days=5))
        waitlist.lapse_offers(now=at("21:05") - timedelta(days=5))
        assert states(first, second) == ["lapsed", "waiting"]
        endings.free_numbers(now=self.MORNING + TEN_MINUTES)
        assert states(first, second) == ["lapsed", "offered"]

    def test_where_registration_opens_before_they_could_take_it_it_is_offered_at_night(self, full):
        first = join(full)
        cancel(full, now=at("23:00") - timedelta(days=1))
        assert state(first) == "offered"

    def test_who_has_left_by_the_morning_keeps_it_from_nobody(self, full):
        first = join(full)
        cancel(full, now=self.NIGHT)
        waitlist.leave(entry_id=first.pk, now=self.NIGHT)
        assert endings.free_numbers(now=self.MORNING + TEN_MINUTES) == 1
        assert full.slots.get(index=0).left_bookable == 1


class TestJoining:
    def test_it_waits_for_any_slot_or_one(self, full):
        any_slot, second = join(full), join(full, index=1)
        cancel(full, 1)
        cancel(full, 0)
        assert states(any_slot, second) == ["offered", "waiting"]
        assert any_slot.freed.slot.index == 1
        assert not full.slots.filter(withheld=1).exclude(freed__done_at=None).exists()

    def test_where_a_number_is_left_nobody_waits(self):
        session = planned(((1, 0), (1, 0)))
        book(session, 0)
        with refused("numbers_left"):
            join(session)
        with refused("numbers_left"):
            join(session, index=1)
        assert join(session, index=0).state == "waiting"

    def test_once_for_a_session(self, full):
        who = factories.patient()
        entry = join(full, who)
        with refused("waits_already"):
            join(full, who, index=1)
        waitlist.leave(entry_id=entry.pk, now=WEEK_BEFORE)
        assert join(full, who).pk > entry.pk

    def test_who_may_not_book_may_not_wait(self, full):
        with refused("already_booked"):
            join(full, full.appointments.first().patient)
        with refused("booking_closed"):
            join(full, now=at("07:00"))
        with refused("not_released"):
            join(full, now=full.released_at - timedelta(seconds=1))
        with refused("no_session"):
            waitlist.join(session_id=0, patient_id=factories.patient().pk, now=WEEK_BEFORE)
        with refused("no_such_slot"):
            waitlist.join(session_id=full.pk, patient_id=factories.patient().pk, slot_id=0, now=WEEK_BEFORE)

    def test_a_family_waits_with_no_more_than_it_could_book(self, full):
        """R3.7: of one phone, and of one account."""
        full.department.booked_per_phone_day = 2
        full.department.save()
        account = Account.objects.create(phone="13800001111", made_at=WEEK_BEFORE)
        for _patient in range(2):
            join(full, factories.patient(phone="13800002222"), account_id=account.pk)
        with refused("limit_waiting"):
            join(full, factories.patient(phone="13800002222"))
        with refused("limit_waiting"):
            join(full, factories.patient(), account_id=account.pk)


class TestOffers:
    def test_a_cancelled_number_is_offered_to_the_first_for_ten_minutes_and_to_nobody_else(self, full):
        first, second = join(full), join(full)
        cancel(full)
        first.refresh_from_db()
        assert (first.state, first.offered_until) == ("offered", WEEK_BEFORE + TEN_MINUTES)
        assert state(second) == "waiting"
        assert counts(full)[0] == (0, 0, 1, 1, 0)
        (told,) = Outbox.objects.filter(kind="waitlist_offered")
        assert told.payload == {"patient": first.patient_id, "entry": first.pk, "session": full.pk}

    def test_it_is_never_free_to_all_while_it_is_offered(self, full):
        entry = join(full)
        cancel(full)
        assert endings.free_numbers(now=WEEK_BEFORE + timedelta(hours=1)) == 0
        assert state(entry) == "offered"
        with refused("none_left"):
            book(full)

    @pytest.mark.parametrize("how", ["declined", "lapsed"])
    def test_what_is_not_taken_goes_to_the_next_and_then_after_a_new_delay_to_all(self, full, how):
        first, second = join(full), join(full)
        cancel(full)
        now = WEEK_BEFORE
        for entry, following in ((first, second), (second, None)):
            now += TEN_MINUTES
            if how == "lapsed":
                assert waitlist.lapse_offers(now=now - timedelta(microseconds=1)) == 0
                assert [waitlist.lapse_offers(now=now), waitlist.lapse_offers(now=now)] == [1, 0]
            else:
                for _twice in range(2):
                    waitlist.leave(entry_id=entry.pk, now=now)
            assert state(entry) == how
            if following:
                assert (state(following), following.offered_until) == ("offered", now + TEN_MINUTES)
        freed = FreedNumber.objects.get()
        assert now <= freed.free_at <= now + TEN_MINUTES
        assert endings.free_numbers(now=freed.free_at) == 1
        assert counts(full)[0] == (1, 0, 0, 1, 0)
        assert Outbox.objects.filter(kind="waitlist_lapsed").count() == (2 if how == "lapsed" else 0)

    def test_the_delay_of_who_lets_an_offer_go_cannot_be_foreseen(self, full):
        """R3.4: else the last on the list would know when to book it under another name."""
        cancel(full)
        first_delay = FreedNumber.objects.get().free_at
        entry = join(full)
        endings.free_numbers(now=first_delay)
        waitlist.leave(entry_id=entry.pk, now=first_delay)
        assert FreedNumber.objects.get().free_at > first_delay

    def test_who_joins_while_a_number_is_withheld_gets_it_after_the_delay_before_all(self, full):
        cancel(full)
        entry = join(full)
        assert state(entry) == "waiting"
        assert endings.free_numbers(now=FreedNumber.objects.get().free_at) == 0
        assert state(entry) == "offered"

    def test_who_let_a_number_go_is_not_offered_it_again(self, full):
        """R3.4: nor another of the account or the phone."""
        account = Account.objects.create(phone="13800001111", made_at=WEEK_BEFORE)
        held = full.appointments.get(slot__index=0)
        Appointment.objects.filter(pk=held.pk).update(account=account)
        cancel(full)
        own = join(full, held.patient)
        family = join(full, account_id=account.pk)
        flatmate = join(full, factories.patient(phone=held.patient.phone))
        stranger = join(full)
        endings.free_numbers(now=WEEK_BEFORE + TEN_MINUTES)
        assert states(own, family, flatmate, stranger) == ["waiting", "waiting", "waiting", "offered"]
        waitlist.leave(entry_id=stranger.pk, now=WEEK_BEFORE + TEN_MINUTES)
        again = join(full, stranger.patient)
        assert endings.free_numbers(now=WEEK_BEFORE + 2 * TEN_MINUTES) == 1
        assert states(own, again) == ["waiting", "waiting"]

    def test_who_cannot_take_it_is_left_out_and_keeps_the_place(self, full):
        """Limits, an appointment here already, a suspension."""
        here = join(full)
        busy = join(full)
        suspended = join(full)
        able = join(full)
        factories.appointment(planned(day=at("00:00")), 0, here.patient)
        for start in ("13:00", "16:00"):
            factories.appointment(planned(start=start), 0, busy.patient)
        suspended.patient.suspensions.create(begins_at=WEEK_BEFORE, until=at("12:00"))
        here.patient = full.appointments.get(slot__index=1).patient
        here.save()
        cancel(full)
        assert states(here, busy, suspended, able) == ["waiting", "waiting", "waiting", "offered"]

    def test_a_number_that_is_moved_away_from_is_offered_too(self, full):
        entry = join(full, index=0)
        there = planned(of=full.department, start="14:00")
        made = full.appointments.get(slot__index=0)
        appointments.move(appointment_id=made.pk, slot_id=slots(there)[0].pk, now=WEEK_BEFORE)
        assert state(entry) == "offered"

    def test_the_number_of_an_expired_hold_is_offered_where_somebody_waits(self):
        session = planned(((2, 0),))
        held, never = book(session, hold=True), book(session, hold=True)
        entry = join(session)
        assert endings.expire_holds(now=held.held_until) == 2
        assert state(entry) == "offered"
        assert never.held_until == held.held_until
        assert counts(session) == [(1, 0, 1, 0, 0)]

    def test_added_numbers_are_offered_to_as_many_as_there_are(self, full):
        """R3.2b"""
        entries = [join(full, index=0) for _ in range(3)]
        schedules.add_numbers(slot_id=slots(full)[0].pk, count=2, reason="a free hour", now=WEEK_BEFORE)
        assert states(*entries) == ["offered", "offered", "waiting"]
        assert moves(full, "added") == [(0, "outside", "withheld", 2)]
        waitlist.accept(entry_id=entries[0].pk, now=WEEK_BEFORE)
        waitlist.leave(entry_id=entries[1].pk, now=WEEK_BEFORE)
        assert states(*entries) == ["accepted", "declined", "offered"]

    def test_what_a_manager_shifts_to_booking_is_offered_to_who_waits(self):
        """R2.5, R3.4"""
        session = planned(((1, 2),))
        book(session)
        entry = join(session)
        quotas.lock_split(slot_id=slots(session)[0].pk, bookable=2, actor=None, now=WEEK_BEFORE)
        assert state(entry) == "offered"
        assert moves(session, "locked") == [(0, "pool", "withheld", 1)]
        with refused("none_left"):
            book(session)

    def test_what_a_recalculation_shifts_to_booking_is_offered_to_who_waits(self):
        """R2.6, R3.4"""
        department = factories.department(**NO_WALK_INS)
        session = planned(((1, 2),), of=department)
        book(session)
        entry = join(session)
        quotas.recalculate(session_id=session.pk, now=WEEK_BEFORE)
        assert state(entry) == "offered"
        assert counts(session) == [(0, 1, 2, 0, 0)]


class TestAccepting:
    def test_the_number_is_booked_with_its_ledger_row(self, full):
        entry = join(full, first_visit=False)
        cancel(full)
        made = waitlist.accept(entry_id=entry.pk, now=WEEK_BEFORE + timedelta(minutes=9))
        assert (made.state, made.patient_id, made.slot.index, made.first_visit) == (
            "booked",
            entry.patient_id,
            0,
            False,
        )
        assert moves(full, "booked")[-1] == (0, "withheld", "booked", 1)
        assert waitlist.accept(entry_id=entry.pk, now=WEEK_BEFORE + TEN_MINUTES) == made
        assert Outbox.objects.filter(kind="appointment_booked", payload__appointment=made.pk).count() == 1
        assert state(entry) == "accepted"

    def test_where_a_fee_is_due_it_is_held_and_an_unpaid_hold_goes_to_the_next(self, full):
        """R3.3"""
        full.department.prepayment = 2000
        full.department.save()
        first, second = join(full), join(full)
        cancel(full)
        made = waitlist.accept(entry_id=first.pk, now=WEEK_BEFORE)
        assert (made.state, made.fee, made.held_until) == ("held", 2000, WEEK_BEFORE + timedelta(minutes=15))
        endings.expire_holds(now=made.held_until)
        assert states(first, second) == ["accepted", "offered"]
        taken = waitlist.accept(entry_id=second.pk, now=made.held_until)
        paid = Payment.objects.create(
            appointment=taken, provider="demo", amount=2000, made_at=made.held_until, until=taken.held_until
        )
        with transaction.atomic():
            money.received(paid, state="paid", amount=2000, provider_number="1", now=made.held_until)
        assert appointments.confirm(appointment_id=taken.pk, now=made.held_until).state == "booked"

    def test_an_own_hold_whose_time_is_over_is_no_obstacle_while_the_task_is_late(self):
        """R3.3: it ends first, and its number goes to the next who waits."""
        session = planned(((2, 0),))
        made, who = book(session), factories.patient()
        held = book(session, 0, who, hold=True)
        first, second = join(session, who, now=held.held_until), join(session, now=held.held_until)
        endings.cancel(appointment_id=made.pk, now=held.held_until)
        assert states(first, second) == ["offered", "waiting"]
        assert waitlist.accept(entry_id=first.pk, now=held.held_until).state == "booked"
        held.refresh_from_db()
        assert held.state == "expired"
        assert states(first, second) == ["accepted", "offered"]
        assert counts(session) == [(0, 1, 1, 0, 0)]

    def test_what_is_not_offered_or_no_longer_is_not_taken(self, full):
        first, second = join(full), join(full)
        with refused("nothing_offered"):
            waitlist.accept(entry_id=first.pk, now=WEEK_BEFORE)
        cancel(full)
        with refused("offer_over"):
            waitlist.accept(entry_id=first.pk, now=WEEK_BEFORE + TEN_MINUTES)
        waitlist.lapse_offers(now=WEEK_BEFORE + TEN_MINUTES)
        with refused("offer_over"):
            waitlist.accept(entry_id=first.pk, now=WEEK_BEFORE + TEN_MINUTES)
        assert state(second) == "offered"

    def test_a_limit_reached_meanwhile_refuses_and_the_offer_stays(self, full):
        entry = join(full)
        cancel(full)
        for start in ("13:00", "16:00"):
            factories.appointment(planned(start=start), 0, entry.patient)
        with refused("limit_per_day"):
            waitlist.accept(entry_id=entry.pk, now=WEEK_BEFORE)
        assert state(entry) == "offered"


class TestTheEnd:
    """Never later than the opening of registration."""

    def test_an_offer_ends_when_registration_opens(self, full):
        entry = join(full)
        cancel(full, now=at("06:57"))
        entry.refresh_from_db()
        assert entry.offered_until == at("07:00")
        with refused("offer_over"):
            waitlist.accept(entry_id=entry.pk, now=at("07:00"))

    def test_opening_the_pool_ends_the_list_and_takes_what_is_offered(self, full):
        first, second = join(full), join(full)
        cancel(full, now=at("06:57"))
        with transaction.atomic():
            assert sessions.open_pool(session_id=full.pk, now=at("06:58")) == 1
        assert states(first, second) == ["ended", "ended"]
        assert counts(full)[0] == (0, 0, 0, 2, 0)
        with refused("offer_over"):
            waitlist.accept(entry_id=first.pk, now=at("06:58"))
        assert waitlist.leave(entry_id=first.pk, now=at("06:59")).state == "ended"
        assert waitlist.lapse_offers(now=at("07:30")) == 0
        assert Outbox.objects.filter(kind="waitlist_lapsed").count() == 2

    def test_from_the_opening_on_nothing_is_offered_though_the_task_is_late(self, full):
        entry = join(full)
        cancel(full, now=at("07:00"))
        assert state(entry) == "waiting"
        assert counts(full)[0] == (0, 0, 0, 2, 0)
        with transaction.atomic():
            sessions.open_pool(session_id=full.pk, now=at("07:01"))

    def test_a_session_that_is_called_off_has_no_list(self, full):
        """R1.3"""
        entry, offered = join(full, index=1), join(full, index=0)
        cancel(full)
        schedules.call_off(session_id=full.pk, reason="ill", now=WEEK_BEFORE)
        assert states(entry, offered) == ["called_off", "called_off"]
        assert endings.free_numbers(now=at("06:00")) == 1

    def test_closing_ends_what_is_left(self, full):
        """R1.4"""
        entry = join(full)
        with transaction.atomic():
            endings.settle(session_id=full.pk, now=at("12:00"))
        assert state(entry) == "ended"


def test_before_counts_those_who_would_take_the_same_number(full):
    first, other, mine, behind = join(full), join(full, index=1), join(full, index=0), join(full)
    assert [waitlist.before(entry) for entry in (first, other, mine, behind)] == [0, 1, 1, 3]


class TestConstraints:
    @pytest.fixture
    def offered(self, full):
        entry = join(full)
        cancel(full)
        entry.refresh_from_db()
        return entry

    @pytest.mark.parametrize(
        ("change", "constraint"),
        [
            (
                {"freed": None, "offered_at": None, "offered_until": None},
                "who_is_offered_something_is_offered_a_number",
            ),
            ({"offered_until": None}, "an_offer_ends"),
            ({"offered_until": WEEK_BEFORE}, "an_offer_ends"),
            ({"state": "waiting"}, "who_is_offered_something_is_offered_a_number"),
            ({"state": "lapsed"}, "who_waits_no_more_has_ended"),
            ({"state": "accepted", "ended_at": WEEK_BEFORE}, "who_accepted_has_an_appointment"),
        ],
    )
    def test_an_entry_is_what_its_state_says(self, offered, change, constraint):
        with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
            WaitlistEntry.objects.filter(pk=offered.pk).update(**change)

    def test_a_number_is_offered_to_one_at_a_time_and_once_to_each(self, offered):
        values = {"freed": offered.freed, "offered_at": WEEK_BEFORE, "offered_until": at("06:00")}
        other = join(offered.session)
        with pytest.raises(IntegrityError), transaction.atomic():
            WaitlistEntry.objects.filter(pk=other.pk).update(state="offered", **values)
        with pytest.raises(IntegrityError), transaction.atomic():
            WaitlistEntry.objects.filter(pk=other.pk).update(
                state="lapsed", ended_at=WEEK_BEFORE, patient=offered.patient, **values
            )

    def test_a_patient_waits_once(self, offered):
        with pytest.raises(IntegrityError), transaction.atomic():
            waitlist.enrol(
                session=offered.session, slot_id=None, patient_id=offered.patient_id, account_id=None,
                first_visit=True, now=WEEK_BEFORE,
            )  # fmt: skip
