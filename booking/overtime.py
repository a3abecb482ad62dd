"""How long a session would run over its end if every number came (R2.4): shown before numbers are added or a seat is
given up. Reads only."""

from collections.abc import Mapping
from datetime import timedelta

from booking.models import Session


def minutes_over(session: Session, *, added: Mapping[int, int] | None = None, experts: int | None = None) -> int:
    """Whole minutes, 0 for in time. `added`: numbers more by slot id; `experts`: how many see them (default: as now).

    Visits as long as in the session's last calculation, side by side in a pooled session (R1.5); none of a slot begins
    before the slot does.
    """
    added = added or {}
    if experts is None:
        experts = seats(session)
    plan = session.plans.order_by("-pk").first()
    lengths = {} if plan is None else {row["slot"]: row["visit_minutes"] for row in plan.rows}
    end = session.starts_at
    for slot in session.slots.order_by("index"):
        visit = lengths.get(slot.index, session.department.default_visit_minutes)
        count = slot.numbers + added.get(slot.pk, 0)
        end = max(end, slot.starts_at) + timedelta(minutes=count * visit / max(1, experts))
    return max(0, round((end - session.ends_at) / timedelta(minutes=1)))


def seats(session: Session) -> int:
    """How many experts see a session's patients side by side."""
    if session.expert_id is not None:
        return 1
    return max(1, len({seat.expert_id for seat in session.rooms.all()}))
