"""Each cause reaches each address once, whoever sends and whatever fails (R5.4)."""

import itertools
import threading
from collections import Counter
from datetime import timedelta

import pytest
from django.db import IntegrityError
from django.utils import timezone

from booking.models import Account, Ballot, BallotEntry, Outbox, WaitlistEntry
from queueboard import outbox
from queueboard.notify import delivery, forgetting, turns
from queueboard.notify.interface import Dead, Later, Refused, Unavailable
from queueboard.notify.models import Address, Delivery
from queueboard.notify.push import subscriptions
from queueboard.notify.push import way as push_way
from queueboard.notify.sms import Sms, tencent
from queueboard.services import arrivals
from queueboard.wechat import transport
from queueboard.wechat.way import WeChat
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


def test_an_error_nobody_thought_of_is_logged_without_its_words_and_tried_again(heard, caplog):
    booked, _ = appointment_told()
    subscribed(booked.token)
    now = timezone.now()
    heard["push"].answers = [ValueError("13800000000 told 123456")]
    assert go_out("push", now=now) == [0]
    assert "ValueError" in caplog.text
    assert "13800000000" not in caplog.text
    assert go_out("push", now=now + 5 * SECOND) == [1]


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


def test_of_two_senders_one_gets_a_notice(heard, monkeypatch):
    appointment_told()
    outbox.send_due()
    send = heard["sms"].send

    def slow(to, notice):
        with monkeypatch.context() as another_process:
            another_process.setattr(delivery, "_at_work", {"sms": threading.Lock()})
            assert delivery.send_due("sms") == 0
        return send(to, notice)

    monkeypatch.setattr(heard["sms"], "send", slow)
    assert delivery.send_due("sms") == 1


def test_a_sender_that_died_loses_its_claim_after_a_while(heard):
    appointment_told()
    now = timezone.now()
    outbox.send_due(now=now)
    Delivery.objects.update(due_at=now + heard["sms"].answers_within, attempts=1)
    assert delivery.send_due("sms", now=now) == 0
    assert delivery.send_due("sms", now=now + heard["sms"].answers_within) == 1


def test_a_claim_is_longer_than_a_way_takes_and_shorter_than_anybody_waits_for_a_call():
    assert sum(push_way.TIMEOUT) < push_way.Push.answers_within.total_seconds() <= 30
    assert sum(tencent.TIMEOUT) < Sms.answers_within.total_seconds() <= 30
    assert sum(transport.TIMEOUT) < WeChat.answers_within.total_seconds() <= 30


def test_who_answers_when_another_has_claimed_the_row_changes_nothing_of_it(heard, monkeypatch):
    """It had looked dead, so another sends; what became of that counts."""
    appointment_told()
    now = timezone.now()
    outbox.send_due(now=now)

    def too_slow(to, notice):
        Delivery.objects.update(due_at=now + timedelta(seconds=40), attempts=2)  # as the other one's claim
        raise Unavailable("no answer")

    monkeypatch.setattr(heard["sms"], "send", too_slow)
    assert delivery.send_due("sms", now=now) == 0
    assert Delivery.objects.get().due_at == now + timedelta(seconds=40)


class Killed(BaseException):
    """The process is gone: nothing of ours handles that."""


def killed_after(times: int, send):
    """`send` of a process that dies when it has sent so many times, before it can note the last."""
    calls = itertools.count(1)

    def dies(to, notice):
        number = send(to, notice)
        if next(calls) == times:
            raise Killed
        return number

    return dies


@pytest.mark.parametrize("kills", [1, 2])
def test_each_kill_repeats_one_notice_at_most_and_loses_none(heard, monkeypatch, settings, kills):
    """Killed between sending and noting, in one way or the other, while others wait to be sent."""
    settings.SMS_NOTICES = "always"
    for number in range(5):
        booked = factories.appointment(factories.session(state="planned"))
        cause("appointment_booked", key=f"{number}", patient=booked.patient_id, appointment=booked.pk)
        subscribed(booked.token, f"browser {number}")
    now = timezone.now()
    outbox.send_due(now=now)
    for name in ("push", "sms")[:kills]:
        with monkeypatch.context() as process:
            process.setattr(heard[name], "send", killed_after(2, heard[name].send))
            with pytest.raises(Killed):
                delivery.send_due(name, now=now)
        now += heard["sms"].answers_within
    for name in heard:
        delivery.send_due(name, now=now)
    told = Counter((name, to) for name, way in heard.items() for to, _kind in way.told)
    assert len(told) == 10
    assert sum(told.values()) == 10 + kills
    assert {state for _way, state in states()} == {"sent"}


def test_while_one_way_sends_and_notes_no_other_sends(heard, monkeypatch, settings):
    """So a kill can repeat one notice in all, and not one of each way."""
    settings.SMS_NOTICES = "always"
    monkeypatch.setattr(turns, "PATIENCE", 0)  # who asks for a turn is told at once whether it is free
    booked, _ = appointment_told()
    subscribed(booked.token)
    outbox.send_due()
    taken, ended = [], delivery._ended

    def is_taken(*_arguments, **_fields):
        taken.append(delivery._turns._since is not None)

    for name in heard:
        monkeypatch.setattr(heard[name], "send", lambda to, notice: is_taken() or "")
    monkeypatch.setattr(delivery, "_ended", lambda *args, **fields: is_taken() or ended(*args, **fields))
    assert [delivery.send_due(name) for name in heard] == [1, 1]
    assert taken == [True] * 4
    assert delivery._turns._since is None


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
