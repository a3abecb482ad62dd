"""What is said of a queue that is open: short, and only as long as it is true."""

from datetime import datetime

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from booking.models import Session
from queueboard import snapshots
from queueboard.notify.facts import Facts
from queueboard.notify.words import Said, clock, of_visit, said

HERE = ("waiting", "called", "missed", "away")


def ahead(facts: Facts) -> Said | None:
    """How many by now, which may be fewer than when it was written, or more."""
    ticket = facts.ticket
    before = None if ticket is None else snapshots.ahead_of(ticket)
    if before is None:
        return None
    if not before:
        return said(
            _("You are next"),
            _("%(number)s: you are next with %(expert)s. Please wait near the room."),
            of_visit(facts),
        )
    title = ngettext("%(ahead)s patient before you", "%(ahead)s patients before you", before)
    text = ngettext(
        "%(number)s: %(ahead)s patient is before you with %(expert)s. Please come to the waiting area.",
        "%(number)s: %(ahead)s patients are before you with %(expert)s. Please come to the waiting area.",
        before,
    )
    return said(title, text, of_visit(facts) | {"ahead": str(before)})


def called(facts: Facts) -> Said | None:
    ticket, room = facts.ticket, facts.room
    if ticket is None or room is None or ticket.state != "called" or ticket.called_no != facts.payload["call"]:
        return None
    if ticket.room_id != room.pk:  # moved meanwhile: that is told by itself
        return None
    return said(_("It is your turn: %(room)s"), _("%(number)s: please go to %(room)s now. %(way)s"), of_visit(facts))


def call_taken_back(facts: Facts) -> Said | None:
    if facts.ticket is None or facts.ticket.state != "waiting":
        return None
    return said(
        _("Please wait a little longer"),
        _("%(number)s: the call was taken back. You keep your place and are called again."),
        of_visit(facts),
    )


def room_changed(facts: Facts) -> Said | None:
    ticket, room = facts.ticket, facts.room
    if ticket is None or room is None or ticket.state not in HERE:
        return None
    if ticket.state == "called":
        return said(
            _("Another room: %(room)s"), _("%(number)s: please go to %(room)s instead. %(way)s"), of_visit(facts)
        )
    return said(_("Another room: %(room)s"), _("%(number)s: %(expert)s is now in %(room)s. %(way)s"), of_visit(facts))


def handed_over(facts: Facts) -> Said | None:
    if facts.ticket is None or facts.ticket.state not in HERE:
        return None
    return said(
        _("Another expert sees you"),
        _("Your number is now %(number)s, with %(expert)s. You keep the time of your arrival."),
        of_visit(facts),
    )


def turn_changed(facts: Facts) -> Said | None:
    ticket, turn = facts.ticket, facts.moment("turn")
    if ticket is None or ticket.state != "waiting" or turn is None:
        return None
    values = of_visit(facts) | {"turn": clock(turn)}
    back_at = _back_at(ticket.session)
    if back_at is not None:
        return said(
            _("Your turn is at about %(turn)s"),
            _(
                "%(number)s: %(expert)s is away and goes on at %(until)s. Your turn is expected at about %(turn)s. You "
                "keep your place."
            ),
            values | {"until": clock(back_at)},
        )
    return said(
        _("Your turn is at about %(turn)s"),
        _("%(number)s: your turn with %(expert)s is now expected at about %(turn)s."),
        values,
    )


def _back_at(session: Session) -> datetime | None:
    """When the first room goes on, where every one pauses and says until when."""
    ends = [seat.paused_until for seat in session.rooms.all()]
    known = [end for end in ends if end is not None]
    return min(known) if known and len(known) == len(ends) else None


def time_changed(facts: Facts) -> Said | None:
    appointment, come_at = facts.appointment, facts.moment("come_at")
    if appointment is None or appointment.state != "booked" or come_at is None:
        return None
    return said(
        _("Please come at %(come)s"),
        _(
            "%(patient)s: the queue of %(expert)s does not run as planned today. Please come at %(come)s. Your number "
            "stays yours."
        ),
        of_visit(facts) | {"come": clock(come_at)},
    )


def stopped(facts: Facts) -> Said | None:
    session = facts.session
    if session is None or not (session.stopped_early or session.state == Session.State.CLOSED):
        return None
    return said(
        _("No more calls today"),
        _(
            "%(patient)s: we are sorry, %(expert)s can see nobody more today. This does not count against you, and a "
            "fee is paid back. Please ask at the desk for another date."
        ),
        of_visit(facts),
    )


def goes_on(facts: Facts) -> Said | None:
    if facts.session is None or facts.session.stopped_early:
        return None
    return said(
        _("Calls go on"),
        _("%(patient)s: %(expert)s goes on after all, and your number is valid. We are sorry for the confusion."),
        of_visit(facts),
    )
