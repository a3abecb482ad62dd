"""R5.4 on PostgreSQL: two ways that fail at once, and the phone that is told in their place."""

import contextlib
from threading import Barrier, BrokenBarrierError

import pytest

from queueboard import notify, outbox
from queueboard.notify import delivery
from queueboard.notify.interface import Refused
from tests.booking.test_races import race
from tests.notify.causes import appointment_told, states, subscribed
from tests.notify.conftest import Heard

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def three(heard, monkeypatch, settings):
    """Two ways besides text messages; what one writes for a cause waits, if nothing keeps it from it, for the other."""
    heard["chat"] = Heard("chat")
    monkeypatch.setattr(notify, "_WAYS", dict.fromkeys(heard, "in memory"))
    settings.NOTICE_WAYS = list(heard)
    booked, _ = appointment_told()
    for way in ("push", "chat"):
        subscribed(booked.token, way, way=way)
    outbox.send_due()
    both, write = Barrier(2), delivery._write

    def slow(facts):
        write(facts)
        with contextlib.suppress(BrokenBarrierError):
            both.wait(timeout=1)

    monkeypatch.setattr(delivery, "_write", slow)
    return heard


def test_of_two_ways_that_refuse_at_once_neither_leaves_it_to_the_other(three):
    for way in ("push", "chat"):
        three[way].answers = [Refused("too large")]
    assert race([lambda: delivery.send_due("push"), lambda: delivery.send_due("chat")]) == [0, 0]
    assert sorted(states()) == [("chat", "refused"), ("push", "refused"), ("sms", "waiting")]


def test_of_two_ways_that_later_tell_that_they_reached_nobody_neither_leaves_it_to_the_other(three):
    assert [delivery.send_due(way) for way in ("push", "chat")] == [1, 1]
    acts = [lambda way=way: delivery.came_to_nothing(way, f"{way}-1") for way in ("push", "chat")]
    assert race(acts) == [True, True]
    assert sorted(states()) == [("chat", "refused"), ("push", "refused"), ("sms", "waiting")]
