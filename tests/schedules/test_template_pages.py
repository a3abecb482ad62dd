"""Weekly templates in the admin: which sessions differ from a changed one, and what becomes of them."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from booking.models import Outbox, Template, WaitlistEntry
from booking.services import schedules as services
from booking.services import sessions
from tests import factories
from tests.schedules.clinic import ENGLISH, address, choose, events, paid, state_of, text

pytestmark = pytest.mark.django_db


@pytest.fixture
def weekly(db):
    """A weekly template that has made two sessions: in the first two have booked and paid, in the second nobody."""
    of = factories.department(sessions_ahead_days=13)
    expert = factories.expert(of)
    template = Template.objects.create(
        department=of, expert=expert, weekday=(timezone.localdate() + timedelta(days=3)).weekday(), starts="08:00",
        ends="12:00", numbers=40,
    )  # fmt: skip
    template.rooms.create(room=factories.room(of), expert=expert)
    sessions.make_sessions(today=timezone.localdate())
    for slot in (2, 3):
        paid(first_of(template), slot)
    return Template.objects.get(pk=template.pk)


def first_of(template):
    return template.sessions.order_by("date").first()


def save(client, template, **changed):
    """As the form of the admin is saved."""
    seat = template.rooms.get()
    sent = {
        "department": template.department_id, "expert": template.expert_id, "active": "on", "weekday": template.weekday,
        "starts": "08:00", "ends": "12:00", "numbers": 40, "prefix": "A", "rooms-TOTAL_FORMS": 1,
        "rooms-INITIAL_FORMS": 1, "rooms-0-id": seat.pk, "rooms-0-template": template.pk, "rooms-0-room": seat.room_id,
        "rooms-0-expert": seat.expert_id,
    }  # fmt: skip
    return client.post(address("template_change", template), sent | changed, **ENGLISH)


def test_a_changed_template_shows_which_sessions_differ_and_what_becomes_of_them(client, manager, weekly):
    """R1.1: nobody booked: made anew; somebody booked: left, unless one chooses otherwise."""
    booked, free = weekly.sessions.order_by("date")
    answer = save(client, weekly, starts="09:00", ends="13:00", numbers=44)
    assert answer["Location"] == address("template_sessions", weekly)
    page = client.get(answer["Location"], **ENGLISH)
    for words in (
        "time: 08:00–12:00 → 09:00–13:00",
        "numbers: 40 → 44",
        "2 patients are booked. ¥40 has been paid.",
        "2 patients are told; it counts against nobody. ¥40 goes back.",
        "Make it anew",
    ):
        assert words in text(page)
    assert [(row.session, row.chosen) for row in page.context["rows"]] == [(booked, "keep"), (free, "anew")]
    choose(client, page)
    assert (state_of(booked), state_of(free), free.cancelled_for) == ("planned", "cancelled", "template")
    new = weekly.sessions.get(date=free.date, state="planned")
    assert (timezone.localtime(new.starts_at).hour, new.numbers) == (9, 44)
    listed = client.get("/api/v1/sessions/", {"date": free.date.isoformat()}).json()["results"]
    assert [each["id"] for each in listed] == [new.pk]
    assert [row.session for row in client.get(page.wsgi_request.path).context["rows"]] == [booked]


def test_who_is_booked_goes_along_with_the_template_where_one_chooses_so(client, manager, weekly):
    """R3.2b"""
    booked = first_of(weekly)
    save(client, weekly, starts="09:00", ends="13:00", numbers=44)
    page = client.get(address("template_sessions", weekly), **ENGLISH)
    choose(client, page, **{f"do_{booked.pk}": "follow"})
    assert state_of(booked) == "planned"
    assert (timezone.localtime(booked.starts_at).hour, booked.numbers) == (9, 44)
    assert Outbox.objects.filter(kind="session_time_changed").count() == 2
    assert [kind for kind, _reason, _who in events(booked)] == ["template_followed"]
    own = text(client.get(reverse("phone", args=[booked.appointments.first().token]), **ENGLISH))
    assert "before. Your number stays yours." in own


def test_where_the_numbers_are_refused_nothing_of_the_rest_is_done_or_told(client, manager, weekly):
    """R3.2b: two are booked, and the template has one number only."""
    booked = first_of(weekly)
    save(client, weekly, starts="09:00", ends="13:00", numbers=1)
    page = client.get(address("template_sessions", weekly), **ENGLISH)
    choose(client, page, **{f"do_{booked.pk}": "follow"})
    booked.refresh_from_db()
    assert (timezone.localtime(booked.starts_at).hour, booked.numbers) == (8, 40)
    assert not Outbox.objects.filter(kind="session_time_changed").exists()
    assert events(booked) == []


def test_a_template_that_is_put_away_shows_what_it_has_made(client, manager, weekly):
    booked, free = weekly.sessions.order_by("date")
    page = client.get(save(client, weekly, active="")["Location"], **ENGLISH)
    assert "The template, or its expert, is not active any more." in text(page)
    assert [(row.session, row.chosen) for row in page.context["rows"]] == [(booked, "keep"), (free, "off")]
    choose(client, page, **{f"do_{booked.pk}": "off"})
    assert (state_of(booked), state_of(free)) == ("cancelled", "cancelled")
    assert sessions.make_sessions(today=timezone.localdate()) == []
    assert Outbox.objects.filter(kind="appointment_called_off").count() == 2


def test_what_a_manager_changed_by_hand_is_left_unless_one_chooses_so(client, manager, weekly):
    _booked, free = weekly.sessions.order_by("date")
    other = factories.expert(weekly.department)
    services.substitute(session_id=free.pk, away_id=free.expert_id, expert_id=other.pk, reason="ill")
    page = client.get(save(client, weekly, numbers=44)["Location"], **ENGLISH)
    assert "Somebody changed it, locked its split or added numbers: that would be lost." in text(page)
    assert [row.chosen for row in page.context["rows"]] == ["keep", "keep"]


def test_where_somebody_waits_for_a_number_it_is_left_unless_one_chooses_so(client, manager, weekly):
    """R3.4: a waitlist does not go over to another session."""
    _booked, free = weekly.sessions.order_by("date")
    waits = WaitlistEntry.objects.create(session=free, patient=factories.patient(), joined_at=timezone.now())
    page = client.get(save(client, weekly, numbers=44)["Location"], **ENGLISH)
    assert "Nobody is booked. 1 waits for a number." in text(page)
    assert [row.chosen for row in page.context["rows"]] == ["keep", "keep"]
    choose(client, page, **{f"do_{free.pk}": "off"})
    assert (state_of(free), state_of(waits)) == ("cancelled", "called_off")


def test_somebody_who_books_meanwhile_is_not_lost(client, manager, weekly):
    _booked, free = weekly.sessions.order_by("date")
    page = client.get(save(client, weekly, numbers=44)["Location"], **ENGLISH)
    paid(free, 3)
    again = choose(client, page)
    assert "This has changed since it was shown" in text(again)
    assert state_of(free) == "planned"
    assert [row.chosen for row in again.context["rows"]] == ["keep", "keep"]


def test_a_template_is_deleted_once_it_is_known_what_becomes_of_its_sessions(client, manager, weekly):
    booked, free = weekly.sessions.order_by("date")
    delete = address("template_delete", weekly)
    page = client.get(delete, **ENGLISH)
    assert [(row.session, row.chosen) for row in page.context["rows"]] == [(booked, "keep"), (free, "off")]
    assert Template.objects.exists()
    done = choose(client, page)
    assert "Deleted:" in text(done)
    assert not Template.objects.exists()
    assert (state_of(booked), booked.template, state_of(free)) == ("planned", None, "cancelled")
    assert booked.appointments.filter(state="booked").count() == 2


def test_an_expert_who_sees_nobody_more_leads_to_what_is_made_for_them(client, manager, weekly):
    expert = weekly.expert
    form = client.get(address("expert_change", expert)).context["adminform"].form
    kept = {name: value for name, value in form.initial.items() if value is not None and name != "active"}
    done = client.post(address("expert_change", expert), kept, follow=True, **ENGLISH)
    assert address("template_sessions", weekly) in text(done)
    assert len(client.get(address("template_sessions", weekly)).context["rows"]) == 2
