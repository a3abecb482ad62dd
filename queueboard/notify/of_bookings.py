"""What is said of appointments, of money and of suspensions."""

from datetime import datetime, timedelta

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from booking.models import Appointment, named
from booking.services import suspensions
from queueboard.notify.facts import Facts
from queueboard.notify.words import Said, clock, floored, of_visit, said
from queueboard.waiting import leaving


def phone_code(facts: Facts) -> Said | None:
    if facts.code is None or facts.code.used_at is not None:
        return None
    minutes = round((facts.code.until - facts.code.made_at).total_seconds() / 60)
    values = {"code": facts.code.code, "minutes": str(minutes)}
    text = ngettext(
        "Your code is %(code)s. It is valid for %(minutes)s minute. Please give it to nobody.",
        "Your code is %(code)s. It is valid for %(minutes)s minutes. Please give it to nobody.",
        minutes,
    )
    return said(_("Your code"), text, values)


def booked(facts: Facts) -> Said | None:
    return _of_appointment(
        facts,
        _("Your appointment is booked"),
        _("%(patient)s: booked with %(expert)s on %(day)s, %(start)s–%(end)s. Please come at %(come)s."),
        states=("booked",),
    )


def cancelled(facts: Facts) -> Said | None:
    return _of_appointment(
        facts,
        _("Your appointment is cancelled"),
        _("%(patient)s: the appointment with %(expert)s on %(day)s at %(start)s is cancelled."),
    )


def moved(facts: Facts) -> Said | None:
    return _of_appointment(
        facts,
        _("Your appointment was moved"),
        _("%(patient)s: moved to %(day)s, %(start)s–%(end)s, with %(expert)s. Please come at %(come)s."),
        states=("held", "booked"),
    )


def called_off(facts: Facts) -> Said | None:
    return _of_appointment(
        facts,
        _("Your clinic does not take place"),
        _(
            "%(patient)s: we are sorry, the clinic of %(expert)s on %(day)s at %(start)s does not take place. A fee is "
            "paid back, and nothing counts against you. Please choose another date."
        ),
    )


def substituted(facts: Facts) -> Said | None:
    if facts.away is None:
        return None
    return _of_appointment(
        facts,
        _("Another expert sees you"),
        _(
            "%(patient)s: on %(day)s %(expert)s sees you instead of %(away)s. Your number stays yours, your time is "
            "%(start)s–%(end)s."
        ),
        states=("held", "booked", "arrived"),
        away=named(facts.away),
    )


def session_time_changed(facts: Facts) -> Said | None:
    """The whole session is at another time of its day; told of what it is now, however often it changed."""
    was = facts.moment("was")
    if was is None or facts.slot is None or facts.slot.starts_at == was:
        return None
    return _of_appointment(
        facts,
        _("Your time has changed"),
        _(
            "%(patient)s: %(expert)s sees you on %(day)s at %(start)s–%(end)s now, not at %(was)s. Please come at "
            "%(come)s. Your number stays yours. If you cannot come then, please cancel or move it on your page."
        ),
        states=("held", "booked", "arrived"),
        was=clock(was),
    )


def session_room_changed(facts: Facts) -> Said | None:
    if facts.room is None:
        return None
    return _of_appointment(
        facts,
        _("Another room: %(room)s"),
        _("%(patient)s: on %(day)s %(expert)s sees you in %(room)s. %(way)s Your time is %(start)s–%(end)s."),
        states=("held", "booked", "arrived"),
    )


def hold_expired(facts: Facts) -> Said | None:
    return _of_appointment(
        facts,
        _("Your number was not paid in time"),
        _(
            "%(patient)s: the number with %(expert)s on %(day)s at %(start)s was not paid in time and went back to the "
            "others. Nothing was charged. You are welcome to book again."
        ),
        states=("expired",),
    )


def reminder(facts: Facts) -> Said | None:
    tomorrow = timezone.localdate(facts.cause.made_at) + timedelta(days=1)
    if facts.session is None or facts.session.date != tomorrow:
        return None
    return _of_appointment(
        facts,
        _("Your visit tomorrow"),
        _(
            "%(patient)s: %(expert)s expects you on %(day)s, %(start)s–%(end)s. Please come at %(come)s. If you cannot "
            "come, please cancel: another patient will be glad of the number."
        ),
        states=("booked",),
    )


def refund_done(facts: Facts) -> Said | None:
    if facts.refund is None:
        return None
    return _of_appointment(
        facts,
        _("Your fee was paid back"),
        _("%(patient)s: %(amount)s yuan for the appointment with %(expert)s on %(day)s have been paid back."),
        amount=f"{facts.refund.amount / 100:.2f}",
    )


def suspended(facts: Facts) -> Said | None:
    suspension = facts.suspension
    if suspension is None or suspension.ended_at is not None:
        return None
    until = date_format(timezone.localtime(suspension.until), "DATE_FORMAT")
    values = of_visit(facts) | {"sentence": suspensions.sentence(suspension), "until": until}
    return said(_("Booking is suspended"), _("%(patient)s: %(sentence)s"), values)


def suspension_lifted(facts: Facts) -> Said | None:
    if facts.suspension is None:
        return None
    return said(
        _("Booking is open again"), _("%(patient)s: appointments can be booked again from now on."), of_visit(facts)
    )


def come_at(appointment: Appointment) -> datetime:
    """When to come, while nobody can know the day's queue (R5.3)."""
    return appointment.slot.starts_at - timedelta(minutes=leaving.BE_EARLY)


def leave_at(come_at: datetime, way: int) -> datetime:
    """When to set out for it, with a way of so many minutes."""
    return floored(come_at + timedelta(minutes=leaving.set_out(0.0, way)))


def set_out(facts: Facts) -> Said | None:
    there = facts.moment("come_at")
    if there is None:
        return None
    return _of_appointment(
        facts,
        _("Time to set out"),
        _("%(patient)s: please set out now, to be with %(expert)s at %(come)s. Your number stays yours."),
        states=("booked",),
        come=clock(there),
    )


def _of_appointment(facts: Facts, title: str, text: str, *, states: tuple[str, ...] = (), **more: str) -> Said | None:
    """None where the appointment is gone, or in none of `states` any more: then something newer is told."""
    appointment = facts.appointment
    if appointment is None or (states and appointment.state not in states):
        return None
    values = of_visit(facts) | {"come": clock(come_at(appointment))} | more
    return said(title, text, values)
