"""What managers read of a simulation: names of policies and figures, where its figures come from."""

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _

if TYPE_CHECKING:
    from queueboard.simulation.report import Figure

SEES_AS_MANY = 0.95


def split_names() -> dict[str, str]:
    """The splits that the session's page compares."""
    return {"now": _("as it is now"), "typed": _("as typed"), "study": _("the study's")}


def policy_names() -> dict[str, str]:
    """By name in queueboard.simulation.policies; short, for tables and pictures."""
    return {
        "today": _("before the study"),
        "study": _("the study's split"),
        "ours": _("first come, first served"),
        "all_booked": _("all booked"),
        "none_booked": _("none booked"),
        "fixed_time": _("a time for each"),
        "at_check_in": _("by arrival alone"),
    }


def policy_words() -> dict[str, str]:
    """What each policy is, in a sentence."""
    return {
        "today": _("Bookings fill the first slots; walk-ins get what is left."),
        "study": _("The study's split; within a slot booked patients before walk-ins."),
        "ours": _("The study's split; within a slot whoever came first."),
        "all_booked": _("Every number can be booked, none is kept for walk-ins."),
        "none_booked": _("No number can be booked, everybody queues at the window."),
        "fixed_time": _("Each booked patient has a time of their own; walk-ins are seen between them."),
        "at_check_in": _("One queue for all in the order of arrival, whatever was booked."),
    }


def policy_choices() -> list[tuple[str, str]]:
    """Name and explanation of each policy, for a form."""
    words, explained = _("%(what)s: %(words)s"), policy_words()
    return [(key, words % {"what": name, "words": explained[key]}) for key, name in policy_names().items()]


def figure_names() -> dict[str, str]:
    """The figures of a table, in its order; waits in minutes."""
    return {
        "walk_in_mean": _("walk-ins wait, mean (min)"),
        "walk_in_p90": _("walk-ins wait, 9 of 10 less than (min)"),
        "booked_mean": _("booked wait, mean (min)"),
        "booked_p90": _("booked wait, 9 of 10 less than (min)"),
        "overtime": _("overtime (min)"),
        "idle": _("expert idle (min)"),
        "crowd_most": _("most waiting at once"),
        "seen": _("patients seen"),
        "refused": _("walk-ins refused"),
    }


def source_words(sources: dict[str, str]) -> list[str]:
    """One line for each kind of figure: where it comes from (see queueboard.own_past)."""
    kinds = {
        "visits": _("visit lengths"),
        "walk_ins": _("walk-ins"),
        "start_delay": _("late start"),
        "absent": _("no-shows"),
        "punctuality": _("check-in times"),
        "missed": _("missed calls"),
    }
    origins = {
        "expert": _("on record of the expert"),
        "department": _("on record of the department"),
        "default": _("as the department states"),
        "stated": _("assumed"),
        "study": _("the study's, or assumed where it is silent"),
    }
    words = _("%(what)s: %(words)s")
    return [words % {"what": kinds[kind], "words": origins[origin]} for kind, origin in sources.items()]


def changes(change: Callable[[str], "Figure"]) -> list[str]:
    """What another split changes, a sentence for each thing that matters; `change` gives a figure's difference."""
    words = {
        "walk_in_mean": (
            _("Walk-ins wait about as long as now."),
            _("Walk-ins wait %(much)s min less than now (±%(margin)s)."),
            _("Walk-ins wait %(much)s min longer than now (±%(margin)s)."),
        ),
        "booked_mean": (
            _("Booked patients wait about as long as now."),
            _("Booked patients wait %(much)s min less than now (±%(margin)s)."),
            _("Booked patients wait %(much)s min longer than now (±%(margin)s)."),
        ),
        "overtime": (
            _("The expert ends at about the same time."),
            _("The expert ends %(much)s min earlier (±%(margin)s)."),
            _("The expert ends %(much)s min later (±%(margin)s)."),
        ),
        "seen": (
            _("About as many patients are seen."),
            _("%(much)s fewer patients are seen (±%(margin)s)."),
            _("%(much)s more patients are seen (±%(margin)s)."),
        ),
    }
    told = []
    for key, (same, less, more) in words.items():
        figure = change(key)
        if math.isnan(figure.value):
            continue
        # Under a twentieth nobody feels it, however certain it is.
        if abs(figure.value) <= max(figure.margin, 0.05):
            told.append(same)
        else:
            figures = {"much": f"{abs(figure.value):.1f}", "margin": f"{figure.margin:.1f}"}
            told.append((more if figure.value > 0 else less) % figures)
    return told


def best(policies: dict[str, Any]) -> list[str]:
    """With which policy each kind of patient waits least, a sentence each (`policies` of tables.document): among those
    that see as many patients as any, as waits are short where people are sent away."""
    words = {
        "walk_in_mean": _("Walk-ins wait least with “%(way)s”: %(minutes)s minutes on average."),
        "booked_mean": _("Booked patients wait least with “%(way)s”: %(minutes)s minutes on average."),
    }
    figures = {name: {key: each for key, each in policy["figures"].items() if each}
               for name, policy in policies.items()}  # fmt: skip
    enough = SEES_AS_MANY * max((each["seen"]["value"] for each in figures.values()), default=0)
    as_many = {name: each for name, each in figures.items() if each["seen"]["value"] >= enough}
    names, told = policy_names(), []
    for key, sentence in words.items():
        known = {name: each[key] for name, each in as_many.items() if key in each}
        if len(known) > 1:
            least = min(known.values(), key=lambda each: each["value"])
            # Those whose margins overlap with the least are as good, as far as so many mornings can tell.
            reach = least["value"] + least["margin"]
            ways = [names[name] for name, each in known.items() if each["value"] - each["margin"] <= reach]
            told.append(sentence % {"way": " / ".join(ways), "minutes": f"{least['value']:.1f}"})
    if told and len(as_many) < len(figures):
        told.append(_("Ways that see fewer patients are left out of this comparison."))
    return told
