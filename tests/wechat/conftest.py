"""An official account at a fake WeChat, a queue, and people who write."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

import pytest
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from queueboard.live import news
from tests import factories
from tests.fakes import official_account as fake
from tests.fakes.official_account import FakeOfficialAccount


@pytest.fixture(scope="session")
def server() -> Iterator[FakeOfficialAccount]:
    made = FakeOfficialAccount()
    yield made
    made.close()


@pytest.fixture
def wechat(server, settings) -> FakeOfficialAccount:
    """WeChat, and an account there that is set up; its messages come plain."""
    server.reset()
    settings.SITE_URL = "https://queue.example.org"
    settings.WECHAT = server.settings()
    return server


@pytest.fixture
def encrypted(wechat, settings) -> FakeOfficialAccount:
    settings.WECHAT = settings.WECHAT | {"AES_KEY": fake.AES_KEY}
    return wechat


@pytest.fixture(autouse=True)
def _snapshots_are_made_anew(monkeypatch):
    """A test that is rolled back gives its ids and versions to the next, which must not find its snapshots in Redis."""
    monkeypatch.setattr(news, "_ask", lambda session_id, question: None)


@pytest.fixture
def session(db):
    """The queue of 王建华, which began half an hour ago."""
    began = timezone.localtime(timezone.now() - timedelta(minutes=30))
    made = factories.session(start=f"{began:%H:%M}", day=began, date=timezone.localdate())
    expert = made.expert
    expert.name, expert.name_en, expert.name_zh_hant = "王建华", "Wang Jianhua", "王建華"
    expert.save()
    return made


@dataclass
class Patient:
    """Somebody with WeChat on their phone."""

    openid: str
    client: Client
    encrypted: bool = False

    def post(self, sent, **options) -> HttpResponse:
        path, body = fake.request(sent, encrypted=self.encrypted, **options)
        return self.client.generic("POST", path, body.encode(), content_type="text/xml")

    def reads(self, sent) -> str:
        """What WeChat shows of the answer; "" for nothing."""
        response = self.post(sent)
        assert response.status_code == 200
        return fake.read(response.content).get("Content", "")

    def writes(self, text: str) -> str:
        return self.reads(fake.message(self.openid, Content=text))

    def scans(self, scene: str, *, follows: bool = False) -> str:
        name, key = ("subscribe", f"qrscene_{scene}") if follows else ("SCAN", scene)
        return self.reads(fake.event(self.openid, name, key))


@pytest.fixture
def patient(wechat, client) -> Patient:
    wechat.followers.add("oPatient")
    return Patient("oPatient", client)


@pytest.fixture
def stranger(wechat, client) -> Patient:
    wechat.followers.add("oStranger")
    return Patient("oStranger", client)
