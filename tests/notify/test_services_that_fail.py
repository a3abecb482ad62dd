"""What a way that fails, refuses or is down leaves to others and to the phone (R5.4)."""

from datetime import timedelta

import pytest
from django.utils import timezone

from booking.models import Outbox
from queueboard.notify.interface import Dead, Later, Refused, Unavailable
from queueboard.notify.models import Address, Delivery
from queueboard.services import arrivals
from tests import factories
from tests.notify.causes import appointment_told, cause, go_out, states, subscribed

pytestmark = pytest.mark.django_db
SECOND = timedelta(seconds=1)


def test_a_way_that_fails_repeats_no_other(heard, settings):
    settings.SMS_NOTICES = "always"
    booked, _ = appointment_told()
    subscribed(booked.token)
    now = timezone.now()
    heard["push"].answers = [Unavailable("no answer")]
    assert go_out("push", "sms", now=now) == [0, 1]
    assert go_out("push", "sms", now=now + SECOND) == [0, 0]
    assert go_out("push", "sms", now=now + 5 * SECOND) == [1, 0]
    assert len(heard["sms"].told) == 1


def test_a_service_that_does_not_answer_is_left_alone_ever_longer_and_others_are_not(heard):
    first, _ = appointment_told()
    subscribed(first.token, "a", line="down.example")
    subscribed(first.token, "b", line="down.example")
    subscribed(first.token, "c", line="up.example")
    now = timezone.now()
    heard["push"].answers = [Unavailable("no answer")]
    assert go_out("push", now=now) == [1]
    assert heard["push"].told == [("c", "appointment_booked")]
    heard["push"].answers = [Unavailable("no answer")]
    assert go_out("push", now=now + 5 * SECOND) == [0]
    assert go_out("push", now=now + 14 * SECOND) == [0]
    assert go_out("push", now=now + 15 * SECOND) == [2]


def test_a_service_that_says_when_to_come_back_is_left_alone_that_long(heard):
    booked, _ = appointment_told()
    subscribed(booked.token)
    now = timezone.now()
    heard["push"].answers = [Unavailable("503", seconds=120)]
    assert [go_out("push", now=now + after * SECOND) for after in (0, 119, 120)] == [[0], [0], [1]]


def test_an_address_that_had_too_much_waits_alone(heard):
    booked, _ = appointment_told()
    subscribed(booked.token, "a")
    subscribed(booked.token, "b")
    now = timezone.now()
    heard["push"].answers = [Later("429", seconds=60)]
    assert [go_out("push", now=now + after * SECOND) for after in (0, 59, 60)] == [[1], [0], [1]]


def test_a_dead_address_is_forgotten_wherever_it_stands_and_the_phone_is_told(heard):
    booked, _ = appointment_told()
    subscribed(booked.token, "gone")
    subscribed("another-link", "gone")
    heard["push"].answers = [Dead("410")]
    assert go_out("push", "sms") == [0, 1]
    assert states() == [("push", "dead"), ("sms", "sent")]
    assert not Address.objects.filter(dead_at=None).exists()
    assert set(Address.objects.values_list("value", flat=True)) == {None}


def test_of_two_notices_to_a_dead_address_both_reach_the_phone(heard):
    booked, _ = appointment_told()
    cause("appointment_cancelled", patient=booked.patient_id, appointment=booked.pk)
    subscribed(booked.token, "gone")
    heard["push"].answers = [Dead("410")]
    assert go_out("push", "sms") == [0, 2]
    assert [kind for _to, kind in heard["sms"].told] == ["appointment_booked", "appointment_cancelled"]
    assert heard["push"].told == []


def test_who_has_another_address_left_is_not_texted_when_one_dies(heard):
    booked, _ = appointment_told()
    subscribed(booked.token, "gone")
    subscribed(booked.token, "good")
    heard["push"].answers = [Dead("410")]
    assert go_out("push", "sms") == [1, 0]


def test_what_a_service_refuses_is_not_tried_again_and_the_phone_is_told(heard):
    booked, _ = appointment_told()
    subscribed(booked.token)
    heard["push"].answers = [Refused("too large")]
    assert go_out("push", "sms") == [0, 1]
    assert go_out("push", "sms", now=timezone.now() + timedelta(hours=1)) == [0, 0]
    assert Address.objects.get().dead_at is None


def test_a_phone_that_its_provider_calls_dead_is_left_alone_for_a_week(heard):
    who = factories.patient(phone="13800000000")
    heard["sms"].answers = [Dead("no such number")]

    def told() -> list[int]:
        made = factories.appointment(factories.session(state="planned"), who=who)
        cause("appointment_booked", key=str(made.pk), patient=who.pk, appointment=made.pk)
        return go_out("sms")

    assert (told(), states()) == ([0], [("sms", "dead")])
    assert (told(), states()) == ([0], [("sms", "dead")])
    Delivery.objects.update(ended_at=timezone.now() - timedelta(days=8))
    assert (told(), states()) == ([1], [("sms", "dead"), ("sms", "sent")])


class TestWhatIsWaitedFor:
    """A call cannot wait for a service to work again: whom it would reach too late gets a text message."""

    @pytest.fixture
    def two(self, heard):
        """Two who wait and are told by push that few are ahead, in one line."""
        session = factories.session()
        for phone in ("13800000001", "13800000002"):
            ticket = arrivals.register_walk_in(
                session_id=session.pk, patient_id=factories.patient(phone=phone).pk, now=session.starts_at
            )
            subscribed(ticket.token, f"browser of {phone}", line="down.example")
        Outbox.objects.update(made_at=(now := timezone.now()))
        return now

    def test_a_service_that_is_down_for_an_hour_leaves_no_call_untold(self, heard, two):
        heard["push"].answers = [Unavailable("the day's limit", seconds=3600)]
        assert go_out("push", "sms", now=two) == [0, 2]
        assert heard["sms"].told == [("13800000001", "ahead"), ("13800000002", "ahead")]
        assert go_out("push", "sms", now=two + timedelta(hours=1)) == [0, 0]

    def test_one_that_does_not_answer_for_a_minute_does_not_either(self, heard, two):
        heard["push"].answers = [Unavailable("no answer")] * 100
        texts = [go_out("push", "sms", now=two + after * SECOND)[1] for after in range(61)]
        assert (texts[0], sum(texts)) == (0, 2)

    def test_one_that_fails_once_is_tried_again_first(self, heard, two):
        heard["push"].answers = [Unavailable("no answer")]
        assert go_out("push", "sms", now=two) == [0, 0]
        assert go_out("push", "sms", now=two + 5 * SECOND) == [2, 0]

    def test_where_no_text_message_can_take_its_place_it_is_tried_as_long_as_somebody_waits(self, heard, two, settings):
        settings.SMS_NOTICES = "codes"
        heard["push"].answers = [Unavailable("no answer", seconds=1800)]
        assert go_out("push", "sms", now=two) == [0, 0]
        assert go_out("push", "sms", now=two + timedelta(minutes=30)) == [2, 0]


def test_what_a_service_could_send_only_when_nobody_needs_it_goes_to_the_phone_before_that(heard):
    booked, _ = appointment_told()
    subscribed(booked.token)
    heard["push"].answers = [Unavailable("no answer", seconds=49 * 3600)]
    assert go_out("push", "sms") == [0, 1]


def test_one_that_would_be_tried_again_only_after_a_quiet_night_goes_out_before_where_that_is_too_late(heard, settings):
    settings.QUIET_HOURS = "21:00-07:00"
    booked, _ = appointment_told()
    subscribed(booked.token)
    Outbox.objects.update(made_at=factories.at("20:58") - timedelta(hours=40))
    heard["push"].answers = [Unavailable("no answer", seconds=180)]
    assert go_out("push", "sms", now=factories.at("20:58")) == [0, 1]


def test_an_error_nobody_thought_of_is_logged_without_its_words_and_tried_again(heard, caplog):
    booked, _ = appointment_told()
    subscribed(booked.token)
    now = timezone.now()
    heard["push"].answers = [ValueError("13800000000 told 123456")]
    assert go_out("push", now=now) == [0]
    assert "ValueError" in caplog.text
    assert "13800000000" not in caplog.text
    assert go_out("push", now=now + 5 * SECOND) == [1]
