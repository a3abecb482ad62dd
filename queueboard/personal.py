"""What the site keeps about a person beside booking (settings.PERSONAL_DATA): tickets, notices, chats."""

from datetime import datetime
from typing import Any

from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils.translation import gettext_lazy as _

from booking.models import Appointment, BallotEntry, Patient, Suspension, WaitlistEntry
from booking.models.appointments import new_token
from booking.models.hashes import keyed_hashes
from booking.own_data import moment
from booking.services.personal import Person
from queueboard.chat import bindings
from queueboard.chat.models import Correspondent, VisitCode
from queueboard.errors import QueueError
from queueboard.models import LookupTry, QueueEvent, SharedLink, Ticket
from queueboard.notify.facts import Facts
from queueboard.notify.models import Address, Delivery
from queueboard.services.queue import LIVE


def export(person: Person) -> dict[str, Any]:
    """Tickets with what happened to them, links that were shared, where notices go, what went out."""
    addresses = _addresses(person)
    return {
        "tickets": [_ticket(each) for each in _tickets(person).select_related("patient", "session__expert", "slot")],
        "links_shared": [
            {"made_at": moment(each.made_at), "ended_at": moment(each.ended_at)}
            for each in SharedLink.objects.filter(token__in=_tokens(person)).order_by("pk")
        ],
        "notices_to": [
            {"way": each.way, "to": each.value, "language": each.language, "made_at": moment(each.made_at),
             "dead_at": moment(each.dead_at)}
            for each in addresses
        ],
        "notices": [
            {"about": each.cause.kind, "way": each.way, "state": each.state, "made_at": moment(each.cause.made_at),
             "ended_at": moment(each.ended_at)}
            for each in _deliveries(person, addresses).select_related("cause").order_by("pk")
        ],
    }  # fmt: skip


def holding(person: Person) -> QueueError | None:
    """Whoever is in a queue is not erased from it."""
    if not _tickets(person).filter(state__in=LIVE).exists():
        return None
    return QueueError(_("You are in a queue now. Please come back after the visit."), code="in_queue")


def lately(since: datetime) -> Exists:
    """Of a patient's row: whether they had a ticket since then."""
    return Exists(Ticket.objects.filter(patient=OuterRef("pk"), arrived__gte=since))


def apart_from(account_id: int) -> QuerySet[Ticket]:
    """Of a patient's row: their tickets of visits that this account did not book."""
    return Ticket.objects.filter(patient=OuterRef("pk")).exclude(appointment__account=account_id)


def erase(person: Person, now: datetime) -> None:
    """Inside booking's transaction, before the patients themselves are erased."""
    addresses = _addresses(person)
    # While the keys of the data are changed, who writes may stand under another one than where they are told.
    places = {(each.way, each.value_hash, *Address.hashes_of(each.value or "")) for each in addresses}
    _deliveries(person, addresses).delete()
    _forget_phones(person)
    for hanging in (VisitCode, SharedLink):
        hanging.objects.filter(token__in=_tokens(person)).delete()
    addresses.delete()
    for way, *hashes in places:
        bindings.forget_erased(Correspondent.objects.filter(way=way, address_hash__in=hashes))
    LookupTry.objects.filter(phone_hash__in=keyed_hashes(person.phone)).delete()
    # Links that were handed on lead to one visit, so they become useless together.
    for token in set(_tickets(person).values_list("token", flat=True)):
        Ticket.objects.filter(token=token).update(token=new_token())
    _forget_names(person)


def _tickets(person: Person) -> QuerySet[Ticket]:
    return Ticket.objects.filter(patient__in=person.patient_ids).order_by("pk")


def _tokens(person: Person) -> list[str]:
    mine = [model.objects.filter(patient__in=person.patient_ids) for model in (Appointment, BallotEntry, WaitlistEntry)]
    return [token for rows in (_tickets(person), *mine) for token in rows.values_list("token", flat=True)]


def _addresses(person: Person) -> QuerySet[Address]:
    mine = Q(patient__in=person.patient_ids) | Q(token__in=_tokens(person))
    if person.account_id is not None:
        mine |= Q(account=person.account_id)
    return Address.objects.filter(mine).order_by("pk")


def _deliveries(person: Person, addresses: QuerySet[Address]) -> QuerySet[Delivery]:
    phones = Patient.hashes_of(person.phone) if person.phone else []
    return Delivery.objects.filter(Q(address__in=addresses) | Q(to_hash__in=phones))


def _forget_phones(person: Person) -> None:
    """Text messages to the patients' own phones. One still to be sent may be for somebody else with that phone."""
    patients = Patient.objects.filter(pk__in=person.patient_ids).exclude(phone_hash="")
    hashes = {each for own in patients for each in (own.phone_hash, *Patient.hashes_of(own.phone or ""))}
    texts = Delivery.objects.filter(to_hash__in=hashes, address=None)
    texts.exclude(state=Delivery.State.WAITING).delete()
    for text in texts.select_related("cause"):
        whose = Facts(text.cause).patient
        if whose is not None and whose.pk in person.patient_ids:
            text.delete()


def _ticket(ticket: Ticket) -> dict[str, Any]:
    events = QueueEvent.objects.filter(ticket=ticket).order_by("at", "version")
    return {
        "patient": ticket.patient.name,
        "number": ticket.label,
        "expert": ticket.session.names,
        "slot": moment(ticket.slot.starts_at),
        "state": ticket.state,
        "arrived": moment(ticket.arrived),
        "called_at": moment(ticket.called_at),
        "started_at": moment(ticket.started_at),
        "ended_at": moment(ticket.ended_at),
        "priority": ticket.priority,
        "priority_reason": ticket.priority_reason,
        "events": [{"what": each.kind, "at": moment(each.at), "reason": each.reason} for each in events],
    }


def _forget_names(person: Person) -> None:
    """The admin's history: masked names in corrections, and in earlier versions the rows' own names."""
    rows = {
        Patient: person.patient_ids,
        Appointment: Appointment.objects.filter(patient__in=person.patient_ids).values_list("pk", flat=True),
        Suspension: Suspension.objects.filter(patient__in=person.patient_ids).values_list("pk", flat=True),
    }
    for model, ids in rows.items():
        entries = LogEntry.objects.filter(content_type=ContentType.objects.get_for_model(model))
        entries.filter(object_id__in=[str(each) for each in ids]).update(object_repr="#", change_message="")
