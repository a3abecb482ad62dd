"""Links with which somebody looks at a patient's visit and does nothing to it. They end with the visit, or before it.

Each has a secret of its own, so that it leads neither to the patient's link nor to another one.
"""

import hashlib
from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from booking.models import Appointment
from booking.models.appointments import new_token
from queueboard.errors import QueueError
from queueboard.models import SharedLink, Ticket
from queueboard.services.queue import LIVE

PER_VISIT = 5  # a family, and not the whole town


class OnlyLooks(QueueError):
    """Whoever has a shared link asked for something that only the patient may do. `link` is that link."""

    def __init__(self, link: SharedLink) -> None:
        words = _(
            "With this link you can look, and change nothing. Please ask the patient to do it on their own phone."
        )
        super().__init__(words, code="only_looks", status=403)
        self.link = link


def is_live(visit: Ticket | Appointment) -> bool:
    """Whether the visit is still to come, or goes on."""
    if isinstance(visit, Ticket):
        return visit.state in LIVE
    return visit.state in Appointment.ACTIVE and visit.session.state not in ("closed", "cancelled")


def share(visit: Ticket | Appointment, *, now: datetime | None = None) -> str:
    """A new secret, which is known now and never again. Raises QueueError `visit_over`, `links_enough`."""
    if not is_live(visit):
        raise QueueError(_("This visit is over: there is nothing more to look at."), code="visit_over")
    with transaction.atomic():
        type(visit).objects.select_for_update(no_key=True).get(pk=visit.pk)
        if shared(visit).count() >= PER_VISIT:
            words = _("There are as many links as can be. Please end them first: then you can share it again.")
            raise QueueError(words, code="links_enough")
        secret = new_token()
        SharedLink.objects.create(token=visit.token, secret_hash=_hash(secret), made_at=now or timezone.now())
    return secret


def end(visit: Ticket | Appointment, *, now: datetime | None = None) -> int:
    """Its links show nothing from now on. Returns how many did."""
    return shared(visit).update(ended_at=now or timezone.now())


def shared(visit: Ticket | Appointment) -> QuerySet[SharedLink]:
    """The links of this visit that were not ended."""
    return SharedLink.objects.filter(token=visit.token, ended_at=None)


def refuse(secret: str) -> None:
    """Raises OnlyLooks where this is the secret of a link, be it ended or not."""
    link = SharedLink.objects.filter(secret_hash=_hash(secret)).first()
    if link is not None:
        raise OnlyLooks(link)


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()  # too long to be guessed: it needs no key
