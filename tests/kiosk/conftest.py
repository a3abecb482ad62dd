"""A kiosk that serves one department, and somebody who presses its keys."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from booking.models import Session
from queueboard.models import Kiosk
from tests import factories

ADDRESS = "/kiosk/hall/?lang=en"
RESIDENT = "11010519491231002X"
PHONE = "13812345678"


class Visitor:
    """Presses keys, and reads what the screen says then."""

    def __init__(self, address: str = ADDRESS) -> None:
        self.client = Client()
        self.address = address
        self.response = self.client.get(address)

    def press(self, do: str, **fields: object) -> str:
        sent = self.client.post(self.address, {"do": do, **fields})
        assert sent.status_code == 302
        assert sent.headers["Location"] == self.address
        self.response = self.client.get(self.address)
        return self.screen

    @property
    def screen(self) -> str:
        assert self.response.status_code == 200
        return self.response.content.decode()

    @property
    def step(self) -> str:
        return self.response.context["step"]


@pytest.fixture
def now():
    return timezone.now()


@pytest.fixture
def department(db):
    return factories.department(name="神经内科", name_en="Neurology")


@pytest.fixture
def kiosk(department):
    made = Kiosk.objects.create(slug="hall", title="门诊大厅", title_en="Main hall", public=True)
    made.departments.add(department)
    return made


@pytest.fixture
def session(department, now):
    return running(department, now)


@pytest.fixture
def visitor(kiosk):
    return Visitor()


def running(department, now, *, began=timedelta(minutes=30), **fields) -> Session:
    """A session of four hours that began half an hour ago, with rooms."""
    start = timezone.localtime(now - began)
    fields = {"date": timezone.localdate(now)} | fields
    made = factories.session(of=department, start=f"{start:%H:%M}", day=start, **fields)
    seat = made.rooms.get()
    type(seat.room).objects.filter(pk=seat.room_id).update(name_en="Room 201", way_en="2nd floor, left")
    return made
