"""Staff for the tests of their faces: logins with a role, in departments."""

from importlib import import_module

from django.apps import apps
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.models import Group, User
from playwright.sync_api import BrowserContext

from booking.models import Department

roles = import_module("queueboard.migrations.0003_roles")
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
