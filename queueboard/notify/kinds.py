"""All that patients are told, by the kind of its outbox row."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, time, timedelta

from django.utils import timezone
from django.utils.translation import override

from booking.models import Outbox
from queueboard.notify import of_bookings, of_draws, of_queues
from queueboard.notify.facts import Facts
from queueboard.notify.interface import Notice
from queueboard.notify.words import Said

DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)
NEAR = 12 * HOUR  # before a visit: whoever heard of its change only after the quiet hours might be on the way


@dataclass(frozen=True, slots=True)
class Kind:
    """How one kind is told.

    say       the words, in the active language; None: it is no longer true, and nobody is told
    good_for  so long after its cause somebody needs it
    that_day  instead: until midnight
    urgent    told in quiet hours too, and before all else
    changes   something of a visit: urgent where that is near, before the change or after
    about     of the notices about one visit only the newest is left on the screen of a phone; "" for one by itself
    """

    say: Callable[[Facts], Said | None]
    good_for: timedelta = 2 * DAY
    that_day: bool = False
    urgent: bool = False
    changes: bool = False
    about: str = ""


KINDS = {
    "phone_code": Kind(of_bookings.phone_code, good_for=10 * MINUTE, urgent=True),
    "appointment_booked": Kind(of_bookings.booked),
    "appointment_cancelled": Kind(of_bookings.cancelled),
    "appointment_moved": Kind(of_bookings.moved, changes=True),
    "appointment_called_off": Kind(of_bookings.called_off, changes=True),
    "expert_substituted": Kind(of_bookings.substituted, changes=True),
    "session_time_changed": Kind(of_bookings.session_time_changed, changes=True, about="time"),
    "session_room_changed": Kind(of_bookings.session_room_changed, changes=True, about="room"),
    "hold_expired": Kind(of_bookings.hold_expired),
    "reminder": Kind(of_bookings.reminder, that_day=True),
    "refund_done": Kind(of_bookings.refund_done),
    "suspended": Kind(of_bookings.suspended),
    "suspension_lifted": Kind(of_bookings.suspension_lifted),
    "ballot_won": Kind(of_draws.won),
    "ballot_lost": Kind(of_draws.lost),
    # Kept for a short time only, for who has asked to be told.
    "waitlist_offered": Kind(of_draws.offered, good_for=HOUR, urgent=True),
    "waitlist_lapsed": Kind(of_draws.lapsed),
    "ahead": Kind(of_queues.ahead, good_for=HOUR, urgent=True, about="place"),
    "called": Kind(of_queues.called, good_for=HOUR, urgent=True, about="place"),
    "call_taken_back": Kind(of_queues.call_taken_back, good_for=HOUR, urgent=True, about="place"),
    "room_changed": Kind(of_queues.room_changed, good_for=HOUR, urgent=True, about="room"),
    "handed_over": Kind(of_queues.handed_over, good_for=HOUR, urgent=True, about="place"),
    "turn_changed": Kind(of_queues.turn_changed, good_for=HOUR, urgent=True, about="time"),
    "time_changed": Kind(of_queues.time_changed, good_for=HOUR, urgent=True, about="time"),
    # At whatever hour: it is for this that the patient has told how long the way takes.
    "set_out": Kind(of_bookings.set_out, good_for=HOUR / 2, urgent=True, about="time"),
    "session_stopped": Kind(of_queues.stopped, good_for=4 * HOUR, urgent=True, about="place"),
    "session_goes_on": Kind(of_queues.goes_on, good_for=HOUR, urgent=True, about="place"),
}


def until(cause: Outbox) -> datetime:
    """After this nobody needs to be told."""
    kind = KINDS[cause.kind]
    if kind.that_day:
        midnight = datetime.combine(timezone.localdate(cause.made_at) + DAY, time.min)
        return timezone.make_aware(midnight)
    return cause.made_at + kind.good_for


def is_urgent(facts: Facts) -> bool:
    """Whether it is told in quiet hours too."""
    kind = KINDS[facts.cause.kind]
    if not kind.changes or facts.slot is None:
        return kind.urgent
    first = min(facts.slot.starts_at, facts.moment("was") or facts.slot.starts_at)
    return first - facts.cause.made_at < NEAR


def compose(facts: Facts, language: str) -> Notice | None:
    """The notice in that language; None where what it says is no longer true."""
    kind = KINDS[facts.cause.kind]
    with override(language):
        said = kind.say(facts)
    if said is None:
        return None
    return Notice(
        kind=facts.cause.kind,
        key=facts.cause.key,
        about=f"{kind.about}:{facts.token}" if kind.about else facts.cause.key,
        language=language,
        title=said.title,
        text=said.text.strip(),
        page=facts.page,
        url=facts.url,
        values=said.values,
        urgent=is_urgent(facts),
        until=until(facts.cause),
    )
