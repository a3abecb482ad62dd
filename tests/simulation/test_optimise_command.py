"""manage.py optimise_split: a table, JSON, a picture; of the study's morning and of an expert's own past."""

import io
import json
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from queueboard.simulation import optimise
from tests import factories
from tests.booking.clinic import past


@pytest.fixture(autouse=True)
def _small(monkeypatch):
    for name, value in (("SEARCHED", 60), ("CHECKED", 60), ("FINALISTS", 3), ("MOST_TRIED", 40), ("LEVELS", 2)):
        monkeypatch.setattr(optimise, name, value)


def said(*options: str) -> str:
    out = io.StringIO()
    call_command("optimise_split", "--mornings", "40", *options, stdout=out)
    return out.getvalue()


def test_the_studys_morning_as_a_table():
    table = said()
    assert "study      bookable  0  0  3 18   walk-in  2 12  7  0   booked first" in table
    assert "splits tried" in table
    assert "what can be traded for what" in table


def test_the_same_as_json_and_as_a_picture(tmp_path):
    found = json.loads(said("--json", "--limits", "none", "--any-order", "--picture", str(tmp_path / "front.png")))
    chosen = found["optimum"]["chosen"]
    assert (sum(chosen["bookable"]), sum(chosen["walk_in"])) == (21, 21)
    assert found["policies"]["optimised"]["bookable"] == chosen["bookable"]
    assert found["optimum"]["front"]
    assert (tmp_path / "front.png").stat().st_size > 0


@pytest.mark.django_db
def test_of_an_expert_in_the_departments_own_order():
    expert = factories.expert(factories.department(booked_first=False, early_minutes=10))
    day = timezone.localtime(timezone.now() - timedelta(weeks=1))
    past(expert, day, *[{"start": f"08:{m:02d}", "seconds": 600, "arrived": "07:50", "booked": False} for m in (0, 10)])
    found = json.loads(said("--expert", expert.code, "--walk-ins-per-hour", "0.2", "--json"))
    assert found["optimum"]["start"]["order"] == {"booked_first": False, "early": 600, "missed_behind": 3}


@pytest.mark.django_db
@pytest.mark.parametrize(
    "options",
    [["--expert", "nobody"], ["--seed", "-1"], ["--weight", "2"], ["--weight", "x"], ["--walk-ins-per-hour", "3"]],
)
def test_what_cannot_be_is_said(options):
    with pytest.raises(CommandError):
        said(*options)
