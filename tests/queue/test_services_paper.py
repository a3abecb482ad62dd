"""A morning on paper is entered afterwards: the same queue as if it had been pressed then, with its true times."""

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from booking import invariants as booking_invariants
from booking.models import Appointment, Outbox, PastVisit
from queueboard import invariants
from queueboard.models import QueueEvent
from queueboard.services import arrivals, calls, clock, lifecycle, paper, undo
from queueboard.services.paper import LEFT, MISSED, SEEN, DoesNotFit, Line
from tests import factories
from tests.factories import at

pytestmark = pytest.mark.django_db


@pytest.fixture
def morning():
    return factories.session()


@pytest.fixture
def room(morning):
    return morning.rooms.get().room_id


@pytest.fixture(autouse=True)
def _every_invariant_holds():
    yield
    assert [*booking_invariants.breaches(), *invariants.breaches()] == []


@pytest.fixture
def here(morning):
    """Who had a ticket when the power went: registered at 07:30."""
    return arrivals.register_walk_in(session_id=morning.pk, patient_id=factories.patient().pk, now=at("07:30"))


def sheet(morning, here, room):
    booked = factories.appointment(morning, 0)
    return [
        Line(row=1, ticket=here, room_id=room, called=at("08:01"), began=at("08:02"), ended=at("08:10"), outcome=SEEN),
        Line(row=2, appointment_id=booked.pk, number=2, room_id=room, came=at("07:50"), called=at("08:10"),
             began=at("08:11"), ended=at("08:25")),
        Line(row=3, name="李四", number=3, room_id=room, came=at("07:55"), called=at("08:25"), outcome=MISSED),
        Line(row=4, name="王五", number=4, came=at("08:05"), ended=at("08:20"), outcome=LEFT),
        Line(row=5, name="赵六", number=5, came=at("08:15")),
    ]  # fmt: skip


def test_what_was_on_paper_is_the_same_as_if_it_had_been_pressed_then(morning, here, room):
    """R4.4, R4.10, R6.3"""
    clerk = _clerk()
    told = Outbox.objects.count()
    entered = paper.enter(session_id=morning.pk, lines=sheet(morning, here, room), actor=clerk, now=at("10:00"))
    assert (entered.steps, entered.renamed) == (13, [])
    morning.refresh_from_db()
    seen = [
        (t.number, t.state, *(f"{m:%H:%M}" if m else "" for m in map(local, (t.arrived, t.called_at, t.ended_at))))
        for t in morning.tickets.order_by("number")
    ]
    assert seen == [
        (1, "done", "07:30", "08:01", "08:10"),
        (2, "done", "07:50", "08:10", "08:25"),
        (3, "missed", "07:55", "08:25", ""),
        (4, "left", "08:05", "", "08:20"),
        (5, "waiting", "08:15", "", ""),
    ]
    assert morning.tickets.get(number=2).served_seconds == 14 * 60
    events = QueueEvent.objects.filter(session=morning, entered_at=at("10:00"))
    assert [f"{local(event.at):%H:%M}" for event in events.order_by("version")] == [
        "07:50", "07:55", "08:01", "08:02", "08:05", "08:10", "08:10", "08:11", "08:15", "08:20", "08:25", "08:25",
        "08:25",
    ]  # fmt: skip
    # Nobody gets a message now of a call that was hours ago.
    assert Outbox.objects.count() == told


def local(moment):
    return timezone.localtime(moment) if moment else None


def test_history_learns_the_true_times(morning, here, room):
    """R2.1"""
    paper.enter(session_id=morning.pk, lines=sheet(morning, here, room), now=at("10:00"))
    lifecycle.close_session(session_id=morning.pk, now=at("12:30"))
    visits = PastVisit.objects.filter(started_at__isnull=False).order_by("started_at")
    assert [(f"{local(v.started_at):%H:%M}", v.seconds) for v in visits] == [("08:02", 480), ("08:11", 840)]


def test_all_of_a_sheet_is_entered_or_nothing_and_every_line_that_does_not_fit_is_named(morning, here, room):
    lines = [
        Line(row=1, ticket=here, room_id=room, called=at("07:20")),  # before the registration
        Line(row=2, name="李四", came=at("10:30")),  # to come
        Line(row=3, name="王五", came=at("06:00")),  # before registration opened
        Line(row=4, name="赵六", came=at("08:00"), began=at("08:10")),  # never called
        Line(row=5, name="孙七", room_id=room, came=at("08:20"), called=at("08:10")),  # called before
        Line(row=6, came=at("08:00")),  # nobody
        Line(row=7, name="周八", came=at("08:00")),
    ]
    with pytest.raises(DoesNotFit) as refused:
        paper.enter(session_id=morning.pk, lines=lines, now=at("10:00"))
    assert sorted(refused.value.problems) == [1, 2, 3, 4, 5, 6]
    assert morning.tickets.count() == 1


def test_two_at_a_time_in_a_room_do_not_fit(morning, here, room):
    lines = [
        Line(row=1, ticket=here, room_id=room, called=at("08:00"), ended=at("08:20")),
        Line(row=2, name="李四", room_id=room, came=at("07:40"), called=at("08:10")),
    ]
    with pytest.raises(DoesNotFit) as refused:
        paper.enter(session_id=morning.pk, lines=lines, now=at("10:00"))
    assert list(refused.value.problems) == [2]


def test_who_was_in_a_room_before_the_power_went_is_not_called_away_from_the_visit(morning, here, room):
    calls.call_next(session_id=morning.pk, room_id=room, now=at("08:00"))
    here.refresh_from_db()
    lines = [
        Line(row=1, ticket=here, ended=at("08:20")),
        Line(row=2, name="李四", room_id=room, came=at("07:40"), called=at("08:10")),
    ]
    with pytest.raises(DoesNotFit):
        paper.enter(session_id=morning.pk, lines=lines, now=at("10:00"))
    lines[1] = Line(row=2, name="李四", room_id=room, came=at("07:40"), called=at("08:20"))
    paper.enter(session_id=morning.pk, lines=lines, now=at("10:00"))
    assert [t.state for t in morning.tickets.order_by("number")] == ["done", "called"]


def test_what_the_queue_refuses_is_named_by_its_line_and_nothing_is_kept(morning, here, room):
    """R4.1: a walk-in beyond the last number."""
    lines = [Line(row=n, name=f"患者{n}", came=at("08:00")) for n in range(1, 24)]
    with pytest.raises(DoesNotFit) as refused:
        paper.enter(session_id=morning.pk, lines=lines, now=at("10:00"))
    # 22 walk-in numbers, one is taken.
    assert list(refused.value.problems) == [22, 23]
    assert morning.tickets.count() == 1


def test_a_number_that_is_somebody_elses_by_now_gives_way(morning, here, room):
    entered = paper.enter(
        session_id=morning.pk, lines=[Line(row=1, name="李四", number=1, came=at("08:00"))], now=at("10:00")
    )
    assert entered.renamed == [(1, "A002")]


def test_within_a_minute_the_numbers_on_paper_say_who_came_first(morning, here):
    """R4.2"""
    lines = [Line(row=1, name="王五", number=3, came=at("08:00")), Line(row=2, name="李四", number=2, came=at("08:00"))]
    assert paper.enter(session_id=morning.pk, lines=lines, now=at("10:00")).renamed == []
    assert [t.patient.name for t in morning.tickets.order_by("number")][1:] == ["李四", "王五"]


def test_a_sheet_is_taken_back_whole_until_something_has_followed(morning, here, room):
    """R4.10"""
    paper.enter(session_id=morning.pk, lines=sheet(morning, here, room), now=at("10:00"))
    calls.call_next(session_id=morning.pk, room_id=room, now=at("10:01"))  # 赵六
    with pytest.raises(paper.QueueError) as refused:
        paper.take_back(session_id=morning.pk, now=at("10:02"))
    assert refused.value.code == "followed"
    called = QueueEvent.objects.filter(session=morning, kind="call").last()
    undo.undo(event_id=called.pk, now=at("10:03"))
    assert paper.take_back(session_id=morning.pk, now=at("10:04")) == 13
    here.refresh_from_db()
    assert here.state == "waiting"
    assert Appointment.objects.get(session=morning).state == "booked"
    assert paper.last_entered(morning.pk) == []
    # Corrected, it is entered again.
    assert paper.enter(session_id=morning.pk, lines=[Line(row=1, ticket=here, room_id=room, called=at("08:01"))],
                       now=at("10:05")).steps == 1  # fmt: skip


def test_nobody_is_a_no_show_while_a_session_may_still_be_on_paper(morning, room):
    """R1.4: after the end, a queue that was printed and then was silent waits for what is on paper."""
    booked = factories.appointment(morning, 0)
    clerk = _clerk()
    paper.printed(session_id=morning.pk, actor=clerk, now=at("08:00"))
    assert clock.close_sessions(now=at("12:05")) == 0
    lines = [Line(row=1, appointment_id=booked.pk, room_id=room, came=at("08:05"), called=at("08:10"),
                  ended=at("08:20"))]  # fmt: skip
    paper.enter(session_id=morning.pk, lines=lines, actor=clerk, now=at("12:10"))
    assert clock.close_sessions(now=at("12:11")) == 1
    booked.refresh_from_db()
    assert booked.state == "seen"


def test_a_queue_that_was_printed_and_went_on_closes_as_ever(morning, room):
    clerk = _clerk()
    paper.printed(session_id=morning.pk, actor=clerk, now=at("08:00"))
    arrivals.leave(
        ticket_id=arrivals.register_walk_in(
            session_id=morning.pk, patient_id=factories.patient().pk, actor=clerk, now=at("08:05")
        ).pk,
        actor=clerk,
        now=at("08:06"),
    )
    assert clock.close_sessions(now=at("12:05")) == 1


def test_a_session_that_nobody_entered_closes_after_half_a_day(morning):
    paper.printed(session_id=morning.pk, actor=_clerk(), now=at("08:00"))
    assert clock.close_sessions(now=at("23:59")) == 0
    assert lifecycle.close_session(session_id=morning.pk, now=at("23:59")).state == "closed"


def _clerk():
    return User.objects.create(username="clerk", is_staff=True)
