"""Each cause reaches each address once, whoever sends and whatever fails (R5.4)."""

from datetime import timedelta

import pytest
from django.db import IntegrityError
from django.utils import timezone

from booking.models import Account, Outbox
from queueboard import outbox
from queueboard.notify import delivery
from queueboard.notify.interface import Unavailable
from queueboard.notify.models import Delivery
from tests import factories
from tests.notify.causes import appointment_told, cause, go_out, states, subscribed

pytestmark = pytest.mark.django_db
SECOND = timedelta(seconds=1)


def test_who_subscribed_is_told_there_and_gets_no_text_message(heard):
    booked, _ = appointment_told()
    subscribed(booked.token)
    assert go_out("push", "sms") == [1, 0]
    assert heard["push"].told == [("somewhere", "appointment_booked")]
    assert Outbox.objects.get().sent_at is not None


def test_who_is_reached_by_nothing_else_gets_a_text_message(heard):
    appointment_told(who=factories.patient(phone="13800000000"))
    go_out("push", "sms")
    assert heard["sms"].told == [("13800000000", "appointment_booked")]


def test_the_account_that_booked_is_told_rather_than_the_patient(heard):
    account = Account.objects.create(phone="13911112222", language="en", made_at=timezone.now())
    appointment_told(who=factories.patient(phone="13800000000"), account=account)
    go_out("sms")
    assert [to for to, _ in heard["sms"].told] == ["13911112222"]
    assert heard["sms"].notices[0].language == "en"


@pytest.mark.parametrize(("setting", "texts"), [("always", 1), ("otherwise", 0), ("codes", 0)])
def test_the_setting_says_whether_a_text_message_comes_besides(setting, texts, heard, settings):
    settings.SMS_NOTICES = setting
    booked, _ = appointment_told()
    subscribed(booked.token)
    assert go_out("push", "sms") == [1, texts]


def test_however_often_the_tasks_run_nobody_is_told_twice(heard):
    booked, _ = appointment_told()
    subscribed(booked.token, "one phone")
    subscribed(booked.token, "another one")
    for _ in range(3):
        Outbox.objects.update(sent_at=None, claimed_until=None)  # as after a kill between fanning out and noting it
        go_out("push", "sms")
    assert sorted(to for to, _ in heard["push"].told) == ["another one", "one phone"]


def test_one_place_that_is_of_link_and_patient_is_told_once(heard):
    booked, _ = appointment_told()
    subscribed(booked.token)
    subscribed("", patient=booked.patient)
    assert go_out("push") == [1]


def test_words_that_cannot_be_found_for_one_hold_no_other_up(heard, monkeypatch, caplog):
    booked, broken = appointment_told()
    cause("appointment_cancelled", patient=booked.patient_id, appointment=booked.pk)
    compose, now = delivery.compose, timezone.now()

    def finds_none(facts, language):
        return 1 / 0 if facts.cause == broken else compose(facts, language)

    with monkeypatch.context() as release:
        release.setattr(delivery, "compose", finds_none)
        assert go_out("sms", now=now) == [1]
    assert "ZeroDivisionError" in caplog.text
    assert go_out("sms", now=now + 5 * SECOND) == [1]


def test_what_nobody_needs_any_more_is_not_told(heard):
    appointment_told()
    assert go_out("sms", now=timezone.now() + timedelta(days=3)) == [0]
    assert states() == [("sms", "overtaken")]


def test_what_is_no_longer_true_is_not_told(heard):
    booked, _ = appointment_told()
    type(booked).objects.update(state="cancelled")
    assert go_out("sms") == [0]
    assert states() == [("sms", "overtaken")]


def test_in_quiet_hours_only_what_is_urgent_goes_out(heard, settings):
    settings.QUIET_HOURS = "21:00-07:00"
    appointment_told()
    Outbox.objects.update(made_at=factories.at("23:00"))
    assert go_out("sms", now=factories.at("23:00")) == [0]
    assert go_out("sms", now=factories.at("06:59") + timedelta(days=1)) == [0]
    assert go_out("sms", now=factories.at("07:00") + timedelta(days=1)) == [1]


@pytest.mark.parametrize(
    ("kind", "day", "texts"),
    [
        ("appointment_called_off", 1, 1),
        ("appointment_called_off", 2, 0),
        ("session_room_changed", 1, 1),
        ("session_time_changed", 7, 0),
        ("appointment_booked", 1, 0),
        ("refund_done", 1, 0),
    ],
)
def test_in_quiet_hours_a_change_is_told_where_the_visit_is_near(kind, day, texts, heard, settings):
    """At 23:00, of a visit at 08:00 so many days later (R5.4): by the morning its patient may be on the way."""
    settings.QUIET_HOURS = "21:00-07:00"
    session = factories.session(state="planned", day=factories.at("08:00") + timedelta(days=day))
    made = factories.appointment(session)
    was = (session.starts_at + timedelta(hours=3)).isoformat()
    cause(kind, appointment=made.pk, room=session.rooms.get().room_id, was=was)
    Outbox.objects.update(made_at=factories.at("23:00"))
    assert go_out("sms", now=factories.at("23:00")) == [texts]


def test_a_visit_that_was_near_and_is_not_any_more_is_told_in_quiet_hours_too(heard, settings):
    settings.QUIET_HOURS = "21:00-07:00"
    made = factories.appointment(factories.session(state="planned", day=factories.at("08:00") + timedelta(days=1)))
    later = {
        "starts_at": factories.at("15:00") + timedelta(days=1),
        "ends_at": factories.at("16:00") + timedelta(days=1),
    }
    type(made.slot).objects.filter(pk=made.slot_id).update(**later)
    cause("session_time_changed", appointment=made.pk, was=(factories.at("08:00") + timedelta(days=1)).isoformat())
    Outbox.objects.update(made_at=factories.at("23:00"))
    assert go_out("sms", now=factories.at("23:00")) == [1]


def test_a_reminder_that_is_late_says_tomorrow_of_no_visit_that_is_today(heard):
    made, _ = appointment_told("reminder")
    made.session.refresh_from_db()
    Outbox.objects.update(made_at=factories.at("18:00") - timedelta(days=1))
    assert go_out("sms", now=factories.at("00:05")) == [0]
    assert states() == [("sms", "overtaken")]


def test_a_reminder_that_a_browser_cannot_get_that_evening_goes_to_the_phone(heard, settings):
    settings.QUIET_HOURS = "21:00-07:00"
    made, _ = appointment_told("reminder")
    subscribed(made.token)
    evening = factories.at("20:55") - timedelta(days=1)
    Outbox.objects.update(made_at=evening - timedelta(hours=2))
    heard["push"].answers = [Unavailable("no answer", seconds=300)]
    assert go_out("push", "sms", now=evening) == [0, 1]


def test_a_message_that_no_kind_knows_is_told_nobody_and_holds_nothing_up(heard):
    cause("of_tomorrow", patient=factories.patient().pk)
    assert go_out("sms") == [0]
    assert Outbox.objects.get().sent_at is not None


def test_what_it_was_about_may_be_gone(heard):
    cause("appointment_booked", patient=1, appointment=1)
    assert go_out("push", "sms") == [0, 0]


class TestTheDatabaseRefuses:
    @pytest.mark.parametrize("owner", [{"token": ""}, {"token": "a", "patient": True}])
    def test_an_address_of_nobody_or_of_two(self, owner):
        who = {"patient": factories.patient()} if owner.get("patient") else {}
        with pytest.raises(IntegrityError, match="an_address_is_of_one_owner"):
            subscribed(owner["token"], **who)

    def test_the_same_address_twice_for_one_link(self):
        subscribed("a")
        with pytest.raises(IntegrityError):
            subscribed("a")

    def test_a_dead_address_that_is_still_known(self):
        with pytest.raises(IntegrityError, match="a_dead_address_is_forgotten"):
            subscribed("a", dead_at=timezone.now())

    def test_one_cause_twice_to_one_address(self, heard):
        appointment_told()
        outbox.send_due()
        row = Delivery.objects.get()
        row.pk = None
        with pytest.raises(IntegrityError):
            row.save()

    def test_a_notice_that_has_ended_and_waits(self, heard):
        appointment_told()
        outbox.send_due()
        with pytest.raises(IntegrityError, match="a_notice_waits_or_has_ended"):
            Delivery.objects.update(ended_at=timezone.now())
