"""What managers look at: an expert with a log of mornings, and a session to come that was calculated from it."""

from datetime import datetime, timedelta
from random import Random

from axe_playwright_python.sync_playwright import Axe
from django.utils import timezone

from booking.models import Expert, PastSession, PastVisit, QuotaPlan, Session, Template, TemplateRoom
from booking.services import sessions
from tests import factories

# The frame around the page is unfold's: part of it lies in no landmark.
OURS = {"rules": {"region": {"enabled": False}}}
WALK_INS = (9, 6, 4, 2, 0)  # the study's first, then those assumed (R7.1)


def violations(page):
    found = Axe().run(page, options=OURS).response["violations"]
    return [f"{each['id']}: {[node['html'][:160] for node in each['nodes']][:3]}" for each in found]


def confirm(client, address, asked=None):
    """A step's page says what it would do; confirmed with the mark of that, it does it."""
    asked = asked or {}
    shown = client.post(address, asked, HTTP_ACCEPT_LANGUAGE="en").context["shown"]
    answer = client.post(address, asked | {"seen": shown.mark}, HTTP_ACCEPT_LANGUAGE="en")
    assert answer.status_code == 302
    return shown


def expert(**fields) -> Expert:
    names = {"name": "王建华", "name_en": "Wang Jianhua", "name_zh_hant": "王建華", "code": "wang"}
    department = factories.department(name="神经内科", name_en="Neurology", name_zh_hant="神經內科")
    return factories.expert(department, **names | fields)


def morning(of: Expert, day: datetime, rng: Random, *, wait: float = 30.0) -> PastSession:
    """A past morning of 08:00-12:00: walk-ins by the study's rates, each seen about `wait` minutes after coming."""
    starts_at = factories.at("08:00", day)
    past = PastSession.objects.create(
        expert=of, source="test", starts_at=starts_at, ends_at=starts_at + timedelta(hours=4), morning=True
    )
    came = [60 * (hour - 1 + rng.random()) for hour, count in enumerate(WALK_INS) for _ in range(count)]
    visits = []
    for minute in sorted(came):
        begun = max(0.0, minute + wait + rng.uniform(-8, 8))
        visits.append((minute, begun, False))
    visits += [(60 * hour - 5 + rng.random(), 60 * hour + 6 * n, True) for hour in (1, 2, 3) for n in range(6)]
    PastVisit.objects.bulk_create(
        PastVisit(
            past_session=past, position=place, booked=booked, arrived_at=starts_at + timedelta(minutes=arrived),
            started_at=starts_at + timedelta(minutes=begun), seconds=rng.randint(240, 420),
        )
        for place, (arrived, begun, booked) in enumerate(visits, start=1)
    )  # fmt: skip
    return past


def log(of: Expert, *, mornings: int, last: datetime, wait: float = 30.0) -> None:
    """One morning a week, the latest on `last`."""
    rng = Random(7)
    for week in range(mornings):
        morning(of, last - timedelta(weeks=week), rng, wait=wait)


def today() -> datetime:
    return timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)


def planned(of: Expert) -> Session:
    """The expert's session three days from now, split from the log by itself."""
    department = of.department
    template = Template.objects.create(
        department=department, expert=of, weekday=(timezone.localdate() + timedelta(days=3)).weekday(),
        starts="08:00", ends="12:00", numbers=42,
    )  # fmt: skip
    TemplateRoom.objects.create(template=template, room=factories.room(department), expert=of)
    sessions.make_sessions(today=timezone.localdate())
    return template.sessions.order_by("date").first()


LEARNT = {
    "estimator": "weighted", "half_life_days": 60.0, "weekday": "session", "effective_sessions": 9.4,
    "department_share": 0.2, "log_score": 2.301, "absolute_error": 1.52,
    "rivals": {
        "four_weeks": {"log_score": 2.655, "absolute_error": 1.9},
        "plain_mean": {"log_score": 2.402, "absolute_error": 1.61},
    },
}  # fmt: skip


def learn(plan: QuotaPlan) -> None:
    """The calculation as it is of an expert with a long log: it forgets, minds the weekday, and knows its errors."""
    plan.basis["walk_ins"] |= LEARNT
    plan.save()
