"""Holidays and leave in the admin: what they do to those booked is shown first, session by session."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from booking.models import Holiday, Leave, Outbox, Session, SessionRoom, Template
from booking.services import schedules as services
from booking.services import sessions
from tests import factories
from tests.schedules.clinic import ENGLISH, address, ahead_of, choose, events, paid, state_of, text

pytestmark = pytest.mark.django_db


def test_a_leave_shows_who_is_booked_and_cancels_after_confirmation_only(client, manager, ahead):
    """R1.3"""
    sent = {"expert": ahead.expert_id, "first_day": ahead.date, "last_day": ahead.date, "reason": "congress"}
    answer = client.post(reverse("admin:booking_leave_add"), sent)
    step = address("leave_sessions", Leave.objects.get())
    assert (answer.status_code, answer["Location"]) == (302, step)
    page = client.get(step, **ENGLISH)
    for words in (
        "2 patients are booked. ¥40 has been paid.",
        "08:00–09:00: 1 · 09:00–10:00: 1",
        "¥40 goes back",
    ):
        assert words in text(page)
    assert state_of(ahead) == "planned"
    done = choose(client, page)
    assert "1 session is changed. 2 patients are told. ¥40 goes back." in text(done)
    assert (state_of(ahead), ahead.cancelled_for) == ("cancelled", "leave")
    assert set(ahead.appointments.values_list("state", flat=True)) == {"called_off"}
    assert Outbox.objects.filter(kind="appointment_called_off").count() == 2
    assert events(ahead) == [("called_off", "congress", "li")]
    assert "No session that has been made is touched by it." in text(client.get(step, follow=True, **ENGLISH))


def test_in_a_leave_each_session_is_cancelled_given_to_a_substitute_or_left(client, manager, ahead):
    """R3.2b, R1.5: a pooled session goes on without the expert."""
    of, who = ahead.department, ahead.expert
    given, kept, free = (ahead_of(of, days=n, expert=who) for n in (3, 4, 5))
    other = factories.expert(of)
    pooled = ahead_of(of, days=3, start="14:00", rooms=2, expert=None, title="普通门诊")
    SessionRoom.objects.filter(pk=pooled.rooms.first().pk).update(expert=who)
    leave = Leave.objects.create(expert=who, first_day=ahead.date, last_day=free.date, reason="leave")
    page = client.get(address("leave_sessions", leave), **ENGLISH)
    assert [row.session for row in page.context["rows"]] == [ahead, given, pooled, kept, free]
    choices = {f"do_{given.pk}": "substitute", f"expert_{given.pk}": other.pk, f"do_{kept.pk}": "keep"}
    choose(client, page, **choices)
    assert [state_of(each) for each in (ahead, given, kept, free, pooled)] == [
        "cancelled", "planned", "planned", "cancelled", "planned",
    ]  # fmt: skip
    assert (given.expert, kept.expert) == (other, who)
    assert who.pk not in pooled.rooms.values_list("expert", flat=True)
    assert pooled.rooms.count() == 1


@pytest.mark.parametrize("ticked", ["off", "keep", "substitute"])
def test_who_takes_over_is_ticked_and_chosen_or_nothing_happens(client, manager, ahead, ticked):
    other = factories.expert(ahead.department)
    leave = Leave.objects.create(expert=ahead.expert, first_day=ahead.date, last_day=ahead.date)
    page = client.get(address("leave_sessions", leave))
    chosen = "" if ticked == "substitute" else other.pk
    done = choose(client, page, **{f"do_{ahead.pk}": ticked, f"expert_{ahead.pk}": chosen})
    assert "tick that and choose who" in text(done)
    assert (state_of(ahead), ahead.expert) == ("planned", leave.expert)


def test_a_leave_that_begins_in_the_middle_of_a_session_stops_it(client, manager, running):
    """R1.3, R1.4: who is here is not seen and gets the money back, nobody is a no-show."""
    today = timezone.localdate(running.starts_at)
    leave = Leave.objects.create(expert=running.expert, first_day=today, last_day=today, reason="ill")
    page = client.get(address("leave_sessions", leave), **ENGLISH)
    assert "1 patient waits, is not seen and is told so. ¥20 goes back." in text(page)
    choose(client, page)
    assert state_of(running) == "closed"
    assert sorted(running.appointments.values_list("state", flat=True)) == ["called_off", "called_off", "not_seen"]
    assert [kind for kind, _reason, _who in events(running)] == ["stop_early", "close"]


def test_an_expert_who_leaves_a_running_pooled_session_is_paused_there(client, manager, running):
    """R1.5"""
    of, who = running.department, running.expert
    Session.objects.filter(pk=running.pk).update(expert=None, title="普通门诊")
    SessionRoom.objects.create(session=running, room=factories.room(of), expert=factories.expert(of))
    today = timezone.localdate(running.starts_at)
    leave = Leave.objects.create(expert=who, first_day=today, last_day=today, reason="ill")
    choose(client, client.get(address("leave_sessions", leave)))
    assert state_of(running) == "open"
    assert [seat.expert for seat in running.rooms.exclude(paused_at=None)] == [who]


@pytest.mark.parametrize("everywhere", [True, False])
def test_a_holiday_shows_its_sessions_and_cancels_those_that_are_not_kept(client, manager, ahead, everywhere):
    """R1.1, R1.3"""
    own, other = ahead_of(ahead.department), ahead_of(factories.department())
    sent = {"date": ahead.date, "department": "" if everywhere else ahead.department_id, "name": "Founders' day"}
    answer = client.post(reverse("admin:booking_holiday_add"), sent)
    assert answer["Location"] == address("holiday_sessions", Holiday.objects.get())
    page = client.get(answer["Location"], **ENGLISH)
    assert len(page.context["rows"]) == (3 if everywhere else 2)
    choose(client, page, **{f"do_{own.pk}": "keep"})
    assert (state_of(ahead), ahead.cancelled_for) == ("cancelled", "holiday")
    assert [state_of(each) for each in (own, other)] == ["planned", "cancelled" if everywhere else "planned"]


def test_one_session_that_has_changed_meanwhile_is_left_and_the_others_are_done(client, manager, ahead):
    own = ahead_of(ahead.department)
    holiday = Holiday.objects.create(date=ahead.date, name="节日")
    page = client.get(address("holiday_sessions", holiday), **ENGLISH)
    paid(ahead, 2)
    again = choose(client, page)
    assert "This has changed since it was shown" in text(again)
    assert [row.session for row in again.context["rows"]] == [ahead]
    assert (state_of(ahead), state_of(own)) == ("planned", "cancelled")
    choose(client, again)
    assert state_of(ahead) == "cancelled"


def test_killed_halfway_the_page_shows_what_is_left(client, manager, ahead, monkeypatch):
    own = ahead_of(ahead.department)
    holiday = Holiday.objects.create(date=ahead.date, name="节日")
    page = client.get(address("holiday_sessions", holiday))
    plain = services.call_off

    def dies(*, session_id, **kwargs):
        if session_id == own.pk:
            raise SystemExit
        return plain(session_id=session_id, **kwargs)

    with monkeypatch.context() as broken:
        broken.setattr(services, "call_off", dies)
        with pytest.raises(SystemExit):
            choose(client, page)
    assert (state_of(ahead), state_of(own)) == ("cancelled", "planned")
    assert [row.session for row in client.get(address("holiday_sessions", holiday)).context["rows"]] == [own]


@pytest.fixture
def made(db):
    """Sessions made from a template, one of them cancelled for a holiday."""
    of = factories.department(sessions_ahead_days=6)
    day = timezone.localdate() + timedelta(days=3)
    template = Template.objects.create(
        department=of, expert=factories.expert(of), weekday=day.weekday(), starts="08:00", ends="12:00", numbers=20
    )
    (session,) = sessions.make_sessions(today=timezone.localdate())
    holiday = Holiday.objects.create(date=day, name="节日")
    services.call_off(session_id=session.pk, reason="节日", cause="holiday")
    return template, holiday


def test_deleting_a_holiday_says_first_which_sessions_are_made_again(client, manager, made):
    template, holiday = made
    delete = address("holiday_delete", holiday)
    line = f"{template.expert.name_en} {holiday.date} 08:00"
    assert line in text(client.get(delete, **ENGLISH))
    assert Holiday.objects.exists()
    done = client.post(delete, follow=True, **ENGLISH)
    assert f"1 session is made by itself within the hour: {line}." in text(done)
    assert not Holiday.objects.exists()
    assert len(sessions.make_sessions(today=timezone.localdate())) == 1


def test_moving_a_holiday_to_another_day_says_what_is_made_again(client, manager, made):
    template, holiday = made
    sent = {"date": holiday.date + timedelta(days=1), "department": "", "name": "later"}
    done = client.post(address("holiday_change", holiday), sent, follow=True, **ENGLISH)
    line = f"{template.expert.name_en} {holiday.date} 08:00"
    assert f"1 session is made by itself within the hour: {line}." in text(done)
