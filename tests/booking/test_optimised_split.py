"""R2.5, R2.6: a manager chooses how an expert's numbers are split; the study's rule stays the default."""

from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import translation

from booking import invariants, why
from booking.errors import BookingError
from booking.models import Expert, Slot
from booking.services import appointments, quotas, sessions
from queueboard import optimised
from queueboard.simulation import optimise
from tests import factories
from tests.booking.clinic import WEEK_BEFORE, past, planned, slots, split_of
from tests.factories import at

pytestmark = pytest.mark.django_db

MONTH_BEFORE = at("12:00") - timedelta(days=30)


@pytest.fixture(autouse=True)
def _small(monkeypatch):
    """A search on few mornings says little about the best split, and all about how it is chosen and kept."""
    monkeypatch.setattr(optimise, "SEARCHED", 100)
    monkeypatch.setattr(optimise, "CHECKED", 200)
    monkeypatch.setattr(optimise, "FINALISTS", 3)
    monkeypatch.setattr(optimise, "MOST_TRIED", 60)
    yield
    assert list(invariants.breaches()) == []


def asked(split=((0, 10), (0, 10), (0, 10)), **fields):
    """A session of an expert for whom a manager has chosen simulation; 10 minutes a visit, walk-ins all morning."""
    of = factories.department(default_visit_minutes=10, default_walk_ins_per_hour=4)
    session = planned(split, of=of, **fields)
    Expert.objects.filter(pk=session.expert_id).update(split_by=Expert.SplitBy.OPTIMISED)
    return session


def recalculate(session, now=MONTH_BEFORE):
    return quotas.recalculate(session_id=session.pk, now=now)


def searches(monkeypatch):
    """How often a split is searched from here on."""
    calls = []
    monkeypatch.setattr(optimised, "optimise", lambda *a, **k: calls.append(a) or optimise.optimise(*a, **k))
    return calls


def chosen(monkeypatch, split):
    """As if the search had come to this."""

    class Found:
        better, tried = True, 1

        def __init__(self, scenario, start, **_):
            drawn = optimise.mornings.draw(scenario, 20, optimise.np.random.default_rng(1))
            self.start = optimise.judge(scenario, start, drawn)
            plan = optimise.policies.plan(start.slots, *zip(*split, strict=True))
            self.judged = optimise.judge(scenario, plan, drawn)

    monkeypatch.setattr(optimised, "optimise", Found)


def test_the_studys_rule_is_the_default(monkeypatch):
    calls = searches(monkeypatch)
    session = asked()
    Expert.objects.update(split_by=Expert._meta.get_field("split_by").default)
    assert "optimised" not in recalculate(session).basis
    assert not calls


def test_as_many_numbers_of_each_kind_as_by_the_studys_rule():
    session = asked()
    plan = recalculate(session)
    found = plan.basis["optimised"]
    assert split_of(session) == [tuple(pair) for pair in found["chosen"]["split"]]
    assert [sum(kind) for kind in zip(*split_of(session), strict=True)] == [
        sum(kind) for kind in zip(*found["study"]["split"], strict=True)
    ]


def test_what_the_search_chose_is_what_the_session_gets(monkeypatch):
    session = asked()
    chosen(monkeypatch, [(5, 1), (4, 2), (3, 15)])
    plan = recalculate(session)
    assert split_of(session) == [(5, 1), (4, 2), (3, 15)]
    assert [row["locked"] for row in plan.rows] == [False] * 3
    assert [(row["bookable"], row["walk_in"]) for row in plan.rows] == split_of(session)


def test_a_new_session_is_split_so_from_the_start(monkeypatch):
    session = asked()
    chosen(monkeypatch, [(5, 1), (4, 2), (3, 15)])
    session.department.refresh_from_db()  # its release time is text until then
    made = sessions.make_session(
        department=session.department,
        expert=Expert.objects.get(pk=session.expert_id),
        starts_at=session.starts_at + timedelta(days=7),
        ends_at=session.ends_at + timedelta(days=7),
        numbers_in_all=30,
        now=MONTH_BEFORE,
    )
    assert split_of(made) == [(5, 1), (4, 2), (3, 15)]


def test_twice_the_same_and_not_searched_again(monkeypatch):
    """R2.6: nothing has changed, so nothing is written, and nothing is simulated."""
    session = asked()
    first = recalculate(session)
    before = split_of(session)
    calls = searches(monkeypatch)
    assert recalculate(session).pk == first.pk
    assert not calls
    assert split_of(session) == before


def test_without_what_is_stored_the_same_comes_out_again():
    """R2.6: the same history, the same result."""
    session = asked()
    with transaction.atomic():
        first = recalculate(session)
        transaction.set_rollback(True)
    again = recalculate(session)
    assert (again.basis, again.rows) == (first.basis, first.rows)


def test_new_history_is_searched_anew(monkeypatch):
    session = asked()
    recalculate(session)
    calls = searches(monkeypatch)
    visits = [{"start": f"08:{minute:02d}", "seconds": 240} for minute in range(0, 60, 5)]
    past(session.expert, at("00:00") - timedelta(weeks=1), *visits)
    recalculate(session)
    assert len(calls) == 1


def test_back_to_the_studys_rule_the_next_calculation_is_the_studys(monkeypatch):
    session = asked()
    chosen(monkeypatch, [(5, 1), (4, 2), (3, 15)])
    study = recalculate(session).basis["optimised"]["study"]["split"]
    Expert.objects.update(split_by=Expert.SplitBy.STUDY)
    assert "optimised" not in recalculate(session).basis
    assert split_of(session) == [tuple(pair) for pair in study]


def test_booked_numbers_stay_and_locked_slots_too():
    """R2.4, R2.5: by hand, after the release."""
    session = asked(((3, 7), (5, 5), (4, 6)))
    for _ in range(2):
        appointments.book(patient_id=factories.patient().pk, slot_id=slots(session)[0].pk, now=WEEK_BEFORE)
    Slot.objects.filter(session=session, index=1).update(locked=True)
    recalculate(session, now=WEEK_BEFORE)
    split = split_of(session)
    assert split[0][0] >= 2
    assert split[1] == (5, 5)
    assert sum(map(sum, split)) == 30


def test_somebody_books_while_it_is_searched(monkeypatch):
    """What was found is for another state of the slots: nothing moves, and the manager is told."""
    session = asked(((3, 7), (5, 5), (4, 6)))
    choose = quotas.splits.choose

    def booked_meanwhile(*args):
        choice = choose(*args)
        appointments.book(patient_id=factories.patient().pk, slot_id=slots(session)[0].pk, now=WEEK_BEFORE)
        return choice

    monkeypatch.setattr(quotas.splits, "choose", booked_meanwhile)
    with pytest.raises(BookingError, check=lambda error: error.code == "changed_meanwhile"):
        recalculate(session, now=WEEK_BEFORE)
    assert split_of(session) == [(3, 7), (5, 5), (4, 6)]


def test_where_no_split_is_possible_it_says_why_as_ever():
    session = asked()
    Slot.objects.filter(session=session).update(locked=True)
    type(session).objects.filter(pk=session.pk).update(numbers=31)
    with pytest.raises(BookingError, check=lambda error: error.code == "quota_all_locked"):
        recalculate(session)
    type(session).objects.filter(pk=session.pk).update(numbers=30)


class TestWhy:
    @pytest.fixture(autouse=True)
    def _in_english(self):
        with translation.override("en"):
            yield

    def test_it_says_that_a_manager_chose_and_what_simulation_found(self, monkeypatch):
        session = asked()
        chosen(monkeypatch, [(5, 1), (4, 2), (3, 15)])
        plan = recalculate(session)
        told = why.sentences(plan)
        found = plan.basis["optimised"]
        assert "A manager has chosen simulation for this expert" in told[-2]
        assert f"walk-ins wait {found['chosen']['walk_in']:g} minutes" in told[-1]
        assert f"({found['study']['walk_in']:g})" in told[-1] or f"split {found['study']['walk_in']:g}" in told[-1]
        assert "Simulation puts 5 to book (0 are booked) and 1 for walk-ins here" in why.sentence(
            plan.rows[0], plan.basis
        )

    def test_where_the_studys_split_stands_it_says_so(self):
        plan = recalculate(asked())
        plan.basis["optimised"]["better"] = False
        assert "none is better beyond doubt than the study's" in why.sentences(plan)[-1]
        assert "So " in why.sentence(plan.rows[0], plan.basis)
