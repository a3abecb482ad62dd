"""Steps on one session: whom each touches and what it does is shown first, and exactly that is confirmed."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from booking.models import Appointment, Ballot, Holiday, Outbox, Session, SessionRoom, Template, WaitlistEntry
from booking.services import schedules as services
from queueboard.errors import QueueError
from queueboard.models import Ticket
from queueboard.services import calls, hand_over
from tests import factories
from tests.faces import managers, staff
from tests.schedules.clinic import ENGLISH, address, ahead_of, events, paid, state_of, text

pytestmark = pytest.mark.django_db


def test_numbers_are_added_by_a_manager_or_the_expert_of_the_session_and_logged(client, ahead):
    """R3.2b, R6.3"""
    step, slot = address("session_add_numbers", ahead), ahead.slots.get(index=0)
    sent = {"slot": slot.pk, "count": 2, "reason": "two of a colleague's"}
    client.force_login(staff.user("clerk", ahead.department), backend=staff.BACKEND)
    assert client.post(step, sent).status_code == 403
    for who in (staff.user("manager", name="li"), staff.user("expert", name="chen")):
        if who.username == "chen":
            SessionRoom.objects.filter(session=ahead).update(expert=factories.expert(ahead.department, user=who))
        client.force_login(who, backend=staff.BACKEND)
        assert client.get(step).status_code == 200
        shown = managers.confirm(client, step, sent)
    assert ahead.slots.get(index=0).bookable == slot.bookable + 4
    assert shown.lines[0] == "08:00-09:00: 2 numbers more, free to book for everybody at once, 16 in all."
    reason = "two of a colleague's"
    assert events(ahead) == [("numbers_added", reason, "li"), ("numbers_added", reason, "chen")]


def test_added_numbers_that_somebody_waits_for_are_not_called_free(client, manager, ahead):
    """R3.4: offered to them first."""
    slot = ahead.slots.get(index=0)
    for of in (slot, None):
        WaitlistEntry.objects.create(session=ahead, slot=of, patient=factories.patient(), joined_at=timezone.now())
    shown = managers.confirm(
        client, address("session_add_numbers", ahead), {"slot": slot.pk, "count": 1, "reason": "x"}
    )
    assert shown.lines[0] == "08:00-09:00: 1 number more, offered first to those who wait (2), 13 in all."
    assert ahead.slots.get(index=0).withheld == 1


def test_added_numbers_of_a_session_that_is_drawn_are_not_called_free(client, manager, ahead):
    """R3.7: they are drawn with the others."""
    Ballot.objects.create(session=ahead, minutes=30)
    Session.objects.filter(pk=ahead.pk).update(released_at=timezone.now() - timedelta(minutes=10))
    slot = ahead.slots.get(index=0)
    shown = managers.confirm(
        client, address("session_add_numbers", ahead), {"slot": slot.pk, "count": 2, "reason": "x"}
    )
    assert shown.lines[0].startswith("08:00-09:00: 2 numbers more, drawn with the session's others at ")
    assert "free to book" not in shown.lines[0]


def test_what_added_numbers_mean_for_the_end_is_said_before(client, manager, ahead):
    """R2.4: 42 numbers of 6 minutes are 12 minutes more than four hours."""
    last = ahead.slots.get(index=3)
    shown = client.post(address("session_add_numbers", ahead), {"slot": last.pk, "count": 4, "reason": "x"}, **ENGLISH)
    assert "the session ends 36 min late; without them 12 min." in text(shown)
    assert ahead.slots.get(index=3).bookable == last.bookable


def test_a_refusal_is_said_before_anybody_confirms(client, manager, ahead):
    slot = ahead.slots.get(index=0)
    sent = {"slot": slot.pk, "count": 11, "reason": "many"}
    answer = client.post(address("session_add_numbers", ahead), sent, **ENGLISH)
    assert "No more than 10 numbers can be added to a session; 0 have been." in text(answer)
    assert answer.context["shown"] is None


def test_a_substitute_and_a_cancellation_say_first_who_is_booked_when_and_what_they_paid(client, manager, ahead):
    """R3.2b, R1.3"""
    other = factories.expert(ahead.department)
    take_over = {"away": ahead.expert_id, "expert": other.pk, "reason": "ill"}
    answer = client.post(address("session_substitute", ahead), take_over, **ENGLISH)
    assert "2 patients keep their numbers and are told." in text(answer)
    assert state_of(ahead) == "planned"
    assert ahead.expert != other
    managers.confirm(client, address("session_substitute", ahead), take_over)
    page = client.get(address("session_call_off", ahead), **ENGLISH)
    for words in ("2 patients are booked. ¥40 has been paid.", "08:00–09:00", "¥40 goes back."):
        assert words in text(page)
    booked = client.get(page.context["shown"].list)
    assert len(booked.context["cl"].result_list) == 2
    managers.confirm(client, address("session_call_off", ahead), {"reason": "flood"})
    ahead.refresh_from_db()
    assert (ahead.expert, ahead.state) == (other, "cancelled")
    assert events(ahead) == [("substituted", "ill", "li"), ("called_off", "flood", "li")]


def test_a_page_that_has_become_stale_does_nothing_and_shows_what_is_so_now(client, manager, ahead):
    """Somebody books between the look and the press."""
    step = address("session_call_off", ahead)
    seen = client.get(step).context["shown"].mark
    paid(ahead, 2)
    answer = client.post(step, {"reason": "flood", "seen": seen}, **ENGLISH)
    assert "This has changed since it was shown" in text(answer)
    assert "¥60 goes back." in text(answer)
    assert 'value="flood"' in text(answer)
    assert state_of(ahead) == "planned"
    client.post(step, {"reason": "flood", "seen": answer.context["shown"].mark})
    assert state_of(ahead) == "cancelled"


def test_of_two_managers_the_second_is_told_that_it_has_been_done(client, manager, ahead):
    seen = client.get(address("session_call_off", ahead)).context["shown"].mark
    services.call_off(session_id=ahead.pk, reason="the other was quicker")
    answer = client.post(address("session_call_off", ahead), {"reason": "flood", "seen": seen}, **ENGLISH)
    assert "This has changed since it was shown" in text(answer)
    assert "Nobody has to be told." in text(answer)
    assert Outbox.objects.filter(kind="appointment_called_off").count() == 2


def test_a_running_session_is_stopped_and_each_is_told_what_becomes_of_them(client, manager, running):
    """R1.3"""
    step = address("session_stop", running)
    asked = {"reason": "ill", "waiting": "close"}
    page = text(client.post(step, asked, **ENGLISH))
    for words in (
        "2 patients have not come yet and are told that the session is cancelled. ¥40 goes back.",
        "1 patient waits, is not seen and is told so. ¥20 goes back.",
        "It counts against nobody.",
    ):
        assert words in page
    managers.confirm(client, step, asked)
    running.refresh_from_db()
    assert (running.stopped_early, running.state) == (True, "closed")
    assert sorted(running.appointments.values_list("state", flat=True)) == ["called_off", "called_off", "not_seen"]
    assert Outbox.objects.filter(kind="refund").count() == 3


def test_who_waits_in_a_stopped_session_goes_on_to_another(client, manager, running):
    """R4.10"""
    other = factories.session(of=running.department, start=f"{timezone.localtime():%H:%M}", day=timezone.localtime())
    managers.confirm(client, address("session_stop", running), {"reason": "ill", "waiting": str(other.pk)})
    assert state_of(running) == "open"
    assert [ticket.appointment.state for ticket in Ticket.objects.filter(session=other)] == ["arrived"]
    assert running.appointments.filter(state="called_off").count() == 2


def test_where_they_cannot_go_on_the_session_is_not_stopped_either(running):
    """R1.3"""
    elsewhere = factories.session(start=f"{timezone.localtime():%H:%M}", day=timezone.localtime())
    with pytest.raises(QueueError):
        hand_over.stop_and_hand_over(session_id=running.pk, to_session_id=elsewhere.pk, reason="ill")
    running.refresh_from_db()
    assert not running.stopped_early
    assert running.appointments.filter(state="called_off").count() == 0


@pytest.mark.parametrize("number", ["999999", "abc"])
def test_a_step_of_a_session_that_is_not_there_is_not_found(client, manager, number):
    """Somebody has deleted it, or it is another department's."""
    assert client.get(f"/admin/booking/session/{number}/stop/", **ENGLISH).status_code == 404


def test_another_time_says_slot_by_slot_when_everybody_is_seen_then(client, manager, ahead):
    """R3.2b"""
    made = ahead.appointments.order_by("slot__index").first()
    asked = {"starts": "13:00", "ends": "17:00", "reason": "ward round"}
    page = text(client.post(address("session_times", ahead), asked, **ENGLISH))
    for words in (
        "08:00–09:00 → 13:00–14:00: 1 patient",
        "09:00–10:00 → 14:00–15:00: 1 patient",
        "They keep their numbers and are told the new time.",
        "Registration opens at 12:00.",
    ):
        assert words in page
    managers.confirm(client, address("session_times", ahead), asked)
    assert timezone.localtime(Session.objects.get(pk=ahead.pk).starts_at).hour == 13
    assert events(ahead) == [("times_changed", "ward round", "li")]
    own = text(client.get(reverse("phone", args=[made.token]), **ENGLISH))
    assert "08:00 before. Your number stays yours." in own
    assert "13:00–14:00" in own


def test_times_that_cannot_be_are_said_before_anybody_confirms(client, manager, ahead):
    asked = {"starts": "13:00", "ends": "16:00", "reason": "ward round"}
    answer = client.post(address("session_times", ahead), asked, **ENGLISH)
    assert "The last slot begins at 16:00 then: the session has to end after that." in text(answer)
    assert answer.context["shown"] is None


def test_an_expert_who_is_late_is_waited_for_until_somebody_was_called(client, manager, running):
    """R3.2b: who is here keeps the place."""
    Session.objects.filter(pk=running.pk).update(starts_at=timezone.now() + timedelta(minutes=1))
    now = timezone.localtime()
    later, ends = now + timedelta(minutes=20), now + timedelta(minutes=150)
    asked = {"starts": f"{later:%H:%M}", "ends": f"{ends:%H:%M}", "reason": "stuck in traffic"}
    if timezone.localtime(running.starts_at).date() == later.date() == ends.date():
        managers.confirm(client, address("session_times", running), asked)
        assert [kind for kind, _reason, _who in events(running)] == ["times_changed"]
    ticket = Ticket.objects.get(session=running)
    calls.call_next(session_id=running.pk, room_id=running.rooms.get().room_id, seen=None)
    assert state_of(ticket) == "called"
    asked |= {"starts": "08:00", "ends": "11:00"}  # at any hour of the day that the test runs
    refusal = client.post(address("session_times", running), asked, **ENGLISH)
    assert "Patients have been called already: pause the room instead." in text(refusal)


def test_another_room_says_who_else_is_there_and_is_told(client, manager, ahead):
    """R3.2b"""
    room = factories.room(ahead.department, name="305 诊室", name_en="Room 305")
    other = ahead_of(ahead.department)
    SessionRoom.objects.filter(session=other).update(room=room)
    asked = {"seat": ahead.rooms.get().pk, "room": room.pk, "reason": "painting"}
    page = text(client.post(address("session_room", ahead), asked, **ENGLISH))
    assert "2 patients are told." in page
    assert "Room 305 is used at that time by" in page
    managers.confirm(client, address("session_room", ahead), asked)
    assert ahead.rooms.get().room == room
    own = text(client.get(reverse("phone", args=[ahead.appointments.first().token]), **ENGLISH))
    assert "Another room: Room 305" in own
    form = text(client.get(address("session_change", ahead), **ENGLISH))
    assert 'name="rooms-0-room"' not in form


@pytest.fixture
def extra(db):
    """What is asked for an extra session in five days."""
    of = factories.department()
    expert, room = factories.expert(of), factories.room(of)
    day = timezone.localdate() + timedelta(days=5)
    Holiday.objects.create(date=day, name="节日")
    return {
        "expert": expert.pk, "room": room.pk, "like": "", "date": day.isoformat(), "starts": "14:00", "ends": "16:00",
        "numbers": 20, "letter": "X", "reason": "many ask",
    }  # fmt: skip


def test_an_extra_session_is_shown_as_it_would_be_and_made_once_confirmed(client, manager, extra):
    step = reverse("admin:booking_session_extra")
    assert step in text(client.get(reverse("admin:booking_session_changelist")))
    page = text(client.post(step, extra, **ENGLISH))
    for words in (
        "20 numbers: 8 to book, 12 for walk-ins.",
        "To book + for walk-ins: 14:00–15:00 2 + 8 · 15:00–16:00 6 + 4",
        "They can be booked at once.",
        "That day is a holiday: 节日.",
    ):
        assert words in page
    assert not Session.objects.exists()
    managers.confirm(client, step, extra)
    session = Session.objects.get()
    assert (session.prefix, session.numbers, session.by_hand) == ("X", 20, True)
    assert events(session) == [("made_by_hand", "many ask", "li")]
    again = client.post(step, extra, **ENGLISH)
    assert "This expert holds a session at that time." in text(again)
    assert Session.objects.count() == 1


def test_a_pooled_extra_session_is_as_its_weekly_template(client, manager, extra):
    """R1.5"""
    of = factories.department()
    pool = Template.objects.create(
        department=of, title="普通门诊", weekday=0, starts="08:00", ends="12:00", numbers=40, slot_minutes=30
    )
    for _ in range(2):
        pool.rooms.create(room=factories.room(of), expert=factories.expert(of))
    asked = extra | {"expert": "", "room": "", "like": pool.pk}
    both = client.post(reverse("admin:booking_session_extra"), asked | {"expert": extra["expert"]}, **ENGLISH)
    assert "Please choose an expert and a room, or a weekly template." in text(both)
    managers.confirm(client, reverse("admin:booking_session_extra"), asked)
    session = Session.objects.get()
    assert (session.title, session.expert, session.rooms.count(), session.slots.count()) == ("普通门诊", None, 2, 4)


def test_a_clerk_neither_sees_nor_changes_them(client, ahead):
    holiday = Holiday.objects.create(date=ahead.date, name="节日")
    client.force_login(staff.user("clerk", ahead.department), backend=staff.BACKEND)
    for step in (
        address("holiday_sessions", holiday), address("holiday_delete", holiday), address("session_call_off", ahead),
        address("session_stop", ahead), address("session_times", ahead), address("session_room", ahead),
        reverse("admin:booking_session_extra"),
    ):  # fmt: skip
        assert client.get(step).status_code == 403, step
        assert client.post(step, {"reason": "no"}).status_code == 403, step
    assert state_of(ahead) == "planned"
    assert Appointment.objects.filter(state="booked").count() == 2
