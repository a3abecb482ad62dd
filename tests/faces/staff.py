"""Staff for the tests of their faces: logins with a role, in departments, and what an expert has behind them."""

from datetime import timedelta
from importlib import import_module

from django.apps import apps
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.models import Group, User
from django.utils import timezone
from playwright.sync_api import BrowserContext

from booking.models import Department, Session
from queueboard.models import Ticket
from tests import factories

roles = import_module("queueboard.migrations.0001_squashed_0026_board_sound")
BACKEND = "django.contrib.auth.backends.ModelBackend"


def user(role: str, *departments: Department, name: str = "") -> User:
    """Somebody with this role ("" for none, "root" for a superuser), a clerk of these departments."""
    if not Group.objects.filter(name="clerk").exists():
        roles.make_roles(apps, None)  # a flushed database has lost what migrations wrote
    made = User.objects.create(username=name or f"{role}-{User.objects.count()}", is_staff=True)
    if role == "root":
        made.is_superuser = True
        made.save()
    elif role:
        made.groups.add(Group.objects.get(name=role))
    for department in departments:
        department.staff.add(made)
    return made


def log_in(context: BrowserContext, url: str, who: User) -> None:
    """The browser gets a session of this user's, as the login page would give it."""
    session = import_module(settings.SESSION_ENGINE).SessionStore()
    session[SESSION_KEY] = str(who.pk)
    session[BACKEND_SESSION_KEY] = BACKEND
    session[HASH_SESSION_KEY] = who.get_session_auth_hash()
    session.save()
    context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": session.session_key, "url": url}])


def foretold(session: Session, *off: float) -> None:
    """Patients whom the session's expert called yesterday, so many minutes after the time that they had been told.

    The later time told was five minutes after it.
    """
    day = timezone.localtime() - timedelta(days=1)
    before = factories.session(of=session.department, expert=session.expert, day=day, state="closed")
    slot = before.slots.first()
    for number, minutes in enumerate(off, start=1):
        told = before.starts_at + timedelta(minutes=10 * number)
        Ticket.objects.create(
            session=before, slot=slot, number=number, patient=factories.patient(), booked=False, state="done",
            arrived=before.starts_at, called_no=number, called_at=told + timedelta(minutes=minutes), ended_at=day,
            foretold_median=told, foretold_p90=told + timedelta(minutes=5),
        )  # fmt: skip
