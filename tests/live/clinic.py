"""A queue for these tests: a session with walk-ins waiting in its first slot."""

from booking.models import Session
from queueboard.models import Board
from queueboard.services import arrivals, calls
from tests import factories
from tests.factories import at

MORNING = at("07:30")


def queue(*names: str, of=None, **fields) -> Session:
    """A session with one walk-in waiting per name."""
    made = factories.session(of=of, **fields)
    for name in names:
        arrivals.register_walk_in(session_id=made.pk, patient_id=factories.patient(name).pk, now=MORNING)
    made.refresh_from_db()
    return made


def call(session: Session):
    """The expert presses "next"."""
    return calls.call_next(session_id=session.pk, room_id=session.rooms.get().room_id, now=at("08:05"))


def board(slug: str, *departments, **fields) -> Board:
    """A board of these departments, public if nothing else is said."""
    made = Board.objects.create(**{"slug": slug, "title": "大厅", "title_en": "Hall", "public": True} | fields)
    made.departments.set(departments)
    return made
