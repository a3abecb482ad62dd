"""A department's settings as the rules of the order take them."""

from datetime import timedelta

from booking.models import Department
from queueboard import rules


def policy_of(department: Department, *, slots: int) -> rules.Policy:
    """The policy of a session of this department that has so many slots."""
    return rules.Policy(
        booked_first=department.booked_first,
        early=timedelta(minutes=department.early_minutes),
        missed_behind=department.missed_behind,
        return_every=department.return_every,
        last_slot=slots - 1,
    )
