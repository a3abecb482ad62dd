"""A morning in which every patient is told all there is to tell: by a real worker and beat, Redis and fake services."""

import json
import os
import subprocess
from collections import Counter
from contextlib import contextmanager
from datetime import timedelta

import pytest
from django.conf import settings
from django.db import transaction
from django.test import Client
from django.utils import timezone

from booking import invariants
from booking.models import Outbox, Session
from booking.services import appointments
from queueboard.celery import app
from queueboard.models import Ticket
from queueboard.notify.models import Delivery
from queueboard.notify.push import keys, subscriptions
from queueboard.notify.push.way import word
from queueboard.notify.sms.tencent import PARAMETERS
from queueboard.services import arrivals, calls
from queueboard.supervisor import services
from tests import factories
from tests.booking.clinic import planned
from tests.browser import database_url
from tests.fakes import official_account
from tests.fakes.official_account import FakeOfficialAccount
from tests.fakes.push import FakePush
from tests.fakes.tencent import FakeTencent
from tests.processes.running import ROOT, wait_for

pytestmark = [pytest.mark.processes, pytest.mark.django_db(transaction=True)]

PATIENTS = 10
WHOLE_WAY = ("appointment_booked", "reminder", "ahead", "called")
SOON = 60.0  # seconds: a killed worker is started anew meanwhile, and its claims run out


class Worker:
    """The worker, and the beat beside it; a worker that was killed is started again, as by the supervisor."""

    def __init__(self, environment: dict[str, str], log) -> None:
        self._start = lambda service: subprocess.Popen(
            service.command, cwd=ROOT, env=environment, stdout=log, stderr=log
        )
        self.beat, self.process = self._start(services.beat()), self._start(services.worker())
        self.kills = 0

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        self.kills += 1

    def look_after(self) -> None:
        if self.process.poll() is not None:
            self.process = self._start(services.worker())

    def end(self) -> None:
        for each in (self.process, self.beat):
            each.kill()
            each.wait()


class Services:
    """All that tells patients outside, and the worker's environment that leads there."""

    def __init__(self) -> None:
        self.environment: dict[str, str] = {}
        self.push, self.sms, self.wechat = FakePush(), FakeTencent(), FakeOfficialAccount()
        self.sms.templates = {kind: len(names) for kind, names in PARAMETERS.items()}

    @property
    def every(self) -> tuple[FakePush, FakeTencent, FakeOfficialAccount]:
        return self.push, self.sms, self.wechat


class Morning:
    """Patients of one session, of each three of whom one is told by each way, and what each of them has heard."""

    def __init__(self, worker: Worker, outside: Services) -> None:
        self.worker, self.outside = worker, outside
        self.session = planned(((PATIENTS, 0),), day=timezone.localtime() + timedelta(days=1))
        self.browsers = {}
        self.openids = {}
        self.patients = {}

    def heard(self) -> Counter:
        """How often each patient was told of each kind."""
        kinds = {word(key): kind for key, kind in Outbox.objects.values_list("key", "kind")}
        by_phone = {f"+86{patient.phone}": pk for pk, patient in self.patients.items()}
        told = [(pk, kinds[each["id"]]) for pk, browser in self.browsers.items() for each in browser.got]
        texts = [each for each in self.outside.sms.sent if each["phone"] in by_phone]
        told += [(by_phone[each["phone"]], each["template"]) for each in texts]
        shown = [each for each in self.outside.wechat.sent if each["touser"] in self.openids]
        told += [(self.openids[each["touser"]], each["template_id"]) for each in shown]
        return Counter(told)

    def wait_until_told(self, kind: str, patients=None) -> None:
        wanted = {(pk, kind) for pk in (self.patients if patients is None else patients)}

        def all_told() -> bool:
            self.worker.look_after()
            return wanted <= set(self.heard()) and not Delivery.objects.filter(state=Delivery.State.WAITING).exists()

        wait_for(all_told, seconds=SOON, what=f"{kind}: {wanted - set(self.heard())}")

    def books(self) -> None:
        """The day before yesterday, of tomorrow; who wants to be told by the browser or WeChat says so at once."""
        slot = self.session.slots.get()
        for n in range(PATIENTS):
            patient = factories.patient()
            self.patients[patient.pk] = patient
            with transaction.atomic():
                made = appointments.book(
                    patient_id=patient.pk, slot_id=slot.pk, now=timezone.now() - timedelta(hours=25)
                )
                if n % 3 == 1:
                    browser = self.browsers[patient.pk] = self.outside.push.subscribe(keys.public())
                    subscriptions.keep(token=made.token, given=browser.to_json(), language="en")
                if n % 3 == 2:
                    self.scans(made.token, patient)
        self.wait_until_told("appointment_booked")

    def scans(self, token: str, patient) -> None:
        """The code that the patient's page shows."""
        phone, openid = Client(), f"o{patient.pk}"
        known = set(self.outside.wechat.scenes)
        phone.post(f"/t/{token}/wechat/")
        (code,) = set(self.outside.wechat.scenes) - known
        scene = self.outside.wechat.scenes[code]["scene"]
        path, body = official_account.request(official_account.event(openid, "subscribe", f"qrscene_{scene}"))
        self.outside.wechat.followers.add(openid)
        answer = phone.generic("POST", path, body, content_type="text/xml")
        assert token in official_account.read(answer.content)["Content"]
        self.openids[openid] = patient.pk

    def is_told_when_to_come(self) -> None:
        for _twice in range(2):
            app.send_task("queueboard.remind")
        self.wait_until_told("reminder")

    def the_night_passes(self) -> None:
        start = timezone.now() + timedelta(seconds=1)
        times = {"starts_at": start, "ends_at": start + timedelta(hours=1)}
        Session.objects.filter(pk=self.session.pk).update(
            date=timezone.localdate(), registration_opens_at=start - timedelta(hours=1), **times
        )
        self.session.slots.update(**times)

    def comes_and_is_called(self, before_call=lambda number: None) -> None:
        for made in self.session.appointments.order_by("pk"):
            arrivals.check_in(appointment_id=made.pk)
        room_id = self.session.rooms.get().room_id
        for number in range(1, PATIENTS + 1):
            self.wait_until_told("ahead", self.first_in_line())
            before_call(number)
            ticket = calls.call_next(session_id=self.session.pk, room_id=room_id)
            self.wait_until_told("called", [ticket.patient_id])
        calls.finish(ticket_id=ticket.pk)

    def first_in_line(self) -> list[int]:
        waiting = Ticket.objects.filter(session=self.session, state="waiting").order_by("number")
        return list(waiting.values_list("patient", flat=True)[: self.session.department.tell_when_ahead + 1])


@pytest.fixture
def outside(settings):
    """The services, and the settings of this process and of the worker that lead to them."""
    made = Services()
    settings.VAPID_PRIVATE_KEY = keys.new()
    settings.PUSH_SERVICES = [made.push.url]
    settings.SITE_URL = "https://queue.example.org"
    settings.WECHAT = made.wechat.settings()
    by_sms = made.sms.settings() | {"TEMPLATES": ",".join(f"{kind}={kind}" for kind in PARAMETERS)}
    fields = {"thing1": "{expert}", "thing2": "{title}"}
    by_wechat = settings.WECHAT | {"TEMPLATES": json.dumps({kind: {"id": kind, "data": fields} for kind in WHOLE_WAY})}
    made.environment = {
        "VAPID_PRIVATE_KEY": settings.VAPID_PRIVATE_KEY,
        "VAPID_CONTACT": "mailto:queue@example.org",
        "PUSH_SERVICES": made.push.url,
        "NOTICE_WAYS": "push,wechat,sms",
        "SMS_PROVIDER": "tencent",
        "QUIET_HOURS": "",
        "REMIND_AT": "00:00",
        "SITE_URL": settings.SITE_URL,
        **{f"TENCENT_SMS_{name}": value for name, value in by_sms.items()},
        **{f"WECHAT_{name}": value for name, value in by_wechat.items()},
    }
    yield made
    for each in made.every:
        each.close()


@contextmanager
def running(environment: dict[str, str], log):
    # The tasks of this process' services go to the queue that it read when it began.
    own = {"DATABASE_URL": database_url(), "REDIS_PREFIX": settings.CELERY_TASK_DEFAULT_QUEUE}
    worker = Worker({**os.environ, **own, **environment}, log)
    try:
        yield worker
    finally:
        worker.end()


def test_nobody_is_forgotten_or_told_twice_and_a_kill_costs_one_repetition_at_most(outside, tmp_path):
    with (tmp_path / "log").open("wb") as log, running(outside.environment, log) as worker:
        quiet = Morning(worker, outside)
        quiet.books()
        quiet.is_told_when_to_come()
        quiet.the_night_passes()
        quiet.comes_and_is_called()
        assert dict(quiet.heard()) == {(pk, kind): 1 for pk in quiet.patients for kind in WHOLE_WAY}

        killed = Morning(worker, outside)
        killed.books()
        killed.is_told_when_to_come()
        killed.the_night_passes()

        def kill_when(moment: str) -> None:
            """Whichever service the next notice goes to."""

            def kill() -> None:
                for each in outside.every:
                    setattr(each, moment, None)
                worker.kill()

            for each in outside.every:
                setattr(each, moment, kill)

        def before_call(number: int) -> None:
            # At once, the call goes out by text message and to a browser that few are ahead.
            if number == 1:
                kill_when("on_taken")  # one of them went out, and nobody noted it
            # In the end one is under way, the call itself.
            elif number == PATIENTS:
                kill_when("on_arrival")  # it was claimed, and did not go out

        killed.comes_and_is_called(before_call)
        assert worker.kills == 2
        heard = killed.heard()
        assert set(heard) == {(pk, kind) for pk in killed.patients for kind in WHOLE_WAY}
        assert sorted(heard.values())[-2:] == [1, 2], "the one that had gone out, once more"
        assert outside.push.refused == []
    assert not Outbox.objects.filter(sent_at=None).exists()
    assert list(invariants.breaches()) == []
