"""Two kiosks and one patient at once: one ticket (R4.1). On PostgreSQL, where both really run."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import connection

from queueboard.models import Kiosk, Ticket
from tests import factories
from tests.kiosk.conftest import RESIDENT, Visitor

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def visitors(department, kiosk):
    other = Kiosk.objects.create(slug="other", title="二楼", public=True)
    other.departments.add(department)
    return [Visitor(), Visitor("/kiosk/other/?lang=en")]


def at_once(visitors, do, **fields):
    """Both press the same key in the same moment."""
    barrier = Barrier(len(visitors))

    def press(visitor):
        try:
            barrier.wait()
            return visitor.press(do, **fields)
        finally:
            connection.close()

    with ThreadPoolExecutor(len(visitors)) as pool:
        return list(pool.map(press, visitors))


def test_a_code_scanned_at_two_kiosks_at_once_is_one_check_in(visitors, session):
    booked = factories.appointment(session)
    at_once(visitors, "scan", q=booked.token)
    ticket = Ticket.objects.get()
    assert [each.response.context["ticket"] for each in visitors] == [ticket, ticket]


def test_a_new_patient_who_takes_a_number_at_two_kiosks_gets_one(visitors, session):
    for visitor in visitors:
        visitor.press("walk_in")
        visitor.press("choose", session=session.pk)
        visitor.press("who", q=f"张晓明,{RESIDENT}")
    at_once(visitors, "take")
    ticket = Ticket.objects.get()
    assert [each.response.context["ticket"] for each in visitors] == [ticket, ticket]
