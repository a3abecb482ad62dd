"""What each screen of the kiosk shows, read anew each time: a screen that is loaded again tells the present."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import segno
from django.urls import reverse
from django.utils import timezone

from booking.models import Patient, Session
from queueboard import on_site, snapshots
from queueboard.errors import QueueError
from queueboard.kiosk import visits
from queueboard.kiosk.flow import Flow
from queueboard.kiosk.models import Kiosk
from queueboard.kiosk.visits import Visit
from queueboard.masking import masked
from queueboard.models import Ticket
from queueboard.services import arrivals
from queueboard.views import kiosk_problems, phone_face, source
from queueboard.views.texts import phone_texts

Context = dict[str, Any]
FULL = ("none_left", "registration_closed", "closed", "stopped", "not_open")  # a queue that takes nobody more


@dataclass(frozen=True, slots=True)
class Shown:
    """What a screen is made from. `site`: how patients' phones reach this site, without a slash at the end."""

    flow: Flow
    kiosk: Kiosk
    site: str
    now: datetime


def screen(flow: Flow, kiosk: Kiosk, site: str, now: datetime) -> tuple[str, Context]:
    """The template and its context."""
    shown = Shown(flow, kiosk, site, now)
    made = SCREENS[flow.step](shown)
    # What was to be shown is gone meanwhile.
    gone = made.get("gone")
    if gone is not None:
        return "kiosk/problem.html", _told(shown, gone, [])
    return f"kiosk/{flow.step}.html", made


def _start(shown: Shown) -> Context:
    """With the codes for those who check in by phone (R4.1): not where anybody can open the kiosk."""
    if shown.kiosk.public:
        return {}
    here = shown.kiosk.departments.order_by("name")
    return {"codes": [{"names": each.names, "code": on_site.code(each.pk, shown.now)} for each in here]}


def _plain(_shown: Shown) -> Context:
    return {}


def _who(shown: Shown) -> Context:
    return {"session": _session(shown)}


def _which(shown: Shown) -> Context:
    return {"visits": [_of_visit(each) for each in _visits(shown)]}


def _experts(shown: Shown) -> Context:
    return {"rows": _rows(shown)}


def _offer(shown: Shown) -> Context:
    """R4.1: what to expect, before the number is taken."""
    session = _session(shown)
    if session is None:
        return {"gone": "closed"}
    try:
        offer = arrivals.offer_walk_in(session_id=session.pk, now=shown.now)
    except QueueError as error:
        return {"gone": error.code}
    median, p90 = snapshots.wait_behind(session.pk, offer.position, now=shown.now)
    known = Patient.objects.filter(pk__in=shown.flow.patients).values_list("name", flat=True).first()
    return {
        "session": session,
        "rooms": _rooms(session),
        "slot": offer.slot,
        "before": offer.position,
        "range": _range(median, p90, shown.now),
        "name": masked(known or shown.flow.name),
    }


def _problem(shown: Shown) -> Context:
    return _told(shown, shown.flow.problem, _visits(shown))


def _told(shown: Shown, code: str, found: list[Visit]) -> Context:
    """With where else numbers are left, for a walk-in who chose a queue that takes nobody more."""
    session = _session(shown)
    told = kiosk_problems.told(code, found, session)
    if session is not None and code in FULL:
        told["others"] = [row for row in _rows(shown) if row.get("left") and row["session"] != session]
    if told["may_walk_in"]:
        told["suspended"] = kiosk_problems.suspension_of(shown.flow.patients, shown.now)
    if found and code == "not_paid":
        told["qr"] = _qr(shown.site, found[0].row.token)
    return told | {"visits": [_of_visit(each) for each in found]}


def _done(shown: Shown) -> Context:
    """The ticket, and where it stands. Of the person no more than the masked name."""
    found = _visits(shown)
    ticket = found[0].row if found else None
    if not isinstance(ticket, Ticket):
        return {"gone": "refused"}
    texts = phone_texts()
    snapshot, face = source.ticket(ticket, texts, shown.now)
    session = ticket.session
    address = shown.site + reverse("phone", args=[ticket.token])
    return {
        "ticket": ticket,
        "session": session,
        "rooms": snapshot["rooms"],
        "room": face.get("room"),
        "state": face["state"] or ticket.state,
        "ahead": face.get("ahead"),
        "range": face.get("range"),
        "name": masked(ticket.patient.name),
        "qr": _qr(shown.site, ticket.token),
        "address": address.partition("://")[2],
        "printed_at": shown.now,
    }


# --- parts


def _session(shown: Shown) -> Session | None:
    known = Session.objects.select_related("department", "expert").filter(department__kiosks=shown.kiosk)
    return known.filter(pk=shown.flow.session).first() if shown.flow.session else None


def _visits(shown: Shown) -> list[Visit]:
    found = (visits.with_token(token, shown.kiosk, shown.now) for token in shown.flow.visits)
    return [each for each in found if each is not None]


def _of_visit(visit: Visit) -> Context:
    row = visit.row
    return {
        "standing": visit.standing,
        "session": row.session,
        "slot": row.slot,
        "rooms": _rooms(row.session),
        "name": masked(row.patient.name),
        "number": row.label if isinstance(row, Ticket) else "",
        "held_until": getattr(row, "held_until", None),
    }


def _rooms(session: Session) -> list[Context]:
    seats = session.rooms.select_related("room").order_by("room__code")
    return [{"names": seat.room.names, "ways": seat.room.ways} for seat in seats]


def _rows(shown: Shown) -> list[Context]:
    """Today's queues of the kiosk: those with numbers left first, the soonest turn first, then those to open."""
    today = timezone.localdate(shown.now)
    here = Session.objects.filter(department__kiosks=shown.kiosk).select_related("department", "expert")
    live = here.filter(state__in=Session.LIVE, stopped_early=False, ends_at__gt=shown.now).prefetch_related("slots")
    later = here.filter(state=Session.State.PLANNED, date=today, ends_at__gt=shown.now)
    rows = [_row(session, shown.now) for session in live]
    rows.sort(key=lambda row: (not row["left"], row["soon"], row["session"].pk))
    to_open = later.order_by("registration_opens_at", "pk")
    return rows + [{"session": session, "opens_at": session.registration_opens_at} for session in to_open]


def _row(session: Session, now: datetime) -> Context:
    left = [slot for slot in session.slots.all() if slot.ends_at > now and slot.left_walk_in > 0]
    row: Context = {"session": session, "left": sum(slot.left_walk_in for slot in left), "soon": 0.0}
    if not left:
        return row
    first = min(left, key=lambda slot: slot.index)
    joining = next((each for each in source.phone(session)["joining"] if each["slot"] == first.index), None)
    if joining is not None:
        row |= {
            "before": joining["position"],
            "range": _range(joining["median"], joining["p90"], now),
            "soon": joining["median"] or 0.0,
        }
    return row


def _range(median: float | None, p90: float | None, now: datetime) -> str:
    """From when to when, as a patient's page will say it (R5.2)."""
    return phone_face.span_text({"at": now.isoformat()}, {"median": median, "p90": p90}, phone_texts(), now)


def _qr(site: str, token: str) -> str:
    """The address of a patient's page as a picture in an address of its own, so that no request carries it."""
    code = segno.make_qr(site + reverse("phone", args=[token]), error="m")
    return code.svg_data_uri(scale=8, border=2, dark="#000", light="#fff")


SCREENS: dict[str, Callable[[Shown], Context]] = {
    "start": _start,
    "who": _who,
    "last_four": _plain,
    "which": _which,
    "experts": _experts,
    "name": _plain,
    "offer": _offer,
    "problem": _problem,
    "done": _done,
}
