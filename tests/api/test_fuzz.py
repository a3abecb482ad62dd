"""Every operation of the schema, fed with what fits it and what does not: refused or answered, never a fault.

Made by schemathesis from the schema and played in this process, as a manager (who may do all) and, where no login is
needed, as anybody. A fault is raised, not answered. Half of the ids are those of a running morning, so that services
are reached and not only refusals.
"""

import pytest
import requests
import schemathesis
from drf_spectacular.generators import SchemaGenerator
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.transport import Response
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from booking.models import Ballot, Session, SessionRoom
from booking.services import ballots, waitlist
from queueboard.api.guards import AddressThrottle
from queueboard.models import QueueEvent
from queueboard.services import arrivals
from tests import factories
from tests.factories import at

pytestmark = pytest.mark.django_db
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
DESCRIBED = schemathesis.openapi.from_dict(SchemaGenerator().get_schema(request=None, public=True))
OPERATIONS = [result.ok() for result in DESCRIBED.get_all_operations()]
OPEN = [each for each in OPERATIONS if {} in each.definition.raw.get("security", [{}])]
BOUNDED = settings(
    max_examples=10, derandomize=True, database=None, deadline=None, phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)  # fmt: skip


@pytest.fixture
def known(morning, monkeypatch):
    """Ids and tokens of a morning in which each action finds somebody to act on."""
    monkeypatch.setattr(AddressThrottle, "THROTTLE_RATES", {"book": None})
    for _patient in range(5):
        arrivals.register_walk_in(session_id=morning.pk, patient_id=factories.patient().pk)
    tickets = list(morning.tickets.order_by("number"))
    ahead = factories.session(of=morning.department, state="planned", start="14:00", pool_opened_at=None)
    ballot = Ballot.objects.create(
        session=factories.session(of=morning.department, state="planned", start="16:00", pool_opened_at=None),
        minutes=24 * 60,
    )
    Session.objects.filter(pk=ballot.session_id).update(released_at=at("08:00"))
    asked = ballots.ask(session_id=ballot.session_id, patient_id=factories.patient().pk, now=at("08:05"))
    full = factories.session(
        split=((1, 0),), of=morning.department, state="planned", start="18:00", pool_opened_at=None
    )
    factories.appointment(full)
    waiting = waitlist.join(session_id=full.pk, patient_id=factories.patient().pk, now=at("08:05"))
    unpaid = factories.appointment(ahead, 1, state="held", held_until=at("09:00"), fee=2000)
    return {
        "session_id": [morning.pk, ahead.pk, ballot.session_id, full.pk],
        "ticket_id": [ticket.pk for ticket in tickets],
        "token": [
            factories.appointment(morning).token,
            factories.appointment(ahead).token,
            unpaid.token,
            tickets[0].token,
            asked.token,
            waiting.token,
        ],
        "room": [SessionRoom.objects.get(session=morning).room_id],
        "to_room": [factories.room(morning.department).pk],
        "slot": list(ahead.slots.values_list("pk", flat=True)),
        "to_session": [factories.session(of=morning.department, state="running").pk],
        "patient_id": [factories.patient().pk],
        "event": list(QueueEvent.objects.values_list("pk", flat=True)),
        "department": [morning.department.slug],
        "q": [tickets[0].label, tickets[1].token, "张"],
    }


def cases(operation):
    """Cases that fit the schema, and, where there is anything to get wrong, cases that do not."""
    fitting = operation.as_strategy(generation_mode=GenerationMode.POSITIVE)
    if not operation.path_parameters and not operation.query and not operation.body:
        return fitting
    return st.one_of(fitting, operation.as_strategy(generation_mode=GenerationMode.NEGATIVE))


def play(client, operation, known):
    @BOUNDED
    @given(case=cases(operation), data=st.data())
    def played(case, data):
        for part in (case.path_parameters, case.query, case.body):
            for name in sorted(set(part) & set(known)) if isinstance(part, dict) else []:
                if data.draw(st.booleans()):
                    part[name] = data.draw(st.sampled_from(known[name]))
        case.validate_response(answered(client, case), checks=CHECKS)

    played()


def answered(client, case):
    """The answer of the site in this process, in the form that schemathesis validates."""
    sent = requests.Request(**as_request(case)).prepare()
    body = sent.body or b""
    headers = {name: value for name, value in sent.headers.items() if name not in ("Content-Length", "Cookie")}
    got = client.generic(
        sent.method, sent.path_url, body.encode() if isinstance(body, str) else body,
        content_type=headers.pop("Content-Type", ""), headers=headers,
    )  # fmt: skip
    lines = {name.lower(): [value] for name, value in got.headers.items()}
    return Response(got.status_code, lines, got.content, request=sent, elapsed=0.0, verify=False)


def as_request(case):
    sent = case.as_transport_kwargs(base_url="http://testserver")
    return {name: sent[name] for name in ("method", "url", "headers", "params", "json", "data") if name in sent}


def named(operation):
    return operation.label


@pytest.mark.parametrize("operation", OPERATIONS, ids=named)
def test_no_input_of_a_manager_makes_the_server_fail(manager, known, operation):
    play(manager, operation, known)


@pytest.mark.parametrize("operation", OPEN, ids=named)
def test_no_input_of_a_stranger_makes_the_server_fail(anybody, known, operation):
    play(anybody, operation, known)
