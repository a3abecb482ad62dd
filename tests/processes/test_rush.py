"""R3.2, R3.7: a rush for a few numbers on real processes: the WSGI entry as in production, over PostgreSQL."""

import json
import subprocess
import sys

import pytest

from bench.rush import clinic, people, served
from booking import invariants
from booking.models import Appointment, Outbox, Patient, QuotaMove, Slot
from tests import factories
from tests.browser import database_url

pytestmark = [pytest.mark.postgres, pytest.mark.processes, pytest.mark.django_db(transaction=True)]

NUMBERS, REQUESTS, CONNECTIONS, SAME = 40, 600, 60, 5


@pytest.fixture
def answers():
    """What the patients with these numbers, one after the other on many connections, are answered for a slot."""

    def of(slot_id, numbers):
        with served.site(DATABASE_URL=database_url()) as site:
            done = subprocess.run(
                [sys.executable, "-m", "bench.rush.load", str(site.port), str(CONNECTIONS)],
                input=json.dumps([(number, slot_id) for number in numbers]) + "\n\n",
                cwd=served.ROOT, capture_output=True, text=True, check=True,
            )  # fmt: skip
        return json.loads(done.stdout.splitlines()[-1])

    return of


def test_of_600_requests_40_get_a_number_and_all_others_hear_what_is_left_elsewhere(answers):
    """Every second request is of one of five patients who press again and again."""
    of = factories.department()
    slot, elsewhere = clinic.slot(NUMBERS, of=of), clinic.slot(1, of=of)
    found = answers(slot, [number % (2 * SAME) // 2 if number % 2 else SAME + number for number in range(REQUESTS)])
    assert sum(found["answers"].values()) == REQUESTS
    assert found["answers"]["201 booked"] == NUMBERS
    assert set(found["answers"]) <= {"201 booked", "409 none_left", "409 already_booked"}
    assert found["without_elsewhere"] == 0
    assert [Slot.objects.get(pk=pk).left_bookable for pk in (slot, elsewhere)] == [0, 1]
    # Who was refused has left nothing behind, and who was booked is told.
    assert Patient.objects.count() == Appointment.objects.count() == NUMBERS
    assert QuotaMove.objects.filter(reason="booked").count() == Outbox.objects.count() == NUMBERS
    assert {patient.phone for patient in Patient.objects.all()} <= {people.phone(n) for n in range(SAME + REQUESTS)}
    assert list(invariants.breaches()) == []
