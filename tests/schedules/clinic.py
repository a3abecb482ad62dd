"""What the tests of changed schedules share: sessions with people who paid, and how a page is read and confirmed."""

from datetime import timedelta

from django.urls import reverse
from django.utils import timezone

from booking.models import Payment
from queueboard.models import QueueEvent
from tests import factories

ENGLISH = {"HTTP_ACCEPT_LANGUAGE": "en"}
FEE = 2000


def ahead_of(of, days=2, **fields):
    return factories.session(
        of=of, day=timezone.localtime() + timedelta(days=days), state="planned", pool_opened_at=None, **fields
    )


def paid(session, slot=0):
    """Somebody who has booked and paid 20 yuan."""
    made = factories.appointment(session, slot, fee=FEE)
    Payment.objects.create(
        appointment=made, provider="demo", amount=FEE, balance=FEE, state="paid", made_at=timezone.now(),
        until=timezone.now(), paid_at=timezone.now(),
    )  # fmt: skip
    return made


def address(name, row):
    return reverse(f"admin:booking_{name}", args=[row.pk])


def text(response):
    return response.content.decode()


def events(session):
    found = QueueEvent.objects.filter(session=session).exclude(kind="check_in")
    return list(found.values_list("kind", "reason", "actor__username"))


def state_of(row):
    row.refresh_from_db()
    return row.state


def choose(client, page, **chosen):
    """Confirms the page of sessions as it was shown, with other choices for some: `do_5="keep"`."""
    sent = {}
    for row in page.context["rows"]:
        sent |= {f"seen-{row.session.pk}": row.touched.mark, f"do-{row.session.pk}": row.chosen}
    sent |= {name.replace("_", "-"): value for name, value in chosen.items()}
    return client.post(page.wsgi_request.path, sent, follow=True, **ENGLISH)
