"""Simulations that managers ask for: one at a time, the same outcome run twice or killed halfway."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from booking.errors import BookingError
from queueboard.models import Simulation
from queueboard.services import simulations
from queueboard.services.simulations import Assumptions
from queueboard.simulation import report, study
from queueboard.tasks import run_simulations
from tests.faces import managers

pytestmark = pytest.mark.django_db
State = Simulation.State


def ask(**given):
    usual = {"expert": None, "policies": ["today", "study"], "mornings": 40, "seed": 3, "actor": None}
    return simulations.ask(**{"assumptions": Assumptions()} | usual | given)


def code_of(call, *args, **given):
    with pytest.raises(BookingError) as refusal:
        call(*args, **given)
    return refusal.value.code


def test_it_is_played_by_the_worker_and_run_twice_it_does_nothing_the_second_time():
    asked = ask()
    assert run_simulations() == 1
    asked.refresh_from_db()
    assert (asked.state, asked.progress, asked.run) == (State.DONE, 100, 1)
    assert set(asked.result["policies"]) == {"today", "study"}
    first = asked.result
    assert run_simulations() == 0
    asked.refresh_from_db()
    assert (asked.run, asked.result) == (1, first)


def test_killed_halfway_it_is_said_to_be_stopped_and_run_again_ends_the_same(monkeypatch):
    untouched, killed = ask(), ask()
    simulations.run_next()
    real = report.simulate

    def dies(*args, progress, **given):
        def until_half(done, steps):
            progress(done, steps)
            if 2 * done > steps:
                raise SystemExit

        return real(*args, progress=until_half, **given)

    monkeypatch.setattr(report, "simulate", dies)
    with pytest.raises(SystemExit):
        simulations.run_next()
    monkeypatch.undo()
    killed.refresh_from_db()
    assert killed.state == State.RUNNING
    assert not simulations.is_silent(killed, timezone.now())
    later = timezone.now() + simulations.SILENT + timedelta(seconds=1)
    assert simulations.is_silent(killed, later)
    assert simulations.run_next(now=later) is None
    killed.refresh_from_db()
    assert killed.state == State.STOPPED
    simulations.again(simulation_id=killed.pk)
    simulations.run_next()
    killed.refresh_from_db()
    untouched.refresh_from_db()
    assert (killed.state, killed.run) == (State.DONE, 2)
    assert killed.result == untouched.result


def test_a_run_taken_for_dead_writes_nothing_any_more(monkeypatch):
    asked = ask()
    real = report.simulate

    def overtaken(*args, **given):
        Simulation.objects.filter(pk=asked.pk).update(run=7, state=State.WAITING)
        return real(*args, **given)

    monkeypatch.setattr(report, "simulate", overtaken)
    simulations.run_next()
    asked.refresh_from_db()
    assert (asked.state, asked.run, asked.result, asked.progress) == (State.WAITING, 7, None, 0)


def test_one_is_played_at_a_time_and_the_database_itself_refuses_a_second():
    first, second = ask(), ask()
    Simulation.objects.filter(pk=first.pk).update(state=State.RUNNING, heard_at=timezone.now())
    assert simulations.run_next() is None
    second.refresh_from_db()
    assert second.state == State.WAITING
    with pytest.raises(IntegrityError), transaction.atomic():
        Simulation.objects.filter(pk=second.pk).update(state=State.RUNNING)


def test_none_is_done_without_a_result():
    asked = ask()
    with pytest.raises(IntegrityError), transaction.atomic():
        Simulation.objects.filter(pk=asked.pk).update(state=State.DONE)


def test_what_cannot_be_played_has_failed_and_the_next_is_played(monkeypatch):
    broken, fine = ask(), ask()
    Simulation.objects.filter(pk=broken.pk).update(asked=broken.asked | {"policies": ["gone"]})
    simulations.run_next()
    simulations.run_next()
    broken.refresh_from_db()
    fine.refresh_from_db()
    assert (broken.state, fine.state) == (State.FAILED, State.DONE)
    assert code_of(simulations.again, simulation_id=fine.pk) == "not_stopped"
    simulations.again(simulation_id=broken.pk)


def test_one_that_lies_about_says_that_no_worker_runs():
    asked = ask()
    soon, later = timezone.now(), timezone.now() + timedelta(minutes=1)
    assert not simulations.is_left_lying(asked, soon)
    assert simulations.is_left_lying(asked, later)
    other = ask()
    Simulation.objects.filter(pk=other.pk).update(state=State.RUNNING, heard_at=later)
    assert not simulations.is_left_lying(asked, later)


def test_what_is_too_much_for_the_machine_is_refused_with_how_much_is_not():
    assert code_of(ask, mornings=simulations.MOST_MORNINGS + 1) == "too_big"
    many = Assumptions(walk_ins=300)
    with pytest.raises(BookingError, match=r"\d\d+") as refusal:
        ask(mornings=20_000, policies=["today", "study", "ours", "all_booked", "none_booked"] * 3, assumptions=many)
    assert refusal.value.status == 400
    for _ in range(simulations.MOST_WAITING):
        ask()
    assert code_of(ask) == "too_many_wait"


def test_what_is_supposed_is_in_the_scenario_and_said_to_be_assumed():
    asked = ask(assumptions=Assumptions(walk_ins=150, visits=200, absent=10, instead=50))
    scenario, usual = simulations.scenario_of(asked), study.scenario()
    assert sum(scenario.walk_ins) == pytest.approx(1.5 * sum(usual.walk_ins))
    assert scenario.visit_minutes == tuple(2 * each for each in usual.visit_minutes)
    assert (scenario.absent, scenario.instead) == (0.1, 0.5)
    assert [kind for kind, origin in asked.asked["sources"].items() if origin == "stated"] == [
        "visits", "walk_ins", "absent",
    ]  # fmt: skip


def test_the_scenario_stays_as_it_was_when_asked():
    """What is recorded meanwhile changes no outcome."""
    doctor = managers.expert()
    managers.log(doctor, mornings=3, last=managers.today() - timedelta(days=7))
    managers.planned(doctor)
    asked = ask(expert=doctor)
    before = simulations.scenario_of(asked)
    managers.log(doctor, mornings=3, last=managers.today() - timedelta(days=3), wait=90)
    asked.refresh_from_db()
    assert simulations.scenario_of(asked) == before
    assert asked.asked["sources"]["walk_ins"] == "expert"


def test_an_expert_without_any_session_is_refused():
    assert code_of(ask, expert=managers.expert()) == "no_history"
