"""A small clinic for tests: plain functions, each making one thing with sensible values."""

import itertools
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from booking.models import Appointment, Department, Expert, Patient, Room, Session, SessionRoom, Slot
from booking.services import numbers

_count = itertools.count(1)


def at(clock: str, day: datetime | None = None) -> datetime:
    """A local time of `day` (default: a fixed Monday), e.g. at("08:30")."""
    day = day or datetime(2026, 11, 16, tzinfo=timezone.get_default_timezone())
    hour, minute = clock.split(":")
    return day.replace(hour=int(hour), minute=int(minute), second=0, microsecond=0)


def department(**fields) -> Department:
    n = next(_count)
    return Department.objects.create(**{"slug": f"dept-{n}", "name": f"科室{n}", "name_en": f"Department {n}"} | fields)


def room(of: Department, **fields) -> Room:
    n = next(_count)
    return Room.objects.create(
        **{"department": of, "code": str(n), "name": f"{n} 诊室", "name_en": f"Room {n}"} | fields
    )


def expert(of: Department, **fields) -> Expert:
    n = next(_count)
    return Expert.objects.create(
        **{"department": of, "code": f"expert-{n}", "name": f"专家{n}", "name_en": f"Expert {n}"} | fields
    )


def patient(name: str | None = None, **fields) -> Patient:
    n = next(_count)
    made = {"name": name or f"张小{n}", "id_type": "other", "id_number": f"ID{n:08d}", "phone": f"1380000{n:04d}"}
    return Patient.objects.create(**made | fields)


def session(
    *, split=((2, 10), (4, 6), (4, 6), (10, 0)), start="08:00", day=None, minutes=60, rooms=1, of=None, **fields
) -> Session:
    """A session open for registration, with a slot of `minutes` for each (bookable, walk-in) pair of `split`."""
    of = of or department()
    starts_at = at(start, day)
    ends_at = starts_at + timedelta(minutes=minutes * len(split))
    who = expert(of)
    made = Session.objects.create(
        **{
            "department": of, "expert": who, "date": starts_at.date(), "starts_at": starts_at, "ends_at": ends_at,
            "registration_opens_at": starts_at - timedelta(minutes=60),
            "released_at": starts_at - timedelta(days=7), "state": "open", "pool_opened_at": starts_at,
            "numbers": sum(b + w for b, w in split),
        } | fields
    )  # fmt: skip
    for number in range(rooms):
        SessionRoom.objects.create(session=made, room=room(of), expert=who if number == 0 else expert(of))
    with transaction.atomic():
        for index, (bookable, walk_in) in enumerate(split):
            begin = starts_at + timedelta(minutes=minutes * index)
            slot = Slot.objects.create(
                session=made, index=index, starts_at=begin, ends_at=begin + timedelta(minutes=minutes)
            )
            for place, count in (("bookable", bookable), ("pool", walk_in)):
                if count:
                    numbers.move(
                        slot_id=slot.pk, source="outside", target=place, count=count, reason="planned", now=starts_at
                    )
    return made


def appointment(of: Session, slot_index: int = 0, who: Patient | None = None, **fields) -> Appointment:
    """A booked appointment, with its ledger row."""
    slot = of.slots.get(index=slot_index)
    with transaction.atomic():
        made = Appointment.objects.create(
            **{
                "patient": who or patient(), "session": of, "slot": slot, "state": "booked",
                "booked_at": of.released_at,
            } | fields
        )  # fmt: skip
        numbers.move(
            slot_id=slot.pk, source="bookable", target="booked", reason="booked", now=of.released_at,
            appointment_id=made.pk,
        )  # fmt: skip
    return made
