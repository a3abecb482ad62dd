"""The page of a booked patient: what to bring, what can be changed, and what has changed (R4.1, R3.4)."""

import base64
import re
from datetime import timedelta
from urllib.parse import unquote

import pytest
from django.utils import timezone
from icalendar import Calendar

from booking.models import Appointment, Session
from booking.services import appointments, endings, payments
from booking.services import schedules as plain_schedules
from queueboard.services import schedules
from tests import factories
from tests.book.conftest import ahead, slot_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def booked(session) -> Appointment:
    return appointments.book(patient_id=factories.patient().pk, slot_id=slot_of(session).pk)


def page(client, appointment: Appointment, path: str = "") -> str:
    return client.get(f"/t/{appointment.token}/{path}?lang=en").content.decode()


def paid(fee: int = 2050, **fields) -> Appointment:
    session = ahead(of=factories.department(prepayment=fee, **fields))
    held = appointments.book(patient_id=factories.patient().pk, slot_id=slot_of(session).pk)
    started = payments.start(appointment_id=held.pk, provider="demo", return_url="", address="")
    payments.receive(
        provider="demo", told=payments.Told(number=started.payment.number, amount=fee, provider_number="demo-1")
    )
    held.refresh_from_db()
    return held


def open_registration(session: Session) -> None:
    Session.objects.filter(pk=session.pk).update(registration_opens_at=timezone.now())


# --- what to bring


def test_a_booked_patient_has_a_code_that_no_request_carries(client, booked):
    """What the desk's field takes is the code itself (queueboard/api/finding.py)."""
    html = page(client, booked)
    picture = re.search(r'<img src="(data:image/svg\+xml[^"]+)"', html)[1]
    assert "<svg" in unquote(picture) or "<svg" in base64.b64decode(picture.split(",")[1]).decode()
    assert booked.token not in picture


def test_the_calendar_file_has_the_time_and_the_place_and_nobodys_name_id_phone_or_token(client, booked):
    answer = client.get(f"/t/{booked.token}/calendar.ics?lang=en")
    assert answer.headers["Content-Type"] == "text/calendar; charset=utf-8"
    assert "no-store" in answer.headers["Cache-Control"]
    text = answer.content.decode()
    for secret in (booked.patient.name, booked.patient.id_number, booked.patient.phone, booked.token):
        assert secret not in text
    (event,) = Calendar.from_ical(text).events
    assert event["DTEND"].dt == booked.slot.ends_at
    assert booked.slot.starts_at - timedelta(minutes=15) <= event["DTSTART"].dt < booked.slot.starts_at
    assert str(event["SUMMARY"]).startswith("Expert")
    assert len(event.walk("VALARM")) == 2


def test_a_moved_visit_is_the_same_entry_of_the_calendar_and_a_cancelled_one_has_none(client, booked, session):
    def entry():
        return Calendar.from_ical(client.get(f"/t/{booked.token}/calendar.ics").content).events[0]

    before = entry()
    appointments.move(appointment_id=booked.pk, slot_id=slot_of(session, 1).pk)
    assert (entry()["UID"], entry()["SEQUENCE"]) == (before["UID"], before["SEQUENCE"] + 1)
    endings.cancel(appointment_id=booked.pk)
    assert client.get(f"/t/{booked.token}/calendar.ics").status_code == 404


# --- cancel


def test_cancelling_says_first_that_it_is_free_and_then_happens_once(client, booked):
    """R3.4"""
    assert f"/t/{booked.token}/cancel/" in page(client, booked)
    assert "You cannot get this one again" in page(client, booked, "cancel/")
    booked.refresh_from_db()
    assert booked.state == "booked"
    for _ in range(2):
        answer = client.post(f"/t/{booked.token}/cancel/")
        assert answer.headers["Location"] == f"/t/{booked.token}/"
    booked.refresh_from_db()
    assert booked.state == "cancelled"
    html = page(client, booked)
    assert "You have cancelled" in html
    assert f'href="/book/{booked.session.expert.code}/"' in html


@pytest.mark.parametrize(("refund_late", "words"), [(False, "are not paid back"), (True, "are paid back")])
def test_on_the_day_it_says_whether_the_fee_goes_back(client, refund_late, words):
    """R3.4: a late cancellation is not refunded (setting)."""
    appointment = paid(refund_late=refund_late)
    assert "¥20.50 that you paid are paid back" in page(client, appointment, "cancel/")
    open_registration(appointment.session)
    html = page(client, appointment, "cancel/")
    assert words in html
    assert "does not count as a no-show" in html
    client.post(f"/t/{appointment.token}/cancel/", {"late": "1"})
    appointment.refresh_from_db()
    assert appointment.state == "cancelled_late"
    assert appointment.payments.get().state == ("refunding" if refund_late else "paid")


def test_who_read_that_it_is_free_does_not_pay_for_a_registration_that_has_opened_meanwhile(client):
    appointment = paid()
    open_registration(appointment.session)
    answer = client.post(f"/t/{appointment.token}/cancel/?lang=en")
    assert answer.status_code == 409
    assert "read it once more" in answer.content.decode()
    appointment.refresh_from_db()
    assert appointment.state == "booked"


# --- move


def test_moving_shows_the_other_times_says_from_when_to_when_and_happens_once(client, booked, session):
    there = slot_of(session, 1)
    assert f"/t/{booked.token}/move/{there.pk}/" in page(client, booked, "move/")
    assert f"{there.starts_at.astimezone():%H:%M}" in page(client, booked, f"move/{there.pk}/")
    for _ in range(2):
        answer = client.post(f"/t/{booked.token}/move/{there.pk}/")
        assert answer.headers["Location"] == f"/t/{booked.token}/"
    booked.refresh_from_db()
    assert booked.slot == there
    assert "Moved from" in page(client, booked)


def test_only_times_of_the_department_with_the_same_fee_are_offered_the_own_expert_first(client):
    of = factories.department(prepayment=100)
    session = ahead(of=of)
    other, dear = ahead(2, of=of), ahead(2, of=of)
    dear.expert.prepayment = 5000
    dear.expert.save()
    unreleased = ahead(3, of=of, released_at=timezone.now() + timedelta(days=1))
    elsewhere = ahead(of=factories.department(prepayment=100))
    mine = appointments.book(patient_id=factories.patient().pk, slot_id=slot_of(session).pk)
    html = page(client, mine, "move/")
    assert html.index(f"move/{slot_of(session, 1).pk}/") < html.index(f"move/{slot_of(other).pk}/")
    for away in (dear, unreleased, elsewhere):
        assert f"move/{slot_of(away).pk}/" not in html


def test_a_move_to_what_was_taken_meanwhile_is_refused_with_what_is_left_and_loses_nothing(client, booked, session):
    full = ahead(2, of=session.department, split=((0, 1),))
    answer = client.post(f"/t/{booked.token}/move/{slot_of(full).pk}/?lang=en")
    html = answer.content.decode()
    assert answer.status_code == 409
    assert f"/t/{booked.token}/move/{slot_of(session, 1).pk}/" in html
    booked.refresh_from_db()
    assert (booked.state, booked.slot) == ("booked", slot_of(session))


def test_once_registration_has_opened_it_can_only_be_cancelled(client, booked, session):
    open_registration(session)
    html = page(client, booked)
    assert f"/t/{booked.token}/move/" not in html
    assert f"/t/{booked.token}/cancel/" in html
    assert client.get(f"/t/{booked.token}/move/").status_code == 302
    answer = client.post(f"/t/{booked.token}/move/{slot_of(session, 1).pk}/?lang=en")
    assert (answer.status_code, b"only cancelled" in answer.content) == (409, True)


@pytest.mark.parametrize("state", ["cancelled", "expired", "no_show", "called_off", "seen", "arrived"])
def test_what_is_over_cannot_be_changed_and_leads_back_to_its_page(client, booked, state):
    Appointment.objects.filter(pk=booked.pk).update(state=state)
    try:
        for path in ("cancel/", "move/", f"move/{booked.slot_id}/"):
            assert client.get(f"/t/{booked.token}/{path}").headers["Location"] == f"/t/{booked.token}/"
    finally:
        Appointment.objects.filter(pk=booked.pk).update(state="booked")


# --- pay


def test_a_held_number_is_paid_from_the_page_and_comes_back_to_it(client):
    """R3.3"""
    session = ahead(of=factories.department(prepayment=2050))
    held = appointments.book(patient_id=factories.patient().pk, slot_id=slot_of(session).pk)
    html = page(client, held)
    assert "¥20.50" in html
    answer = client.post(f"/t/{held.token}/pay/", {"provider": "demo"})
    assert answer.headers["Location"] == f"/pay/demo/{held.payments.get().number}/"
    assert client.post(answer.headers["Location"], {"pay": ""}).headers["Location"] == f"/t/{held.token}/"
    html = page(client, held)
    assert "You paid ¥20.50" in html
    assert client.post(f"/t/{held.token}/pay/", {"provider": "demo"}).headers["Location"] == f"/t/{held.token}/"


def test_a_way_to_pay_that_is_not_offered_and_a_hold_that_is_over_are_refused_in_words(client):
    session = ahead(of=factories.department(prepayment=2050))
    held = appointments.book(patient_id=factories.patient().pk, slot_id=slot_of(session).pk)
    assert client.post(f"/t/{held.token}/pay/", {"provider": "gold"}).status_code == 400
    Appointment.objects.filter(pk=held.pk).update(held_until=timezone.now())
    answer = client.post(f"/t/{held.token}/pay/?lang=en", {"provider": "demo"})
    assert (answer.status_code, b"book again" in answer.content) == (409, True)


# --- told of changes


def test_a_substitute_is_told_and_the_number_stays(client, booked, session):
    """R3.2b"""
    other = factories.expert(session.department, name_en="Dr. Other")
    schedules.substitute(session_id=session.pk, away_id=session.expert_id, expert_id=other.pk, reason="ill")
    html = page(client, booked)
    assert "Dr. Other</span> sees you now" in html or "Dr. Other sees you now" in html


def test_with_another_expert_at_another_time_nothing_says_that_the_time_stays(client, booked, session):
    """R3.2b"""
    other = factories.expert(session.department, name_en="Dr. Other")
    schedules.substitute(session_id=session.pk, away_id=session.expert_id, expert_id=other.pk, reason="ill")
    later = {name: getattr(session, name) + timedelta(hours=1) for name in ("starts_at", "ends_at")}
    schedules.change_times(session_id=session.pk, reason="ill", **later)
    html = page(client, booked)
    assert "sees you now" in html
    assert "Another time: it was" in html
    assert "time stay" not in html


def test_a_session_that_is_called_off_says_so_and_that_the_fee_goes_back(client):
    """R1.3"""
    appointment = paid()
    plain_schedules.call_off(session_id=appointment.session_id, reason="flood")
    html = page(client, appointment)
    for words in ("This clinic does not take place", "¥20.50 are on their way back", "Book again"):
        assert words in html, words


@pytest.mark.parametrize("path", ["", "cancel/", "move/", "calendar.ics"])
def test_every_page_of_the_link_is_kept_nowhere_and_its_address_stays_here(client, booked, path):
    """R6.2"""
    answer = client.get(f"/t/{booked.token}/{path}")
    assert "no-store" in answer.headers["Cache-Control"]
    assert answer.headers["Referrer-Policy"] == "strict-origin"
    assert "noindex" in answer.headers["X-Robots-Tag"]
    for unknown in ("nobody", "%00"):
        assert client.get(f"/t/{unknown}/{path}").status_code == 404


def test_the_page_of_a_visit_costs_a_bounded_number_of_queries(client, booked, session, django_assert_max_num_queries):
    for index in (1, 0, 1):
        appointments.move(appointment_id=booked.pk, slot_id=slot_of(session, index).pk)
    client.get(f"/t/{booked.token}/")  # what is known of the expert is read once and kept for a while
    with django_assert_max_num_queries(16):
        assert client.get(f"/t/{booked.token}/").status_code == 200
