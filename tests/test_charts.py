"""Pictures: marks stand where the figures are."""

import pytest
from django.utils import translation
from hypothesis import given
from hypothesis import strategies as st

from queueboard import charts, simulation_words

BEFORE = {"from": -60.0, "to": 0.0, "expected": 9.0}


def row(**figures):
    return {
        "clock": "08:00–09:00", "capacity": 12, "walk_ins": 6.0, "carry_in": 7.0, "carry": 1.0, "bookable": 3,
        "walk_in": 9,
    } | figures  # fmt: skip


def interval(**figures):
    return {"from": 0.0, "to": 60.0, "expected": 6.0} | figures


@given(st.floats(min_value=1e-6, max_value=1e6))
def test_an_axis_reaches_past_the_figure_in_a_few_round_steps(most):
    marks = charts.ticks(most)
    assert marks[-1] >= most * (1 - 1e-9)
    assert 2 <= len(marks) <= 10
    assert marks[0] == 0


def test_bars_stand_on_each_other_and_are_as_high_as_their_numbers():
    picture = charts.why([row()], [BEFORE, interval()], "07:00–08:00")
    before, slot = picture["columns"]
    base = picture["grid"].base
    assert slot.for_walk_ins.y + slot.for_walk_ins.height == pytest.approx(base, abs=0.2)
    assert slot.bookable.y + slot.bookable.height == pytest.approx(slot.for_walk_ins.y, abs=0.2)
    assert slot.for_walk_ins.height == pytest.approx(3 * slot.bookable.height, abs=0.5)
    assert slot.walk_ins.y + slot.walk_ins.height == pytest.approx(slot.carried_in.y, abs=0.2)
    assert slot.capacity.y == pytest.approx(slot.bookable.y, abs=0.2)  # 3 + 9 numbers fill a capacity of 12
    assert (before.carry, slot.carry) == ("9", "1")
    assert before.bookable is None


def test_a_whisker_is_drawn_where_the_calculation_predicts_and_only_there():
    without = charts.why([row()], [BEFORE, interval()], "")["columns"]
    assert [column.whisker for column in without] == [None, None]
    predicted = interval(low=2, high=30)
    picture = charts.why([row()], [BEFORE | {"low": 5, "high": 14}, predicted], "")
    whisker, grid = picture["columns"][1].whisker, picture["grid"]
    assert charts.TOP <= whisker.top < whisker.bottom <= grid.base


def test_a_session_without_time_before_the_start_has_no_column_for_it():
    assert len(charts.why([row()], [BEFORE | {"from": 0.0}, interval()], "")["columns"]) == 1


def test_nothing_at_all_is_a_picture_too():
    nothing = row(capacity=0, walk_ins=0.0, carry_in=0.0, carry=0.0, bookable=0, walk_in=0)
    column = charts.why([nothing], [BEFORE | {"expected": 0.0}, interval(expected=0.0)], "")["columns"][1]
    assert column.bookable is column.for_walk_ins is column.walk_ins is None


def policy(walk_in, booked, *, seen=40.0, margin=0.5):
    """A simulated policy's figures: means and 90th percentiles twice as long."""
    figures = {"seen": {"value": seen, "margin": 0.1}}
    for kind, mean in (("walk_in", walk_in), ("booked", booked)):
        figures[f"{kind}_mean"] = None if mean is None else {"value": mean, "margin": margin}
        figures[f"{kind}_p90"] = None if mean is None else {"value": 2 * mean, "margin": margin}
    return {"figures": figures}


def test_bars_of_waits_are_as_long_as_the_waits_and_end_before_their_worst():
    picture = charts.waits({"a": policy(30.0, 10.0), "b": policy(60.0, None)}, {"a": "A", "b": "B"})
    (walk_ins, booked), (longer,) = (row.bars for row in picture["rows"])
    assert walk_ins["width"] == pytest.approx(3 * booked["width"], abs=0.3)
    assert longer["width"] == pytest.approx(2 * walk_ins["width"], abs=0.3)
    assert longer["p90"] == pytest.approx(picture["grid"].left + 2 * longer["width"], abs=0.3)
    assert longer["kind"] == "walk_in"


def test_the_crowd_is_a_line_each_from_the_opening_on():
    document = {
        "crowd_from": -3600, "crowd_step": 1800, "scenario": {"slots": [[0, 3600]]},
        "policies": {"a": {"crowd": [0.0, 5.0, 10.0, 0.0, 0.0]}},
    }  # fmt: skip
    picture = charts.crowd(document, {"a": "A"})
    points = [tuple(map(float, point.split(","))) for point in picture["lines"][0]["points"].split()]
    base = picture["grid"].base
    assert [round((base - y) / charts.HEIGHT * 10) for _, y in points] == [0, 5, 10, 0, 0]
    assert picture["ends"] == pytest.approx(points[4][0], abs=0.2)  # an hour from the start: four steps in
    assert [hour["hour"] for hour in picture["hours"]] == ["-1", "0", "+1"]


def test_the_least_wait_is_named_with_those_that_may_be_as_short_and_without_those_that_see_fewer():
    policies = {
        "today": policy(90.0, 20.0), "study": policy(40.2, 30.0), "ours": policy(40.0, 35.0),
        "none_booked": policy(10.0, None, seen=20.0),
    }  # fmt: skip
    with translation.override("en"):
        walk_ins, booked, left_out = simulation_words.best(policies)
    assert "“the study's split / first come, first served”: 40.0 minutes" in walk_ins
    assert "“before the study”: 20.0 minutes" in booked
    assert "left out" in left_out
