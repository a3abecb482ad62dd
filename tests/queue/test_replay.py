"""A recorded half-day played through the live queue (manage.py replay)."""

from random import Random

import pytest
from django.core.management import CommandError, call_command
from hypothesis import given, settings
from hypothesis import strategies as st

from booking import importing
from booking import invariants as booking_invariants
from booking.models import Department, Session
from queueboard import invariants, replay
from queueboard.models import Board, QueueEvent, Ticket
from tests import factories

FAST = 40_000.0  # a half-day in less than half a second
HEADER = "session,month,day_of_week,working_day,half_day,position,visit_no,start_time,service_s"
ROWS = (
    "7,May,Monday,True,morning,1,1,8:31:00,600",
    "7,May,Monday,True,morning,2,4,8:41:00,900",
    "7,May,Monday,True,morning,3,2,9:05:00,300",
    "7,May,Monday,True,morning,4,1,10:50:00,700",
    "7,May,Monday,True,morning,5,1,11:55:00,1200",
)


def file(folder, *rows):
    path = folder / "visits.csv"
    path.write_text("\n".join((HEADER, *rows)))
    return path


@pytest.fixture
def parsed(tmp_path):
    return importing.parse(file(tmp_path, *ROWS))


@pytest.fixture
def visits(parsed):
    return replay.half_day(parsed, 7, rng=Random(1))


def breaches():
    return [*booking_invariants.breaches(), *invariants.breaches()]


def test_visits_are_as_recorded(visits):
    assert [visit.started for visit in visits] == [1860, 2460, 3900, 10200, 14100]
    assert [visit.seconds for visit in visits] == [600, 900, 300, 700, 1200]
    assert [visit.slot for visit in visits] == [0, 0, 1, 2, 3]
    assert [visit.first_visit for visit in visits] == [True, False, False, True, True]


@settings(deadline=None)
@given(st.integers(), st.lists(st.integers(-600, 17_000), min_size=1, max_size=40, unique=True))
def test_made_up_arrivals_keep_the_recorded_order_and_come_in_time(seed, begun):
    begun = sorted(begun)
    slots = [min(max(0, at // 3600), 3) for at in begun]
    came = replay._arrivals(slots, begun, Random(seed))
    assert all(-3600 <= arrived <= started for arrived, started in zip(came, begun, strict=True))
    for slot in set(slots):
        within = [arrived for arrived, at in zip(came, slots, strict=True) if at == slot]
        assert within == sorted(within)


def test_an_unknown_session_is_an_error(parsed):
    with pytest.raises(ValueError, match="99"):
        replay.half_day(parsed, 99, rng=Random(1))


@pytest.mark.django_db
def test_everybody_is_called_started_and_finished_in_the_recorded_order(visits):
    heard = []
    stage = replay.prepare(visits=visits, speed=FAST)
    result = replay.play(stage, on_event=lambda kind, number: heard.append((kind, number)))
    assert (result.visits, result.out_of_order, result.refused, result.finished) == (5, 0, [], True)
    assert sum(kind == "check_in" for kind, _ in heard) == 5
    session = Session.objects.get(pk=stage.session_id)
    assert session.state == "closed"
    assert result.events == session.version
    called = QueueEvent.objects.filter(session=session, kind="call").order_by("version")
    assert [event.ticket.token for event in called] == list(stage.tokens)
    assert set(Ticket.objects.values_list("state", flat=True)) == {"done"}
    assert breaches() == []


@pytest.mark.django_db
def test_a_real_half_day_is_played_as_recorded(consultations):
    visits = replay.half_day(importing.parse(consultations), 1, rng=Random(1))
    result = replay.play(replay.prepare(visits=visits, speed=FAST))
    assert (result.visits, result.out_of_order, result.refused) == (len(visits), 0, [])
    assert breaches() == []


@pytest.mark.django_db
def test_a_visit_lasts_as_long_as_recorded_divided_by_the_speed(visits):
    stage = replay.prepare(visits=visits[:2], speed=4_000)
    replay.play(stage)
    first = Ticket.objects.get(token=stage.tokens[0])
    assert (first.ended_at - first.started_at).total_seconds() == pytest.approx(600 / 4_000, abs=0.1)


@pytest.mark.django_db
def test_the_replay_touches_nothing_but_its_own_department(visits):
    other = factories.session()
    before = other.version, list(other.slots.values_list("booked", "registered"))
    replay.play(replay.prepare(visits=visits, speed=FAST, boards=3))
    other.refresh_from_db()
    assert (other.version, list(other.slots.values_list("booked", "registered"))) == before
    assert set(Session.objects.exclude(pk=other.pk).values_list("department__slug", flat=True)) == {replay.DEPARTMENT}
    assert list(Board.objects.values_list("slug", flat=True)) == ["replay", "replay-2", "replay-3"]


@pytest.mark.django_db
def test_an_expert_of_another_department_is_refused(visits):
    factories.expert(factories.department(), code="chen")
    with pytest.raises(ValueError, match="another department"):
        replay.prepare(visits=visits, speed=FAST, expert="chen")


@pytest.mark.django_db
def test_stopped_halfway_the_session_is_closed_and_everybody_settled(visits):
    """Ctrl-C; R1.4."""
    stage = replay.prepare(visits=visits, speed=FAST)

    def stop(kind, number):
        if kind == "start":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        replay.play(stage, on_event=stop)
    assert Session.objects.get(pk=stage.session_id).state == "closed"
    assert not Ticket.objects.filter(state__in=("waiting", "called", "serving")).exists()
    assert breaches() == []


@pytest.mark.django_db
def test_what_a_killed_replay_left_is_closed_by_the_next(visits):
    killed = replay.prepare(visits=visits, speed=FAST)
    replay._open(killed)
    result = replay.play(replay.prepare(visits=visits, speed=FAST))
    assert (result.visits, result.refused) == (5, [])
    assert Session.objects.get(pk=killed.session_id).state == "closed"
    assert breaches() == []


@pytest.mark.django_db
def test_the_command_names_bad_rows_and_sums_up(tmp_path, capsys):
    path = file(tmp_path, *ROWS, "7,May,Monday,True,morning,6,1,noon,1200")
    call_command("replay", str(path), "--speed", str(FAST))
    said = capsys.readouterr()
    assert "5" in said.out.splitlines()[-1]
    assert any("7" in line and "noon" in line for line in said.err.splitlines())


@pytest.mark.django_db
@pytest.mark.parametrize("rows", [(), ("7,May,Monday,True,morning,6,1,noon,1200",)])
def test_a_file_without_a_good_row_makes_nothing(tmp_path, rows):
    with pytest.raises(CommandError):
        call_command("replay", str(file(tmp_path, *rows)))
    assert not Department.objects.exists()


@pytest.mark.parametrize("speed", ["0", "-1", "nan", "fast", "1e9"])
def test_a_speed_that_is_none_is_refused(tmp_path, speed):
    with pytest.raises(CommandError):
        call_command("replay", str(file(tmp_path, *ROWS)), "--speed", speed)
