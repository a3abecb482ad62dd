"""What a cause is about: the rows that its ids name, read when it is told. Reads only."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from django.conf import settings

from booking.models import (
    Account,
    Appointment,
    BallotEntry,
    Expert,
    Outbox,
    Patient,
    PhoneCode,
    Refund,
    Room,
    Session,
    Slot,
    Suspension,
    WaitlistEntry,
)
from queueboard.models import Ticket


@dataclass(frozen=True)
class Facts:
    """The rows of one cause, each None where its payload names none or where it is gone."""

    cause: Outbox

    @property
    def payload(self) -> Mapping[str, Any]:
        return self.cause.payload

    def _id(self, name: str) -> int:
        return self.payload.get(name, 0)

    @cached_property
    def ticket(self) -> Ticket | None:
        own = Ticket.objects.select_related("session__department", "session__expert", "slot", "patient", "appointment")
        return own.filter(pk=self._id("ticket")).first()

    @cached_property
    def appointment(self) -> Appointment | None:
        if "appointment" in self.payload:
            own = Appointment.objects.select_related(
                "session__department", "session__expert", "slot", "patient", "account"
            )
            return own.filter(pk=self._id("appointment")).first()
        if self.refund is not None:
            return self.refund.payment.appointment
        return None if self.ticket is None else self.ticket.appointment

    @cached_property
    def patient(self) -> Patient | None:
        for visit in (self.ticket, self.appointment, self.entry):
            if visit is not None:
                return visit.patient
        return Patient.objects.filter(pk=self._id("patient")).first()

    @cached_property
    def entry(self) -> BallotEntry | WaitlistEntry | None:
        """What was asked for in a draw, or waited for."""
        if self.cause.kind.startswith("ballot_"):
            asked = BallotEntry.objects.select_related("ballot__session__expert", "patient", "account")
            return asked.filter(pk=self._id("entry")).first()
        if self.cause.kind.startswith("waitlist_"):
            waits = WaitlistEntry.objects.select_related("session__expert", "freed__slot", "patient", "account")
            return waits.filter(pk=self._id("entry")).first()
        return None

    @cached_property
    def suspension(self) -> Suspension | None:
        return Suspension.objects.filter(pk=self._id("suspension")).first()

    @cached_property
    def refund(self) -> Refund | None:
        refunds = Refund.objects.select_related("payment__appointment__session__expert", "payment__appointment__slot")
        return refunds.filter(pk=self._id("refund")).first()

    @cached_property
    def code(self) -> PhoneCode | None:
        return PhoneCode.objects.filter(pk=self._id("code")).first()

    @cached_property
    def room(self) -> Room | None:
        return Room.objects.filter(pk=self._id("room")).first()

    @cached_property
    def away(self) -> Expert | None:
        return Expert.objects.filter(pk=self._id("away")).first()

    @property
    def session(self) -> Session | None:
        visit = self.ticket or self.appointment
        if visit is not None:
            return visit.session
        match self.entry:
            case BallotEntry() as asked:
                return asked.ballot.session
            case WaitlistEntry() as waits:
                return waits.session
        return None

    @property
    def slot(self) -> Slot | None:
        visit = self.ticket or self.appointment
        if visit is not None:
            return visit.slot
        offered = self.entry.freed if isinstance(self.entry, WaitlistEntry) else None
        return None if offered is None else offered.slot

    @property
    def account(self) -> Account | None:
        """Who booked it, or asked for it."""
        if self.appointment is not None:
            return self.appointment.account
        return None if self.entry is None else self.entry.account

    @property
    def token(self) -> str:
        """Of the patient's own page."""
        visit = self.ticket or self.appointment
        return "" if visit is None else visit.token

    @property
    def links(self) -> list[str]:
        """The tokens of all pages on which somebody may have asked to be told of this."""
        found = [self.token] if self.token else []
        if self.entry is not None:
            found.append(self.entry.token)
        if isinstance(self.entry, WaitlistEntry):
            # Who was not drawn and went on to wait.
            asked = BallotEntry.objects.filter(ballot__session=self.entry.session_id, patient=self.entry.patient_id)
            found += asked.values_list("token", flat=True)
        return found

    @property
    def page(self) -> str:
        """The patient's own page on this site; "" for none: of the visit, else of the request or the waitlist."""
        if self.token:
            return f"/t/{self.token}/"
        match self.entry:
            case BallotEntry(token=token):
                return f"/d/{token}/"
            case WaitlistEntry(token=token):
                return f"/w/{token}/"
        return ""

    @property
    def url(self) -> str:
        """The same as somebody far away opens it; "" also where nobody has said where the site is."""
        return f"{settings.SITE_URL}{self.page}" if settings.SITE_URL and self.page else ""

    def moment(self, name: str) -> datetime | None:
        """A time in the payload."""
        written = self.payload.get(name)
        return None if written is None else datetime.fromisoformat(written)
