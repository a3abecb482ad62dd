"""Ways whose services are fakes, and what they have told."""

from datetime import timedelta

import pytest

from queueboard import notify
from queueboard.notify import delivery, way
from queueboard.notify.push import keys
from tests.fakes.push import FakePush
from tests.fakes.tencent import FakeTencent

VAPID = keys.new()


@pytest.fixture(autouse=True)
def _fresh(settings):
    """No way remembers the settings or the outages of the test before; nobody sleeps."""
    settings.QUIET_HOURS = ""
    way.cache_clear()
    delivery.lines.clear()
    yield
    way.cache_clear()
    delivery.lines.clear()


@pytest.fixture(scope="session")
def _tencent():
    made = FakeTencent()
    yield made
    made.close()


@pytest.fixture
def tencent(_tencent, settings):
    _tencent.reset()
    settings.NOTICE_WAYS, settings.SMS_PROVIDER = ["sms"], "tencent"
    settings.TENCENT_SMS = _tencent.settings()
    return _tencent


@pytest.fixture(scope="session")
def _push():
    made = FakePush()
    yield made
    made.close()


@pytest.fixture
def push(_push, settings):
    """Browsers subscribe to `push.key`."""
    _push.reset()
    settings.VAPID_PRIVATE_KEY = VAPID
    settings.VAPID_CONTACT = "mailto:queue@example.org"
    settings.NOTICE_WAYS, settings.PUSH_SERVICES = ["push"], [_push.url]
    _push.key = keys.public()
    return _push


class Heard:
    """A way in memory: who was told what, and what the next ones are answered."""

    answers_within = timedelta(seconds=20)

    def __init__(self, name: str) -> None:
        self.name = name
        self.told: list[tuple[str, str]] = []
        self.notices = []
        self.answers: list[Exception | None] = []

    def send(self, to, notice) -> str:
        answer = self.answers.pop(0) if self.answers else None
        if answer is not None:
            raise answer
        self.told.append((to, notice.kind))
        self.notices.append(notice)
        return f"{self.name}-{len(self.told)}"


@pytest.fixture
def heard(monkeypatch, settings):
    """Two ways, "push" and "sms", that remember what they were given."""
    ways = {name: Heard(name) for name in ("push", "sms")}
    monkeypatch.setattr(notify, "_WAYS", dict.fromkeys(ways, "in memory"))
    monkeypatch.setattr(notify, "way", ways.__getitem__)
    settings.NOTICE_WAYS = list(ways)
    return ways
