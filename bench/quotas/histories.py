"""Made histories: departments of experts whose walk-ins follow a law that is known."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

import numpy as np

INTERVALS, MINUTES = 5, 60
# The study's morning: 9 before the start, then ever fewer.
SHAPE = np.array([9.0, 6.0, 4.5, 3.0, 1.5])
FIRST_DAY, YEAR = date(2019, 1, 7).toordinal(), 364  # a Monday
EXPERTS, COLLEAGUES = 5, 7
# Relative variance of a day's luck, which all intervals of a session share: one day in three is 25% off.
LUCK = 0.06

Rng = np.random.Generator
Array = np.ndarray


@dataclass(frozen=True)
class Made:
    """One expert's sessions. `minutes`: walk-ins as the log has them; `came`: all who came, logged or not."""

    days: Array  # (sessions,)
    minutes: Array  # (sessions, intervals, minutes)
    exposure: Array  # (sessions, intervals)
    came: Array  # (sessions, intervals)

    @property
    def counts(self) -> Array:
        return self.minutes.sum(axis=2)


@dataclass(frozen=True)
class Department:
    experts: list[Made]  # of this year
    colleagues: list[Made]  # of the year before


@dataclass(frozen=True)
class History:
    title: str
    about: str
    department: Callable[[Rng], Department]


def _expert(
    rng: Rng,
    *,
    start: int = FIRST_DAY,
    luck: float = LUCK,
    moves: Callable[[Rng, Array], Array] | None = None,
    sessions: int | None = None,
) -> Made:
    """Two to five mornings a week, a holiday now and then; level and intervals differ from expert to expert.

    `moves`: the factor on the expert's level by session, from days since `start`.
    """
    weekdays = rng.choice(5, rng.integers(2, 6), replace=False)
    days = np.arange(start, start + YEAR)
    days = days[np.isin((days - 1) % 7, weekdays)]
    days = days[rng.random(days.size) > 1 / 14][:sessions]
    rates = SHAPE * np.exp(rng.normal(0, 0.35)) * np.exp(rng.normal(0, 0.2, INTERVALS))
    means = np.tile(rates, (days.size, 1))
    if moves:
        means = means * moves(rng, days - start)[:, None]
    if luck:
        means = means * rng.gamma(1 / luck, luck, (days.size, 1))
    minutes = rng.poisson(means[:, :, None] / MINUTES, (*means.shape, MINUTES))
    return Made(days, minutes, np.ones(means.shape), minutes.sum(axis=2))


def _department(rng: Rng, expert: Callable[..., Made], **of_the_scored: int) -> Department:
    return Department(
        [expert(rng, **of_the_scored) for _ in range(EXPERTS)],
        [expert(rng, start=FIRST_DAY - YEAR) for _ in range(COLLEAGUES)],
    )


def _steady(rng: Rng) -> Department:
    return _department(rng, _expert)


def _chance(rng: Rng) -> Department:
    return _department(rng, lambda rng, **more: _expert(rng, luck=0.0, **more))


def _drifting(rng: Rng) -> Department:
    def moves(rng: Rng, day: Array) -> Array:
        trend = rng.choice([-1, 1]) * np.log(2) * (day / YEAR - 0.5)
        walk = rng.normal(0, 0.4 / np.sqrt(YEAR), YEAR).cumsum()
        return np.exp(trend + walk[day])

    return _department(rng, lambda rng, **more: _expert(rng, moves=moves, **more))


def _seasonal(rng: Rng) -> Department:
    shared = rng.normal(0, 0.15, 7)

    def moves(rng: Rng, day: Array) -> Array:
        return np.exp(shared + rng.normal(0, 0.2, 7))[day % 7]

    return _department(rng, lambda rng, **more: _expert(rng, moves=moves, **more))


def _new(rng: Rng) -> Department:
    return _department(rng, _expert, sessions=12)


def _sold_out(rng: Rng) -> Department:
    """Every second expert's desk stops logging when the numbers are gone; the others log whom they refuse."""
    made = _department(rng, _expert)
    return Department(
        [_stopped(rng, expert) if place % 2 else expert for place, expert in enumerate(made.experts)],
        [_stopped(rng, expert) if place % 2 else expert for place, expert in enumerate(made.colleagues)],
    )


def _stopped(rng: Rng, expert: Made) -> Made:
    numbers = round(expert.came.sum(axis=1).mean() * rng.uniform(0.8, 1.1))
    by_minute = expert.minutes.reshape(len(expert.days), -1)
    # The minute in which the last number goes is still logged.
    logged = (by_minute.cumsum(axis=1) - by_minute < numbers).reshape(expert.minutes.shape)
    return Made(expert.days, expert.minutes * logged, logged.mean(axis=2), expert.came)


HISTORIES = (
    History("steady", "the same level all year; days differ by more than chance", _steady),
    History("steady, by chance alone", "the same level all year, every day a Poisson of the same mean", _chance),
    History("drifting", "the level doubles or halves within the year, and wanders", _drifting),
    History("seasonal by weekday", "weekdays differ, in part alike in the department", _seasonal),
    History("new expert", "the first twelve sessions of a steady expert", _new),
    History(
        "sold-out mornings",
        "steady; for two of five experts nobody logs who comes once the numbers are gone, which the exposure says",
        _sold_out,
    ),
)
