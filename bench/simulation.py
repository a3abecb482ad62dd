"""Mornings a second of the simulator's engines, beside Ciw, SimPy and what the memory can move."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba
import numpy as np

from bench.table import Row, markdown, spread

ROUNDS = 5
MORNINGS = 40_000
EVENTS, CIW, SIMPY = 150, 100, 200  # mornings of the slow ones
CORE = 0


def run() -> str:
    """The table; everything in one process on one core."""
    root = Path(__file__).parent.parent
    done = subprocess.run(
        [sys.executable, "-m", "bench.simulation"], cwd=root, stdout=subprocess.PIPE, check=True,
        env=os.environ | {"NUMBA_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    measured = json.loads(done.stdout.splitlines()[-1])
    figures, sizes = measured["figures"], measured["sizes"]
    rows = [
        Row(f"{what}, beside {beside}", "mornings per CPU second", figures[ours], figures[other])
        for what, ours in (("compiled engine", "engine"), ("draw, play and report", "whole"))
        for beside, other in (("Ciw", "ciw"), ("SimPy", "simpy"), ("event by event on the rules", "events"))
    ]
    rows.append(
        Row(
            "compiled engine, beside the memory's limit",
            "mornings per CPU second",
            figures["engine"],
            figures["memory"],
        )
    )
    shown = {name: spread([1e9 / each for each in figures[name]]) for name in ("engine", "memory", "sort", "alike")}
    notes = [
        f"{ROUNDS} rounds on one core: the study's morning under its split, {sizes['patients']:.0f} patients. Ciw and "
        "SimPy play the same people, arrivals, visit lengths and slots, booked before walk-ins and the late start, and "
        "come to the same waits (tests/simulation/test_ciw.py). They are given less to do: who gets which slot's "
        "number is worked out for them, nobody is passed, late or misses a call, Ciw's networks are built beforehand.",
        f"A morning reads {sizes['read']:.0f} bytes and writes {sizes['written']:.0f}; the memory's limit is a "
        f"compiled pass that reads and writes as many, {shown['memory']} ns a morning. The engine takes "
        f"{shown['engine']} ns. Sorting the arrivals is {shown['sort']} ns of it; most of the rest is the event loop, "
        f"{2 * sizes['patients']:.0f} arrivals and calls one after the other, in the processor's cache. With one "
        f"morning over and over, so that its branches can be foreseen, a morning takes {shown['alike']} ns.",
    ]
    return markdown("Simulated mornings", "reference", rows, notes)


@numba.njit
def _pass(read, written):
    """Reads and writes every word once."""
    total = 0
    for i in range(read.size):
        total += read[i]
    for i in range(written.size):
        written[i] = total


def _measure() -> dict[str, Any]:
    from queueboard.simulation import batch, events, mornings, policies, report, study
    from queueboard.simulation.scenario import NEVER, Outcome, Patients
    from tests.simulation import elsewhere

    os.sched_setaffinity(0, {CORE})
    scenario = study.scenario()
    plan = policies.study(scenario)
    drawn = mornings.draw(scenario, MORNINGS, np.random.default_rng(1))
    who = mornings.patients(scenario, plan, drawn)
    outcome = batch.play(scenario, plan, who)

    def some(rows: np.ndarray) -> Patients:
        tables = {name: getattr(who, name)[rows] for name in ("at", "length", "back", "delay")}
        return Patients(booked=who.booked, slot=who.slot, **tables)

    few, alike = some(np.arange(EVENTS)), some(np.zeros(MORNINGS, dtype=int))
    plain = np.flatnonzero(~outcome.passed.any(axis=1))[: max(CIW, SIMPY)]
    lines = [elsewhere.lines(scenario, who, outcome, row) for row in plain]
    delays = who.delay[plain].tolist()
    networks = [
        elsewhere.in_ciw(scenario, found, delay) for found, delay in zip(lines[:CIW], delays[:CIW], strict=True)
    ]
    read = sum(table.nbytes for table in (who.at, who.length, who.back, who.delay))
    written = sum(getattr(outcome, name).nbytes for name in Outcome.__slots__)
    arrays = np.ones(read // 8, dtype=np.int64), np.ones(written // 8, dtype=np.int64)

    def sort() -> None:
        for first in range(0, MORNINGS, batch.AT_ONCE):
            batch._by_arrival(who.at[first : first + batch.AT_ONCE])

    def in_simpy() -> None:
        for found, delay in zip(lines[:SIMPY], delays[:SIMPY], strict=True):
            elsewhere.simpy_waits(scenario, found, delay)

    def in_ciw() -> None:
        for network in networks:
            elsewhere.play_in_ciw(network)

    work: dict[str, tuple[Callable[[], Any], int]] = {
        "engine": (lambda: batch.play(scenario, plan, who), MORNINGS),
        "memory": (lambda: _pass(*arrays), MORNINGS),
        "sort": (sort, MORNINGS),
        "alike": (lambda: batch.play(scenario, plan, alike), MORNINGS),
        "whole": (lambda: report.simulate(scenario, {"study": policies.study}, count=MORNINGS, seed=1), MORNINGS),
        "events": (lambda: events.play(scenario, plan, few), EVENTS),
        "simpy": (in_simpy, SIMPY),
        "ciw": (in_ciw, CIW),
    }
    figures: dict[str, list[float]] = {name: [] for name in work}
    for turn in range(ROUNDS + 1):  # the first, in which numba compiles, does not count
        for name, (play, count) in work.items():
            started = time.process_time()
            play()
            if turn:
                figures[name].append(count / (time.process_time() - started))
    sizes = {"read": read / MORNINGS, "written": written / MORNINGS}
    sizes["patients"] = float((outcome.arrived < NEVER).sum(axis=1).mean())
    return {"figures": figures, "sizes": sizes}


if __name__ == "__main__":
    print(json.dumps(_measure()))
