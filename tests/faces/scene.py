"""A waiting room in mid-morning, made through the services: queues in two departments, and names that must not show."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.utils import timezone

from booking.models import Appointment, Department, Session, SessionRoom
from queueboard.models import Board, Ticket
from queueboard.services.arrivals import check_in, register_walk_in
from queueboard.services.calls import call_next, miss, start
from queueboard.services.rooms import pause
from tests import factories

EXPERTS = [
    ("王建华", "Wang Jianhua", "王建華", "主任医师"),
    ("李秋萍", "Li Qiuping", "李秋萍", "主任医师"),
    ("陈立", "Chen Li", "陳立", "副主任医师"),
    ("周敏", "Zhou Min", "周敏", "主任医师"),
    ("孙海", "Sun Hai", "孫海", "主治医师"),
]
NAMES = [
    "张晓明",
    "王芳芳",
    "赵一芳",
    "钱多多",
    "孙大海",
    "欧阳晓雨",
    "John Smith",
    "李四",
    "周小杰",
    "吴小莉",
    "郑成功",
]
ROUND = "查房"


@dataclass
class Scene:
    now: datetime
    departments: list[Department] = field(default_factory=list)
    sessions: list[Session] = field(default_factory=list)
    tickets: list[Ticket] = field(default_factory=list)
    booked: list[Appointment] = field(default_factory=list)
    board: Board | None = None


def waiting_room(*, queues: int = 5, patients: int = 8, now: datetime | None = None) -> Scene:
    """The scene at `now`: sessions that began an hour ago, somebody in each room, the second queue calling."""
    now = now or timezone.now()
    scene = Scene(now=now)
    for name, english, traditional in (("神经内科", "Neurology", "神經內科"), ("心内科", "Cardiology", "心內科")):
        scene.departments.append(factories.department(name=name, name_en=english, name_zh_hant=traditional))
    for n in range(queues):
        scene.sessions.append(_session(scene, n, patients))
    _pause_one(scene)
    scene.board = Board.objects.create(
        slug="hall", title="神经内科 · 三楼候诊区", title_en="Neurology, 3rd floor",
        title_zh_hant="神經內科 · 三樓候診區", public=True,
    )  # fmt: skip
    scene.board.departments.set(scene.departments)
    return scene


def _session(scene: Scene, n: int, patients: int) -> Session:
    name, english, traditional, title = EXPERTS[n % len(EXPERTS)]
    of = scene.departments[n % 2]
    began = timezone.localtime(scene.now - timedelta(hours=1))
    session = factories.session(
        of=of,
        start=f"{began:%H:%M}",
        day=began,
        prefix="ABC"[n % 3],
        date=timezone.localdate(scene.now),
        split=((6, 6), (6, 10), (6, 10), (6, 0)),
    )
    type(session.expert).objects.filter(pk=session.expert_id).update(
        name=name, name_en=english, name_zh_hant=traditional, title=title, title_en="Chief physician"
    )
    seat = session.rooms.get()
    type(seat.room).objects.filter(pk=seat.room_id).update(
        code=str(n + 1), name=f"{n + 1} 诊室", name_en=f"Room {n + 1}", name_zh_hant=f"{n + 1} 診室",
        way="右手边", way_en="on the right", way_zh_hant="右手邊",
    )  # fmt: skip
    _fill(scene, session, seat, n, patients)
    session.refresh_from_db()
    return session


def _fill(scene: Scene, session: Session, seat: SessionRoom, n: int, patients: int) -> None:
    for i in range(patients):
        who = factories.patient(name=NAMES[(i + n) % len(NAMES)])
        came = scene.now - timedelta(minutes=70 - 5 * i)
        if i % 2:
            scene.tickets.append(register_walk_in(session_id=session.pk, patient_id=who.pk, now=came))
        else:
            booked = factories.appointment(session, slot_index=i % 2, who=who)
            scene.tickets.append(check_in(appointment_id=booked.pk, now=came))
    scene.booked.append(factories.appointment(session, slot_index=2))
    calling = {"session_id": session.pk, "room_id": seat.room_id}
    first = call_next(**calling, now=scene.now - timedelta(minutes=20))
    if n == 2:
        miss(ticket_id=first.pk, now=scene.now - timedelta(minutes=18))
    second = call_next(**calling, now=scene.now - timedelta(minutes=8 - n))
    if n != 1:
        start(ticket_id=second.pk, now=scene.now - timedelta(minutes=7 - n))


def _pause_one(scene: Scene) -> None:
    if len(scene.sessions) > 3:
        session = scene.sessions[3]
        seat = session.rooms.get()
        pause(
            session_id=session.pk, room_id=seat.room_id, reason=ROUND, until=scene.now + timedelta(minutes=38),
            now=scene.now,
        )  # fmt: skip
