"""R5.2: what patients were told when they came is kept, and each expert's page says how good it was."""

from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.urls import reverse
from django.utils import timezone

from queueboard.services import arrivals, calls, foretold
from tests import factories
from tests.factories import at
from tests.live import clinic

pytestmark = pytest.mark.django_db


def test_the_first_expectation_of_everybody_is_kept_and_stays():
    session = clinic.queue("张小明", "李四")
    assert foretold.note(now=at("08:00")) == 2
    first = list(session.tickets.values_list("foretold_median", "foretold_p90"))
    assert first[0][0] == at("08:00")
    assert at("08:00") < first[1][0] < first[1][1]
    assert foretold.note(now=at("08:10")) == 0
    assert list(session.tickets.values_list("foretold_median", "foretold_p90")) == first


def test_who_comes_later_is_told_later_and_who_was_called_is_not_asked_any_more():
    session = clinic.queue("张小明", "李四")
    clinic.call(session)
    assert foretold.note(now=at("08:06")) == 1
    arrivals.register_walk_in(session_id=session.pk, patient_id=factories.patient().pk, now=at("08:07"))
    assert foretold.note(now=at("08:08")) == 1


@pytest.mark.parametrize("pooled", [False, True])
def test_an_experts_error_is_the_mean_of_how_far_the_median_was_off(pooled):
    """Called five minutes after the median and after the p90; and at once, before the p90. In a pooled session too."""
    session = clinic.queue("张小明", "李四", "王五")
    expert = session.expert
    if pooled:
        session.expert, session.title = None, "普通门诊"
        session.save()
    foretold.note(now=at("08:00"))
    room = session.rooms.get().room_id
    tickets = list(session.tickets.order_by("number"))
    calls.call_next(session_id=session.pk, room_id=room, now=at("08:05"))
    calls.call_next(session_id=session.pk, room_id=room, now=tickets[1].foretold_median)
    found = foretold.last_month(expert, now=at("09:00"))
    assert (found.patients, found.before_p90) == (2, 0.5)
    assert found.error_minutes == pytest.approx(2.5)
    assert foretold.last_month(expert, now=at("09:00") + timedelta(days=31)) is None
    assert foretold.last_month(factories.expert(session.department), now=at("09:00")) is None


def test_half_of_the_patients_were_called_within_the_median_of_what_it_was_off():
    session = clinic.queue(*"一二三")
    foretold.note(now=at("08:00"))
    for ticket, off in zip(session.tickets.all(), (-1, 2, 60), strict=True):
        session.tickets.filter(pk=ticket.pk).update(called_at=ticket.foretold_median + timedelta(minutes=off))
    found = foretold.last_month(session.expert, now=at("12:00"))
    assert (found.half_within, found.error_minutes) == (2, 21)


def test_the_experts_admin_page_says_it(client):
    session = clinic.queue("张小明")
    foretold.note(now=at("08:00"))
    client.force_login(get_user_model().objects.create_superuser("root"))
    address = reverse("admin:booking_expert_change", args=[session.expert_id])
    assert "Nobody who came was called yet." in client.get(address, headers={"accept-language": "en"}).content.decode()
    called, now = clinic.call(session), timezone.now()
    told = {"foretold_median": now - timedelta(minutes=3), "foretold_p90": now + timedelta(minutes=1)}
    session.tickets.filter(pk=called.pk).update(called_at=now, **told)
    assert (
        "1 patient: off by 3.0 min on average, 100% called"
        in client.get(address, headers={"accept-language": "en"}).content.decode()
    )
