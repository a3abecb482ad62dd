"""R6.2: what patients have told the hospital is nowhere but where it belongs.

Distinctive names, IDs, phones, codes and tokens go all ways through a real server; then everything that was written is
searched for them: logs, mails, addresses, frames, Redis, and every column of every table.
"""

import json
import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from urllib.parse import quote

import pytest
import redis
from django.apps import apps
from django.contrib.auth.models import Group, User
from django.contrib.sessions.models import Session as WebSession
from django.core import mail
from django.db import connection
from django.test import Client
from django.utils import timezone
from websockets.sync.client import connect

from booking import tasks as booking_tasks
from booking.models import Appointment, Patient, PhoneCode
from booking.services import sessions
from queueboard import notify, tasks
from queueboard.models import Board, Ticket
from tests import factories
from tests.fakes.tencent import FakeTencent
from tests.privacy.conftest import Site, Visitor

NAMES = {"booked": "欧阳觅踪", "walk-in": "Quentin Tracewell", "family": "司徒留痕"}
IDS = {"booked": "110101199003078478", "walk-in": "ETRACE5501", "family": "11010120180505681X"}
PHONES = {"booked": "18955501234", "walk-in": "18955505678", "family": "18955501234"}
# Where each kind may stand in plain, and nowhere else.
BELONGS = {
    "name": {"booking_patient.name"},
    "token": {
        "booking_appointment.token", "queueboard_ticket.token", "queueboard_address.token",
        "queueboard_sharedlink.token", "booking_payment.number", "booking_payment.provider_number",
        "booking_moneymove.provider_number",
    },
}  # fmt: skip


def patient(who: str) -> dict[str, str]:
    kind = "other" if who == "walk-in" else "resident"
    return {"name": NAMES[who], "id_type": kind, "id_number": IDS[who], "phone": PHONES[who]}


class Written:
    """All that is searched, each with where it came from."""

    def __init__(self) -> None:
        self.texts: list[tuple[str, str]] = []

    def add(self, where: str, text: str) -> None:
        self.texts.append((where, text))

    def holding(self, planted: dict[str, list[str]]) -> list[str]:
        """Where something planted stands that does not belong there, with what and a few characters around it."""
        found = []
        for where, text in self.texts:
            for kind, words in planted.items():
                if where in BELONGS.get(kind, ()):
                    continue
                forms = {form for word in words for form in (word, quote(word), json.dumps(word)[1:-1])}
                for each in re.finditer("|".join(rf"(?<![\w.]){re.escape(form)}(?!\w)" for form in forms), text):
                    found.append(f"{where}: {kind}: {text[max(0, each.start() - 60) : each.end() + 20]!r}")
        return found

    def database(self) -> None:
        """Every column of every table as text."""
        for model in apps.get_models(include_auto_created=True):
            table = model._meta.db_table
            with connection.cursor() as cursor:
                for field in model._meta.local_concrete_fields:
                    column = connection.ops.quote_name(field.column)
                    cursor.execute(f"SELECT CAST({column} AS text) FROM {table} WHERE {column} IS NOT NULL")
                    self.add(f"{table}.{field.column}", "\n".join(row[0] for row in cursor.fetchall()))
        for each in WebSession.objects.all():
            self.add("a browser's session", json.dumps(each.get_decoded(), ensure_ascii=False))

    def redis(self, url: str, prefix: str) -> None:
        with redis.Redis.from_url(url) as client:
            for key in client.scan_iter(f"{prefix}*"):
                read = {
                    b"hash": client.hvals,
                    b"string": lambda one: [client.get(one)],
                    b"set": client.smembers,
                    b"list": lambda one: client.lrange(one, 0, -1),
                    b"zset": lambda one: client.zrange(one, 0, -1),
                }
                values = read[client.type(key)](key)
                self.add("Redis", b" ".join([key, *values]).decode(errors="replace"))


@pytest.fixture
def scene(transactional_db, settings):
    """A session that runs and one that can be booked for 20 yuan, a board, and staff."""
    now = timezone.localtime()
    of = factories.department(prepayment=2000)
    today = factories.session(of=of, start=f"{now:%H:%M}", day=now, state="running", date=now.date())
    ahead = factories.session(
        of=of, split=((4, 0),), day=now + timedelta(days=2), state="planned", pool_opened_at=None
    )  # fmt: skip
    board = Board.objects.create(slug="hall", title="大厅", public=True)
    board.departments.set([of])
    clerk = User.objects.create(username="clerk", is_staff=True, is_superuser=True)
    clerk.groups.add(Group.objects.get_or_create(name="clerk")[0])
    return {"today": today, "ahead": ahead, "clerk": clerk, "room": today.rooms.get().room_id}


@pytest.fixture
def texts_of_phones(settings):
    """SMS by a provider that is a fake: what phones get is nobody else's."""
    service = FakeTencent()
    settings.NOTICE_WAYS, settings.SMS_PROVIDER, settings.TENCENT_SMS = ["sms"], "tencent", service.settings()
    notify.way.cache_clear()
    yield service
    notify.way.cache_clear()
    service.close()


def book(visitor: Visitor, scene) -> Appointment:
    """By the API, with refusals, and paid."""
    slot = scene["ahead"].slots.get(index=0).pk
    wanted = {"slot": slot, "patient": patient("booked")}
    made = visitor.ask("POST", "/api/v1/appointments/", 201, json=wanted, headers={"Idempotency-Key": "k" * 20}).json()
    visitor.ask("POST", "/api/v1/appointments/", 409, json=wanted)
    visitor.ask("POST", "/api/v1/appointments/", 409, json={**wanted, "patient": patient("booked") | {"name": "王"}})
    bad = patient("family") | {"id_number": "110101201805056813;--", "id_type": "resident"}
    visitor.ask("POST", "/api/v1/appointments/", 400, json={**wanted, "patient": bad})
    token = made["token"]
    for path in (f"/t/{token}/", f"/api/v1/appointments/{token}/", f"/api/v1/tickets/{token}/"):
        visitor.ask("GET", path, 200)
    url = visitor.ask("POST", f"/api/v1/appointments/{token}/payment/", 0, json={"provider": "demo"}).json()["url"]
    visitor.ask("GET", url, 200)
    visitor.ask("POST", url, 302, data={"pay": "yes"})
    visitor.ask("GET", f"/t/{token}xxxx/", 404)
    return Appointment.objects.get(token=token)


def come(clerk: Visitor, scene) -> list[str]:
    """Somebody booked and somebody without a number come, are called, missed and called again. Their tokens."""
    session, room = scene["today"].pk, scene["room"]
    who = Patient.objects.get(name=NAMES["booked"])
    booked = factories.appointment(scene["today"], 0, who)
    for text in (PHONES["booked"], IDS["booked"], NAMES["booked"][:2], booked.token):
        assert clerk.ask("POST", "/api/v1/find/", 200, json={"q": text}).json()["results"]
    clerk.ask("POST", f"/api/v1/appointments/{booked.token}/check-in/", 200)
    clerk.ask("POST", f"/api/v1/queues/{session}/walk-ins/", 201, json={"patient": patient("walk-in")})
    called = clerk.ask("POST", f"/api/v1/queues/{session}/call-next/", 200, json={"room": room}).json()["id"]
    clerk.ask("POST", f"/api/v1/staff/tickets/{called}/recall/", 200, json={"seen": 1})
    clerk.ask("POST", f"/api/v1/staff/tickets/{called}/miss/", 200, json={})
    clerk.ask("POST", f"/api/v1/queues/{session}/call-next/", 200, json={"room": room})
    clerk.ask("POST", f"/api/v1/queues/{session}/call-next/", 0, json={"room": 999999})
    return list(Ticket.objects.values_list("token", flat=True))


def share(visitor: Visitor, token: str) -> str:
    """With a relative, who looks, and tries to do something. The secret of the link."""
    address = visitor.ask("POST", f"/t/{token}/share/", 200, headers={"Accept": "application/json"}).json()["url"]
    visitor.ask("GET", address, 200)
    visitor.ask("POST", f"{address}late/", 403)
    return address.split("/")[-2]


def look(visitor: Visitor, clerk: Visitor) -> None:
    """The look-up of a lost link, and staff who search."""
    for last_four in ("0000", IDS["booked"][-4:]):
        visitor.ask("POST", "/lookup/", 0, data={"phone": PHONES["booked"], "last_four": last_four})
    for model in ("patient", "appointment"):
        for text in (NAMES["booked"], PHONES["booked"]):
            page = clerk.ask("POST", f"/admin/booking/{model}/", 302, data={"q": text})
            assert text in clerk.ask("GET", page.headers["Location"], 200).text
    change = f"/admin/booking/patient/{Patient.objects.get(name=NAMES['walk-in']).pk}/change/"
    form = {"name": NAMES["walk-in"], "id_type": "other", "language": "en", "new_phone": PHONES["walk-in"]}
    clerk.ask("POST", change, 302, data=form)
    clerk.ask("GET", change.replace("change", "history"), 200)


def sign_in(visitor: Visitor) -> list[str]:
    """With a wrong code and the right one; the codes."""
    visitor.ask("POST", "/book/sign-in/", 302, data={"phone": PHONES["family"], "next": "/book/mine/"})
    sent = PhoneCode.objects.get()
    visitor.ask("POST", "/book/sign-in/", 0, data={"code": "000000", "next": "/book/mine/"})
    visitor.ask("POST", "/book/sign-in/", 302, data={"code": sent.code, "next": "/book/mine/"})
    visitor.ask("GET", "/book/mine/", 200)
    return [sent.code]


@contextmanager
def hidden(table: str) -> Iterator[None]:
    """A table is gone, so that what needs it fails with all that it was given."""
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {table} RENAME TO hidden_away")
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute(f"ALTER TABLE hidden_away RENAME TO {table}")


def fail(visitor: Visitor, scene, token: str) -> None:
    """Faults of ours."""
    with hidden("booking_suspension"):
        visitor.ask("GET", f"/t/{token}/", 500)
    wanted = {"slot": scene["ahead"].slots.get(index=0).pk, "patient": patient("family")}
    with hidden("booking_quotamove"):
        visitor.ask("POST", "/api/v1/appointments/", 500, json=wanted)


def break_a_rule(*_args, **_kwargs) -> None:
    """What PostgreSQL refuses with the whole row in its words."""
    Patient.objects.create(**patient("family") | {"language": None})


def report(monkeypatch, settings, token: str) -> None:
    """A fault in this process, whose report goes to the administrators by mail, and one in a task."""
    settings.ADMINS = [("Admin", "admin@example.org")]
    client = Client(raise_request_exception=False, headers={"cookie": f"seen={token}"})
    with monkeypatch.context() as broken:
        broken.setattr("queueboard.views.lookup.look_up", break_a_rule)
        sent = {"phone": PHONES["booked"], "last_four": IDS["booked"][-4:]}
        assert client.post(f"/lookup/?from=/t/{token}/", sent).status_code == 500
        broken.setattr(sessions, "make_sessions", break_a_rule)
        assert booking_tasks.make_sessions.apply().failed()
    assert len(mail.outbox) == 1


def test_nothing_of_patients_is_left_where_it_does_not_belong(
    scene, our_redis, texts_of_phones, tmp_path, caplog, monkeypatch, settings
):
    caplog.set_level(logging.DEBUG)
    site = Site(tmp_path / "log", REDIS_URL=our_redis, REDIS_PREFIX=settings.REDIS_PREFIX)
    site.start()
    written = Written()
    live = f"ws://127.0.0.1:{site.port}/ws"
    try:
        visitor, clerk = Visitor(site), Visitor(site, scene["clerk"])
        with connect(f"{live}/queues/{scene['today'].pk}/") as queue, connect(f"{live}/boards/hall/") as board:
            token = book(visitor, scene).token
            tokens = [token, *come(clerk, scene)]
            secret = share(visitor, token)
            look(visitor, clerk)
            codes = sign_in(Visitor(site))
            fail(visitor, scene, token)
            for task in (tasks.send_outbox, tasks.open_registrations, tasks.run_the_clock, booking_tasks.expire_holds):
                task.apply()
            report(monkeypatch, settings, token)
            for socket in (queue, board):
                socket.close()
                for frame in socket:
                    written.add("a frame", frame)
        tokens += re.findall(r"/pay/demo/(\w+)/", "\n".join(visitor.addresses))
    finally:
        site.stop()
    written.add("the server's log", site.log.read_text())
    written.add("this process's log", caplog.text)
    for each in mail.outbox:
        written.add("a mail", each.subject + each.body + "".join(str(part) for part in each.alternatives))
    for address in (*visitor.addresses, *clerk.addresses):
        # A patient's own page, and what asks for it, are at an address that nobody can guess.
        written.add("an address", re.sub(r"(?<=/)[\w-]{20,}(?=/)", "", address))
    written.redis(our_redis, settings.REDIS_PREFIX)
    written.database()
    planted = {"name": list(NAMES.values()), "id": list(IDS.values()), "phone": list(PHONES.values()),
               "code": codes, "token": tokens, "secret": [secret]}  # fmt: skip
    assert "Internal Server Error: /t/" in site.log.read_text()
    assert "Traceback" in caplog.text
    assert {"a frame", "a mail", "Redis", "a browser's session"} <= {where for where, _text in written.texts}
    assert written.holding(planted) == []
