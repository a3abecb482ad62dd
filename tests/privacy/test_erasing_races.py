"""Erasing one's data beside somebody who books for the same patient, on PostgreSQL: one wins, the other hears."""

import time
from datetime import timedelta

import pytest
from django.utils import timezone

from booking import invariants
from booking.models import Account, Appointment, Ballot, BallotEntry, Member, Patient, WaitlistEntry
from booking.services import accounts, appointments, ballots, personal, waitlist
from tests import factories
from tests.book.conftest import ahead, slot_of
from tests.booking.test_races import race
from tests.privacy.test_personal import account_of

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]
NAME = "欧阳觅踪"
ROUNDS, STEP = 20, 0.004


def erasing(account: Account):
    code = accounts.ask_code(phone=account.phone).code
    return lambda: personal.erase(account_id=account.pk, code=code).kind


def booking(session, patient: Patient, account_id: int | None = None):
    return lambda: appointments.book(patient_id=patient.pk, slot_id=slot_of(session).pk, account_id=account_id).state


def asking(session, patient: Patient):
    return lambda: ballots.ask(session_id=session.pk, patient_id=patient.pk).state


def waiting(session, patient: Patient):
    return lambda: waitlist.join(session_id=session.pk, patient_id=patient.pk).state


def later(act, seconds: float):
    """The code is checked before anything is erased: without a wait whoever books is always first."""

    def run():
        time.sleep(seconds)
        return act()

    return run


def drawn():
    session = ahead()
    Ballot.objects.create(session=session, minutes=10)
    type(session).objects.filter(pk=session.pk).update(released_at=timezone.now() - timedelta(minutes=1))
    return session


def full():
    session = ahead(split=((1, 0),))
    appointments.book(patient_id=factories.patient().pk, slot_id=slot_of(session).pk)
    return session


def nothing_is_left_of(patient: Patient) -> bool:
    """Whether the patient is erased; of who is, nothing is kept that leads to them and nothing is open."""
    patient.refresh_from_db()
    if patient.erased_at is None:
        assert patient.name == NAME
        return False
    assert (patient.name, patient.id_number, patient.id_hash, patient.phone, patient.phone_hash) == (
        "", None, "", None, "",
    )  # fmt: skip
    assert not Appointment.objects.filter(patient=patient, state__in=Appointment.ACTIVE).exists()
    assert not BallotEntry.objects.filter(patient=patient, state="asked").exists()
    assert not WaitlistEntry.objects.filter(patient=patient, state__in=WaitlistEntry.ACTIVE).exists()
    assert not Member.objects.filter(patient=patient).exists()
    return True


WAYS = {
    "book": (ahead, booking, "booked", "appointment_ahead"),
    "ask": (drawn, asking, "asked", "still_waiting"),
    "wait": (full, waiting, "waiting", "still_waiting"),
}


@pytest.mark.parametrize("way", WAYS)
def test_whoever_wins_nobody_is_booked_who_is_erased(way):
    """R3.7: the other is refused, and no number, request or place belongs to nobody."""
    make, act, done, held = WAYS[way]
    for number in range(ROUNDS):
        session, account = make(), account_of(f"1391234{number:04d}")
        patient = factories.patient(name=NAME, phone=account.phone)
        erased, *others = race(
            [erasing(account), *(later(act(session, patient), number % 10 * STEP) for _ in range(4))]
        )
        if nothing_is_left_of(patient):
            assert (erased, set(others)) == ("erased", {"no_patient"})
        else:
            assert (erased, done in others) == (held, True)
        assert Account.objects.filter(pk=account.pk).exists() == (erased != "erased")
    assert list(invariants.breaches()) == []


def test_somebody_elses_number_is_booked_with_an_account_or_the_account_is_erased():
    """A child with another phone: what is booked for it belongs to no account that is gone."""
    for number in range(ROUNDS):
        session, account, child = ahead(), account_of(f"1391234{number:04d}"), factories.patient()
        erased, booked = race([erasing(account), later(booking(session, child, account.pk), number % 10 * STEP)])
        assert (erased, booked) in [("erased", "no_account"), ("appointment_ahead", "booked")]
        made = Appointment.objects.filter(patient=child).first()
        assert (made is None) == (booked == "no_account")
        assert Account.objects.filter(pk=account.pk).exists() == (erased != "erased")
    assert list(invariants.breaches()) == []


def test_of_two_taps_on_erase_the_second_finds_what_the_first_has_done():
    """It is not told that its code was wrong while the data is being erased."""

    def tap(account: Account, code: str):
        def run():
            try:
                return personal.erase(account_id=account.pk, code=code).kind
            except Account.DoesNotExist:
                return "done already"

        return run

    for number in range(ROUNDS):
        account = account_of(f"1391234{number:04d}")
        code = accounts.ask_code(phone=account.phone).code
        assert sorted(race([tap(account, code)] * 2)) == ["done already", "erased"]
