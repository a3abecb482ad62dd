"""R3.7 for managers: an expert is marked, draws and waitlists are read, and a draw is checked by a command."""

from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.urls import reverse
from django.utils import timezone

from booking.models import Ballot, BallotEntry
from booking.services import ballots
from tests import factories
from tests.faces import staff

pytestmark = pytest.mark.django_db
ENGLISH = {"HTTP_ACCEPT_LANGUAGE": "en"}


@pytest.fixture
def manager(client):
    client.force_login(staff.user("manager"), backend=staff.BACKEND)
    return client


@pytest.fixture
def drawing():
    """A session of tomorrow, whose numbers have been drawn for half of who asked."""
    now = timezone.localtime()
    session = factories.session(
        split=((2, 1),), day=now + timedelta(days=2), state="planned", pool_opened_at=None,
        released_at=now - timedelta(minutes=20),
    )  # fmt: skip
    ballot = Ballot.objects.create(session=session, minutes=10)
    for _patient in range(4):
        asked_at = now - timedelta(minutes=15)
        ballots.ask(session_id=session.pk, patient_id=factories.patient().pk, on_waitlist=True, now=asked_at)
    ballots.draw_due(now=now)
    return ballot


def test_an_expert_is_marked_and_the_sessions_ahead_have_their_commitment_at_once(manager):
    later = timezone.localtime() + timedelta(days=10)
    session = factories.session(day=later, state="planned", pool_opened_at=None)
    address = reverse("admin:booking_expert_change", args=[session.expert_id])
    form = manager.get(address).context["adminform"].form
    kept = {name: value for name, value in form.initial.items() if value is not None}
    assert manager.post(address, kept | {"ballot_minutes": 15}).status_code == 302
    ballot = Ballot.objects.get(session=session)
    assert (ballot.minutes, len(ballot.commitment)) == (15, 64)


def test_draws_and_waitlists_are_read_and_nothing_of_them_is_changed(manager, drawing):
    html = manager.get(reverse("admin:booking_ballot_changelist"), **ENGLISH).content.decode()
    assert drawing.session.expert.name_en in html
    for model, row in (
        ("ballot", drawing),
        ("ballotentry", drawing.entries.first()),
        ("waitlistentry", drawing.session.waitlist.first()),
    ):
        address = reverse(f"admin:booking_{model}_change", args=[row.pk])
        html = manager.get(address, **ENGLISH).content.decode()
        assert drawing.seed not in html
        assert manager.post(address, {}).status_code == 403
        assert getattr(row, "token", "no token") not in html


def test_a_clerk_does_not_see_who_asks_where(client, drawing):
    client.force_login(staff.user("clerk", drawing.session.department), backend=staff.BACKEND)
    assert client.get(reverse("admin:booking_ballotentry_changelist")).status_code == 403


def test_the_command_says_what_the_draw_was_and_finds_what_is_changed(drawing):
    said = StringIO()
    call_command("check_draw", str(drawing.session_id), stdout=said)
    assert "2 of 4 requests won" in said.getvalue()
    first = drawing.entries.get(place=1)
    BallotEntry.objects.filter(pk=first.pk).update(place=99)
    with pytest.raises(CommandError, match="not the draw that the seed gives"):
        call_command("check_draw", str(drawing.session_id), stdout=said)
    assert "not in the order of the seed" in said.getvalue()
    with pytest.raises(CommandError, match="are not drawn"):
        call_command("check_draw", "0")
