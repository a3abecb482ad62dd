"""Several deliveries and several people at once, on PostgreSQL: each row is one person's, and taken once."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from django.db import connection
from django.utils import timezone

from booking.models import PhoneCode
from booking.models.hashes import keyed_hash
from queueboard.chat.hearing import answer
from queueboard.chat.interface import Kind, Replayed, Said
from queueboard.chat.models import Heard, VisitCode
from queueboard.notify.models import Address

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]
THREADS = 8


def at_once(*said):
    """What each is answered; None for what was refused."""
    ready = Barrier(len(said))

    def run(each):
        try:
            connection.ensure_connection()
            ready.wait(timeout=30)
            return answer(each)
        except Replayed:
            return None
        finally:
            connection.close()

    with ThreadPoolExecutor(len(said)) as pool:
        return list(pool.map(run, said))


def writes(text, identity="1", address="o1", proof=""):
    return Said("wechat", address, Kind.WRITES, text, identity, proof)


def test_deliveries_of_one_message_at_once_take_effect_once_and_are_answered_alike():
    answers = at_once(*[writes("bind 13912345678")] * THREADS)
    assert len(set(answers)) == 1
    assert "139****5678" in answers[0]
    assert PhoneCode.objects.count() == Heard.objects.count() == 1


def test_of_several_who_scan_one_code_at_once_one_is_bound():
    until = timezone.now() + timedelta(minutes=10)
    VisitCode.objects.create(token="t" * 22, code_hash=keyed_hash("code"), url="x", until=until)
    at_once(*[Said("wechat", f"o{n}", Kind.SCANS, "code", str(n)) for n in range(THREADS)])
    assert Address.objects.count() == 1


def test_of_several_senders_with_one_identity_or_one_proof_one_is_answered():
    answers = at_once(*[writes("?", address=f"o{n}") for n in range(THREADS)])
    assert sum(each is not None for each in answers) == 1
    answers = at_once(*[writes("?", identity=f"p{n}", address=f"o{n}", proof="seen") for n in range(THREADS)])
    assert sum(each is not None for each in answers) == 1


def test_messages_of_one_person_at_once_are_each_answered():
    answers = at_once(*[writes("?", identity=str(n)) for n in range(THREADS)])
    assert len(set(answers)) == 1
    assert Heard.objects.count() == THREADS
