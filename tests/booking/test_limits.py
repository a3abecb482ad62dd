"""R3.7: how many one phone and one address may book, also for many patients and at once."""

from datetime import timedelta

import pytest

from booking import invariants
from booking.models import AddressDay, Appointment
from booking.services import appointments
from tests import factories
from tests.booking.clinic import WEEK_BEFORE, planned, refused, slots
from tests.booking.test_races import race
from tests.factories import at

pytestmark = pytest.mark.django_db
PHONE = "13800009999"


@pytest.fixture
def session():
    return planned(((20, 0), (20, 0)), of=factories.department(booked_per_phone_day=2))


def family(size=3, phone=PHONE):
    return [factories.patient(phone=phone) for _ in range(size)]


def book(session, who, index=0, **kwargs):
    return appointments.book(
        patient_id=who.pk, slot_id=slots(session)[index].pk, **{"now": WEEK_BEFORE} | kwargs
    )  # fmt: skip


class TestPhone:
    def test_all_patients_of_one_phone_together_have_a_limit_per_day_and_department(self, session):
        first, second, third = family()
        book(session, first)
        made = book(session, second)
        with refused("limit_per_phone") as error:
            book(session, third)
        assert (error.value.status, error.value.extra["limit"]) == (409, 2)
        assert book(session, factories.patient()).state == "booked"
        assert book(planned(), third).state == "booked"
        tomorrow = planned(of=session.department, day=at("00:00") + timedelta(days=1))
        assert book(tomorrow, third).state == "booked"
        appointments.cancel(appointment_id=made.pk, now=WEEK_BEFORE)
        assert book(session, third).state == "booked"

    def test_patients_without_a_phone_are_no_family(self, session):
        for who in family(phone=""):
            assert book(session, who).state == "booked"

    def test_an_appointment_that_moves_counts_where_it_goes_and_not_twice(self, session):
        first, second, third = family()
        tomorrow = planned(((9, 0),), of=session.department, day=at("00:00") + timedelta(days=1))
        stays = [book(session, first), book(session, second)]
        comes = book(tomorrow, third)
        with refused("limit_per_phone"):
            appointments.move(appointment_id=comes.pk, slot_id=slots(session)[0].pk, now=WEEK_BEFORE)
        noon = planned(((9, 0),), of=session.department, start="13:00")
        moved = appointments.move(appointment_id=stays[0].pk, slot_id=slots(noon)[0].pk, now=WEEK_BEFORE)
        assert moved.session == noon

    def test_a_booking_of_another_of_the_family_meanwhile_makes_it_look_again(self, session, monkeypatch):
        first, second, third = family()
        book(session, first)
        claim = appointments.claims.claim

        def claim_after_the_other(wanted):
            monkeypatch.setattr(appointments.claims, "claim", claim)
            book(session, second)
            return claim(wanted)

        monkeypatch.setattr(appointments.claims, "claim", claim_after_the_other)
        with refused("limit_per_phone"):
            book(session, third)

    @pytest.mark.postgres
    @pytest.mark.django_db(transaction=True)
    def test_a_family_that_books_all_at_once_stays_within_it(self, session):
        """Each twice, so that the counts of several patients are raised from all sides at once."""
        people = family(8)
        results = race([lambda who=who, n=n: book(session, who, n).state for who in people for n in (0, 1)])
        assert results.count("booked") == 2
        assert set(results) <= {"booked", "limit_per_phone", "already_booked"}
        assert Appointment.objects.count() == 2
        assert list(invariants.breaches()) == []


class TestAddress:
    @pytest.fixture(autouse=True)
    def _three_a_day(self, settings):
        settings.BOOKINGS_PER_ADDRESS = 3

    def test_one_address_books_so_many_a_day_and_its_name_is_not_kept(self, session):
        for _number in range(3):
            book(session, factories.patient(), address="192.0.2.1")
        late = factories.patient()
        with refused("limit_per_address") as error:
            book(session, late, address="192.0.2.1")
        assert error.value.status == 429
        assert book(session, factories.patient(), address="192.0.2.2").state == "booked"
        assert book(session, factories.patient()).state == "booked"
        assert not AddressDay.objects.filter(address_hash__contains="192").exists()
        assert book(session, late, address="192.0.2.1", now=WEEK_BEFORE + timedelta(days=1)).state == "booked"

    def test_zero_is_no_limit(self, session, settings):
        settings.BOOKINGS_PER_ADDRESS = 0
        for _number in range(5):
            book(session, factories.patient(), address="192.0.2.1")
        assert not AddressDay.objects.exists()

    def test_days_that_are_over_are_forgotten(self, session):
        book(session, factories.patient(), address="192.0.2.1")
        assert appointments.forget_addresses(now=WEEK_BEFORE) == 0
        assert appointments.forget_addresses(now=WEEK_BEFORE + timedelta(days=1)) == 1

    @pytest.mark.postgres
    @pytest.mark.django_db(transaction=True)
    def test_many_at_once_from_one_address_stay_within_it(self, session):
        people = [factories.patient() for _ in range(12)]
        results = race([lambda who=who: book(session, who, address="192.0.2.1").state for who in people])
        assert sorted(results) == ["booked"] * 3 + ["limit_per_address"] * 9
        assert AddressDay.objects.get().bookings == Appointment.objects.count() == 3
        assert list(invariants.breaches()) == []
