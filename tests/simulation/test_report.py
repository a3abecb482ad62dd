"""What is reported of simulated mornings: a case by hand, nobody lost, and how sure the figures are (R5.2, R7.1)."""

import json

import numpy as np
import pytest
from hypothesis import given, settings

from queueboard.simulation import batch, events, picture, policies, report, study, tables
from queueboard.simulation.scenario import NEVER, Patients, Plan, Scenario
from tests.simulation.worlds import worlds

MINUTE, HOUR = 60, 3600
SLOTS = ((0, HOUR), (HOUR, 2 * HOUR))


def minutes(*instants):
    return np.array([[NEVER if at is None else MINUTE * at for at in instants]], dtype=np.int32)


class TestByHand:
    """Visits of ten minutes, ward rounds until 8:15. Walk-ins of 7:30, 8:00 and 8:20 are called at 8:15, 8:25 and 8:35,
    one of 9:40 is refused. Booked for 9:00: 8:50, 9:05 and 9:58 are called at once, one comes at 10:30 when the session
    is over, one never."""

    SCENARIO = Scenario(
        slots=SLOTS, numbers=8, capacities=(6, 6), walk_ins=(1.0, 1.0, 1.0), bookings=5, visit_minutes=(10.0, 10.0)
    )
    PLAN = Plan(slots=SLOTS, bookable=(0, 5), walk_in=(3, 0), appointed=(HOUR,) * 5)
    PATIENTS = Patients(
        booked=np.arange(9) < 5,
        slot=np.array([1] * 5 + [-1] * 4, dtype=np.int32),
        at=minutes(50, 65, 118, 150, None, -30, 0, 20, 100),
        length=np.ones((1, 9)),
        back=np.full((1, 9), -1, dtype=np.int32),
        delay=np.array([15 * MINUTE], dtype=np.int32),
    )

    @pytest.fixture(params=[events, batch], ids=["events", "batch"])
    def measured(self, request):
        outcome = request.param.play(self.SCENARIO, self.PLAN, self.PATIENTS)
        return report.measured(self.SCENARIO, self.PLAN, self.PATIENTS, outcome)

    def test_waits_of_walk_ins_count_from_registration(self, measured):
        """R5.2: 45, 25 and 15 minutes; the first before the start, the others in the first hour."""
        figures, _ = measured
        assert figures["walk_in_mean"] == pytest.approx(85 / 3)
        assert figures["walk_in_median"] == pytest.approx(25)
        assert figures["walk_in_p90"] == pytest.approx(41)
        assert figures["walk_in_0"] == pytest.approx(45)
        assert figures["walk_in_1"] == pytest.approx(20)
        assert np.isnan(figures["walk_in_2"])

    def test_waits_of_booked_patients_count_from_the_slots_start_or_check_in(self, measured):
        """R5.2: called at 8:50 for 9:00 is no wait, and no negative one; the others were called as they came."""
        figures, _ = measured
        assert figures["booked_mean"] == figures["booked_p90"] == figures["booked_2"] == 0
        assert np.isnan(figures["booked_1"])

    def test_everybody_is_counted(self, measured):
        figures, _ = measured
        assert [figures[kind] for kind in ("seen", "refused", "absent", "unseen")] == [6, 1, 1, 1]

    def test_idle_time_and_overtime(self, measured):
        """Free 8:45-8:50, 9:00-9:05 and 9:15-9:58; the last visit ends at 10:08."""
        figures, _ = measured
        assert figures["idle"] == pytest.approx(5 + 5 + 43)
        assert figures["overtime"] == pytest.approx(8)

    def test_the_waiting_room(self, measured):
        figures, crowd = measured
        at = dict(zip((report.crowd_times(self.SCENARIO) // MINUTE).tolist(), crowd.tolist(), strict=True))
        # Who comes or is called in a minute that is looked at counts already.
        seen = [-60, -35, -30, 0, 10, 15, 20, 25, 30, 35, 60, 65, 120]
        assert [at[minute] for minute in seen] == [0, 0, 1, 2, 2, 1, 2, 1, 1, 0, 0, 0, 0]
        assert figures["crowd_most"] == 2

    def test_a_time_of_ones_own_is_what_the_wait_counts_from(self):
        """R5.2, R7.2: told to come at 9:30 and called before is no wait; told 8:20, it counts from then."""
        plan = Plan(slots=SLOTS, bookable=(0, 2), walk_in=(0, 0), appointed=(20 * MINUTE, 90 * MINUTE))
        who = Patients(
            booked=np.array([True, True]), slot=np.array([1, 1], dtype=np.int32), at=minutes(10, 5),
            length=np.ones((1, 2)), back=np.full((1, 2), -1, dtype=np.int32), delay=np.array([HOUR], dtype=np.int32),
        )  # fmt: skip
        outcome = batch.play(self.SCENARIO, plan, who)
        assert sorted(outcome.called[0] // MINUTE) == [60, 70]
        assert report.waits(plan, who, outcome)[0, 1] == 0
        assert report.waits(plan, who, outcome)[0, 0] == outcome.called[0, 0] / MINUTE - 20


@settings(deadline=None)
@given(worlds())
def test_whoever_came_is_seen_refused_or_gone_and_the_others_are_absent(world):
    """R4.11: nobody is lost or counted twice."""
    scenario, plan, who = world
    outcome = batch.play(scenario, plan, who)
    figures, crowd = report.measured(scenario, plan, who, outcome)
    came = (who.at < NEVER).sum() / len(who.at)
    assert figures["seen"] + figures["refused"] + figures["unseen"] == pytest.approx(came)
    assert figures["absent"] == pytest.approx((who.booked & (who.at == NEVER)).sum() / len(who.at))
    assert (crowd >= 0).all()
    assert figures["idle"] >= 0
    assert figures["overtime"] >= 0


def test_every_missed_call_is_no_idle_time():
    """One missed call of a minute, back at once: the expert called, waited a minute and saw the patient."""
    scenario = TestByHand.SCENARIO
    plan = Plan(slots=SLOTS, bookable=(0, 0), walk_in=(1, 0), appointed=())
    who = Patients(
        booked=np.array([False]), slot=np.array([-1], dtype=np.int32), at=minutes(0), length=np.ones((1, 1)),
        back=np.zeros((1, 1), dtype=np.int32), delay=np.zeros(1, dtype=np.int32),
    )  # fmt: skip
    figures, _ = report.measured(scenario, plan, who, batch.play(scenario, plan, who))
    assert figures["idle"] == 0
    assert figures["walk_in_mean"] == 0  # until the first call


# --- how sure the figures are

# Four booked patients at the start, the expert ten minutes late on average, one in five stays away: the first waits
# ten minutes on average, so does everybody where visits take no time.
KNOWN = Scenario(
    slots=((0, HOUR),), numbers=4, capacities=(4,), walk_ins=(0.0, 0.0), bookings=4, visit_minutes=(0.0,),
    start_delay=(10.0, 8.0), absent=0.2,
)  # fmt: skip


def test_the_interval_covers_the_truth_19_times_in_20():
    """Of 150 runs; 3.5 standard deviations of a binomial count."""
    covered = {"booked_mean": 0, "absent": 0}
    truth = {"booked_mean": 10.0, "absent": 0.8}
    runs = 150
    for seed in range(runs):
        figures = report.simulate(KNOWN, {"all": policies.all_booked}, count=100, seed=seed)["all"].figures
        for name in covered:
            covered[name] += abs(figures[name].value - truth[name]) <= figures[name].margin
    for count in covered.values():
        assert abs(count - 0.95 * runs) < 3.5 * np.sqrt(runs * 0.95 * 0.05)


@pytest.fixture(scope="module")
def reports():
    wanted = {name: policies.POLICIES[name] for name in ("study", "ours", "today", "none_booked")}
    return report.simulate(study.scenario(), wanted, count=600, seed=5)


def test_a_difference_on_the_same_mornings_is_surer_than_on_others(reports):
    """Common random numbers: the margin of the paired difference, beside that of independent mornings."""
    other = report.simulate(study.scenario(), {"ours": policies.ours}, count=600, seed=6)["ours"].figures
    for name in ("walk_in_mean", "booked_mean", "overtime"):
        paired = reports["study"].figures[name] - reports["ours"].figures[name]
        apart = reports["study"].figures[name] - other[name]
        assert paired.value == pytest.approx(reports["study"].figures[name].value - reports["ours"].figures[name].value)
        assert paired.margin < 0.6 * apart.margin


def test_a_seed_gives_the_same_figures_and_who_is_compared_changes_none(reports):
    alone = report.simulate(study.scenario(), {"ours": policies.ours}, count=600, seed=5)["ours"]
    for name, figure in alone.figures.items():
        np.testing.assert_array_equal(figure.groups, reports["ours"].figures[name].groups)
    np.testing.assert_array_equal(alone.crowd, reports["ours"].crowd)


def test_more_mornings_are_surer():
    few, many = (
        report.simulate(study.scenario(), {"ours": policies.ours}, count=count, seed=5)["ours"] for count in (200, 5000)
    )
    assert many.figures["walk_in_mean"].margin < 0.5 * few.figures["walk_in_mean"].margin
    assert many.crowd_margin.mean() < 0.5 * few.crowd_margin.mean()


def test_progress_tells_every_step_and_no_morning_is_refused():
    told = []
    report.simulate(
        KNOWN, {"all": policies.all_booked, "none": policies.none_booked}, count=1, seed=1,
        progress=lambda done, steps: told.append((done, steps)),
    )  # fmt: skip
    assert told == [(step, 2 * report.GROUPS) for step in range(1, 2 * report.GROUPS + 1)]
    with pytest.raises(ValueError, match="at least one"):
        report.simulate(KNOWN, {"all": policies.all_booked}, count=0, seed=1)


# --- as a table, a document and a picture


def test_a_table_has_a_line_for_each_policy_and_a_dash_for_nobody(reports):
    lines = list(tables.lines(study.scenario(), reports))
    for name in reports:
        assert sum(line.startswith(name) for line in lines) == 3
    assert [line.split()[-1] for line in lines if line.startswith("none_booked, booked")] == ["-"]
    # Each head stands above its column.
    upper, lower = lines[2 : lines.index("")], lines[lines.index("") + 2 :]
    assert upper[0].endswith("seen")
    assert lower[0].endswith("+4:00")
    assert len(set(map(len, upper))) == len(set(map(len, lower))) == 1


def test_a_document_is_plain_json_and_compares_with_the_first_policy(reports):
    document = json.loads(json.dumps(tables.document(study.scenario(), reports, study.SOURCES), allow_nan=False))
    ours = document["policies"]["ours"]
    assert document["first"] == "study"
    assert ours["figures"]["booked_1"] is None  # nobody can book the first slot
    assert ours["against_first"]["walk_in_mean"]["value"] == pytest.approx(
        ours["figures"]["walk_in_mean"]["value"] - document["policies"]["study"]["figures"]["walk_in_mean"]["value"],
        abs=2e-4,
    )
    assert len(ours["crowd"]) == len(ours["crowd_margin"]) == len(report.crowd_times(study.scenario()))


def test_a_picture_names_every_policy(reports):
    canvas = picture.waits_and_crowd(study.scenario(), reports, names={"ours": "our split"})
    left, right = canvas.axes
    assert [label.get_text() for label in left.get_yticklabels()] == ["study", "our split", "today", "none_booked"]
    assert [line.get_text() for line in right.get_legend().get_texts()] == [
        "study",
        "our split",
        "today",
        "none_booked",
    ]
