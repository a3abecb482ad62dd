"""R3.1, R3.2, R3.4, R3.5: booking, holding, cancelling; what is freed, when and for whom."""

from datetime import timedelta

import pytest
from django.db import transaction

from booking.errors import BookingError
from booking.models import Appointment, FreedNumber, Outbox, Session
from booking.services import appointments, endings, limits, sessions
from tests import factories
from tests.booking.clinic import WEEK_BEFORE, book, counts, moves, planned, refused
from tests.factories import at

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("nothing_is_breached")]


@pytest.fixture
def session():
    return planned()


def open_pool(session, now):
    with transaction.atomic():
        return sessions.open_pool(session_id=session.pk, now=now)


class TestBooking:
    def test_a_booking_takes_one_number_of_its_slot_and_says_so_in_the_ledger(self, session):
        made = book(session, 1)
        assert made.state == "booked"
        assert made.session == session
        assert counts(session) == [(2, 0, 0, 1, 0), (2, 1, 0, 2, 0)]
        assert moves(session, "booked") == [(1, "bookable", "booked", 1)]

    def test_the_message_is_written_with_the_booking(self, session):
        made = book(session)
        assert [(row.kind, row.payload["appointment"]) for row in Outbox.objects.all()] == [
            ("appointment_booked", made.pk)
        ]

    def test_nothing_is_booked_before_the_release(self, session):
        """R3.1"""
        with refused("not_released") as error:
            book(session, now=session.released_at - timedelta(seconds=1))
        assert error.value.extra["released_at"].startswith("2026-11-09T08:00:00")
        assert book(session, now=session.released_at).state == "booked"

    def test_nothing_is_booked_from_the_opening_of_registration_on(self, session):
        """R3.1"""
        assert book(session, now=at("06:59")).state == "booked"
        with refused("booking_closed"):
            book(session, now=at("07:00"))

    def test_nothing_is_booked_once_the_pool_was_opened_early(self, session):
        open_pool(session, at("06:00"))
        with refused("booking_closed"):
            book(session, now=at("06:01"))

    @pytest.mark.parametrize("state", ["open", "running", "closed", "cancelled"])
    def test_only_a_planned_session_is_booked(self, session, state):
        Session.objects.filter(pk=session.pk).update(state=state)
        with refused("booking_closed"):
            book(session)

    def test_a_session_cancelled_between_the_look_and_the_claim_is_not_booked(self, session, monkeypatch):
        """A claim looks at the session again, in its own statement."""
        claim = appointments.claims.claim

        def claim_after_the_cancellation(wanted):
            Session.objects.filter(pk=session.pk).update(state="cancelled")
            return claim(wanted)

        monkeypatch.setattr(appointments.claims, "claim", claim_after_the_cancellation)
        with refused("booking_closed"):
            book(session)
        assert not Appointment.objects.exists()
        assert counts(session)[0] == (2, 0, 0, 1, 0)

    def test_the_last_number_taken_between_the_look_and_the_claim_is_not_booked_twice(self, session, monkeypatch):
        """R3.2"""
        claim = appointments.claims.claim
        others = iter([factories.patient(), factories.patient()])

        def claim_after_the_others(wanted):
            monkeypatch.setattr(appointments.claims, "claim", claim)
            for other in others:
                book(session, 0, other)
            return claim(wanted)

        monkeypatch.setattr(appointments.claims, "claim", claim_after_the_others)
        with refused("none_left"):
            book(session)
        assert Appointment.objects.count() == 2
        assert counts(session)[0] == (0, 2, 0, 1, 0)

    def test_a_booking_of_the_same_patient_meanwhile_makes_it_look_at_the_limits_again(self, session, monkeypatch):
        """R3.2: two at once cannot both be the last within a limit."""
        who = factories.patient()
        book(planned(start="14:00"), 0, who)
        evening, claim = planned(start="18:00"), appointments.claims.claim

        def claim_after_the_other(wanted):
            monkeypatch.setattr(appointments.claims, "claim", claim)
            book(evening, 0, who)
            return claim(wanted)

        monkeypatch.setattr(appointments.claims, "claim", claim_after_the_other)
        with refused("limit_per_day"):
            book(session, 0, who)
        assert Appointment.objects.filter(patient=who).count() == 2

    def test_a_full_slot_says_what_is_left_elsewhere(self, session):
        """R3.2: never more than the quota; a walk-in's number is none to book."""
        later = planned(((1, 0),), of=session.department, day=at("00:00") + timedelta(days=1))
        planned(((9, 0),), day=at("00:00") + timedelta(days=1))  # another department's
        book(session)
        book(session)
        with refused("none_left") as error:
            book(session)
        assert [(place["session"], place["left"]) for place in error.value.extra["elsewhere"]] == [
            (session.pk, 3),
            (later.pk, 1),
        ]
        assert counts(session)[0] == (0, 2, 0, 1, 0)

    def test_a_patient_has_one_active_appointment_per_session(self, session):
        """R3.2"""
        who = factories.patient()
        first = book(session, 0, who)
        with refused("already_booked") as error:
            book(session, 1, who)
        assert error.value.extra["appointment"] == first.pk

    def test_the_database_refuses_a_second_one_where_the_look_before_missed_it(self, session, monkeypatch):
        """R3.2: the constraint's refusal reads like the code's."""
        who = factories.patient()
        book(session, 0, who)
        monkeypatch.setattr(limits, "within", lambda patient_id, **_rest: {patient_id: 1})
        with refused("already_booked"):
            book(session, 1, who)

    def test_a_patient_may_book_again_after_cancelling(self, session):
        who = factories.patient()
        endings.cancel(appointment_id=book(session, 0, who).pk, now=WEEK_BEFORE)
        assert book(session, 0, who).state == "booked"

    def test_the_day_has_a_limit_in_all_departments_together(self):
        """R3.2: default 2 a day."""
        who = factories.patient()
        book(planned(), 0, who)
        book(planned(start="14:00"), 0, who)
        with refused("limit_per_day") as error:
            book(planned(), 0, who)
        assert error.value.extra["limit"] == 2
        assert book(planned(day=at("00:00") + timedelta(days=1)), 0, who).state == "booked"

    def test_what_was_given_back_does_not_count_for_the_day_and_a_no_show_does(self):
        """R3.2"""
        who = factories.patient()
        ended = [book(planned(), 0, who) for _ in range(2)]
        for state, code in (("cancelled", None), ("expired", None), ("called_off", None), ("no_show", "limit_per_day")):
            with transaction.atomic():
                Appointment.objects.filter(pk__in=[made.pk for made in ended]).update(state=state)
                session = planned()
                if code:
                    with refused(code):
                        book(session, 0, who)
                else:
                    book(session, 0, who)
                transaction.set_rollback(True)

    def test_a_department_has_a_limit_of_open_appointments(self):
        """R3.2: default 3."""
        who, of = factories.patient(), factories.department()
        days = [planned(of=of, day=at("00:00") + timedelta(days=n)) for n in range(4)]
        first, *_others = [book(day, 0, who, now=at("12:00") - timedelta(days=3)) for day in days[:3]]
        with refused("limit_per_department"):
            book(days[3], 0, who, now=at("12:00") - timedelta(days=3))
        endings.cancel(appointment_id=first.pk, now=at("12:00") - timedelta(days=3))
        assert book(days[3], 0, who, now=at("12:00") - timedelta(days=3)).state == "booked"

    def test_a_slot_that_is_none_is_named_so(self):
        with refused("no_such_slot"):
            appointments.book(patient_id=factories.patient().pk, slot_id=10**9)


class TestHolds:
    """R3.3: a number is held for 15 minutes."""

    def test_a_hold_takes_its_number_at_once_and_sends_nothing_yet(self, session):
        held = book(session, hold=True)
        assert (held.state, held.held_until) == ("held", WEEK_BEFORE + timedelta(minutes=15))
        assert counts(session)[0] == (1, 1, 0, 1, 0)
        assert not Outbox.objects.exists()

    def test_confirming_twice_is_confirming_once(self, session):
        held = book(session, hold=True)
        for _ in range(2):
            assert appointments.confirm(appointment_id=held.pk, now=WEEK_BEFORE).state == "booked"
        assert counts(session)[0] == (1, 1, 0, 1, 0)
        assert Outbox.objects.count() == 1

    def test_a_hold_is_not_confirmed_after_its_time_whether_the_task_has_run_or_not(self, session):
        held = book(session, hold=True)
        over = held.held_until
        with refused("hold_expired"):
            appointments.confirm(appointment_id=held.pk, now=over)
        endings.expire_holds(now=over)
        with refused("hold_expired"):
            appointments.confirm(appointment_id=held.pk, now=over)

    def test_a_cancelled_hold_is_not_confirmed(self, session):
        held = book(session, hold=True)
        endings.cancel(appointment_id=held.pk, now=WEEK_BEFORE)
        with refused("not_active"):
            appointments.confirm(appointment_id=held.pk, now=WEEK_BEFORE)

    def test_an_expired_hold_frees_its_number_once(self, session):
        held = book(session, hold=True)
        assert endings.expire_holds(now=held.held_until - timedelta(seconds=1)) == 0
        assert endings.expire_holds(now=held.held_until) == 1
        assert endings.expire_holds(now=held.held_until) == 0
        assert Appointment.objects.get(pk=held.pk).state == "expired"
        assert counts(session)[0] == (2, 0, 0, 1, 0)
        assert moves(session, "expired") == [(0, "booked", "bookable", 1)]

    def test_a_hold_that_expires_after_the_opening_goes_to_the_pool(self, session):
        """R3.5"""
        held = book(session, hold=True, now=at("06:55"))
        open_pool(session, at("07:00"))
        assert counts(session)[0] == (0, 1, 0, 2, 0)
        assert endings.expire_holds(now=at("07:10")) == 1
        assert counts(session)[0] == (0, 0, 0, 3, 0)
        assert Appointment.objects.get(pk=held.pk).ended_at == at("07:10")

    def test_one_hold_that_fails_does_not_keep_the_others_from_expiring(self, session, monkeypatch):
        first, second = book(session, hold=True), book(session, hold=True)
        expire = endings._expire

        def fails_for_the_first(pk, now):
            if pk == first.pk:
                raise BookingError("no", code="no")
            return expire(pk, now)

        monkeypatch.setattr(endings, "_expire", fails_for_the_first)
        assert endings.expire_holds(now=second.held_until) == 1
        assert Appointment.objects.get(pk=first.pk).state == "held"


class TestCancelling:
    """R3.4"""

    def test_before_the_opening_it_is_free_and_the_number_is_withheld_for_up_to_ten_minutes(self, session):
        made = book(session)
        ended = endings.cancel(appointment_id=made.pk, now=at("06:59"))
        assert (ended.state, ended.ended_at) == ("cancelled", at("06:59"))
        assert counts(session)[0] == (1, 0, 1, 1, 0)
        freed = FreedNumber.objects.get()
        assert at("06:59") <= freed.free_at <= at("06:59") + timedelta(minutes=10)

    def test_the_delay_is_random(self, session):
        session = planned(((12, 0),))
        for made in [book(session) for _ in range(12)]:
            endings.cancel(appointment_id=made.pk, now=WEEK_BEFORE)
        assert len(set(FreedNumber.objects.values_list("free_at", flat=True))) > 6

    def test_nobody_books_a_withheld_number(self, session):
        session = planned(((1, 1),))
        endings.cancel(appointment_id=book(session).pk, now=WEEK_BEFORE)
        with refused("none_left"):
            book(session)

    def test_a_withheld_number_is_free_again_when_its_time_has_come_once(self, session):
        endings.cancel(appointment_id=book(session).pk, now=WEEK_BEFORE)
        free_at = FreedNumber.objects.get().free_at
        assert endings.free_numbers(now=free_at - timedelta(microseconds=1)) == 0
        assert endings.free_numbers(now=free_at) == 1
        assert endings.free_numbers(now=free_at) == 0
        assert counts(session)[0] == (2, 0, 0, 1, 0)

    def test_after_the_opening_it_is_late_and_the_number_goes_to_the_pool(self, session):
        """R3.4, R3.5: by the clock, whether the task has opened the pool or not."""
        opened, waiting = book(session), book(planned())
        open_pool(session, at("07:00"))
        for made in (opened, waiting):
            assert endings.cancel(appointment_id=made.pk, now=at("07:00")).state == "cancelled_late"
            assert not FreedNumber.objects.exists()
        assert counts(session)[0] == (0, 0, 0, 3, 0)
        assert counts(waiting.session)[0] == (1, 0, 0, 2, 0)

    def test_cancelling_twice_is_cancelling_once(self, session):
        made = book(session)
        first = endings.cancel(appointment_id=made.pk, now=at("06:59"))
        second = endings.cancel(appointment_id=made.pk, now=at("07:30"))
        assert (second.state, second.ended_at) == (first.state, first.ended_at)
        assert Outbox.objects.filter(kind="appointment_cancelled").count() == 1
        assert counts(session)[0] == (1, 0, 1, 1, 0)

    def test_a_number_freed_in_a_slot_that_has_ended_is_passed_on(self, session):
        """R3.5b: it is not lost, although the slot was dealt with before."""
        made = book(session)
        open_pool(session, at("07:00"))
        with transaction.atomic():
            sessions.pass_on(session_id=session.pk, now=at("09:00"))
        assert counts(session) == [(0, 1, 0, 0, 0), (0, 0, 0, 7, 0)]
        endings.cancel(appointment_id=made.pk, now=at("09:05"))
        assert counts(session) == [(0, 0, 0, 0, 0), (0, 0, 0, 8, 0)]

    def test_who_has_checked_in_does_not_cancel(self, session):
        made = book(session)
        Appointment.objects.filter(pk=made.pk).update(state="arrived")
        with refused("checked_in"):
            endings.cancel(appointment_id=made.pk, now=at("07:30"))

    @pytest.mark.parametrize("state", ["seen", "not_seen", "no_show", "called_off"])
    def test_what_has_ended_is_not_cancelled(self, session, state):
        made = book(session)
        Appointment.objects.filter(pk=made.pk).update(state=state)
        with refused("not_active"):
            endings.cancel(appointment_id=made.pk, now=at("12:30"))


class TestSettling:
    """R1.4: closing a session settles its appointments."""

    def test_holds_expire_and_who_never_came_is_a_no_show(self, session):
        held, never_came, seen = book(session, hold=True), book(session), book(session, 1)
        open_pool(session, at("07:00"))
        Appointment.objects.filter(pk=seen.pk).update(state="seen")
        for expected in (endings.Settled(no_shows=1, expired=1), endings.Settled(no_shows=0, expired=0)):
            with transaction.atomic():
                assert endings.settle(session_id=session.pk, now=at("12:00")) == expected
        states = {pk: Appointment.objects.get(pk=pk).state for pk in (held.pk, never_came.pk, seen.pk)}
        assert states == {held.pk: "expired", never_came.pk: "no_show", seen.pk: "seen"}
        assert counts(session)[0] == (0, 1, 0, 2, 0)
