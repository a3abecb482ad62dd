"""Many mornings at once, compiled: patient by patient the same as `events`, about a thousand times as fast.

Here the order of `queueboard.rules` is kept as a queue that changes with each event. That nothing else changes it is
what tests/simulation/test_batch.py looks at, on random mornings: whoever changes a rule changes both.
"""

from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from queueboard.simulation.scenario import NEVER, Outcome, Patients, Plan, Scenario, Seconds

_NEVER = int(NEVER)
# A place in the slots as one whole number, so that the first is the least: slot, end of the slot, behind the booked,
# the instant that a check-in counts from, ticket number.
_NUMBER_BITS, _TIME_BITS, _TIME_ZERO = 16, 30, 2**29
_END_OF_SLOT = np.int64(1) << (_NUMBER_BITS + _TIME_BITS + 1)
_BEHIND_BOOKED = np.int64(1) << (_NUMBER_BITS + _TIME_BITS)
_SLOT = np.int64(1) << (_NUMBER_BITS + _TIME_BITS + 2)


def play(scenario: Scenario, plan: Plan, patients: Patients) -> Outcome:
    """As `events.play`. Raises ValueError for more patients or slots than the queue can tell apart."""
    mornings, columns = patients.at.shape
    if columns >= 2**_NUMBER_BITS or len(plan.slots) >= 2**12:
        raise ValueError("at most 65,535 patients and 4,095 slots")
    booked = np.bincount(patients.slot[patients.booked], minlength=len(plan.slots))
    pool = np.add(plan.bookable, plan.walk_in) - booked
    outcome: dict[str, Any] = {name: np.empty((mornings, columns), dtype=np.int32) for name in _WHOLE}
    outcome |= {name: np.empty((mornings, columns), dtype=np.bool_) for name in _FLAGS}
    rules = (
        np.array(plan.slots, dtype=np.int64),
        pool.astype(np.int64),
        np.array([end for _, end in scenario.slots], dtype=np.int64),
        np.array(scenario.visit_minutes, dtype=np.float64) * 60,
        np.array([scenario.call_seconds, scenario.grace, plan.early, plan.missed_behind], dtype=np.int64),
        plan.booked_first,
        patients.booked,
        patients.slot,
    )
    by_morning = (patients.length, patients.back, patients.delay, *outcome.values())
    for first in range(0, mornings, AT_ONCE):
        rows = slice(first, first + AT_ONCE)
        _play(*rules, _by_arrival(patients.at[rows]), *(table[rows] for table in by_morning))
    return Outcome(**outcome)


def _by_arrival(at: Seconds) -> NDArray[np.int64]:
    """(B, P) each morning's patients in the order in which they come: (instant, column) as one number, rising."""
    coming = at.astype(np.int64)
    coming += _TIME_ZERO
    coming <<= _NUMBER_BITS
    coming |= np.arange(at.shape[1])
    coming.sort(axis=1)
    return coming


AT_ONCE = 500  # mornings whose arrivals are sorted together: few enough to stay in the processor's cache
_WHOLE = ("slot", "arrived", "called", "started", "finished")
_FLAGS = ("refused", "late", "passed", "missed")


@numba.njit(cache=True, nogil=True)
def _play(
    slots, pool_at_opening, ends, visit_seconds, settings, booked_first,
    booked, own_slot, by_arrival, each_length, each_back, each_delay,
    each_slot_of, each_arrived, each_called, each_started, each_finished,
    each_refused, each_late, each_passed, each_missed,
):  # fmt: skip
    call_seconds, grace, early, missed_behind = settings
    mornings, columns = by_arrival.shape
    last, end = len(slots) - 1, ends[-1]
    never = np.int64(_NEVER)
    queue = np.empty(columns, np.int64)  # places in the slots, rising, from `head` to `tail`
    owner = np.empty(columns + 1, np.int64)  # whose ticket number it is
    again = np.empty(columns, np.int64)  # who turned up again: columns, in the order of _turned_up
    again_at = np.empty(columns, np.int64)
    out = np.empty(columns, np.int64)  # missed, to report back
    out_at = np.empty(columns, np.int64)
    number = np.empty(columns, np.int64)
    behind = np.empty(columns, np.int64)
    misses = np.empty(columns, np.int64)
    pool = np.empty_like(pool_at_opening)

    for row in range(mornings):
        slot_of = each_slot_of[row]
        arrived = each_arrived[row]
        called = each_called[row]
        started = each_started[row]
        finished = each_finished[row]
        refused = each_refused[row]
        late = each_late[row]
        passed = each_passed[row]
        missed = each_missed[row]
        length = each_length[row]
        back = each_back[row]
        slot_of[:] = -1
        arrived[:] = _NEVER
        called[:] = _NEVER
        started[:] = _NEVER
        finished[:] = _NEVER
        refused[:] = False
        late[:] = False
        passed[:] = False
        missed[:] = False
        pool[:] = pool_at_opening
        coming = by_arrival[row]
        came = issued = calls = head = tail = turned_up = away = 0
        furthest = -1  # slot of the latest ticket called
        ended = 0  # slots that have passed their numbers on
        free = np.int64(each_delay[row])
        comes_at = (coming[0] >> _NUMBER_BITS) - _TIME_ZERO if columns else never  # who comes next
        back_at = never  # when the first of those who missed their call reports back

        while True:
            waiting = tail - head + turned_up
            now = min(comes_at, back_at)
            if waiting > 0:
                now = min(now, free)
            if now == _NEVER or (waiting == 0 and now > max(free, end)):
                break

            while ended < last and slots[ended, 1] <= now:
                pool[ended + 1] += pool[ended]
                pool[ended] = 0
                ended += 1

            while comes_at == now:
                column = coming[came] & (2**_NUMBER_BITS - 1)
                came += 1
                comes_at = (coming[came] >> _NUMBER_BITS) - _TIME_ZERO if came < columns else never
                is_booked = booked[column]
                slot = np.int64(own_slot[column])
                if not is_booked:
                    slot = ended
                    while slot <= last and (slots[slot, 1] <= now or pool[slot] == 0):
                        slot += 1
                    if slot > last:
                        refused[column] = True
                        continue
                    pool[slot] -= 1
                issued += 1
                number[column] = issued
                owner[issued] = column
                misses[column] = 0
                slot_of[column] = slot
                arrived[column] = now
                is_late = is_booked and now > slots[slot, 1] + grace
                is_passed = is_booked and furthest > slot
                late[column] = is_late
                passed[column] = is_passed
                if is_passed and not is_late:
                    # R4.6: numbers rise with time, so the new one is the last to have turned up.
                    again[turned_up] = column
                    again_at[turned_up] = now
                    turned_up += 1
                    continue
                counts_from = now
                if is_passed:
                    key = last * _SLOT + _END_OF_SLOT
                else:
                    key = slot * _SLOT
                    if is_booked:
                        counts_from = max(now, slots[slot, 0] - early)
                    elif booked_first:
                        key += _BEHIND_BOOKED
                key += ((counts_from + _TIME_ZERO) << _NUMBER_BITS) + issued
                place = tail
                while place > head and queue[place - 1] > key:
                    queue[place] = queue[place - 1]
                    place -= 1
                queue[place] = key
                tail += 1

            # Who reports back now, by column (there are few).
            while back_at == now:
                first = -1
                back_at = never
                for i in range(away):
                    if out_at[i] == now and (first < 0 or out[i] < out[first]):
                        first = i
                column = out[first]
                away -= 1
                out[first] = out[away]
                out_at[first] = out_at[away]
                for i in range(away):
                    back_at = min(back_at, out_at[i])
                due = calls + min(missed_behind, tail - head + turned_up)
                for i in range(turned_up):
                    if not booked[again[i]] and misses[again[i]] == 1:
                        due = max(due, behind[again[i]])
                behind[column] = due
                # By the instant, then by number (R4.8b).
                place = turned_up
                while place > 0 and again_at[place - 1] == now and number[again[place - 1]] > number[column]:
                    again[place] = again[place - 1]
                    again_at[place] = again_at[place - 1]
                    place -= 1
                again[place] = column
                again_at[place] = now
                turned_up += 1

            if free > now or tail - head + turned_up == 0:
                continue
            chosen = -1
            for i in range(turned_up):
                if booked[again[i]] or behind[again[i]] <= calls:
                    chosen = i
                    break
            if chosen < 0 and head == tail:
                chosen = 0
            if chosen >= 0:
                column = again[chosen]
                turned_up -= 1
                for i in range(chosen, turned_up):
                    again[i] = again[i + 1]
                    again_at[i] = again_at[i + 1]
            else:
                column = owner[queue[head] & (2**_NUMBER_BITS - 1)]
                head += 1

            calls += 1
            furthest = max(furthest, np.int64(slot_of[column]))
            if misses[column] == 0:
                called[column] = now
            if misses[column] == 0 and back[column] >= 0:
                misses[column] = 1
                missed[column] = True
                free = now + call_seconds
                if back[column] < _NEVER:
                    out[away] = column
                    out_at[away] = free + back[column]
                    back_at = min(back_at, out_at[away])
                    away += 1
                continue
            slot = 0
            while slot < len(ends) - 1 and now >= ends[slot]:
                slot += 1
            free = now + np.int64(np.floor(length[column] * visit_seconds[slot] + 0.5))
            started[column] = now
            finished[column] = free
