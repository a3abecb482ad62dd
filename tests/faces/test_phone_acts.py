"""What a patient does on the own page: I am here, I am late, I give my place up (R4.1, R4.5-R4.7)."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from booking.models import Appointment, Session
from queueboard import on_site, tasks
from queueboard.models import OnSiteTry, QueueEvent, Ticket
from queueboard.services import by_phone, undo
from queueboard.services.arrivals import register_walk_in
from queueboard.services.calls import call_next, start
from queueboard.services.returns import send_for_test
from tests import factories
from tests.faces import staff

pytestmark = pytest.mark.django_db


@pytest.fixture
def now():
    return timezone.now()


@pytest.fixture
def session(now):
    began = timezone.localtime(now - timedelta(minutes=30))
    return factories.session(start=f"{began:%H:%M}", day=began, date=timezone.localdate(now))


def shown(session) -> str:
    return on_site.code(session.department_id, timezone.now())


def wrong(session) -> str:
    fit = {on_site.code(session.department_id, timezone.now() + n * on_site.EACH) for n in (-2, -1, 0, 1)}
    return next(code for code in ("0000", "1111", "2222", "3333", "4444") if code not in fit)


def type_in(client, appointment, code, **extra):
    return client.post(f"/t/{appointment.token}/here/?lang=en", {"code": code}, **extra)


def ended(session, by=timedelta(minutes=5)) -> None:
    """The first slot ended so long ago."""
    first = session.slots.get(index=0)
    type(first).objects.filter(pk=first.pk).update(ends_at=timezone.now() - by)


# --- I am here


def test_the_code_shown_on_site_checks_in_and_a_double_press_is_harmless(client, session):
    """R4.1, and R6.3: the log says that it was on the phone, by nobody of the staff."""
    mine = factories.appointment(session)
    page = f"/t/{mine.token}/"
    assert 'name="code"' in client.get(page).content.decode()
    for _ in range(2):
        response = type_in(client, mine, f" {shown(session)}")
        assert (response.status_code, response.headers["Location"]) == (302, page)
    event = QueueEvent.objects.get(kind="check_in")
    assert (event.actor, event.reason, event.ticket.token) == (None, by_phone.NOTE, mine.token)
    assert Ticket.objects.count() == 1
    client.force_login(staff.user("manager"))
    log = client.get("/admin/queueboard/queueevent/", headers={"accept-language": "en"}).content.decode()
    assert "by the patient, with the code shown on site" in log


def test_a_wrong_code_is_told_beside_the_field_and_lets_nobody_in(client, session):
    mine = factories.appointment(session)
    response = type_in(client, mine, wrong(session))
    assert response.status_code == 400
    assert 'data-code="code_wrong"' in response.content.decode()
    assert 'name="code"' in response.content.decode()
    assert not Ticket.objects.exists()


def test_another_departments_code_lets_nobody_in(client, session):
    mine = factories.appointment(session)
    elsewhere = on_site.code(session.department_id + 1, timezone.now())
    if elsewhere != shown(session):
        assert type_in(client, mine, elsewhere).status_code == 400


def test_tries_are_limited_per_visit_from_wherever_the_right_code_included(client, session):
    mine, other = factories.appointment(session), factories.appointment(session)
    for n in range(by_phone.TRIES_PER_VISIT):
        assert type_in(client, mine, wrong(session), REMOTE_ADDR=f"10.0.0.{n}").status_code == 400
    refused = type_in(client, mine, shown(session), REMOTE_ADDR="10.0.0.99")
    assert refused.status_code == 429
    assert "desk" in refused.content.decode()
    assert type_in(client, other, shown(session)).status_code == 302
    OnSiteTry.objects.update(at=timezone.now() - by_phone.WINDOW - timedelta(seconds=1))
    assert type_in(client, mine, shown(session)).status_code == 302


def test_who_guesses_all_day_is_sent_to_the_desk(client, session, now):
    mine = factories.appointment(session)
    OnSiteTry.objects.bulk_create(
        OnSiteTry(appointment=mine, address_hash=str(n), at=now - timedelta(hours=3))
        for n in range(by_phone.TRIES_PER_DAY)
    )
    assert type_in(client, mine, shown(session)).status_code == 429
    OnSiteTry.objects.update(at=now - timedelta(days=1, seconds=1))
    assert tasks.forget_tries() == by_phone.TRIES_PER_DAY
    assert type_in(client, mine, shown(session)).status_code == 302


def test_tries_are_limited_per_address_and_only_wrong_ones_count(client, session, now):
    mine, others = factories.appointment(session), factories.appointment(session)
    type_in(client, others, wrong(session), REMOTE_ADDR="10.9.9.9")
    hash = OnSiteTry.objects.get().address_hash
    OnSiteTry.objects.bulk_create(
        OnSiteTry(appointment=others, address_hash=hash, at=now) for _ in range(by_phone.TRIES_PER_ADDRESS - 1)
    )
    assert type_in(client, mine, shown(session), REMOTE_ADDR="10.9.9.9").status_code == 429
    assert type_in(client, mine, shown(session), REMOTE_ADDR="10.9.9.8").status_code == 302
    assert OnSiteTry.objects.count() == by_phone.TRIES_PER_ADDRESS


@pytest.mark.parametrize(
    ("ahead", "words"), [(timedelta(minutes=1), "Check-in opens at"), (timedelta(days=2), "another day")]
)
def test_who_is_too_early_reads_when_it_opens_and_no_try_counts(client, session, now, ahead, words):
    opens = now + ahead
    if words.startswith("Check"):
        opens = min(opens, timezone.localtime(now).replace(hour=23, minute=59, second=59, microsecond=999999))
    mine = factories.appointment(session)
    Session.objects.update(state="planned", registration_opens_at=opens, date=timezone.localdate(opens))
    assert 'name="code"' not in client.get(f"/t/{mine.token}/").content.decode()
    response = type_in(client, mine, wrong(session))
    assert response.status_code == 409
    assert words in response.content.decode()
    assert f"{timezone.localtime(opens):%H:%M}" in response.content.decode()
    assert not OnSiteTry.objects.exists()


@pytest.mark.parametrize("state", ["held", "cancelled", "no_show", "called_off"])
def test_who_has_not_paid_or_whose_appointment_is_over_is_told_so(client, session, now, state):
    mine = factories.appointment(session)
    Appointment.objects.filter(pk=mine.pk).update(state=state, held_until=now + timedelta(minutes=5))
    response = type_in(client, mine, shown(session))
    assert response.status_code == 409
    assert 'role="alert"' in response.content.decode()
    assert not Ticket.objects.exists()


# --- where one would be placed


def test_before_the_end_of_the_slot_nothing_is_lost(client, session):
    """R4.5"""
    mine = factories.appointment(session)
    assert "Nothing is lost until" in client.get(f"/t/{mine.token}/?lang=en").content.decode()


def test_late_and_passed_late_and_not_passed_in_time_and_passed_are_told_apart(client, session, now):
    """R4.6, R4.7"""
    page = f"/t/{factories.appointment(session).token}/?lang=en"
    later = register_walk_in(session_id=session.pk, patient_id=factories.patient().pk, now=now)
    slot = session.slots.get(index=1)
    Ticket.objects.filter(pk=later.pk).update(slot=slot)
    room = session.rooms.get().room_id
    call_next(session_id=session.pk, room_id=room)
    assert "once checked in, you are next" in client.get(page).content.decode()
    ended(session)
    assert "after those who keep their time" in client.get(page).content.decode()
    Ticket.objects.filter(pk=later.pk).update(slot=session.slots.get(index=0))
    assert "the clinic runs behind" in client.get(page).content.decode()


# --- I am late


def test_who_says_to_be_late_is_seen_so_at_the_desk_keeps_the_number_and_can_take_it_back_once(client, session):
    mine = factories.appointment(session)
    for _ in range(2):
        assert client.post(f"/t/{mine.token}/late/").status_code == 302
    mine.refresh_from_db()
    assert (mine.state, mine.says_late) == ("booked", True)
    clerk = staff.user("clerk", session.department)
    client.force_login(clerk)
    answer = client.post("/api/v1/find/", {"q": mine.patient.phone}, content_type="application/json").json()
    assert [each["code"] for each in answer["results"][0]["warnings"]] == ["says_late"]
    html = client.get(f"/t/{mine.token}/?lang=en").content.decode()
    assert "You said that you are late" in html
    client.post(f"/t/{mine.token}/late/", {"back": "1"})
    client.post(f"/t/{mine.token}/late/", {"back": "1"})
    mine.refresh_from_db()
    assert not mine.says_late
    assert client.post(f"/t/{mine.token}/late/").status_code == 409
    kinds = QueueEvent.objects.filter(kind__startswith="late").values_list("kind", flat=True)
    assert sorted(kinds) == ["late_said", "late_unsaid"]


def test_it_is_said_on_the_day_only(client, session, now):
    mine = factories.appointment(session)
    Session.objects.update(date=timezone.localdate(now) + timedelta(days=1))
    assert client.post(f"/t/{mine.token}/late/").status_code == 409
    assert "I am late" not in client.get(f"/t/{mine.token}/?lang=en").content.decode()


def test_the_database_refuses_what_is_taken_back_before_it_was_said(session, now):
    mine = factories.appointment(session, late_said_at=now)
    with pytest.raises(IntegrityError), transaction.atomic():
        Appointment.objects.filter(pk=mine.pk).update(late_unsaid_at=now - timedelta(seconds=1))


# --- I give my place up


def test_a_waiting_patient_reads_what_it_means_and_leaves_once_and_the_desk_can_undo(client, session, now):
    ticket = register_walk_in(session_id=session.pk, patient_id=factories.patient().pk, now=now)
    page = f"/t/{ticket.token}/give-up/"
    assert page in client.get(f"/t/{ticket.token}/").content.decode()
    assert ticket.label in client.get(page).content.decode()
    ticket.refresh_from_db()
    assert ticket.state == "waiting"
    for _ in range(2):
        assert client.post(page).status_code == 302
    ticket.refresh_from_db()
    assert ticket.state == "left"
    event = QueueEvent.objects.get(kind="leave")
    assert (event.actor, event.reason) == (None, by_phone.NOTE)
    undo.undo(event_id=event.pk)
    ticket.refresh_from_db()
    assert ticket.state == "waiting"


def test_who_is_in_the_room_or_away_for_a_test_does_not_leave_by_phone(client, session, now):
    ticket = register_walk_in(session_id=session.pk, patient_id=factories.patient().pk, now=now)
    call_next(session_id=session.pk, room_id=session.rooms.get().room_id)
    start(ticket_id=ticket.pk)
    page = f"/t/{ticket.token}/give-up/"
    assert client.get(page).status_code == 302
    assert client.post(page).status_code == 409
    send_for_test(ticket_id=ticket.pk)
    assert client.post(page).status_code == 409
    ticket.refresh_from_db()
    assert ticket.state == "away"


def test_who_has_not_come_yet_cancels(client, session):
    mine = factories.appointment(session)
    assert client.get(f"/t/{mine.token}/give-up/").headers["Location"] == f"/t/{mine.token}/cancel/"
