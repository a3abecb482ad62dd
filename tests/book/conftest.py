"""A clinic that can be booked, and somebody on the pages of booking."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from booking import invariants
from booking.models import Account, PhoneCode, Session, Slot
from tests import factories

PHONE = "13912345678"
ID = "110101190001010014"


@pytest.fixture
def session(db) -> Iterator[Session]:
    """Tomorrow's session: released, two numbers in the first slot and three in the second."""
    yield ahead()
    assert list(invariants.breaches()) == []


def ahead(days: int = 1, **fields) -> Session:
    """A session of a coming day that can be booked."""
    day = timezone.localtime() + timedelta(days=days)
    usual = {"split": ((2, 1), (3, 2)), "state": "planned", "pool_opened_at": None}
    return factories.session(day=day, **usual | fields)


def slot_of(session: Session, index: int = 0) -> Slot:
    return session.slots.get(index=index)


def sign_in(client: Client, phone: str = PHONE, back: str = "/book/mine/") -> Account:
    """As a person does: the phone, the code, and back."""
    asked = client.post("/book/sign-in/", {"phone": phone, "next": back})
    assert asked.status_code == 302
    code = PhoneCode.objects.first().code
    answer = client.post("/book/sign-in/", {"code": code, "next": back})
    assert (answer.status_code, answer.headers["Location"]) == (302, back)
    return Account.objects.get(pk=client.session["account"])


@pytest.fixture
def patient(session) -> Client:
    """Somebody who is signed in and reads English."""
    client = Client(headers={"accept-language": "en"})
    sign_in(client)
    return client


WANG = {"who": "new", "name": "王小明", "id_type": "resident", "id_number": ID, "key": "k" * 22}
