"""R3.7: how many one phone, account, device and address may book, also for many patients and at once."""

import hashlib
import itertools
import re
from datetime import timedelta

import pytest
from django.db import transaction

from booking import invariants
from booking.errors import BookingError
from booking.models import Account, Appointment, SourceCount
from booking.services import appointments, endings, sources
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
        endings.cancel(appointment_id=made.pk, now=WEEK_BEFORE)
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


SOURCES = {
    "account": lambda n: {"account_id": n},
    "device": lambda n: {"device": f"device-{n}"},
    "address": lambda n: {"address": f"192.0.2.{n}"},
}


@pytest.fixture(params=SOURCES)
def kind(request, settings):
    """Each kind of source in turn, with a limit of three a day."""
    for other in SOURCES:
        setattr(settings, f"BOOKINGS_PER_{other.upper()}", 3 if other == request.param else 100)
    return request.param


@pytest.fixture
def source(kind, db):
    """Of this kind: the n-th."""
    ids = [Account.objects.create(phone=f"1390000000{n}", made_at=WEEK_BEFORE).pk for n in range(3)]
    return lambda n: SOURCES[kind](ids[n] if kind == "account" else n)


class TestSource:
    def test_one_source_books_so_many_a_day(self, session, kind, source):
        for _number in range(3):
            book(session, factories.patient(), **source(1))
        late = factories.patient()
        with refused(f"limit_per_{kind}") as error:
            book(session, late, **source(1))
        assert error.value.status == 429
        assert book(session, factories.patient(), **source(2)).state == "booked"
        assert book(session, factories.patient()).state == "booked"
        assert book(session, late, **source(1), now=WEEK_BEFORE + timedelta(days=1)).state == "booked"

    def test_zero_is_no_limit(self, session, kind, source, settings):
        setattr(settings, f"BOOKINGS_PER_{kind.upper()}", 0)
        for _number in range(5):
            book(session, factories.patient(), **source(1))
        assert not SourceCount.objects.exists()

    def test_what_staff_books_is_not_counted(self, session, source, django_user_model):
        clerk = django_user_model.objects.create(username="clerk")
        made = book(session, factories.patient(), actor=clerk, **source(1))
        assert (made.device_hash, made.address_hash) == ("", "")
        assert not SourceCount.objects.exists()

    def test_a_refused_booking_counts_for_nobody_in_a_transaction(self, session, source):
        """Else a full account could use up what others may book from its address."""
        for _number in range(3):
            book(session, factories.patient(), **source(1))
        everything = {"device": "theirs", "address": "192.0.2.9"} | source(1)
        with pytest.raises(BookingError), transaction.atomic():
            book(session, factories.patient(), **everything)
        assert SourceCount.objects.get().count == 3

    @pytest.mark.postgres
    @pytest.mark.django_db(transaction=True)
    def test_many_at_once_stay_within_it_and_without_the_count_they_do_not(self, session, kind, source, monkeypatch):
        people = [factories.patient() for _ in range(24)]
        acts = [lambda who=who: book(session, who, **source(1)).state for who in people]
        assert sorted(race(acts[:12])) == ["booked"] * 3 + [f"limit_per_{kind}"] * 9
        assert SourceCount.objects.get().count == Appointment.objects.count() == 3
        monkeypatch.setattr(sources, "limited", lambda origin: ())
        assert race(acts[12:]) == ["booked"] * 12
        assert list(invariants.breaches()) == []


def test_all_kinds_are_counted_together_and_none_can_be_told_from_what_is_kept(session):
    account = Account.objects.create(phone="13900000001", made_at=WEEK_BEFORE)
    made = book(session, factories.patient(), account_id=account.pk, device="a-device", address="192.0.2.1")
    rows = SourceCount.objects.values_list("kind", "source_hash", "count")
    assert sorted(kind for kind, _hash, _count in rows) == ["account", "address", "device"]
    assert {count for _kind, _hash, count in rows} == {1}
    kept = {kind: source_hash for kind, source_hash, _count in rows}
    assert (made.device_hash, made.address_hash) == (kept["device"], kept["address"])
    assert all(re.fullmatch("[0-9a-f]{32}", each) for each in kept.values())
    assert kept["address"] != hashlib.sha256(b"address:192.0.2.1").hexdigest()[:32]


def test_sources_are_forgotten_after_the_days_that_are_set(session, settings):
    settings.SOURCE_DAYS = 30
    made = book(session, factories.patient(), device="a-device", address="192.0.2.1")
    assert sources.forget(now=WEEK_BEFORE + timedelta(days=30)) == 0
    assert sources.forget(now=WEEK_BEFORE + timedelta(days=31)) == 3
    made.refresh_from_db()
    assert (made.device_hash, made.address_hash) == ("", "")


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_sources_that_overlap_in_every_way_do_not_wait_for_each_other_in_a_circle(session):
    """Their rows are locked in one order; a deadlock would be an error of the database."""
    ids = [Account.objects.create(phone=f"1390000000{n}", made_at=WEEK_BEFORE).pk for n in range(2)]
    mixed = itertools.product(ids, ("a", "b"), ("192.0.2.1", "192.0.2.2"))

    def act(who, n, account_id, device, address):
        return lambda: book(session, who, n, account_id=account_id, device=device, address=address).state

    acts = [act(factories.patient(), n % 2, *origin) for n, origin in enumerate([*mixed] * 2)]
    assert sorted(race(acts)) == ["booked"] * 12 + ["limit_per_account"] * 4
    assert {each.count for each in SourceCount.objects.filter(kind="account")} == {6}
