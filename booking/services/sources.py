"""Where bookings come from: the account, the device and the address, and how much of each (R3.7)."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from booking import kept
from booking.errors import BookingError
from booking.models import Appointment, SourceCount
from booking.models.hashes import keyed_hash

Kind = SourceCount.Kind
What = SourceCount.What

SPELL = timedelta(minutes=10)
HASH_LENGTH = 32  # of 64: half of a keyed hash is far from two sources with one, and every row is smaller


@dataclass(frozen=True, slots=True)
class Source:
    """One of them, as its keyed hash."""

    kind: Kind
    hash: str

    @property
    def limit(self) -> int | None:
        """How many bookings it may make in a day; None: any number."""
        return getattr(settings, f"BOOKINGS_PER_{self.kind.name}") or None


def of(*, account_id: int | None = None, device: str = "", address: str = "") -> tuple[Source, ...]:
    """Those that are known, always in this order: whoever counts several of them locks their rows in it."""
    known = ((Kind.ACCOUNT, account_id), (Kind.DEVICE, device), (Kind.ADDRESS, address))
    return tuple(Source(kind, keyed_hash(f"{kind}:{value}")[:HASH_LENGTH]) for kind, value in known if value)


def limited(sources: Iterable[Source]) -> tuple[Source, ...]:
    """Those of them that may make so many bookings a day and no more."""
    return tuple(source for source in sources if source.limit is not None)


def day_of(now: datetime) -> datetime:
    """When the day began for which a booking counts."""
    return timezone.localtime(now).replace(hour=0, minute=0, second=0, microsecond=0)


# Every booking asks this first.
_SEEN: kept.Query[tuple[str, str, int]] = kept.Query(
    lambda device, address, day, spell, before: SourceCount.objects.filter(
        source_hash__in=[device, address], since__in=[day, spell, before]
    ).values_list("kind", "what", "count"),
    device=str,
    address=str,
    day=datetime,
    spell=datetime,
    before=datetime,
)


def seen(sources: Sequence[Source], *, now: datetime) -> dict[Kind, Counter[What]]:
    """What has come from the device and the address: bookings today; all else in this spell and the one before it."""
    hashes = {source.kind: source.hash for source in sources}
    found: dict[Kind, Counter[What]] = {Kind.DEVICE: Counter(), Kind.ADDRESS: Counter()}
    spell = _spell_of(now)
    rows = _SEEN.all(
        device=hashes.get(Kind.DEVICE, ""), address=hashes.get(Kind.ADDRESS, ""), day=day_of(now), spell=spell,
        before=spell - SPELL,
    )  # fmt: skip
    for kind, what, times in rows:
        found[Kind(kind)][What(what)] += times
    return found


def count(sources: Sequence[Source], *, what: What, now: datetime) -> None:
    """One more of each, of what is counted by spells."""
    if sources:
        with connection.cursor() as cursor:
            cursor.execute(*insertion(sources, what=what, since=_spell_of(now)))


def insertion(sources: Sequence[Source], *, what: What, since: datetime, after: str = "") -> tuple[str, list[Any]]:
    """A statement that counts one more for each source, and its parameters; it returns the kinds that were counted.

    A booking from a source that has reached its limit is not. `after`: what must have a row for anything to be counted.
    """
    given = ", ".join(["(%s, %s, %s)"] * len(sources))
    statement = f"""
        INSERT INTO booking_sourcecount (kind, source_hash, what, since, count)
        SELECT given.column2, given.column3, %s, %s, 1 FROM {after}{"," if after else ""} (VALUES {given}) AS given
        WHERE TRUE ORDER BY given.column1
        ON CONFLICT (source_hash, what, since) DO UPDATE SET count = booking_sourcecount.count + 1"""
    parameters: list[Any] = [what.value, connection.ops.adapt_datetimefield_value(since)]
    for turn, source in enumerate(sources):
        parameters += [turn, source.kind.value, source.hash]
    if what == What.BOOKED:
        cases = " ".join(["WHEN %s THEN %s"] * len(sources))
        statement += f" WHERE booking_sourcecount.count < CASE excluded.kind {cases} END"
        parameters += [each for source in sources for each in (source.kind.value, source.limit)]
    return f"{statement} RETURNING kind", parameters


def _spell_of(now: datetime) -> datetime:
    """When the spell began that this moment is in."""
    return datetime.fromtimestamp(now.timestamp() // SPELL.total_seconds() * SPELL.total_seconds(), tz=now.tzinfo)


def full(source: Source) -> BookingError:
    """The refusal of who has booked as much from there today as may be."""
    words = {
        Kind.ACCOUNT: _("Too many appointments were booked with this phone today. Please try again tomorrow."),
        Kind.DEVICE: _("Too many appointments were booked on this device today. Please try again tomorrow."),
        Kind.ADDRESS: _("Too many appointments were booked from this connection today. Please try again tomorrow."),
    }
    return BookingError(words[source.kind], code=f"limit_per_{source.kind}", status=429)


def forget(*, now: datetime | None = None) -> int:
    """Deletes counts, and takes hashes off appointments, that are older than the setting. Returns how many."""
    until = day_of(now or timezone.now()) - timedelta(days=settings.SOURCE_DAYS)
    known = Appointment.objects.exclude(address_hash="", device_hash="").filter(booked_at__lt=until)
    counts, _made = SourceCount.objects.filter(since__lt=until).delete()
    return counts + known.update(address_hash="", device_hash="")
