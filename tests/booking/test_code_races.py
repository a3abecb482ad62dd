"""R3.7 on PostgreSQL: codes that are asked for at once are limited as those that are asked for one after the other."""

import contextlib
from threading import Barrier, BrokenBarrierError
from types import SimpleNamespace

import pytest

from booking.models import PhoneCode
from booking.services import accounts
from tests.booking.test_races import race

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]
THREADS = 8


@pytest.fixture(autouse=True)
def _all_look_before_one_writes(monkeypatch):
    looked = Barrier(THREADS)

    def randbelow(_count):
        with contextlib.suppress(BrokenBarrierError):
            looked.wait(timeout=1)
        return 123456

    monkeypatch.setattr(accounts, "secrets", SimpleNamespace(randbelow=randbelow))


def ask(number=0, address=""):
    return lambda: accounts.ask_code(phone=f"1391234{number:04}", address=address).code


def test_one_phone_gets_one_code():
    results = race([ask() for _ in range(THREADS)])
    assert sorted(results) == ["123456"] + ["code_too_soon"] * (THREADS - 1)
    assert PhoneCode.objects.count() == 1


def test_one_address_gets_no_more_than_its_share(monkeypatch):
    monkeypatch.setattr(accounts, "PER_ADDRESS_HOUR", 3)
    results = race([ask(number, "192.0.2.7") for number in range(THREADS)])
    assert sorted(results) == ["123456"] * 3 + ["too_many_codes"] * (THREADS - 3)
