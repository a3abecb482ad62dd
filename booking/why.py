"""The answer to "why 3 bookable at 9-10?" (R2.5): a stored quota calculation, put into sentences.

The calculation holds codes and figures only, so that each reader gets it in their own language.
"""

from dataclasses import dataclass
from typing import Any

from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from booking.models import QuotaPlan


def sentences(plan: QuotaPlan) -> list[str]:
    """What the whole calculation rests on: history of visits, of walk-ins, and how the numbers were estimated."""
    visits, walk_ins = plan.basis["visits"], plan.basis["walk_ins"]
    told = [_history_of_visits(visits, plan.basis["half_day"]), _history_of_walk_ins(walk_ins, plan.basis["half_day"])]
    if visits["waiting_seen_by"] in ("no_break", "both"):
        told.append(
            _("Where arrivals are not known, patients count as waiting when one visit followed the other at once.")
        )
    told += _weights(walk_ins)
    if plan.basis["rooms"] > 1:
        told.append(_("Patients are seen in %(rooms)d rooms side by side.") % {"rooms": plan.basis["rooms"]})
    before = walk_ins["intervals"][0]
    told.append(
        _("Before the start %(expected)s walk-ins are expected; they wait for the first slots with numbers for them.")
        % {"expected": _figure(before["expected"])}
        + _range(before)
    )
    if "optimised" in plan.basis:
        told += _optimised(plan.basis["optimised"])
    return told


def reasons() -> dict[str, str]:
    """Why a slot's capacity is what it is (booking.quota.CapacityReason), in short."""
    return {
        "visit_length": _("slot length / mean visit"),
        "late_start": _("observed: far fewer were seen although patients waited (late start)"),
        "default_visit": _("no visit on record: the mean of the others, or the department's"),
    }


@dataclass(frozen=True, slots=True)
class Rival:
    """How well one way to estimate foretold sessions that it had not seen: errors, better low."""

    name: str
    log_score: float | None
    absolute_error: float | None
    used: bool


def rivals(basis: dict[str, Any]) -> list[Rival]:
    """The estimator used and those it was compared with on sessions held out (R2.2); empty where none was compared."""
    walk_ins = basis["walk_ins"]
    if not walk_ins.get("rivals"):
        return []
    names = {
        "sampled": _("the study's sampled minutes"),
        "plain_mean": _("the plain mean of all past sessions"),
        "four_weeks": _("the mean of the last four weeks"),
    }
    # In the order of the names: PostgreSQL keeps none.
    beside = [(name, walk_ins["rivals"][key]) for key, name in names.items() if key in walk_ins["rivals"]]
    told = [(_("all arrivals, recent sessions weigh more"), walk_ins), *beside]
    return [
        Rival(name, scores["log_score"], scores["absolute_error"], scores is walk_ins)
        for name, scores in told
    ]  # fmt: skip


def _weights(walk_ins: dict[str, Any]) -> list[str]:
    """How the past sessions are weighed (R2.2), as far as the calculation says it."""
    if walk_ins["estimator"] != "weighted":
        return []
    told = []
    if walk_ins["half_life_days"] is None:
        told.append(_("All these sessions count alike, however old they are."))
    else:
        words = _("Recent sessions weigh more: one that is %(days)s days older counts half.")
        told.append(words % {"days": _figure(walk_ins["half_life_days"])})
    if walk_ins["weekday"] != "alike":
        told.append(_("Weekdays differ with this expert: how many come on the same weekday counts for more."))
    words = _("Together they say as much as %(sessions)s sessions of equal weight.")
    told.append(words % {"sessions": _figure(walk_ins["effective_sessions"])})
    share = round(100 * walk_ins["department_share"])
    if share:
        words = _("%(share)d%% of the estimate comes from the department, as the expert's own record is short.")
        told.append(words % {"share": share})
    return told


def _range(interval: dict[str, Any]) -> str:
    """The predictive interval of an interval's walk-ins, where the calculation has one that says anything."""
    if "low" not in interval or "high" not in interval or interval["low"] == interval["high"]:
        return ""
    words = _("On eight days of ten %(low)s to %(high)s walk-ins come.")
    return " " + words % {"low": _figure(interval["low"]), "high": _figure(interval["high"])}


def sentence(row: dict[str, Any], basis: dict[str, Any]) -> str:
    """One slot's line: its capacity with the reason, its demand, its split. `row`, `basis`: of the same QuotaPlan."""
    interval = basis["walk_ins"]["intervals"][row["slot"] + 1]
    told = [_capacity(row, basis), _demand(row) + _range(interval), _split(row, basis)]
    if row["overtime"]:
        told.append(
            ngettext(
                "That is %(count)d number beyond the slot's capacity, about %(minutes)s minutes of overtime.",
                "That is %(count)d numbers beyond the slot's capacity, about %(minutes)s minutes of overtime.",
                row["overtime"],
            )
            % {"count": row["overtime"], "minutes": _figure(row["overtime_minutes"])}
        )
    return " ".join(told)


def _history_of_visits(visits: dict[str, Any], half_day: str) -> str:
    if visits["source"] == "default":
        words = _("Visit lengths: none on record, so %(minutes)s minutes, as the department states.")
    elif visits["source"] == "department":
        words = _(
            "Visit lengths: the expert has none on record, so %(visits)d visits of the department's last "
            "%(sessions)d %(half_days)s (%(first)s to %(last)s), %(minutes)s minutes on average."
        )
    else:
        words = _(
            "Visit lengths: %(visits)d visits of the expert's last %(sessions)d %(half_days)s "
            "(%(first)s to %(last)s), %(minutes)s minutes on average."
        )
    return words % _figures(visits, half_day)


def _history_of_walk_ins(walk_ins: dict[str, Any], half_day: str) -> str:
    if walk_ins["source"] == "default":
        words = _("Walk-ins: no arrivals on record, so %(per_hour)s an hour, as the department states.")
    elif walk_ins["source"] == "department":
        words = _(
            "Walk-ins: the expert has no arrivals on record, so those of the department's last "
            "%(sessions)d %(half_days)s (%(first)s to %(last)s)."
        )
    else:
        words = _("Walk-ins: arrivals of the expert's last %(sessions)d %(half_days)s (%(first)s to %(last)s).")
    return words % _figures(walk_ins, half_day)


def _figures(used: dict[str, Any], half_day: str) -> dict[str, Any]:
    return {
        "sessions": used["sessions"],
        "half_days": _("mornings") if half_day == "morning" else _("afternoons"),
        "first": used["first_day"],
        "last": used["last_day"],
        "visits": used.get("visits"),
        "minutes": _figure(used.get("mean_minutes", 0)),
        "per_hour": _figure(used.get("default_per_hour", 0)),
    }


def _capacity(row: dict[str, Any], basis: dict[str, Any]) -> str:
    start, end = _clock(row["start"]), _clock(row["end"])
    figures = {
        "start": start,
        "end": end,
        "capacity": row["capacity"],
        "expected": _figure(row["expected"]),
        "minutes": _figure(row["visit_minutes"]),
        "observed": _figure(row["observed"] or 0),
        "share": round(100 * basis["visits"]["late_start_share"]),
    }
    if row["reason"] == "late_start":
        words = _(
            "%(start)s-%(end)s has room for %(capacity)d visits: %(minutes)s minutes a visit would allow %(expected)s, "
            "but %(observed)s were seen on average, under %(share)d%% of that, although patients waited."
        )
    elif row["reason"] == "default_visit":
        words = _(
            "%(start)s-%(end)s has room for %(capacity)d visits of %(minutes)s minutes; "
            "no visit of this slot is on record."
        )
    else:
        words = _("%(start)s-%(end)s has room for %(capacity)d visits of %(minutes)s minutes.")
    return words % figures


def _demand(row: dict[str, Any]) -> str:
    return _("%(walk_ins)s walk-ins are expected in it, and %(carry_in)s from before wait for a number.") % {
        "walk_ins": _figure(row["walk_ins"]),
        "carry_in": _figure(row["carry_in"]),
    }


def _split(row: dict[str, Any], basis: dict[str, Any]) -> str:
    figures = {"bookable": row["bookable"], "walk_in": row["walk_in"], "booked": row["booked"]}
    if row["locked"]:
        return _("A manager has fixed %(bookable)d to book and %(walk_in)d for walk-ins.") % figures
    if basis.get("optimised", {}).get("better"):
        return (
            _("Simulation puts %(bookable)d to book (%(booked)d are booked) and %(walk_in)d for walk-ins here.")
            % figures
        )
    if row["booked"]:
        return _("So %(bookable)d can be booked (%(booked)d are) and %(walk_in)d are for walk-ins.") % figures
    return _("So %(bookable)d can be booked and %(walk_in)d are for walk-ins.") % figures


def _optimised(found: dict[str, Any]) -> list[str]:
    """What the search for another split came to (queueboard.optimised)."""
    if not found["better"]:
        return [
            ngettext(
                "A manager has chosen simulation for this expert: %(tried)d split was tried, and none is better beyond "
                "doubt than the study's, which therefore stands.",
                "A manager has chosen simulation for this expert: %(tried)d splits were tried, and none is better "
                "beyond doubt than the study's, which therefore stands.",
                found["tried"],
            )
            % {"tried": found["tried"]}
        ]
    figures = {f"{whose}_{name}": _figure(found[whose][name]) for whose in ("study", "chosen") for name in _WAITS}
    return [
        ngettext(
            "A manager has chosen simulation for this expert: of %(tried)d split with as many numbers to book and as "
            "many for walk-ins as the study's, this is the one with which all patients together wait least.",
            "A manager has chosen simulation for this expert: of %(tried)d splits with as many numbers to book and as "
            "many for walk-ins as the study's, this is the one with which all patients together wait least.",
            found["tried"],
        )
        % {"tried": found["tried"]},
        _(
            "In simulated sessions walk-ins wait %(chosen_walk_in)s minutes on average (with the study's split "
            "%(study_walk_in)s), booked patients %(chosen_booked)s (%(study_booked)s), and the session ends "
            "%(chosen_overtime)s minutes late (%(study_overtime)s)."
        )
        % figures,
    ]


_WAITS = ("walk_in", "booked", "overtime")


def _clock(instant: str) -> str:
    at = parse_datetime(instant)
    return f"{timezone.localtime(at):%H:%M}" if at else instant


def _figure(value: float) -> str:
    """Two digits at most, and none that say nothing: 9, 4.5, 13.42."""
    return f"{value:.2f}".rstrip("0").rstrip(".")
