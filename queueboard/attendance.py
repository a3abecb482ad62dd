"""Who comes, when, and who misses a call: shares on record of experts, and stated ones where the record is silent."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import numpy as np
from django.db.models import F

from booking.models import Appointment, Session
from queueboard.models import Ticket

# Of 110,527 appointments elsewhere 20% were not kept, of neurology outpatients 9.5%; missed calls: no count.
ABSENT = 0.1
MISSED = 0.05
NEVER_BACK = 0.3
# Fewer than so many appointments of an expert say nothing about the next.
ENOUGH = 50
QUANTILES = 21


def punctuality(expert_ids: Sequence[int], before: datetime) -> tuple[float, ...] | None:
    """Check-in minutes from the start of the slot booked, as quantiles; None where too few are known."""
    kept = Ticket.objects.filter(session__expert__in=expert_ids, booked=True, handed_from=None, arrived__lt=before)
    offsets = [
        (arrived - start) / timedelta(minutes=1) for arrived, start in kept.values_list("arrived", F("slot__starts_at"))
    ]
    if len(offsets) < ENOUGH:
        return None
    return tuple(float(each) for each in np.quantile(offsets, np.linspace(0, 1, QUANTILES)))


def absent_share(expert_ids: Sequence[int]) -> float | None:
    """The share of these experts' appointments that were not kept; None where too few are known."""
    ended = Appointment.objects.filter(session__expert__in=expert_ids, session__state=Session.State.CLOSED)
    states = list(
        ended.filter(
            state__in=[Appointment.State.NO_SHOW, Appointment.State.SEEN, Appointment.State.NOT_SEEN]
        ).values_list("state", flat=True)
    )
    return states.count(Appointment.State.NO_SHOW) / len(states) if len(states) >= ENOUGH else None


def missed_shares(expert_ids: Sequence[int]) -> tuple[float, float] | None:
    """Of those called in closed sessions the share that missed a call, and of these the share that never came
    back; None where too few are known."""
    called = Ticket.objects.filter(
        session__expert__in=expert_ids, session__state=Session.State.CLOSED, handed_from=None, called_no__gt=0
    )
    back = list(called.values_list("misses", "turned_up"))
    if len(back) < ENOUGH:
        return None
    gone = [turned_up is None for misses, turned_up in back if misses]
    return len(gone) / len(back), float(np.mean(gone)) if gone else 0.0
