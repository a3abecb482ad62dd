"""R4.1: a walk-in sees what to expect, says who it is for, sees it again, and takes the number."""

from datetime import timedelta

import pytest

from booking.models import Patient, Session
from booking.services import numbers
from queueboard.models import Kiosk, Refusal, Ticket
from queueboard.services.arrivals import register_walk_in
from tests import factories
from tests.kiosk.conftest import PHONE, RESIDENT, Visitor, running

pytestmark = pytest.mark.django_db


@pytest.fixture
def patient(db):
    return factories.patient(name="张晓明", phone=PHONE, id_type="resident", id_number=RESIDENT)


def walk_in(visitor, session):
    visitor.press("walk_in")
    return visitor.press("choose", session=session.pk)


def sell_out(session):
    for slot in session.slots.all():
        if slot.left_walk_in:
            numbers.move(
                slot_id=slot.pk, source="pool", target="outside", count=slot.left_walk_in, reason="planned",
                now=slot.starts_at,
            )  # fmt: skip


def test_the_list_says_first_what_to_expect(visitor, session, now):
    """R4.1"""
    for _ in range(3):
        register_walk_in(session_id=session.pk, patient_id=factories.patient().pk, now=now)
    screen = visitor.press("walk_in")
    left = sum(slot.left_walk_in for slot in session.slots.all())
    assert "3 patients before you" in screen
    assert f"{left} numbers left" in screen
    assert "about " in screen


def test_a_known_patient_takes_the_number_that_was_offered(visitor, session, patient):
    """R4.1: nothing is registered before "Take this number"."""
    walk_in(visitor, session)
    assert visitor.step == "who"
    screen = visitor.press("who", q=RESIDENT)
    assert visitor.step == "offer"
    assert visitor.response.context["range"] in screen
    assert "张*明" in screen
    assert not Ticket.objects.exists()
    visitor.press("take")
    ticket = Ticket.objects.get()
    assert visitor.response.context["ticket"] == ticket
    assert (ticket.patient, ticket.booked, ticket.first_visit) == (patient, False, True)


def test_phone_and_the_end_of_the_id_are_enough_for_a_known_patient(visitor, session, patient):
    """R6.2"""
    walk_in(visitor, session)
    visitor.press("who", q=PHONE)
    visitor.press("four", four="002X")
    visitor.press("take")
    assert Ticket.objects.get().patient == patient


def test_somebody_new_gives_number_and_name(visitor, session):
    """R3.7: real name."""
    walk_in(visitor, session)
    visitor.press("who", q=RESIDENT)
    assert visitor.step == "name"
    visitor.press("name", name="1")
    assert visitor.step == "name"
    visitor.press("name", name="  张 晓明 ")
    visitor.press("take")
    made = Ticket.objects.get().patient
    assert (made.name, made.id_number, made.id_type) == ("张 晓明", RESIDENT, "resident")


def test_a_card_gives_number_and_name_in_one_scan(visitor, session):
    walk_in(visitor, session)
    visitor.press("who", q=f"张晓明,男,汉,{RESIDENT},19491231")
    assert visitor.step == "offer"
    visitor.press("take")
    assert Ticket.objects.get().patient.name == "张晓明"


def test_a_number_of_another_name_goes_to_the_desk(visitor, session, patient, monkeypatch):
    """R3.7: somebody else was saved with that number while the name was typed."""
    Patient.objects.filter(pk=patient.pk).update(id_hash="")
    walk_in(visitor, session)
    visitor.press("who", q=f"李四,{RESIDENT}")
    patient.save()
    screen = visitor.press("take")
    assert "Name and number do not fit" in screen
    assert not Ticket.objects.exists()


def test_a_number_that_is_none_is_said_at_once(visitor, session):
    walk_in(visitor, session)
    screen = visitor.press("who", q="110105194912310021")
    assert visitor.step == "who"
    assert "one digit may be wrong" in screen


def test_a_sold_out_queue_says_where_numbers_are_left_and_is_logged_once(visitor, department, session, patient, now):
    """R2.1, R4.1: the service logs who had to be refused."""
    other = running(department, now)
    sell_out(session)
    screen = visitor.press("walk_in")
    assert "No numbers left" in screen
    screen = visitor.press("choose", session=session.pk)
    visitor.client.get(visitor.address)
    assert visitor.step == "problem"
    assert [row["session"] for row in visitor.response.context["others"]] == [other]
    assert Refusal.objects.filter(session=session).count() == 1
    visitor.press("choose", session=other.pk)
    visitor.press("who", q=RESIDENT)
    visitor.press("take")
    assert Ticket.objects.get().session == other


def test_the_last_number_taken_by_another_meanwhile(visitor, session, patient):
    """R2.1: refused after the offer, and logged once."""
    walk_in(visitor, session)
    visitor.press("who", q=RESIDENT)
    sell_out(session)
    screen = visitor.press("take")
    assert "No numbers left" in screen
    assert Refusal.objects.count() == 1
    assert not Ticket.objects.exists()


def test_two_presses_make_one_ticket(visitor, session, patient):
    walk_in(visitor, session)
    visitor.press("who", q=RESIDENT)
    visitor.press("take")
    visitor.press("take")
    assert Ticket.objects.count() == 1


def test_who_has_an_appointment_here_is_checked_in_with_it(visitor, session, patient):
    booked = factories.appointment(session, slot_index=3, who=patient)
    walk_in(visitor, session)
    visitor.press("who", q=RESIDENT)
    visitor.press("take")
    assert Ticket.objects.get().appointment == booked


def test_a_suspended_patient_may_register_on_site(visitor, session, patient, now):
    """R3.6"""
    from booking.models import Suspension

    Suspension.objects.create(patient=patient, begins_at=now - timedelta(days=1), until=now + timedelta(days=80))
    visitor.press("check_in")
    screen = visitor.press("who", q=RESIDENT)
    assert "A walk-in number can still be had on site" in screen
    visitor.press("walk_in")
    visitor.press("choose", session=session.pk)
    assert visitor.step == "offer"  # who it is was said already
    visitor.press("take")
    assert Ticket.objects.get().patient == patient


def test_a_visit_after_one_in_the_department_is_no_first_visit(visitor, department, session, patient, now):
    past = running(department, now)
    seen = register_walk_in(session_id=past.pk, patient_id=patient.pk, now=now)
    Ticket.objects.filter(pk=seen.pk).update(state="done")
    walk_in(visitor, session)
    visitor.press("who", q=RESIDENT)
    visitor.press("take")
    assert not Ticket.objects.get(session=session).first_visit


def test_a_queue_that_opens_later_says_when(visitor, department, now):
    """R1.2"""
    running(department, now, began=timedelta(hours=-2), state="planned", pool_opened_at=None)
    screen = visitor.press("walk_in")
    assert "Numbers from" in screen
    assert 'value="choose"' in screen


def test_a_queue_that_is_due_opens_with_the_first_walk_in(visitor, department, now):
    """R3.5: should the task be late."""
    due = running(department, now, began=timedelta(minutes=-30), state="planned", pool_opened_at=None)
    visitor.press("walk_in")
    due.refresh_from_db()
    assert due.state == Session.State.OPEN
    assert [row["left"] > 0 for row in visitor.response.context["rows"]] == [True]
    visitor.press("choose", session=due.pk)
    assert visitor.step == "who"


def test_who_types_it_again_keeps_the_queue_that_was_chosen(visitor, department, session, patient, now):
    """R4.1"""
    running(department, now)
    walk_in(visitor, session)
    screen = visitor.press("who", q="D1234567")
    assert visitor.response.context["code"] == "not_known"
    assert "others" not in visitor.response.context  # this queue has numbers left
    assert 'value="again"' in screen
    visitor.press("again")
    assert visitor.step == "who"
    visitor.press("who", q=RESIDENT)
    assert visitor.step == "offer"
    visitor.press("take")
    assert Ticket.objects.get().session == session


def test_what_was_typed_wrong_is_nobody_after_it_is_typed_again(visitor, session):
    """R3.7: no number goes to the name of a card that was taken back."""
    visitor.press("check_in")
    visitor.press("who", q=f"李四,{RESIDENT}")
    visitor.press("again")
    visitor.press("who", q="D1234567")
    visitor.press("walk_in")
    visitor.press("choose", session=session.pk)
    assert visitor.step == "who"


def test_a_queue_of_another_department_cannot_be_chosen(visitor, session, now):
    other = running(factories.department(), now)
    walk_in(visitor, other)
    assert visitor.step == "experts"


def test_a_kiosk_for_check_in_only_registers_nobody(visitor, session):
    Kiosk.objects.update(walk_ins=False)
    visitor = Visitor()
    assert "Take a number" not in visitor.screen
    visitor.press("walk_in")
    assert visitor.step == "start"
