"""What is in the outbox goes out once per cause, whoever sends and whatever dies."""

from datetime import timedelta

import pytest
from django.utils import timezone

from booking.models import Outbox
from queueboard import outbox

pytestmark = pytest.mark.django_db


@pytest.fixture
def row():
    return Outbox.objects.create(kind="appointment_booked", payload={}, key="a", made_at=timezone.now())


def test_a_message_is_sent_once_however_often_the_task_runs(row):
    sent = []
    assert [outbox.send_due(deliver=sent.append) for _ in range(3)] == [1, 0, 0]
    assert [message.pk for message in sent] == [row.pk]


def test_a_second_sender_does_not_take_what_the_first_has_claimed(row):
    sent = []

    def slow(message):
        sent.append(message)
        outbox.send_due(deliver=sent.append)

    outbox.send_due(deliver=slow)
    assert len(sent) == 1


def test_a_sender_that_died_loses_its_claim_after_a_while(row):
    now = timezone.now()
    Outbox.objects.update(claimed_until=now + outbox.CLAIM, attempts=1)
    sent = []
    assert outbox.send_due(deliver=sent.append, now=now) == 0
    assert outbox.send_due(deliver=sent.append, now=now + outbox.CLAIM) == 1


def test_a_failure_is_tried_again_later_and_does_not_hold_up_the_others(row):
    other = Outbox.objects.create(kind="appointment_booked", payload={}, key="b", made_at=timezone.now())
    now = timezone.now()
    sent = []

    def deliver(message):
        if message.pk == row.pk and not sent:
            raise ConnectionError("provider is down")
        sent.append(message.pk)

    # The first row fails, the other goes out.
    outbox.send_due(deliver=deliver, now=now)
    assert sent == [other.pk]
    assert outbox.send_due(deliver=deliver, now=now + timedelta(seconds=1)) == 0
    assert outbox.send_due(deliver=deliver, now=now + timedelta(minutes=1)) == 1
    assert sent == [other.pk, row.pk]


def test_each_claim_runs_from_its_own_beginning_however_long_the_rows_before_took(row, monkeypatch):
    """Else a second sender takes what a slow first one is just sending."""
    last = Outbox.objects.create(kind="appointment_booked", payload={}, key="b", made_at=timezone.now())
    clock = [timezone.now()]
    monkeypatch.setattr(outbox.timezone, "now", lambda: clock[0])
    sent = []

    def slow(message):
        sent.append(message.pk)
        if message.pk == row.pk:
            clock[0] += outbox.CLAIM
        elif sent.count(last.pk) == 1:
            outbox.send_due(deliver=slow)

    outbox.send_due(deliver=slow)
    assert sent == [row.pk, last.pk]
