"""R3.7: a proof of work is for one purpose, in time, and once."""

import base64
import json
from datetime import timedelta

import pytest
from django.utils import timezone

from queueboard.challenge import gate, work
from queueboard.challenge.models import Spent
from tests.booking.test_races import race
from tests.challenge.solving import handed_in, solution

pytestmark = pytest.mark.django_db
NOW = timezone.now()


@pytest.fixture(autouse=True)
def _little_work(settings):
    settings.CHALLENGE_WORK = 200


def solved(sent, purpose="book", now=NOW):
    return work.solved(sent, purpose, now=now)


def test_the_solution_counts_once():
    sent = solution(work.ask("book", now=NOW))
    assert solved(sent)
    assert not solved(sent)
    assert Spent.objects.count() == 1


def test_no_counter_is_farther_than_was_said():
    for _ in range(50):
        challenge = work.ask("book", now=NOW)
        counter = json.loads(base64.b64decode(solution(challenge)))["solution"]["counter"]
        assert 0 <= counter < challenge["parameters"]["data"]["most"] == 200


def test_a_solution_for_another_purpose_is_none():
    sent = solution(work.ask("code", now=NOW))
    assert not solved(sent)
    assert solved(sent, "code")


def test_after_ten_minutes_it_is_too_late():
    sent = solution(work.ask("book", now=NOW))
    assert not solved(sent, now=NOW + work.VALID)
    assert solved(sent, now=NOW + work.VALID - timedelta(seconds=1))


def test_a_challenge_made_easier_or_longer_is_none_of_ours():
    challenge = work.ask("book", now=NOW)
    asked = challenge["parameters"]
    easier = challenge | {"parameters": asked | {"keyPrefix": "00"}}
    longer = challenge | {"parameters": asked | {"data": asked["data"] | {"until": asked["data"]["until"] + 600}}}
    assert not solved(solution(easier | {"parameters": easier["parameters"] | {"data": {"most": 10**4}}}))
    assert not solved(solution(longer))
    assert not solved(solution(challenge | {"signature": "00" * 32}))
    assert solved(solution(challenge))


def test_another_counter_or_key_is_no_solution():
    challenge = work.ask("book", now=NOW)
    right = json.loads(base64.b64decode(solution(challenge)))["solution"]
    assert not solved(handed_in(challenge, right["counter"] + 1, right["derivedKey"]))
    assert not solved(handed_in(challenge, right["counter"], "00" * 32))
    assert solved(handed_in(challenge, right["counter"], right["derivedKey"]))


@pytest.mark.parametrize(
    "sent",
    ["", "x", "号", "e30=", "W10=", "bnVsbA==", "MQ==", base64.b64encode(b"[" * 1000).decode(), "A" * 5000,
     base64.b64encode(b'{"challenge": {"parameters": 1}, "solution": []}').decode()],
)  # fmt: skip
def test_garbage_is_no_solution(sent):
    assert not solved(sent)


def test_what_is_spent_is_forgotten_when_it_would_be_too_late_anyway():
    solved(solution(work.ask("book", now=NOW)))
    assert gate.forget(now=NOW + work.VALID - timedelta(minutes=1)) == 0
    assert gate.forget(now=NOW + work.VALID) == 1


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_handed_in_many_times_at_once_it_counts_once():
    sent = solution(work.ask("book", now=NOW))
    assert sorted(race([lambda: solved(sent)] * 10)) == [False] * 9 + [True]
