"""Who wants to be told no more at a place, and what is forgotten when a visit is over (R5.4)."""

from datetime import timedelta

import pytest
from django.utils import timezone

from booking.models import Ballot, BallotEntry, Outbox, WaitlistEntry
from queueboard.notify import forgetting
from queueboard.notify.models import Address
from queueboard.notify.push import subscriptions
from queueboard.services import arrivals
from tests import factories
from tests.notify.causes import appointment_told, go_out, subscribed

pytestmark = pytest.mark.django_db


class TestWithdrawn:
    """Who is told nothing more at one place, as they wished, misses nothing that was on its way there (R5.4)."""

    NIGHT, MORNING = factories.at("23:00"), factories.at("07:00") + timedelta(days=1)

    @pytest.fixture
    def waits(self, heard, settings, push_browser):
        """Booked at night, so the notice to the browser waits until the morning."""
        settings.QUIET_HOURS = "21:00-07:00"
        booked, _ = appointment_told(who=factories.patient(phone="13800000001"))
        subscriptions.keep(token=booked.token, given=push_browser.to_json(), language="en")
        Outbox.objects.update(made_at=self.NIGHT)
        assert go_out("push", "sms", now=self.NIGHT) == [0, 0]
        return booked

    @pytest.fixture
    def push_browser(self, push, settings):
        settings.NOTICE_WAYS = ["push", "sms"]
        return push.subscribe(push.key)

    def test_what_waited_goes_to_the_phone(self, heard, waits, push_browser):
        assert subscriptions.drop(token=waits.token, endpoint=push_browser.endpoint) == 1
        assert Address.objects.get().value is None
        assert go_out("push", "sms", now=self.MORNING) == [0, 1]
        assert heard["sms"].told == [("13800000001", "appointment_booked")]
        assert heard["push"].told == []

    def test_another_visit_is_told_in_that_browser_as_before(self, heard, waits, push_browser):
        other = subscriptions.keep(token="another-visit", given=push_browser.to_json(), language="en")
        subscriptions.drop(token=waits.token, endpoint=push_browser.endpoint)
        go_out("push", now=self.MORNING)
        other.refresh_from_db()
        assert other.dead_at is None

    def test_who_asks_again_before_is_told_there_after_all(self, heard, waits, push_browser):
        subscriptions.drop(token=waits.token, endpoint=push_browser.endpoint)
        subscriptions.keep(token=waits.token, given=push_browser.to_json(), language="en")
        assert go_out("push", "sms", now=self.MORNING) == [1, 0]

    def test_a_sixth_browser_takes_the_place_of_the_first_and_not_what_it_was_to_be_told(self, heard, waits, push):
        for _ in range(subscriptions.PER_VISIT):
            subscriptions.keep(token=waits.token, given=push.subscribe(push.key).to_json(), language="en")
        assert Address.objects.filter(dead_at=None).count() == subscriptions.PER_VISIT
        assert Address.objects.exclude(dead_at=None).count() == 1
        assert go_out("push", "sms", now=self.MORNING) == [subscriptions.PER_VISIT, 0]

    def test_the_place_itself_is_forgotten_a_week_later(self, heard, waits, push_browser):
        subscriptions.drop(token=waits.token, endpoint=push_browser.endpoint)
        forgetting.forget_visits(now=timezone.now() + timedelta(days=8))
        assert not Address.objects.exists()


def test_where_a_visit_was_told_is_forgotten_a_week_after_it(heard):
    day = timedelta(days=1)
    booked, _ = appointment_told()
    walk_in = arrivals.register_walk_in(
        session_id=factories.session(day=factories.at("08:00") + day).pk,
        patient_id=factories.patient().pk,
        now=factories.at("07:30") + day,
    )
    waits = WaitlistEntry.objects.create(
        session=walk_in.session, patient=factories.patient(), joined_at=factories.at("07:00")
    )
    ballot = Ballot.objects.create(session=booked.session, minutes=10)
    asked = BallotEntry.objects.create(ballot=ballot, patient=factories.patient(), asked_at=factories.at("07:00"))
    for token in (booked.token, walk_in.token, waits.token, asked.token, "a-link-that-is-gone"):
        subscribed(token, made_at=factories.at("07:00"))
    subscribed("", value="for good", patient=booked.patient, made_at=factories.at("07:00"))
    left = {7: 5, 8: 3, 9: 1}
    for days, count in left.items():
        forgetting.forget_visits(now=factories.at("08:00") + days * day)
        assert Address.objects.count() == count, days


def test_how_long_the_way_takes_is_forgotten_a_week_after_the_visit():
    today = timezone.localtime()
    over, lately = (
        factories.appointment(factories.session(day=today - timedelta(days=ago)), way_minutes=40) for ago in (8, 6)
    )
    forgetting.forget_visits()
    for each in (over, lately):
        each.refresh_from_db()
    assert (over.way_minutes, lately.way_minutes) == (None, 40)
