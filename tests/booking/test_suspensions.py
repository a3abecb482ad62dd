"""R3.6: no-shows suspend a patient from booking for a while; a manager lifts it."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.utils import translation

from booking import invariants
from booking.models import Appointment, CountedNoShow, Outbox, Suspension
from booking.services import appointments, endings, suspensions
from tests import factories
from tests.booking.clinic import WEEK_BEFORE, planned, refused, slots
from tests.factories import at

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("nothing_is_breached")]


@pytest.fixture
def who():
    return factories.patient()


def miss(who, days=0, of=None, state="booked"):
    """A session `days` after the fixed Monday, to which this patient was booked and did not come."""
    day = at("00:00") + timedelta(days=days)
    session = planned(((1, 0),), of=of or factories.department(), day=day)
    made = factories.appointment(session, 0, who, state=state)
    close(session, at("12:00", day))
    made.refresh_from_db()
    return made


def close(session, now):
    with transaction.atomic():
        endings.settle(session_id=session.pk, now=now)
        type(session).objects.filter(pk=session.pk).update(state="closed")


def book(who, now, **fields):
    session = planned(((1, 0),), day=now.replace(hour=0) + timedelta(days=2), **fields)
    return appointments.book(patient_id=who.pk, slot_id=slots(session)[0].pk, now=now)


def messages(kind):
    return list(Outbox.objects.filter(kind=kind).values_list("payload", flat=True))


def test_the_third_no_show_within_90_days_suspends_for_90_days_and_says_so(who):
    counted = [miss(who, days) for days in (0, 40)]
    assert not Suspension.objects.exists()
    counted.append(miss(who, 89))
    made = Suspension.objects.get()
    last = at("12:00") + timedelta(days=89)
    assert (made.patient, made.begins_at, made.until) == (who, last, last + timedelta(days=90))
    assert [each.appointment for each in made.counted.all()] == counted
    assert messages("suspended") == [{"patient": who.pk, "suspension": made.pk}]


def test_no_shows_further_apart_do_not_suspend(who):
    for days in (0, 40, 90):
        miss(who, days)
    assert not Suspension.objects.exists()


@pytest.mark.parametrize("state", ["arrived", "seen", "not_seen", "called_off"])
def test_coming_late_is_no_no_show_nor_is_any_other_end(who, state):
    """R3.6, R1.3, R1.4: whoever checked in has come."""
    for days in (0, 1, 2):
        miss(who, days, state="booked" if days else state)
    assert not Suspension.objects.exists()


def test_cancelling_late_is_no_no_show(who):
    """R3.4"""
    miss(who)
    miss(who, 1)
    session = planned(((1, 0),), day=at("00:00") + timedelta(days=2))
    made = factories.appointment(session, 0, who)
    endings.cancel(appointment_id=made.pk, now=at("07:30") + timedelta(days=2))
    close(session, at("12:00") + timedelta(days=2))
    assert not Suspension.objects.exists()


def test_each_patient_is_counted_alone(who):
    other = factories.patient()
    for days, patient in enumerate((who, other, who, other)):
        miss(patient, days)
    assert not Suspension.objects.exists()
    miss(other, 5)
    assert Suspension.objects.get().patient == other


def test_limit_days_and_length_are_the_departments(who):
    strict = factories.department(no_show_limit=2, no_show_days=10, suspension_days=5)
    miss(who, 0)
    miss(who, 10, of=strict)
    assert not Suspension.objects.exists()
    miss(who, 11, of=strict)
    assert Suspension.objects.get().until == at("12:00") + timedelta(days=16)


def test_a_limit_of_zero_never_suspends(who):
    never = factories.department(no_show_limit=0)
    for days in range(4):
        miss(who, days, of=never)
    assert not Suspension.objects.exists()


def test_settling_twice_suspends_once_and_a_rolled_back_settling_not_at_all(who):
    miss(who)
    miss(who, 1)
    session = planned(((1, 0),), day=at("00:00") + timedelta(days=2))
    factories.appointment(session, 0, who)
    now = at("12:00") + timedelta(days=2)
    with transaction.atomic():
        endings.settle(session_id=session.pk, now=now)
        transaction.set_rollback(True)
    assert not Suspension.objects.exists()
    close(session, now)
    close(session, now)
    assert Suspension.objects.count() == 1
    assert len(messages("suspended")) == 1


def suspended(who, **fields):
    for days in (0, 1, 2):
        miss(who, days)
    return Suspension.objects.get(patient=who)


@pytest.mark.parametrize(
    ("language", "until"), [("en", "Feb. 16, 2027, noon"), ("zh-hans", "2027年2月16日"), ("zh-hant", "2027年2月16日")]
)
def test_a_suspended_patient_cannot_book_and_reads_why_and_until_when(who, language, until):
    suspended(who)
    with translation.override(language), refused("suspended") as error:
        book(who, at("12:00") + timedelta(days=3))
    assert until in str(error.value)
    assert "3" in str(error.value)
    assert error.value.extra["until"] == "2027-02-16T12:00:00+08:00"


def test_a_suspension_ends_by_itself_and_its_no_shows_never_count_again(who):
    made = suspended(who)
    assert book(who, made.until).state == "booked"
    miss(who, 92, of=factories.department(no_show_days=999))
    assert Suspension.objects.count() == 1


def test_the_next_suspension_closes_the_one_before(who):
    made = suspended(who)
    for days in (100, 101, 102):
        miss(who, days)
    made.refresh_from_db()
    assert made.ended_at == made.until
    assert Suspension.objects.count() == 2


def test_no_shows_during_a_suspension_do_not_make_it_longer(who):
    made = suspended(who)
    for days in (3, 4, 5):
        miss(who, days)
    assert Suspension.objects.get() == made


def test_what_was_booked_before_stays(who):
    kept = book(who, at("12:00"))
    miss(who, 0)
    Suspension.objects.create(patient=who, begins_at=at("12:00"), until=at("12:00") + timedelta(days=9))
    kept.refresh_from_db()
    assert kept.state == "booked"


def test_a_suspension_between_the_look_and_the_claim_is_seen_by_the_claim(who, monkeypatch):
    """It raises the count that a claim compares, so the limits are looked at again."""
    claim = appointments.claims.claim

    def claim_after_the_suspension(wanted):
        monkeypatch.setattr(appointments.claims, "claim", claim)
        suspended(who)
        return claim(wanted)

    monkeypatch.setattr(appointments.claims, "claim", claim_after_the_suspension)
    with refused("suspended"):
        book(who, at("12:00") + timedelta(days=3))
    assert not Appointment.objects.filter(state="booked").exists()


class TestLifting:
    def test_after_it_the_patient_books_and_the_no_shows_never_count_again(self, who):
        made, manager = suspended(who), User.objects.create(username="manager")
        now = at("12:00") + timedelta(days=3)
        suspensions.lift(suspension_id=made.pk, reason="She was here: the desk forgot her.", actor=manager, now=now)
        made.refresh_from_db()
        assert (made.ended_at, made.lifted_by) == (now, manager)
        assert made.lift_reason == "She was here: the desk forgot her."
        assert messages("suspension_lifted") == [{"patient": who.pk, "suspension": made.pk}]
        assert book(who, now).state == "booked"
        for days in (4, 5):
            miss(who, days)
        assert Suspension.objects.count() == 1

    def test_twice_is_once_and_the_first_reason_stays(self, who):
        made = suspended(who)
        for reason, days in (("first", 3), ("second", 4)):
            suspensions.lift(suspension_id=made.pk, reason=reason, now=at("12:00") + timedelta(days=days))
        made.refresh_from_db()
        assert (made.lift_reason, made.ended_at) == ("first", at("12:00") + timedelta(days=3))
        assert len(messages("suspension_lifted")) == 1

    def test_it_needs_a_reason(self, who):
        made = suspended(who)
        with refused("reason_missing"):
            suspensions.lift(suspension_id=made.pk, reason=" ")
        assert suspensions.of(who.pk, now=at("12:00") + timedelta(days=3)) == made

    def test_what_is_over_is_not_lifted(self, who):
        made = suspended(who)
        with refused("suspension_over"):
            suspensions.lift(suspension_id=made.pk, reason="late", now=made.until)


class TestTheDatabaseRefuses:
    def suspension(self, who, **fields):
        return Suspension.objects.create(
            **{"patient": who, "begins_at": WEEK_BEFORE, "until": WEEK_BEFORE + timedelta(days=90)} | fields
        )

    def test_two_suspensions_of_one_patient_at_a_time(self, who):
        self.suspension(who, ended_at=WEEK_BEFORE)
        self.suspension(who)
        with (
            pytest.raises(IntegrityError, match=r"one_suspension_at_a_time|suspension\.patient_id"),
            transaction.atomic(),
        ):
            self.suspension(who)

    @pytest.mark.parametrize(
        ("fields", "constraint"),
        [
            ({"until": WEEK_BEFORE}, "suspension_ends_after_start"),
            ({"lift_reason": "why"}, "a_lift_has_a_reason"),
        ],
    )
    def test_what_makes_no_sense(self, who, fields, constraint):
        with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
            self.suspension(who, **fields)

    def test_a_no_show_that_counts_twice(self, who):
        made, counted = self.suspension(who), miss(who)
        CountedNoShow.objects.create(suspension=made, appointment=counted)
        with pytest.raises(IntegrityError), transaction.atomic():
            CountedNoShow.objects.create(suspension=made, appointment=counted)


def test_an_invariant_finds_what_was_counted_wrongly(who):
    made = TestTheDatabaseRefuses().suspension(who)
    stranger = factories.appointment(planned(((1, 0),)), 0)
    wrong = CountedNoShow.objects.create(suspension=made, appointment=stranger)
    assert list(invariants.breaches()) == [
        f"suspension {made.pk}: counted appointment {stranger.pk}, which is no no-show of this patient"
    ]
    wrong.delete()
