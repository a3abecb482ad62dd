"""The demonstration clinic: who and what there is, and how an empty database is filled with it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from random import Random

from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.contrib.auth.models import Group, User
from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone

from booking.models import Department, Expert, Patient, Room, Session, Template, TemplateRoom
from booking.services import sessions
from queueboard import replay
from queueboard.demo import past, people
from queueboard.kiosk.models import Kiosk
from queueboard.models import Board

MARKER = "demonstration"  # a group without permissions that says what this database is
PREFIX = "demo-"
SHARE = 30  # a morning of four hours takes eight minutes
SHORT = timedelta(minutes=people.HALF_DAY_MINUTES / SHARE)
PAST_DAYS = 6
DAYS_AHEAD = 14

Names = tuple[str, str, str]  # simplified, English, traditional


class NotEmpty(Exception):
    """The database holds something: it is not filled."""


class NotTheDemonstration(Exception):
    """The database holds something other than the demonstration: it is not touched."""


@dataclass(frozen=True, slots=True)
class Doctor:
    login: str
    names: Names
    titles: Names
    room: str
    room_names: Names
    ways: Names


@dataclass(frozen=True, slots=True)
class Practice:
    """A queue that has one short morning after the other: of one expert, or pooled (with `titles`)."""

    department: str
    doctors: tuple[Doctor, ...]
    prefix: str
    titles: Names = ("", "", "")

    @property
    def numbers(self) -> int:
        return people.numbers_of(len(self.doctors))


CHIEF: Names = ("主任医师", "Chief Physician", "主任醫師")
DEPUTY: Names = ("副主任医师", "Associate Chief Physician", "副主任醫師")
ATTENDING: Names = ("主治医师", "Attending Physician", "主治醫師")

DEPARTMENTS: dict[str, Names] = {
    "demo-neurology": ("神经内科", "Neurology", "神經內科"),
    "demo-general": ("全科医学科", "General Medicine", "全科醫學科"),
    "demo-cardiology": ("心血管内科", "Cardiology", "心血管內科"),
    "demo-endocrinology": ("内分泌科", "Endocrinology", "內分泌科"),
}
PRACTICES = (
    Practice(
        "demo-neurology",
        (
            Doctor(
                "chen", ("陈雅文", "Dr. Chen Yawen", "陳雅文"), CHIEF, "201", ("201 诊室", "Room 201", "201 診室"),
                ("二楼，电梯左侧", "2nd floor, left of the lifts", "二樓，電梯左側"),
            ),
        ),
        "A",
    ),
    Practice(
        "demo-neurology",
        (
            Doctor(
                "li", ("李国栋", "Dr. Li Guodong", "李國棟"), DEPUTY, "203", ("203 诊室", "Room 203", "203 診室"),
                ("二楼，电梯右侧", "2nd floor, right of the lifts", "二樓，電梯右側"),
            ),
        ),
        "B",
    ),
    Practice(
        "demo-general",
        (
            Doctor(
                "zhou", ("周敏", "Dr. Zhou Min", "周敏"), ATTENDING, "101", ("101 诊室", "Room 101", "101 診室"),
                ("一楼，药房对面", "ground floor, opposite the pharmacy", "一樓，藥房對面"),
            ),
            Doctor(
                "wu", ("吴昊", "Dr. Wu Hao", "吳昊"), ATTENDING, "102", ("102 诊室", "Room 102", "102 診室"),
                ("一楼，药房对面", "ground floor, opposite the pharmacy", "一樓，藥房對面"),
            ),
            Doctor(
                "lin", ("林若溪", "Dr. Lin Ruoxi", "林若溪"), ATTENDING, "103", ("103 诊室", "Room 103", "103 診室"),
                ("一楼，走廊尽头", "ground floor, end of the corridor", "一樓，走廊盡頭"),
            ),
        ),
        "C",
        ("普通门诊", "General Clinic", "普通門診"),
    ),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Regular:
    """Sees patients in real time, by weekly templates: the coming days can be booked. `prepayment` is in fen."""

    department: str
    doctor: Doctor
    hours: tuple[tuple[str, time, time, tuple[int, ...]], ...]  # letter of the tickets, from, to, weekdays
    prepayment: int = 0


REGULARS = (
    Regular(
        "demo-cardiology",
        Doctor(
            "fang", ("方立群", "Dr. Fang Liqun", "方立群"), CHIEF, "301", ("301 诊室", "Room 301", "301 診室"),
            ("三楼，出电梯直走", "3rd floor, straight on from the lifts", "三樓，出電梯直走"),
        ),
        (("D", time(8), time(12), (0, 1, 2, 3, 4, 5)), ("E", time(14), time(18), (0, 1, 2, 3, 4))),
    ),
    Regular(
        "demo-cardiology",
        Doctor(
            "tang", ("唐文静", "Dr. Tang Wenjing", "唐文靜"), DEPUTY, "302", ("302 诊室", "Room 302", "302 診室"),
            ("三楼，出电梯右转", "3rd floor, right from the lifts", "三樓，出電梯右轉"),
        ),
        (("F", time(8), time(12), (0, 2, 4)),),
        prepayment=2000,
    ),
    Regular(
        "demo-endocrinology",
        Doctor(
            "shen", ("沈知行", "Dr. Shen Zhixing", "沈知行"), CHIEF, "401", ("401 诊室", "Room 401", "401 診室"),
            ("四楼，电梯对面", "4th floor, opposite the lifts", "四樓，電梯對面"),
        ),
        (("G", time(8), time(12), (1, 3, 6)), ("H", time(14), time(18), (0, 5))),
    ),
)  # fmt: skip
REGULAR_DEPARTMENTS = tuple(dict.fromkeys(each.department for each in REGULARS))
BOARDS: dict[str, tuple[Names, tuple[str, ...]]] = {
    "demo-hall": (("门诊大厅", "Outpatient hall", "門診大廳"), tuple(DEPARTMENTS)),
    "demo-neurology": (("神经内科候诊区", "Neurology waiting area", "神經內科候診區"), ("demo-neurology",)),
    "demo-general": (("全科医学科候诊区", "General Medicine waiting area", "全科醫學科候診區"), ("demo-general",)),
}
KIOSK = "demo-hall"


def password_of(login: str) -> str:
    """The demonstration's passwords are meant to be known."""
    return f"{login}-demo"


def is_demo() -> bool:
    """Whether this database was filled with the demonstration and holds nothing else.

    A department that only has an imported history is nothing yet, and a replay is a demonstration too.
    """
    own = Department.objects.exclude(slug__startswith=PREFIX).exclude(slug=replay.DEPARTMENT)
    staff = Department.staff.through.objects.filter(department=OuterRef("pk"))
    used = own.filter(
        Exists(Session.objects.filter(department=OuterRef("pk")))
        | Exists(Template.objects.filter(department=OuterRef("pk")))
        | Exists(staff)
    )
    return Group.objects.filter(name=MARKER).exists() and not used.exists()


def fill(*, now: datetime, rng: Random) -> bool:
    """Fills an empty database, all or nothing. Returns whether it did: the demonstration is left as it is.

    Raises NotEmpty where the database holds anything else.
    """
    with transaction.atomic():
        if Group.objects.filter(name=MARKER).exists():
            if not is_demo():
                raise NotEmpty
            return False
        if any(model.objects.exists() for model in (Department, get_user_model(), Patient, Board)):
            raise NotEmpty
        Group.objects.create(name=MARKER)
        departments = {slug: _department(slug, names) for slug, names in DEPARTMENTS.items()}
        _staff(departments)
        for practice in PRACTICES:
            for doctor in practice.doctors:
                _history(_doctor(doctor, departments[practice.department])[0], now=now, length=SHORT, rng=rng)
        for regular in REGULARS:
            _regular(regular, departments[regular.department], now=now, rng=rng)
        for slug, (names, shown) in BOARDS.items():
            board = Board.objects.create(
                slug=slug, title=names[0], title_en=names[1], title_zh_hant=names[2], public=True
            )
            board.departments.set(departments[each] for each in shown)
        # Opens at once from its address: nobody comes to this clinic.
        hall = _trio("title", BOARDS[KIOSK][0])
        Kiosk.objects.create(slug=KIOSK, public=True, **hall).departments.set(departments.values())
    sessions.make_sessions(today=timezone.localdate(now) + timedelta(days=1), now=now)
    return True


def _department(slug: str, names: Names) -> Department:
    rules = {} if slug in REGULAR_DEPARTMENTS else _short_rules()
    return Department.objects.create(
        slug=slug, name=names[0], name_en=names[1], name_zh_hant=names[2], sessions_ahead_days=DAYS_AHEAD, **rules
    )


def _short_rules() -> dict[str, float]:
    """The rules of a department whose morning takes eight minutes: what is a length of time is a thirtieth."""
    return {
        "slot_minutes": people.SLOT_MINUTES // SHARE,
        "registration_opens_minutes": 60 // SHARE,
        "early_minutes": 30 // SHARE,
        "free_again_minutes": 0,
        "default_visit_minutes": people.LATER_VISIT_MINUTES / SHARE,
        "default_walk_ins_per_hour": 2.0 * SHARE,
        # A day has more than a hundred mornings here.
        "booked_per_patient_day": 1000,
        "booked_per_patient_department": 20,
    }


def _staff(departments: dict[str, Department]) -> None:
    clerk = _user("clerk", "clerk", "前台")
    for department in departments.values():
        department.staff.add(clerk)
    _user("manager", "manager", "门诊部")


def _user(login: str, role: str, name: str) -> User:
    # Printed at every start: a hash that is slow to make would guard nothing. Logging in makes it one.
    hasher = PBKDF2PasswordHasher()
    password = hasher.encode(password_of(login), hasher.salt(), iterations=1)
    user = get_user_model().objects.create(username=login, password=password, is_staff=True, first_name=name)
    user.groups.add(Group.objects.get(name=role))
    return user


def _doctor(doctor: Doctor, department: Department) -> tuple[Expert, Room]:
    expert = Expert.objects.create(
        department=department,
        user=_user(doctor.login, "expert", doctor.names[0]),
        code=PREFIX + doctor.login,
        **_trio("name", doctor.names),
        **_trio("title", doctor.titles),
    )
    room = Room.objects.create(
        department=department, code=doctor.room, **_trio("name", doctor.room_names), **_trio("way", doctor.ways)
    )
    return expert, room


def _trio(field: str, words: Names) -> dict[str, str]:
    return dict(zip((field, f"{field}_en", f"{field}_zh_hant"), words, strict=True))


def _history(expert: Expert, *, now: datetime, length: timedelta, rng: Random) -> None:
    """Mornings and afternoons alike: the demonstration may be looked at at any hour, and the two are not mixed."""
    for days in range(PAST_DAYS, 0, -1):
        day = timezone.localdate(now) - timedelta(days=days)
        for begins, morning in ((time(8), True), (time(14), False)):
            starts_at = timezone.make_aware(datetime.combine(day, begins))
            past.write(expert, starts_at=starts_at, length=length, morning=morning, rng=rng)


def _regular(regular: Regular, department: Department, *, now: datetime, rng: Random) -> None:
    expert, room = _doctor(regular.doctor, department)
    if regular.prepayment:
        Expert.objects.filter(pk=expert.pk).update(prepayment=regular.prepayment)
    _history(expert, now=now, length=timedelta(minutes=people.HALF_DAY_MINUTES), rng=rng)
    for prefix, starts, ends, weekdays in regular.hours:
        for weekday in weekdays:
            template = Template.objects.create(
                department=department, expert=expert, weekday=weekday, starts=starts, ends=ends,
                numbers=people.numbers_of(1), prefix=prefix,
            )  # fmt: skip
            TemplateRoom.objects.create(template=template, room=room, expert=expert)


def new_session(practice: Practice, *, now: datetime, after: timedelta) -> Session:
    """The practice's next short morning: registration opens `after` from now."""
    department = Department.objects.get(slug=practice.department)
    experts = {expert.code: expert for expert in department.experts.all()}
    rooms = {room.code: room for room in department.rooms.all()}
    seated: Sequence[tuple[Room, Expert]] = [(rooms[d.room], experts[PREFIX + d.login]) for d in practice.doctors]
    starts_at = now + after + timedelta(minutes=department.registration_opens_minutes)
    return sessions.make_session(
        department=department,
        expert=seated[0][1] if not practice.titles[0] else None,
        titles=practice.titles,
        starts_at=starts_at,
        ends_at=starts_at + SHORT,
        numbers_in_all=practice.numbers,
        prefix=practice.prefix,
        rooms=seated,
        now=now,
    )
