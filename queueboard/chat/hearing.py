"""One thing that somebody did in a chat, and what they are answered: once in effect, and each time the same words.

What it brings about is one transaction with its row; what is said of queues is read after that, so that no lock is
held while snapshots are built.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import override

from booking import phones
from booking.errors import BookingError
from booking.models.hashes import bring_over, keyed_hashes
from queueboard.chat import bindings, commands, looks
from queueboard.chat.commands import Act
from queueboard.chat.interface import Kind, Replayed, Said
from queueboard.chat.models import Correspondent, Heard, Proof, VisitCode

A_MINUTE = 20  # messages that one correspondent is answered
KEPT = timedelta(days=1)
REMEMBERED = timedelta(days=90)  # who is bound to nothing


@dataclass(frozen=True, slots=True)
class Outcome:
    """What is answered: words, or what of queues has to be read for it, after these words."""

    words: str = ""
    look: dict[str, Any] | None = None


def answer(said: Said, *, now: datetime | None = None) -> str:
    """The words to answer with, in the language of who is answered; "" for none. Raises Replayed."""
    now = now or timezone.now()
    try:
        with transaction.atomic():
            row = _heard(said, now)
    except IntegrityError as error:  # two senders, one identity or proof, at once
        raise Replayed(said.way) from error
    who = row.correspondent
    if row.look is not None and row.answer is None and who is not None:
        with override(who.language):
            words = looks.words(row.look, who, now)
        # Of two deliveries at once the first one's words are those of both.
        Heard.objects.filter(pk=row.pk, answer=None).update(answer=words)
        row.refresh_from_db(fields=["answer"])
    return row.answer or ""


def use_up(way: str, proof: str, *, now: datetime) -> None:
    """A proof that came with nothing that somebody did is good for nothing else. Twice is once. Raises Replayed."""
    try:
        with transaction.atomic():
            _use_up(way, proof, None, now)
    except IntegrityError as error:  # with a message, at once
        raise Replayed(way) from error


def forget(*, now: datetime | None = None) -> int:
    """Deletes what cannot be delivered again, codes that are long over, and who is bound to nothing and long silent.

    Returns how many answers.
    """
    now = now or timezone.now()
    VisitCode.objects.filter(until__lte=now - KEPT).delete()
    Proof.objects.filter(at__lte=now - KEPT).delete()
    deleted = Heard.objects.filter(at__lte=now - KEPT).delete()[0]
    bindings.forget_unbound(Correspondent.objects.filter(heard=None, made_at__lte=now - REMEMBERED))
    return deleted


def _heard(said: Said, now: datetime) -> Heard:
    who = _correspondent(said, now)
    keys = keyed_hashes(f"{said.way} {said.identity}")
    known = Heard.objects.select_related("correspondent").filter(key__in=keys).first()
    if known is not None and known.correspondent_id not in (None, who.pk):
        raise Replayed("another's message")
    row = known or Heard.objects.create(correspondent=who, key=keys[0], at=now)
    if said.proof:
        _use_up(said.way, said.proof, row, now)
    return known or _in_effect(said, who, row)


def _use_up(way: str, proof: str, row: Heard | None, now: datetime) -> None:
    """Of every delivery: each may be seen on its way, and come again with other words."""
    values = keyed_hashes(f"{way} {proof}")
    known = Proof.objects.filter(value__in=values).first()
    if known is None:
        Proof.objects.create(value=values[0], heard=row, at=now)
    elif known.heard_id != (None if row is None else row.pk):
        raise Replayed("something else was signed by this")


def _in_effect(said: Said, who: Correspondent, row: Heard) -> Heard:
    answered = ~Q(answer=None) | ~Q(look=None)
    lately = Heard.objects.filter(answered, correspondent=who, at__gt=row.at - timedelta(minutes=1)).count()
    outcome = _outcome(said, who, row.at) if lately < A_MINUTE else _too_many(lately, who)
    row.look, row.answer = outcome.look, None if outcome.look else outcome.words
    row.save(update_fields=["look", "answer"])
    return row


def _correspondent(said: Said, now: datetime) -> Correspondent:
    """The sender's row, locked: what one person sends takes effect one after the other."""
    values = {"address": said.address, "language": settings.LANGUAGE_CODE, "made_at": now}
    hashed = bring_over(Correspondent, "address_hash", keyed_hashes(said.address))
    locked = Correspondent.objects.select_for_update()
    return locked.get_or_create(way=said.way, address_hash=hashed, defaults=values)[0]


def _too_many(lately: int, who: Correspondent) -> Outcome:
    with override(who.language):
        return Outcome(_("These are many messages. Please wait a minute.") if lately == A_MINUTE else "")


def _outcome(said: Said, who: Correspondent, now: datetime) -> Outcome:
    with override(who.language):
        try:
            return _done(said, who, now)
        except BookingError as error:
            return Outcome(str(error))


def _done(said: Said, who: Correspondent, now: datetime) -> Outcome:
    if said.kind is Kind.HAPPENS:
        return Outcome()
    if said.kind is Kind.LEAVES:
        bindings.forget(who, now)
        return Outcome()
    if said.kind is Kind.SHOWS:
        return Outcome(_("We can read what you write, and nothing else yet.") + "\n\n" + help_text())
    if said.kind is Kind.WRITES:
        return _obeyed(commands.read(said.text), who, now)
    welcome = _("Welcome to {hospital}.").format(hospital=settings.HOSPITAL_NAME)
    if not said.text:
        return Outcome(f"{welcome}\n\n{help_text()}")
    bindings.by_visit_code(who=who, code=said.text, now=now)
    bound = _("You are told here when your turn comes.")
    return _own(f"{welcome}\n{bound}" if said.kind is Kind.FOLLOWS else bound)


def _obeyed(command: commands.Command, who: Correspondent, now: datetime) -> Outcome:
    match command.act:
        case Act.QUEUE:
            return _own()
        case Act.NUMBER:
            return Outcome(look={"see": "number", "number": command.value})
        case Act.NAME:
            return _named(command.value)
        case Act.BIND:
            sent = bindings.ask_phone_code(who=who, phone=command.value, now=now)
            words = _("A code was sent to {phone}. Please write it here within ten minutes.")
            return Outcome(words.format(phone=phones.masked(sent.phone)))
        case Act.CODE:
            account = bindings.by_phone_code(who=who, code=command.value, now=now)
            words = _("{phone} is bound: you are told here when your turn comes.")
            return _own(words.format(phone=phones.masked(account.phone)))
        case Act.HOW_TO_BIND:
            return Outcome(how_to_bind())
        case Act.UNBIND:
            was_bound = bindings.unbind(who, now)
            return Outcome(_("You are not told anything here any more.") if was_bound else _("Nothing is bound here."))
        case Act.LANGUAGE:
            bindings.speak(who, command.value)
            with override(command.value):
                return Outcome(_("We write English from now on.") + "\n\n" + help_text())
        case Act.CHOOSE_LANGUAGE:
            return Outcome("English / 简体中文 / 繁體中文")
    return Outcome(help_text())


def _own(first: str = "") -> Outcome:
    return Outcome(look={"see": "own", "first": first})


def _named(name: str) -> Outcome:
    found = looks.experts(name)
    if found:
        return Outcome(look={"see": "experts", "experts": found})
    return Outcome(_("We know no expert of this name.") + "\n\n" + help_text())


def how_to_bind() -> str:
    return _(
        "To be told here when your turn comes, scan the QR code on your page, or write “bind” and your phone number: "
        "bind 13912345678"
    )


def help_text() -> str:
    """What can be written."""
    return "\n".join(
        [
            _("You can write:"),
            _("“queue”: your own place and time"),
            _("“A017”: how far a number is"),
            _("a name, such as “Wang”: the queue of an expert"),
            _("“bind 13912345678”: to be told when your turn comes; “unbind” ends it"),
            _("“简体中文” or “繁體中文”: in another language"),
        ]
    )
