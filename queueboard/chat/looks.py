"""What of queues an answer tells, read when it is written: one's own visits, a number, an expert's queues."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Q
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from booking import search
from booking.models import Account, Appointment, BallotEntry, Expert, Session, WaitlistEntry
from booking.models.hashes import lookup_hashes
from queueboard.chat import bindings, places
from queueboard.chat.models import Correspondent
from queueboard.models import Ticket
from queueboard.services.lookup import of_phone
from queueboard.templatetags.faces import in_words
from queueboard.views import phone_face
from queueboard.views.texts import Texts, phone_texts, say

SHOWN = 4  # visits or queues in one answer: a phone's screen, and what a chat system takes
NAMES = 12
HERE = (
    Ticket.State.WAITING, Ticket.State.CALLED, Ticket.State.SERVING, Ticket.State.MISSED, Ticket.State.AWAY,
)  # fmt: skip
Own = Ticket | Appointment | WaitlistEntry | BallotEntry
COMING = (Appointment.State.HELD, Appointment.State.BOOKED, Appointment.State.CALLED_OFF)


@dataclass(frozen=True, slots=True)
class Whose:
    """What somebody is bound to: links of visits, accounts, and hashes of their phones."""

    tokens: Sequence[str]
    accounts: Sequence[Account]
    phones: Sequence[str]

    @property
    def wished(self) -> Q:
        """Of what is waited for or asked for in a draw."""
        return of_phone(self.phones) | Q(account__in=self.accounts)


def words(look: dict[str, Any], who: Correspondent, now: datetime) -> str:
    """The answer, in the active language."""
    if look["see"] == "number":
        parts = _number(look["number"], now)
    elif look["see"] == "experts":
        parts = _experts(look["experts"], now)
    else:
        parts = [[look["first"]], *_own(who, now)]
    return places.text(*parts)


def experts(name: str) -> list[int]:
    """The ids of experts who may be meant: by characters, pinyin, its initials, or English name."""
    if len(name) < 2 and name.isascii():
        return []
    found = Expert.objects.filter(search.matching(name, "search_keys"), active=True)
    return list(found.order_by("name", "pk").values_list("pk", flat=True)[: NAMES + 1])


def _age(now: datetime) -> list[str]:
    return [say(phone_texts(), "age.first", time=phone_face.clock(now))]


def _own(who: Correspondent, now: datetime) -> list[list[str]]:
    whose = _whose(who)
    offered, waiting = _waits(whose, now)
    # A number that is offered is kept for a few minutes only.
    found = [*offered, *_visits(whose, now), *waiting, *_draws(whose)]
    if not found:
        return _nothing(who)
    several = len({each.patient_id for each in found}) > 1
    texts = phone_texts()
    parts = [_place(each, texts, now, named=several) for each in found[:SHOWN]]
    more = len(found) - SHOWN
    if more > 0:
        left = ngettext("{n} more is on your page:", "{n} more are on your page:", more).format(n=more)
        parts.append([left, places.link("book_mine")])
    return [*parts, _age(now)]


def _place(own: Own, texts: Texts, now: datetime, *, named: bool) -> list[str]:
    match own:
        case Ticket():
            return places.ticket(own, texts, now, named=named)
        case Appointment():
            return places.appointment(own, texts, now, named=named)
        case WaitlistEntry():
            return places.wait(own, named=named)
        case BallotEntry():
            return places.request(own, now, named=named)


def _nothing(who: Correspondent) -> list[list[str]]:
    if bindings.of(who).exists():
        return [[_("You have no number and no appointment for today or the days to come."), places.link("book")]]
    how = _(
        "We do not know yet who you are. Scan the QR code on your page, or write “bind” and your phone number: "
        "bind 13912345678"
    )
    return [[how]]


def _whose(who: Correspondent) -> Whose:
    bound = list(bindings.of(who).values_list("token", "account"))
    accounts = list(Account.objects.filter(pk__in=[account for _token, account in bound if account]))
    return Whose(
        tokens=[token for token, _account in bound if token],
        accounts=accounts,
        phones=[hashed for account in accounts for hashed in lookup_hashes(account.phone)],
    )


def _visits(whose: Whose, now: datetime) -> Sequence[Ticket | Appointment]:
    """Tickets in a queue, and appointments to come, the next first; each page once."""
    # A session that runs past midnight is still today's for those who wait.
    current = Q(session__date__gte=timezone.localdate(now)) | Q(session__state__in=Session.LIVE)
    bound = Q(token__in=whose.tokens)
    joins = ("session__department", "session__expert", "slot", "patient")
    came = bound | of_phone(whose.phones, "appointment__") | Q(appointment__account__in=whose.accounts)
    tickets = Ticket.objects.filter(current, came, state__in=HERE)
    held = ~Q(state=Appointment.State.HELD) | Q(held_until__gt=now)
    booked = bound | of_phone(whose.phones) | Q(account__in=whose.accounts)
    appointments = Appointment.objects.filter(current, held, booked, state__in=COMING)
    found: list[Ticket | Appointment] = [*tickets.select_related(*joins).order_by("-pk")]
    found += appointments.select_related(*joins)
    once = {visit.token: visit for visit in reversed(found)}
    return sorted(once.values(), key=lambda visit: visit.slot.starts_at)


def _waits(whose: Whose, now: datetime) -> tuple[list[WaitlistEntry], list[WaitlistEntry]]:
    """Where a number is offered, which ends first; and where one waits for one."""
    entries = WaitlistEntry.objects.filter(whose.wished, state__in=WaitlistEntry.ACTIVE)
    entries = entries.select_related("session__expert", "slot", "freed__slot", "patient").order_by(
        "offered_until", "pk"
    )
    offered = [each for each in entries if each.offered_until is not None and each.offered_until > now]
    return offered, [each for each in entries if each.state == WaitlistEntry.State.WAITING]


def _draws(whose: Whose) -> Sequence[BallotEntry]:
    """Where one asked for a number that is still to be drawn."""
    asked = BallotEntry.objects.filter(whose.wished, state=BallotEntry.State.ASKED)
    return list(asked.select_related("ballot__session__expert", "patient").order_by("ballot__session__date", "pk"))


def _number(number: str, now: datetime) -> list[list[str]]:
    """`number` is written as on a board, or has no letter: then it may be any queue's."""
    prefix, digits = number.rstrip("0123456789"), number.lstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
    found = Ticket.objects.filter(session__state__in=Session.LIVE, number=int(digits))
    if prefix:
        found = found.filter(session__prefix__iexact=prefix)
    tickets = list(
        found.select_related("session__department", "session__expert").order_by("session__starts_at", "pk")[: SHOWN + 1]
    )
    if not tickets:
        return [[_("No open queue has a number {number}.").format(number=number)]]
    texts = phone_texts()
    parts = [places.number(ticket.session, ticket.label, texts, now) for ticket in tickets[:SHOWN]]
    if len(tickets) > SHOWN:
        parts.append([_("There are more: please write the name of your expert.")])
    return [*parts, _age(now)]


def _experts(ids: list[int], now: datetime) -> list[list[str]]:
    found = list(Expert.objects.filter(pk__in=ids).order_by("name", "pk"))
    if len(found) > SHOWN:
        listed = [in_words(expert.names) for expert in found[:NAMES]]
        return [[_("Several experts may be meant. Please write the whole name."), *listed]]
    sits = Q(expert__in=found) | Q(rooms__expert__in=found)
    sessions = Session.objects.filter(sits, state__in=Session.LIVE).select_related("department", "expert").distinct()
    live = list(sessions.prefetch_related("slots", "rooms").order_by("starts_at", "pk")[:SHOWN])
    texts = phone_texts()
    parts = []
    here = set()
    for session in live:
        seated = {session.expert_id, *(seat.expert_id for seat in session.rooms.all())}
        pooled = session.expert_id is None
        parts.append(
            places.queue(session, texts, [in_words(each.names) for each in found if pooled and each.pk in seated])
        )
        here |= seated
    parts += [_not_here(expert, now) for expert in found if expert.pk not in here]
    return [*parts, _age(now)]


def _not_here(expert: Expert, now: datetime) -> list[str]:
    ahead = Session.objects.filter(expert=expert, state=Session.State.PLANNED, starts_at__gt=now)
    session = ahead.order_by("starts_at").first()
    if session is None:
        return [in_words(expert.names), _("No clinic is planned.")]
    day = {"weekday": date_format(session.date, "l"), "day": date_format(session.date)}
    time = f"{_('{weekday}, {day}').format(**day)} {phone_face.clock(session.starts_at)}"
    return [
        in_words(expert.names),
        _("The next clinic is on {time}").format(time=time),
        places.link("book_expert", expert.code),
    ]
