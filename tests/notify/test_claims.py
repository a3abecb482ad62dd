"""Of many senders one sends a notice; one that dies repeats one at most (R5.4)."""

import itertools
import threading
from collections import Counter
from datetime import timedelta

import pytest
from django.utils import timezone

from queueboard import outbox
from queueboard.notify import delivery, turns
from queueboard.notify.interface import Unavailable
from queueboard.notify.models import Delivery
from queueboard.notify.push import way as push_way
from queueboard.notify.sms import Sms, tencent
from queueboard.wechat import transport
from queueboard.wechat.way import WeChat
from tests import factories
from tests.notify.causes import appointment_told, cause, states, subscribed

pytestmark = pytest.mark.django_db


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
