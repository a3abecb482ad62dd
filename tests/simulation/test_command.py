"""manage.py simulate: the table, the document, the picture, and one sentence for each input that is none (R7)."""

import io
import json
import sys
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone, translation

from queueboard import own_past
from queueboard.models import Ticket
from queueboard.simulation.policies import POLICIES
from tests import factories
from tests.booking.clinic import past, planned

MORNINGS = ("--mornings", "40")
TOP = {"mornings", "seed", "scenario", "sources", "first", "crowd_from", "crowd_step", "policies"}
PER_POLICY = {
    "slots", "bookable", "walk_in", "booked_first", "figures", "against_first", "crowd", "crowd_margin",
}  # fmt: skip
FIGURES = {
    *(f"{kind}_{what}" for kind in ("walk_in", "booked") for what in ("mean", "median", "p90")),
    *(f"walk_in_{interval}" for interval in range(5)), *(f"booked_{slot}" for slot in range(1, 5)),
    "seen", "refused", "absent", "unseen", "idle", "overtime", "crowd_most",
}  # fmt: skip


@pytest.fixture(autouse=True)
def _english():
    with translation.override("en"):
        yield


def simulate(*args):
    """What it prints."""
    out = io.StringIO()
    call_command("simulate", *MORNINGS, *args, stdout=out)
    return out.getvalue()


@pytest.fixture
def expert():
    """Without any past, with a session planned for next week."""
    tomorrow = timezone.localtime() + timedelta(days=7)
    return planned(day=tomorrow).expert


class TestTheStudysMorning:
    def test_a_table_of_all_policies_and_what_it_rests_on(self):
        said = simulate()
        for name in POLICIES:
            assert f"\n{name} " in said
        assert "±" in said
        assert said.splitlines()[-1] == "missed calls: the study's, or assumed where it is silent"

    def test_only_the_policies_asked_for_each_once(self):
        said = json.loads(simulate("--json", "--policy", "ours", "study", "ours"))
        assert list(said["policies"]) == ["ours", "study"]
        assert said["first"] == "ours"

    def test_the_document_has_the_keys_that_docs_simulation_md_names(self):
        said = json.loads(simulate("--json"), parse_constant=pytest.fail)
        assert set(said) == TOP
        assert set(said["policies"]) == set(POLICIES)
        for policy in said["policies"].values():
            assert set(policy) == PER_POLICY
            assert set(policy["figures"]) == set(policy["against_first"]) == FIGURES
        assert said["scenario"]["start_delay"] == [48.0, 6.0]
        assert (said["mornings"], said["seed"]) == (40, 1)

    def test_a_seed_repeats_to_the_letter(self):
        assert simulate("--json", "--seed", "7") == simulate("--json", "--seed", "7")
        assert simulate("--json", "--seed", "7") != simulate("--json", "--seed", "8")

    @pytest.mark.parametrize(("name", "begins"), [("waits.png", b"\x89PNG"), ("waits.svg", b"<?xml")])
    def test_a_picture(self, tmp_path, name, begins):
        simulate("--policy", "ours", "--picture", str(tmp_path / name))
        assert (tmp_path / name).read_bytes().startswith(begins)


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize(("stream", "shown"), [(io.StringIO, False), (Terminal, True)])
def test_progress_is_shown_on_a_terminal_only(monkeypatch, stream, shown):
    monkeypatch.setattr(sys, "stderr", stream())
    simulate("--policy", "ours")
    assert bool(sys.stderr.getvalue()) == shown


@pytest.mark.django_db
class TestAnExpert:
    def test_without_any_past_it_says_that_the_figures_are_stated(self, expert):
        said = simulate("--expert", expert.code)
        assert "visit lengths: as the department states" in said
        assert "walk-ins: as the department states" in said
        assert "no-shows: assumed" in said

    def test_the_document_says_so_too(self, expert):
        sources = json.loads(simulate("--expert", expert.code, "--json"))["sources"]
        assert (sources["visits"], sources["walk_ins"], sources["absent"]) == ("default", "default", "stated")

    def test_the_late_start_is_the_measured_one(self, expert):
        """First visits at 8:10, 8:20 and 8:30: 20 minutes late, give or take 8."""
        for weeks, minute in ((1, 10), (2, 20), (3, 30)):
            day = timezone.localtime() - timedelta(weeks=weeks)
            past(expert, day, {"start": f"08:{minute}", "seconds": 300}, {"start": "09:00", "seconds": 300})
        own = own_past.of_expert(expert)
        assert own.scenario.start_delay == (pytest.approx(20), pytest.approx(8.165, abs=0.001))
        assert own.sources["start_delay"] == own.sources["visits"] == "expert"

    def test_missed_calls_are_the_measured_ones(self, expert):
        """Of 50 called ten missed their call, and four of these never came back."""
        of = factories.session(split=((0, 50),), state="closed")
        of.expert = expert
        of.save()
        slot = of.slots.get()
        Ticket.objects.bulk_create(
            Ticket(
                session=of, slot=slot, number=number, patient=factories.patient(), booked=False, arrived=of.starts_at,
                state="not_seen" if number <= 4 else "done", called_no=number, misses=int(number <= 10),
                turned_up=of.ends_at if 4 < number <= 10 else None,
            )
            for number in range(1, 51)
        )  # fmt: skip
        own = own_past.of_expert(expert)
        assert (own.scenario.missed, own.scenario.never_back) == (0.2, 0.4)
        assert own.sources["missed"] == "expert"

    def test_walk_ins_can_be_stated(self, expert):
        said = json.loads(simulate("--expert", expert.code, "--walk-ins-per-hour", "6", "--json"))
        assert said["sources"]["walk_ins"] == "stated"
        assert said["scenario"]["walk_ins"] == [6.0] * 3  # the hour before, then each of two hours

    def test_where_walk_ins_take_all_numbers_it_says_so(self, expert):
        """What is compared then is the order alone."""
        sentence = "Walk-ins alone take all numbers"
        assert sentence in simulate("--expert", expert.code, "--walk-ins-per-hour", "20")
        assert sentence not in simulate("--expert", expert.code, "--walk-ins-per-hour", "1")

    def test_neither_planned_nor_past(self):
        expert = factories.expert(factories.department())
        with pytest.raises(CommandError, match="neither a planned nor a past session"):
            simulate("--expert", expert.code)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("args", "sentence"),
    [
        (["--expert", "nobody"], "There is no expert with the code nobody."),
        (["--policy", "ours", "theirs"], "There is no policy named theirs; there are today, "),
        (["--seed", "-1"], "--seed is a whole number from 0 to "),
        (["--seed", "one"], "--seed is a whole number from 0 to "),
        (["--mornings", "0"], "--mornings is a whole number from 1 to 1000000."),
        (["--mornings", "1000001"], "--mornings is a whole number from 1 to 1000000."),
        (["--mornings", "1.5"], "--mornings is a whole number from 1 to 1000000."),
        (["--mornings", "²"], "--mornings is a whole number from 1 to 1000000."),
        (["--walk-ins-per-hour", "6"], "Walk-ins an hour can be given for an expert's own past only."),
        (["--expert", "e", "--walk-ins-per-hour", "nan"], "--walk-ins-per-hour is a number from 0 to 120."),
        (["--expert", "e", "--walk-ins-per-hour", "121"], "--walk-ins-per-hour is a number from 0 to 120."),
        (["--expert", "e", "--walk-ins-per-hour", "many"], "--walk-ins-per-hour is a number from 0 to 120."),
        (["--picture", "waits.docx"], "The picture's name ends in .png or .svg."),
        (["--picture", "/nowhere/waits.png"], "The picture cannot be written to /nowhere/waits.png: "),
    ],
)
def test_a_bad_input_is_answered_by_one_sentence(args, sentence):
    with pytest.raises(CommandError) as refused:
        simulate(*args)
    said = str(refused.value)
    assert said.startswith(sentence)
    assert said.count("\n") == 0


def test_the_sentence_can_be_read_in_the_language_of_the_reader():
    with translation.override("zh-hans"), pytest.raises(CommandError, match="只有按专家"):
        simulate("--walk-ins-per-hour", "6")
