"""R4.1: who has an appointment checks in at the kiosk: by its code, by ID, or by phone and the end of the ID."""

import re
from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from booking.models import Appointment
from queueboard.models import Board, Device, Kiosk, LookupTry, Ticket
from queueboard.screens import pairing
from queueboard.services.calls import call_next, miss
from queueboard.services.lifecycle import stop_early
from tests import factories
from tests.kiosk.conftest import PHONE, RESIDENT, Visitor, running

pytestmark = pytest.mark.django_db


@pytest.fixture
def patient(db):
    return factories.patient(name="张晓明", phone=PHONE, id_type="resident", id_number=RESIDENT)


@pytest.fixture
def booked(session, patient):
    return factories.appointment(session, slot_index=1, who=patient)


def by_id(visitor):
    visitor.press("check_in")
    return visitor.press("who", q=RESIDENT)


@pytest.mark.parametrize("scan", ["{token}", "https://hospital.example/t/{token}/", "  {token}\n"])
def test_a_scan_on_the_start_screen_checks_in(visitor, booked, scan):
    """R4.1"""
    screen = visitor.press("scan", q=scan.format(token=booked.token))
    ticket = Ticket.objects.get(appointment=booked)
    booked.refresh_from_db()
    assert booked.state == Appointment.State.ARRIVED
    assert (visitor.step, visitor.response.context["ticket"]) == ("done", ticket)
    assert ticket.label in screen
    assert "Room 201" in screen
    assert "2nd floor, left" in screen


def test_an_id_number_checks_in(visitor, booked):
    """R4.1"""
    by_id(visitor)
    assert visitor.response.context["ticket"].appointment == booked


def test_a_phone_number_needs_the_end_of_the_id(visitor, booked):
    """R6.2: nobody learns from a phone number alone whether it has an appointment."""
    visitor.press("check_in")
    known = visitor.press("who", q=PHONE)
    assert visitor.step == "last_four"
    stranger = Visitor()
    stranger.press("check_in")
    assert strip(stranger.press("who", q="13900000000")) == strip(known)
    visitor.press("four", four="002x")
    assert visitor.response.context["ticket"].appointment == booked


@pytest.mark.parametrize(("end", "step"), [("6789", "done"), ("1234", "problem")])
def test_a_passport_of_digits_only_checks_in_by_its_own_end(visitor, session, end, step):
    """R4.1, R6.2"""
    foreign = factories.patient(name="John Smith", phone="", id_type="passport", id_number="123456789")
    factories.appointment(session, who=foreign)
    visitor.press("check_in")
    visitor.press("who", q="123456789")
    visitor.press("four", four=end)
    assert visitor.step == step
    # Whoever is right is no miss.
    assert LookupTry.objects.filter(found=False).exists() == (step == "problem")


def test_a_wrong_end_of_the_id_looks_like_an_unknown_phone(visitor, booked):
    """R6.2"""
    visitor.press("check_in")
    visitor.press("who", q=PHONE)
    wrong = visitor.press("four", four="1234")
    stranger = Visitor()
    stranger.press("check_in")
    stranger.press("who", q="13900000000")
    assert strip(stranger.press("four", four="1234")) == strip(wrong)
    assert visitor.step == "problem"
    assert not Ticket.objects.exists()


def test_of_several_visits_one_is_chosen(visitor, department, booked, patient, now):
    other = factories.appointment(running(department, now), slot_index=2, who=patient)
    screen = by_id(visitor)
    assert visitor.step == "which"
    assert not Ticket.objects.exists()
    assert "张*明" in screen
    assert "张晓明" not in screen
    for nothing in ("2", "-1", "", "9" * 5000):
        visitor.press("visit", visit=nothing)
        assert visitor.step == "which"
    visitor.press("visit", visit="1")
    assert visitor.response.context["ticket"].appointment == other


def test_who_has_checked_in_sees_the_ticket_again(visitor, booked):
    visitor.press("scan", q=booked.token)
    ticket = visitor.response.context["ticket"]
    assert by_id(Visitor()) != ""
    again = Visitor()
    by_id(again)
    assert again.response.context["ticket"] == ticket
    assert Ticket.objects.count() == 1


def test_the_ticket_leads_to_the_own_page_and_names_nobody(visitor, booked):
    """R6.2"""
    screen = visitor.press("scan", q=booked.token)
    assert f"testserver/t/{booked.token}/" in screen
    assert "张*明" in screen
    for secret in ("张晓明", PHONE, RESIDENT):
        assert secret not in screen


# --- what is the matter


def test_who_is_too_early_reads_when_to_come(visitor, department, patient, now):
    """R1.2"""
    session = running(department, now, began=timedelta(hours=-3), state="planned", pool_opened_at=None)
    booked = factories.appointment(session, who=patient)
    screen = visitor.press("scan", q=booked.token)
    opens = timezone.localtime(session.registration_opens_at)
    assert "You are early" in screen
    assert f"{opens:%H:%M}" in screen
    assert not Ticket.objects.exists()


def test_the_first_check_in_opens_registration_that_is_due(visitor, department, patient, now):
    """R1.2, R3.5: should the task be late."""
    session = running(department, now, began=timedelta(minutes=-30), state="planned", pool_opened_at=None)
    factories.appointment(session, who=patient)
    by_id(visitor)
    assert visitor.step == "done"
    session.refresh_from_db()
    assert session.state == "open"


def test_who_comes_on_the_wrong_day_reads_the_day(visitor, department, patient, now):
    day = timezone.localtime(now) + timedelta(days=3)
    session = factories.session(of=department, start="09:00", day=day, state="planned", pool_opened_at=None)
    factories.appointment(session, who=patient)
    screen = by_id(visitor)
    assert "Your visit is on another day" in screen
    assert f"{day:%A}" in screen


def test_a_visit_of_another_department_says_where(visitor, patient, now):
    other = running(factories.department(name="心内科", name_en="Cardiology"), now)
    factories.appointment(other, who=patient)
    screen = by_id(visitor)
    assert "Your visit is in another department" in screen
    assert "Cardiology" in screen
    assert "2nd floor, left" in screen
    assert not Ticket.objects.exists()


def test_a_number_that_is_not_paid_shows_where_to_pay(visitor, session, patient, now):
    """R3.3"""
    held = factories.appointment(session, who=patient)
    Appointment.objects.filter(pk=held.pk).update(state="held", held_until=now + timedelta(minutes=10))
    screen = by_id(visitor)
    assert "Not paid yet" in screen
    assert visitor.response.context["qr"].startswith("data:image/svg+xml")


def test_a_clinic_that_has_ended_early_counts_against_nobody(visitor, session, booked):
    """R1.3"""
    stop_early(session_id=session.pk, reason="急诊")
    assert "This clinic does not take place" in by_id(visitor)


def test_a_cancelled_appointment_may_take_a_number(visitor, booked):
    Appointment.objects.filter(pk=booked.pk).update(state="cancelled")
    by_id(visitor)
    assert visitor.response.context["may_walk_in"]
    assert "This appointment was cancelled" in visitor.screen


def test_who_is_late_and_passed_reads_where_the_place_is(visitor, session, patient, now):
    """R4.7"""
    booked = factories.appointment(session, who=patient)
    ahead = now - timedelta(minutes=25)
    type(booked.slot).objects.filter(pk=booked.slot_id).update(
        starts_at=now - timedelta(minutes=30), ends_at=now - timedelta(minutes=1)
    )
    later = factories.appointment(session, slot_index=2)
    seat = session.rooms.get()
    from queueboard.services.arrivals import check_in

    check_in(appointment_id=later.pk, now=ahead)
    call_next(session_id=session.pk, room_id=seat.room_id, now=ahead)
    screen = by_id(visitor)
    ticket = visitor.response.context["ticket"]
    assert (ticket.late, ticket.passed) == (True, True)
    assert "behind those who keep their time" in screen


def test_who_was_passed_in_time_is_next(visitor, session, patient, now):
    """R4.6"""
    booked = factories.appointment(session, slot_index=0, who=patient)
    later = factories.appointment(session, slot_index=2)
    from queueboard.services.arrivals import check_in

    check_in(appointment_id=later.pk, now=now)
    call_next(session_id=session.pk, room_id=session.rooms.get().room_id, now=now)
    screen = visitor.press("scan", q=booked.token)
    assert "you are seen next" in screen
    assert "Nobody before you" in screen


def test_who_missed_a_call_is_sent_to_the_desk(visitor, session, booked, now):
    visitor.press("scan", q=booked.token)
    called = call_next(session_id=session.pk, room_id=session.rooms.get().room_id, now=now)
    miss(ticket_id=called.pk, now=now)
    assert "please go to the desk" in by_id(visitor)


def test_a_kiosk_that_is_not_public_opens_nowhere_else(booked):
    """R4.1: a kiosk proves that a patient is on site, so it must be."""
    Kiosk.objects.create(slug="closed", title="门诊大厅").departments.add(booked.session.department)
    visitor = Visitor("/kiosk/closed/")
    unknown = Visitor("/kiosk/unknown/")
    for each in (visitor, unknown):
        assert "step" not in each.response.context
        assert re.search(r'id="code"[^>]*>\d{6}<', each.screen)
    assert "step" not in visitor.client.post("/kiosk/closed/", {"do": "scan", "q": booked.token}).context
    assert not Ticket.objects.exists()


def test_a_machine_that_a_manager_connected_is_a_kiosk_and_shows_the_code_for_phones(kiosk, department, booked, now):
    """R4.1: the code shown on site is shown there alone."""
    assert "Check in on your phone" not in Visitor().screen
    Kiosk.objects.update(public=False)
    visitor = Visitor()
    code = re.search(r'id="code"[^>]*>(\d{6})<', visitor.screen)[1]
    device = pairing.connect(code=code, place=kiosk, name="hall", actor=None)
    visitor.response = visitor.client.get(visitor.address)
    assert re.search(r"Neurology</span> <b>\d{4}</b>", visitor.screen)
    visitor.press("scan", q=booked.token)
    assert Ticket.objects.count() == 1
    pairing.revoke(device_id=device.pk)
    assert "step" not in visitor.client.get(visitor.address).context


def test_a_screen_shows_one_board_or_one_kiosk(kiosk):
    for places in ({}, {"kiosk": kiosk, "board": Board.objects.create(slug="b", title="b")}):
        with pytest.raises(IntegrityError, match="device_has_a_place"), transaction.atomic():
            Device.objects.create(name="x", secret_hash="x", connected_at=timezone.now(), **places)


def strip(screen):
    """A screen without what no two have alike."""
    return re.sub(r'value="[A-Za-z0-9]{64}"|<time.*?</time>', "", screen)
