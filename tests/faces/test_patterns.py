"""R3.7: the managers' report of suspicious patterns finds the scalper that is planted, and not the family."""

import csv
import io
from datetime import datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from booking import patterns
from booking.models import Account, Appointment, Session, SourceCount
from booking.patterns import Kind, Pattern
from booking.services import sources
from tests import factories
from tests.faces import staff

pytestmark = pytest.mark.django_db
FAMILY_PHONE, SCALPER_PHONE, SHARED = "13911112222", "13933334444", "13955556666"


@pytest.fixture(scope="module")
def now():
    return timezone.now()


@pytest.fixture
def days(now):
    """Seven sessions of the last week, each released at seven a week before."""
    morning = timezone.localtime(now).replace(hour=8, minute=0, second=0, microsecond=0)
    of = factories.department()
    return [factories.session(of=of, day=morning - timedelta(days=n)) for n in range(1, 8)]


def account(phone, now):
    return Account.objects.create(phone=phone, made_at=now)


def booked(session: Session, who, by: dict, *, after=timedelta(hours=2), state="seen", ended=None, slot=0):
    """Written as it is kept, some time after the release."""
    at: datetime = session.released_at + after
    return Appointment.objects.create(
        patient=who, session=session, slot=session.slots.get(index=slot), state=state, booked_at=at,
        ended_at=ended and at + ended, **by,
    )  # fmt: skip


def place(account: Account, device: str, address: str) -> dict:
    found = sources.of(device=device, address=address)
    return {"account": account, "device_hash": found[0].hash, "address_hash": found[1].hash}


@pytest.fixture
def family(days, now):
    """Six people; one visit missed, one cancelled and booked anew for the same child, one pressed quickly."""
    by = place(account(FAMILY_PHONE, now), "family", "192.0.2.1")
    people = [factories.patient(phone=FAMILY_PHONE) for _ in range(6)]
    for session, who in zip(days, people, strict=False):
        booked(session, who, by)
    booked(days[6], people[0], by, state="no_show")
    booked(days[6], people[1], by, state="cancelled", ended=timedelta(minutes=1), slot=1)
    booked(days[6], people[1], by, after=timedelta(hours=2, minutes=5), slot=1)
    booked(days[5], people[2], by, after=timedelta(milliseconds=700))
    return by


@pytest.fixture
def scalper(days, now):
    """Books at once for stock, gives back and books for a buyer; of those nobody came."""
    by = place(account(SCALPER_PHONE, now), "scalper", "198.51.100.1")
    for session in days:
        booked(
            session, factories.patient(), by, after=timedelta(milliseconds=300), state="cancelled",
            ended=timedelta(hours=1),
        )  # fmt: skip
        booked(session, factories.patient(phone=SHARED), by, after=timedelta(hours=1, minutes=10), state="no_show")
    tried = sources.of(device="scalper", address="198.51.100.1")
    sources.count(tried, what=SourceCount.What.REFUSED, now=now)
    SourceCount.objects.update(count=100)
    return by


@pytest.fixture
def clinic(days, family, scalper, now):
    """Also forty patients behind one carrier's router, each with an own phone and device."""
    for n in range(39):
        by = place(account(f"1370000{n:04}", now), f"of their own {n}", "203.0.113.1")
        booked(days[n % 7], factories.patient(), by, after=timedelta(minutes=n))


def found(now):
    everything = patterns.find(since=now - timedelta(days=20), until=now + timedelta(minutes=1))
    return {(each.pattern, each.kind): each for each in everything}, everything


def test_the_scalper_is_found_by_every_pattern_and_the_family_by_none(clinic, scalper, now):
    by_pattern, everything = found(now)
    assert set(by_pattern) == {
        (Pattern.MANY_PATIENTS, Kind.ACCOUNT), (Pattern.MANY_PATIENTS, Kind.DEVICE),
        (Pattern.BOOKED_AGAIN, Kind.ACCOUNT), (Pattern.BOOKED_AGAIN, Kind.DEVICE), (Pattern.BOOKED_AGAIN, Kind.ADDRESS),
        (Pattern.FIRST_SECOND, Kind.ACCOUNT), (Pattern.FIRST_SECOND, Kind.DEVICE),
        (Pattern.NEVER_CAME, Kind.ACCOUNT),
        (Pattern.REFUSED, Kind.DEVICE), (Pattern.REFUSED, Kind.ADDRESS),
    }  # fmt: skip
    assert len(everything) == len(by_pattern)
    own = {str(scalper["account"].pk), scalper["device_hash"], scalper["address_hash"]}
    assert {each.source for each in everything} <= own
    counts = {key: (each.times, each.patients) for key, each in by_pattern.items()}
    assert counts[Pattern.MANY_PATIENTS, Kind.ACCOUNT] == (14, 14)
    assert counts[Pattern.BOOKED_AGAIN, Kind.DEVICE] == (7, 7)
    assert counts[Pattern.FIRST_SECOND, Kind.ACCOUNT] == (7, 7)
    assert counts[Pattern.NEVER_CAME, Kind.ACCOUNT] == (7, 7)
    assert counts[Pattern.REFUSED, Kind.DEVICE] == (100, None)


def test_a_phone_for_eight_patients_and_an_address_for_forty_are_found(clinic, days, now):
    booked(days[0], factories.patient(phone=SHARED), {})
    booked(days[0], factories.patient(), place(account("13800000000", now), "one more", "203.0.113.1"), slot=1)
    by_pattern, _everything = found(now)
    assert by_pattern[Pattern.SHARED_PHONE, Kind.PHONE].patients == 8
    assert by_pattern[Pattern.MANY_PATIENTS, Kind.ADDRESS].patients == 40


def test_what_was_booked_on_other_days_does_not_count(clinic, now):
    assert patterns.find(since=now - timedelta(days=60), until=now - timedelta(days=20)) == []


def test_the_queries_do_not_grow_with_what_is_found(clinic, now):
    with CaptureQueriesContext(connection) as queries:
        found(now)
    assert len(queries) == sum(map(len, patterns.FROM.values())) == 13


class TestPage:
    @pytest.fixture
    def manager(self, client, days):
        client.force_login(staff.user("manager"), backend=staff.BACKEND)
        return client

    def open(self, client, **asked):
        return client.get(reverse("admin:booking_appointment_patterns"), asked, HTTP_ACCEPT_LANGUAGE="en")

    def test_it_shows_counts_and_leads_to_the_rows_and_names_nobody(self, manager, clinic, days):
        booked(days[0], factories.patient(phone=SHARED), {})
        with CaptureQueriesContext(connection) as queries:
            answer = self.open(manager)
        assert len(queries) <= 13 + 12
        page = answer.content.decode()
        for words in ("Given back, and at once booked for somebody else", "•••• 4444", "•••• 6666", "network address"):
            assert words in page
        for secret in (SCALPER_PHONE, FAMILY_PHONE, SHARED, "ID0000", "张小"):
            assert secret not in page
        for _words, rows in answer.context["found"]:
            for row in rows:
                shown = manager.get(row["link"])
                assert shown.status_code == 200, row["link"]
                if row["found"].pattern is not Pattern.REFUSED:
                    assert shown.context["cl"].result_count >= row["found"].patients
                    assert "e=1" not in shown.request["QUERY_STRING"]

    def test_as_a_file_it_has_the_same_lines(self, manager, clinic):
        answer = self.open(manager, csv="1")
        assert answer["Content-Type"] == "text/csv; charset=utf-8"
        head, *lines = csv.reader(io.StringIO(answer.content.decode("utf-8-sig")))
        assert head == ["pattern", "kind", "who", "times", "patients", "first", "last"]
        assert len(lines) == sum(len(rows) for _words, rows in self.open(manager).context["found"])
        assert ["account", "•••• 4444", "14", "14"] in [line[1:5] for line in lines]

    def test_the_link_to_the_file_keeps_the_days(self, manager, clinic):
        answer = self.open(manager, first="2026-01-01", last="2026-01-31")
        assert "Nothing in these days looks like it." in answer.content.decode()
        assert parse_qs(urlsplit(answer.context["file"]).query)["first"] == ["2026-01-01"]

    @pytest.mark.parametrize(
        ("days_asked", "words"),
        [
            ({"first": "2026-02-02", "last": "2026-02-01"}, "The last day is before the first."),
            ({"first": "2026-01-01", "last": "2026-04-01"}, "At most ninety days at once."),
            ({"first": "soon"}, "Enter a valid date."),
        ],
    )
    def test_a_bad_span_is_a_sentence(self, manager, days_asked, words):
        assert words in self.open(manager, **days_asked).content.decode()

    def test_it_is_for_managers(self, client, days):
        client.force_login(staff.user("clerk", days[0].department), backend=staff.BACKEND)
        assert self.open(client).status_code == 403
        assert reverse("admin:booking_appointment_patterns") not in client.get("/admin/").content.decode()
