"""What looks like selling numbers, in the bookings of some days (R3.7): read from the rows that are there anyway.

Each pattern is one query over those days, and finds the worst few. None is a proof: a carer or a company's network
may look like this too. People are named by nothing but ids and keyed hashes.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from django.db.models import Count, Exists, F, Max, Min, OuterRef, Q, QuerySet, Sum

from booking.models import Appointment, SourceCount

State = Appointment.State
MOST = 50  # of each pattern and kind
FIRST = timedelta(seconds=1)  # after the release
AGAIN = timedelta(minutes=30)  # a cancelled number is free again long before that


class Kind(StrEnum):
    """What is named: where bookings come from, or the phone that patients gave."""

    ACCOUNT = "account"
    DEVICE = "device"
    ADDRESS = "address"
    PHONE = "phone"


class Pattern(StrEnum):
    MANY_PATIENTS = "many_patients"
    SHARED_PHONE = "shared_phone"
    BOOKED_AGAIN = "booked_again"
    FIRST_SECOND = "first_second"
    NEVER_CAME = "never_came"
    REFUSED = "refused"


# From how many on it is shown: more than a family's. An address may be that of a hospital's or carrier's whole network.
FROM = {
    Pattern.MANY_PATIENTS: {Kind.ACCOUNT: 8, Kind.DEVICE: 8, Kind.ADDRESS: 40},
    Pattern.SHARED_PHONE: {Kind.PHONE: 8},
    Pattern.BOOKED_AGAIN: {Kind.ACCOUNT: 2, Kind.DEVICE: 2, Kind.ADDRESS: 4},
    Pattern.FIRST_SECOND: {Kind.ACCOUNT: 3, Kind.DEVICE: 3, Kind.ADDRESS: 12},
    Pattern.NEVER_CAME: {Kind.ACCOUNT: 3},
    Pattern.REFUSED: {Kind.DEVICE: 20, Kind.ADDRESS: 100},
}
_FIELDS = {
    Kind.ACCOUNT: "account", Kind.DEVICE: "device_hash", Kind.ADDRESS: "address_hash",
    Kind.PHONE: "patient__phone_hash",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Found:
    """One that a pattern fits. `source`: an account's id, or a keyed hash; `times`: bookings or tries, between `first`
    and `last`; `patients`: for how many different ones, None where that is not known."""

    pattern: Pattern
    kind: Kind
    source: str
    times: int
    patients: int | None
    first: datetime
    last: datetime


@dataclass(frozen=True, slots=True)
class Days:
    since: datetime
    until: datetime

    def booked(self) -> QuerySet[Appointment]:
        return Appointment.objects.order_by().filter(booked_at__gte=self.since, booked_at__lt=self.until)


def find(*, since: datetime, until: datetime) -> list[Found]:
    """All patterns in what was booked or tried from `since` to before `until`, the worst of each first."""
    days = Days(since, until)
    return [found for pattern, kinds in FROM.items() for kind in kinds for found in _READ[pattern](days, kind)]


def _many_patients(days: Days, kind: Kind) -> Iterable[Found]:
    pattern = Pattern.SHARED_PHONE if kind is Kind.PHONE else Pattern.MANY_PATIENTS
    return _worst(pattern, kind, days.booked(), by="patients")


def _booked_again(days: Days, kind: Kind) -> Iterable[Found]:
    """Given back, and soon after booked in the same session from the same place for somebody else."""
    field = _FIELDS[kind]
    again = Appointment.objects.filter(
        session=OuterRef("session"), booked_at__gte=OuterRef("ended_at"),
        booked_at__lt=OuterRef("ended_at") + AGAIN, **{field: OuterRef(field)},
    ).exclude(patient=OuterRef("patient"))  # fmt: skip
    given_back = days.booked().filter(state__in=[State.CANCELLED, State.CANCELLED_LATE, State.EXPIRED])
    return _worst(Pattern.BOOKED_AGAIN, kind, given_back.filter(Exists(again)))


def _first_second(days: Days, kind: Kind) -> Iterable[Found]:
    released = F("session__released_at")
    at_once = days.booked().filter(booked_at__gte=released, booked_at__lt=released + FIRST)
    return _worst(Pattern.FIRST_SECOND, kind, at_once)


def _never_came(days: Days, kind: Kind) -> Iterable[Found]:
    booked = days.booked()
    came = booked.filter(state__in=[State.ARRIVED, State.SEEN, State.NOT_SEEN], account=OuterRef("account"))
    return _worst(Pattern.NEVER_CAME, kind, booked.filter(~Exists(came), state=State.NO_SHOW))


def _refused(days: Days, kind: Kind) -> Iterable[Found]:
    rows = SourceCount.objects.order_by().filter(
        what=SourceCount.What.REFUSED, kind=kind.value, since__gte=days.since, since__lt=days.until
    )
    tried = rows.values("source_hash").annotate(times=Sum("count"), first=Min("since"), last=Max("since"))
    worst = tried.filter(times__gte=FROM[Pattern.REFUSED][kind]).order_by("-times", "source_hash")[:MOST]
    for source, times, first, last in worst.values_list("source_hash", "times", "first", "last"):
        yield Found(Pattern.REFUSED, kind, source, times, None, first, last)


def _worst(pattern: Pattern, kind: Kind, booked: QuerySet[Appointment], *, by: str = "times") -> Iterable[Found]:
    field = _FIELDS[kind]
    unknown = Q(account=None) if kind is Kind.ACCOUNT else Q(**{field: ""})
    grouped = booked.exclude(unknown).values(source=F(field)).annotate(
        times=Count("pk"), patients=Count("patient", distinct=True), first=Min("booked_at"), last=Max("booked_at")
    )  # fmt: skip
    worst = grouped.filter(**{f"{by}__gte": FROM[pattern][kind]}).order_by(f"-{by}", "source")[:MOST]
    for source, times, patients, first, last in worst.values_list("source", "times", "patients", "first", "last"):
        yield Found(pattern, kind, str(source), times, patients, first, last)


_READ = {
    Pattern.MANY_PATIENTS: _many_patients,
    Pattern.SHARED_PHONE: _many_patients,
    Pattern.BOOKED_AGAIN: _booked_again,
    Pattern.FIRST_SECOND: _first_second,
    Pattern.NEVER_CAME: _never_came,
    Pattern.REFUSED: _refused,
}
