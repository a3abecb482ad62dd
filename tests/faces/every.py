"""Every face that people look at, with who opens it and the size it is made for, for what looks at all of them."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from django.contrib.auth.models import User
from django.utils import timezone
from playwright.sync_api import Browser, Page

from queueboard.kiosk.models import Kiosk
from tests import browser as browsers
from tests import factories
from tests.faces import staff
from tests.faces.scene import Scene, waiting_room


@dataclass(frozen=True, slots=True)
class Face:
    """`size` is a name of tests.browser.SIZES; nobody logs in where `who` is None."""

    name: str
    path: str
    size: str
    who: User | None = None


def made() -> tuple[Scene, list[Face]]:
    """A waiting room in mid-morning with a session to be booked tomorrow, and all faces of it."""
    scene = waiting_room()
    queue, calling = scene.sessions[2], scene.sessions[1]
    tomorrow = timezone.localtime() + timedelta(days=1)
    ahead = factories.session(
        day=tomorrow, of=scene.departments[0], split=((2, 1), (3, 2)), state="planned", pool_opened_at=None
    )
    kiosk = Kiosk.objects.create(slug=f"hall-{ahead.pk}", title="一楼大厅", title_en="Ground floor", public=True)
    kiosk.departments.set(scene.departments)
    doctor = staff.user("expert")
    type(queue.expert).objects.filter(pk=queue.expert_id).update(user=doctor)
    clerk, manager = staff.user("clerk", *scene.departments), staff.user("manager")
    own = {state: queue.tickets.filter(state=state).last() for state in ("waiting", "missed", "serving")}
    own["called"] = calling.tickets.get(state="called")
    return scene, [
        Face("home", "/", "390"),
        Face("queue", f"/q/{queue.pk}/", "390"),
        Face("board", f"/board/{scene.board.slug}/", "1080p"),
        Face("board, code", "/board/", "1080p"),
        Face("kiosk", f"/kiosk/{kiosk.slug}/", "upright"),
        Face("phone, booked", f"/t/{scene.booked[2].token}/", "390"),
        *(Face(f"phone, {state}", f"/t/{ticket.token}/", "390") for state, ticket in own.items() if ticket),
        Face("look-up", "/lookup/", "390"),
        Face("booking, list", "/book/", "390"),
        Face("booking, days", f"/book/{ahead.expert.code}/", "390"),
        Face("booking, sign in", f"/book/slot/{ahead.slots.first().pk}/", "390"),
        Face("phone, I am here", f"/t/{scene.booked[2].token}/here/", "390"),
        Face("expert", "/expert/", "720p", doctor),
        Face("desk", "/admin/desk/", "720p", clerk),
        Face("desk, on paper", "/admin/desk/paper/", "720p", clerk),
        Face("desk, entered afterwards", f"/admin/desk/paper/{queue.pk}/", "720p", clerk),
        Face("code on site", "/admin/on-site/", "720p", clerk),
        Face("overview", "/admin/booking/session/overview/", "720p", manager),
        Face("admin", "/admin/", "720p", manager),
    ]


def address(face: Face, language: str) -> str:
    """Its path; a screen on a wall has no cookie to say in which language it is read."""
    return face.path if face.who else f"{face.path}?lang={language}"


@contextlib.contextmanager
def opened(chromium: Browser, url: str, face: Face, language: str) -> Iterator[Page]:
    """An empty page in a browser that reads in this language, of the face's size, with its user logged in."""
    context = browsers.context(chromium, face.size)
    context.add_cookies([{"name": "django_language", "value": language, "url": url}])
    if face.who is not None:
        staff.log_in(context, url, face.who)
    yield context.new_page()
    context.close()
