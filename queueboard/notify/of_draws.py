"""What is said of draws and of the waitlist."""

from django.utils.translation import gettext as _

from booking.models import BallotEntry, WaitlistEntry
from queueboard.notify.facts import Facts
from queueboard.notify.of_bookings import come_at
from queueboard.notify.words import Said, clock, of_visit, said


def won(facts: Facts) -> Said | None:
    made = facts.appointment
    if made is None or made.state not in ("held", "booked"):
        return None
    title = _("You have a number")
    if made.held_until is not None:
        text = _(
            "%(patient)s: drawn for %(expert)s on %(day)s, %(start)s–%(end)s. The number is held until %(until)s: "
            "please pay by then."
        )
        return said(title, text, of_visit(facts) | {"until": clock(made.held_until)})
    text = _("%(patient)s: drawn for %(expert)s on %(day)s, %(start)s–%(end)s, and booked. Please come at %(come)s.")
    return said(title, text, of_visit(facts) | {"come": clock(come_at(made))})


def lost(facts: Facts) -> Said | None:
    entry = facts.entry
    if not isinstance(entry, BallotEntry):
        return None
    if entry.state == BallotEntry.State.CALLED_OFF:
        return _called_off(facts)
    return said(
        _("No number this time"),
        _(
            "%(patient)s: the draw for %(expert)s on %(day)s gave you no number. We are sorry. What is left or freed "
            "can still be booked."
        ),
        of_visit(facts),
    )


def offered(facts: Facts) -> Said | None:
    entry = facts.entry
    if not isinstance(entry, WaitlistEntry) or entry.state != "offered" or entry.offered_until is None:
        return None
    return said(
        _("A number is free for you"),
        _(
            "%(patient)s: a number with %(expert)s on %(day)s, %(start)s–%(end)s is kept for you until %(until)s. "
            "Please take it by then, or it goes to the next."
        ),
        of_visit(facts) | {"until": clock(entry.offered_until)},
    )


def lapsed(facts: Facts) -> Said | None:
    entry = facts.entry
    if not isinstance(entry, WaitlistEntry):
        return None
    if entry.state == WaitlistEntry.State.CALLED_OFF:
        return _called_off(facts)
    if entry.state == WaitlistEntry.State.LAPSED:
        text = _("%(patient)s: the number with %(expert)s on %(day)s was not taken in time and went to the next.")
    elif entry.freed_id is not None:
        text = _(
            "%(patient)s: the number with %(expert)s on %(day)s was not taken in time. The waitlist is closed; walk-in "
            "numbers can be had on site."
        )
    else:
        text = _(
            "%(patient)s: no number with %(expert)s on %(day)s was freed. The waitlist is closed; walk-in numbers can "
            "be had on site."
        )
    return said(_("The waitlist"), text, of_visit(facts))


def _called_off(facts: Facts) -> Said:
    return said(
        _("Your clinic does not take place"),
        _("%(patient)s: we are sorry, the clinic of %(expert)s on %(day)s does not take place."),
        of_visit(facts),
    )
