"""A number that came of a draw or of the waitlist, and what has become of it since."""

from datetime import datetime
from typing import Any

from booking.models import Appointment
from queueboard.views.mine import ended_words

State = Appointment.State
# What is read with an entry that may have become a number.
NUMBER = ("appointment__slot", "appointment__session__department", "appointment__session__expert")


def got(made: Appointment | None, now: datetime) -> dict[str, Any] | None:
    """For book/_got.html: `made`, whether it is `kept`, and if not, `words` for what became of it."""
    if made is None:
        return None
    unpaid = made.state == State.HELD and made.held_until is not None and made.held_until <= now
    return {
        "made": made,
        "kept": made.state in Appointment.ACTIVE and not unpaid,
        "words": ended_words(State.EXPIRED if unpaid else made.state),
    }
