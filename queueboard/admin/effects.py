"""What a change does to those booked, in words: how many, in which slots, what they paid (R3.2b, R1.3)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from booking.models import Appointment, Session
from booking.touched import Touched, TouchedSlot
from queueboard.ending import Ending
from queueboard.templatetags.faces import yuan


@dataclass(frozen=True, slots=True)
class Shown:
    """What a step does, shown before it is confirmed. `mark` stands for all of it: posted back, it says what was seen.

    `lines`: what happens; `touched`: whom of the `session`, None for one that is only to be made.
    """

    lines: Sequence[str]
    mark: str
    session: Session | None = None
    touched: Touched | None = None

    @property
    def words(self) -> str:
        return "" if self.touched is None else booked_words(self.touched)

    @property
    def slots(self) -> list[tuple[TouchedSlot, str]]:
        return [] if self.touched is None else [(slot, slot_words(slot)) for slot in self.touched.slots]

    @property
    def list(self) -> str:
        return "" if self.session is None else list_of(self.session)


def booked_words(touched: Touched) -> str:
    """How many are booked, how many of them have not paid yet or are here already, and what they paid."""
    told = [_booked_words(touched)]
    if touched.waiting:
        words = ngettext("%(count)d waits for a number.", "%(count)d wait for a number.", touched.waiting)
        told.append(words % {"count": touched.waiting})
    return " ".join(told)


def _booked_words(touched: Touched) -> str:
    if not touched.count:
        return _("Nobody is booked.")
    told = [ngettext("%(count)d patient is booked.", "%(count)d patients are booked.", touched.count)]
    held = sum(slot.held for slot in touched.slots)
    here = sum(slot.arrived for slot in touched.slots)
    figures = {"count": touched.count, "held": held, "here": here, "paid": f"¥{yuan(touched.paid_in_all)}"}
    if held:
        told.append(ngettext("%(held)d of them has not paid yet.", "%(held)d of them have not paid yet.", held))
    if here:
        told.append(ngettext("%(here)d has checked in.", "%(here)d have checked in.", here))
    if touched.paid_in_all:
        told.append(_("%(paid)s has been paid."))
    return " ".join(told) % figures


def back_words(touched: Touched) -> str:
    """What happens to those who have not come if the session does not take place (R1.3)."""
    told = []
    if touched.to_come:
        words = ngettext(
            "%(count)d patient is told; it counts against nobody.",
            "%(count)d patients are told; it counts against nobody.",
            touched.to_come,
        )
        told.append(_with_money(words % {"count": touched.to_come}, touched.paid))
    if touched.waiting:
        words = ngettext(
            "%(count)d who waits for a number is told.", "%(count)d who wait for a number are told.", touched.waiting
        )
        told.append(words % {"count": touched.waiting})
    return " ".join(told) or _("Nobody has to be told.")


def stop_words(end: Ending, *, closed: bool) -> list[str]:
    """What a stop does (R1.3), a line for each group. `closed`: at once for good; else who waits can be handed over."""
    told = []
    if end.to_come:
        words = ngettext(
            "%(count)d patient has not come yet and is told that the session is cancelled.",
            "%(count)d patients have not come yet and are told that the session is cancelled.",
            end.to_come,
        )
        told.append(_with_money(words % {"count": end.to_come}, end.to_come_paid))
    if end.waiting and closed:
        words = ngettext(
            "%(count)d patient waits, is not seen and is told so.",
            "%(count)d patients wait, are not seen and are told so.",
            end.waiting,
        )
        told.append(_with_money(words % {"count": end.waiting}, end.waiting_paid))
    elif end.waiting:
        words = ngettext(
            "%(count)d patient waits, is told, and can be handed over to another expert until the session closes.",
            "%(count)d patients wait, are told, and can be handed over to another expert until the session closes.",
            end.waiting,
        )
        told.append(words % {"count": end.waiting})
    return [*told, *(_in_room(end) if closed else ()), _("It counts against nobody.")]


def close_words(end: Ending) -> list[str]:
    """What closing does (R1.4), a line for each group."""
    told = []
    if end.waiting:
        words = ngettext(
            "%(count)d patient waits, is “not seen” and is told so.",
            "%(count)d patients wait, are “not seen” and are told so.",
            end.waiting,
        )
        told.append(_with_money(words % {"count": end.waiting}, end.waiting_paid))
    told += _in_room(end)
    if end.could_not:
        words = ngettext(
            "%(count)d patient could still have come in time and is told that the session is cancelled.",
            "%(count)d patients could still have come in time and are told that the session is cancelled.",
            end.could_not,
        )
        told.append(_with_money(words % {"count": end.could_not}, end.could_not_paid))
    if end.no_shows:
        words = ngettext(
            "%(count)d patient never came: a no-show.",
            "%(count)d patients never came: no-shows.",
            end.no_shows,
        )
        told.append(words % {"count": end.no_shows})
    return told


def _in_room(end: Ending) -> list[str]:
    if not end.in_room:
        return []
    words = ngettext(
        "%(count)d patient is in the room or away for a test and counts as seen.",
        "%(count)d patients are in the room or away for a test and count as seen.",
        end.in_room,
    )
    return [words % {"count": end.in_room}]


def _with_money(words: str, fen: int) -> str:
    """A sentence, and what goes back to those in it."""
    return f"{words} {_('%(money)s goes back.') % {'money': f'¥{yuan(fen)}'}}" if fen else words


def span_words(starts_at: datetime, ends_at: datetime) -> str:
    """From when to when."""
    return f"{timezone.localtime(starts_at):%H:%M}–{timezone.localtime(ends_at):%H:%M}"


def slot_words(slot: TouchedSlot) -> str:
    """A slot's time."""
    return span_words(slot.starts_at, slot.ends_at)


def slots_in_line(touched: Touched) -> str:
    """How many in each slot."""
    return " · ".join(f"{slot_words(slot)}: {slot.count}" for slot in touched.slots)


def list_of(session: Session) -> str:
    """The address of the list of those booked."""
    wanted = {"session": str(session.pk), "state__in": ",".join(Appointment.ACTIVE)}
    return f"{reverse('admin:booking_appointment_changelist')}?{urlencode(wanted)}"


def times(session: Session) -> str:
    """The session with its end."""
    return f"{session}–{timezone.localtime(session.ends_at):%H:%M}"
