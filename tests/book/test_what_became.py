"""R3.4, R3.5, R3.7: what the pages of a draw and of the waitlist say once something has happened since."""

from datetime import timedelta

import pytest
from django.db import transaction
from django.test import Client
from django.utils import timezone

from booking import draws
from booking.models import Appointment, Ballot, BallotEntry, Expert, Session, WaitlistEntry
from booking.services import appointments, endings, schedules, sessions
from tests import factories
from tests.book.conftest import ahead, sign_in, slot_of
from tests.book.test_draws import ask, begins, drawn, finish, others, text  # noqa: F401  # a fixture among them
from tests.book.test_waiting import full, give_back, offered, wait  # noqa: F401  # fixtures among them

pytestmark = pytest.mark.django_db


@pytest.fixture
def won(patient, drawn) -> str:  # noqa: F811
    """The page of a request that got a number."""
    own = ask(patient, drawn).headers["Location"]
    finish(drawn)
    return own


@pytest.fixture
def taken(patient, offered) -> str:  # noqa: F811
    """The page of a place on the waitlist that became a number."""
    assert patient.post(f"{offered}take/").status_code == 302
    return offered


@pytest.fixture
def lost(patient, drawn) -> str:  # noqa: F811
    """The page of a request that got none and did not want to wait."""
    own = ask(patient, drawn).headers["Location"]
    entry = BallotEntry.objects.select_related("ballot").get()
    while entry.code in draws.order(entry.ballot.seed, entry.ballot.entries.values_list("code", flat=True))[:5]:
        others(drawn, 10)
    others(drawn, 5)
    finish(drawn)
    return own


def of_the_patient() -> Appointment:
    return Appointment.objects.get(patient__name="王小明")


def open_early(session: Session) -> None:
    """Staff opens walk-in registration before its time."""
    with transaction.atomic():
        sessions.open_pool(session_id=session.pk, now=timezone.now())


def english(client: Client, address: str) -> str:
    return text(client.get(address, {"lang": "en"}))


# --- a number that is gone, or is another one now


@pytest.mark.parametrize("way", ["won", "taken"])
def test_a_number_that_was_cancelled_is_no_number_that_one_has(patient, way, request):
    own = request.getfixturevalue(way)
    assert "You have a number" in english(patient, own)
    endings.cancel(appointment_id=of_the_patient().pk)
    page = english(patient, own)
    assert "You have a number" not in page
    assert "Cancelled" in page
    assert "Your time" not in page
    assert f"/t/{of_the_patient().token}/" in page


@pytest.mark.parametrize("way", ["won", "taken"])
def test_a_number_that_was_moved_has_the_time_and_day_that_it_has_now(patient, way, request):
    own = request.getfixturevalue(way)
    made = of_the_patient()
    other = ahead(3, of=made.session.department, start="14:00")
    appointments.move(appointment_id=made.pk, slot_id=slot_of(other).pk)
    page = english(patient, own)
    assert "14:00–15:00" in page
    assert other.expert.name_en in page
    assert "08:00–09:00" not in page


@pytest.mark.parametrize("way", ["won", "taken"])
def test_who_has_not_paid_in_time_is_not_asked_to_pay_by_a_time_that_is_over(patient, session, way, request):
    if way == "taken":
        request.getfixturevalue("full")
    session.department.prepayment = 2050
    session.department.save()
    own = request.getfixturevalue(way)
    assert "Please pay by" in english(patient, own)
    Appointment.objects.filter(pk=of_the_patient().pk).update(held_until=timezone.now() - timedelta(seconds=1))
    for _before_and_after_the_task in range(2):
        page = english(patient, own)
        assert "Please pay by" not in page
        assert "You have a number" not in page
        assert "Not paid in time" in page
        endings.expire_holds()


@pytest.mark.parametrize("way", ["won", "taken"])
def test_a_number_of_a_session_that_is_called_off_says_so(patient, session, way, request):
    own = request.getfixturevalue(way)
    schedules.call_off(session_id=session.pk, reason="ill")
    page = english(patient, own)
    assert "You have a number" not in page
    assert "The clinic was called off" in page


# --- whose it is


def test_the_place_that_another_account_took_for_the_same_patient_is_not_shown(patient, drawn, lost):  # noqa: F811
    BallotEntry.objects.update(waitlist=True)
    other = Client(headers={"accept-language": "en"})
    sign_in(other, phone="13912345670")
    theirs = wait(other, drawn).headers["Location"]
    assert WaitlistEntry.objects.get().patient.name == "王小明"
    assert theirs not in english(patient, lost)
    WaitlistEntry.objects.update(account=BallotEntry.objects.get(account__isnull=False).account)
    assert theirs in english(patient, lost)


# --- an expert who is not there any more, or never was


@pytest.mark.parametrize("gone", ["inactive", "none"])
def test_the_pages_lead_somewhere_whatever_became_of_the_expert(patient, drawn, gone):  # noqa: F811
    own = ask(patient, drawn).headers["Location"]
    if gone == "inactive":
        Expert.objects.filter(pk=drawn.expert_id).update(active=False)
    else:
        Session.objects.filter(pk=drawn.pk).update(expert=None, title="普通门诊")
    address = f"/book/draws/{drawn.pk}/"
    for _before_and_after in range(2):
        for page in (address, own):
            _all_lead_somewhere(patient, page)
        if BallotEntry.objects.filter(state="asked").exists():
            finish(drawn)


@pytest.mark.parametrize("gone", ["inactive", "none"])
def test_a_slot_leads_back_to_somewhere_whatever_became_of_the_expert(patient, session, gone):
    if gone == "inactive":
        Expert.objects.filter(pk=session.expert_id).update(active=False)
    else:
        Session.objects.filter(pk=session.pk).update(expert=None, title="普通门诊")
    _all_lead_somewhere(patient, f"/book/slot/{slot_of(session).pk}/")


def _all_lead_somewhere(client: Client, page: str) -> None:
    answer = client.get(page)
    assert answer.status_code == 200
    for link in text(answer).split("<main")[1].split('href="')[1:]:
        address = link.split('"')[0].replace("&amp;", "&")
        if address.startswith("/"):
            assert client.get(address).status_code in (200, 302), address


# --- asking when it cannot be asked any more


@pytest.mark.parametrize("why", ["ballot_closed", "booking_closed", "called_off"])
def test_who_sends_it_too_late_is_told_and_not_asked_to_send_it_again(patient, drawn, why):  # noqa: F811
    if why == "ballot_closed":
        begins(drawn, timezone.now() - timedelta(minutes=10, seconds=5))
    elif why == "booking_closed":
        open_early(drawn)
    else:
        schedules.call_off(session_id=drawn.pk, reason="ill")
    answer = ask(patient, drawn)
    assert answer.status_code == 409
    page = text(answer)
    assert "Put me in the draw" not in page
    assert "It is drawn at" not in page
    assert f'href="/book/draws/{drawn.pk}/"' in page


def test_where_registration_was_opened_early_nobody_is_sent_to_ask_for_a_number(patient, drawn):  # noqa: F811
    open_early(drawn)
    page = english(patient, f"/book/draws/{drawn.pk}/")
    assert "/ask/" not in page
    assert "Ask for a number until" not in page
    assert patient.get(f"/book/draws/{drawn.pk}/ask/").headers["Location"] == f"/book/draws/{drawn.pk}/"


def test_who_came_too_late_because_registration_opened_is_not_told_of_a_limit(patient, drawn):  # noqa: F811
    own = ask(patient, drawn).headers["Location"]
    BallotEntry.objects.update(
        state="lost", place=1, lost_because="booking_closed", ended_at=timezone.now(),
    )  # fmt: skip
    page = english(patient, own)
    assert "suspended" not in page
    assert "Registration had opened" in page


def test_who_lost_is_led_to_what_there_is(patient, drawn, lost):  # noqa: F811
    page = english(patient, lost)
    assert "See what is left" not in page
    assert f'href="/book/session/{drawn.pk}/wait/"' in page
    open_early(drawn)
    page = english(patient, lost)
    assert f"/book/session/{drawn.pk}/wait/" not in page
    assert "Choose another day" in page


def test_a_time_of_another_session_can_neither_be_wished_for_nor_waited_for(patient, drawn):  # noqa: F811
    other = slot_of(ahead(2)).pk
    assert ask(patient, drawn, first=other).status_code == 400
    assert wait(patient, drawn, slot=other).status_code == 404
    assert not BallotEntry.objects.exists()


# --- the waitlist


def test_who_would_wait_for_what_is_drawn_is_led_to_the_draw(patient, drawn):  # noqa: F811
    page = text(patient.get(f"/book/session/{drawn.pk}/wait/"))
    assert f'class="button go wide" href="/book/draws/{drawn.pk}/"' in page


def test_a_number_taken_too_late_is_not_offered_once_more(patient, full, offered):  # noqa: F811
    past = timezone.now() - timedelta(minutes=20)
    WaitlistEntry.objects.update(offered_at=past, offered_until=past + timedelta(minutes=10))
    answer = patient.post(f"{offered}take/?lang=en")
    assert answer.status_code == 409
    page = text(answer)
    assert "is over" in page
    assert "A number is free for you" not in page
    assert f'action="{offered}take/"' not in page


def test_what_is_offered_no_more_is_not_called_free_among_what_is_mine(patient, full, offered):  # noqa: F811
    past = timezone.now() - timedelta(minutes=20)
    WaitlistEntry.objects.update(offered_at=past, offered_until=past + timedelta(minutes=10))
    page = english(patient, "/book/mine/")
    assert offered in page
    assert "A number is free for you" not in page


def test_who_let_a_number_go_by_is_invited_to_join_only_where_one_can(patient, full, offered):  # noqa: F811
    past = timezone.now() - timedelta(minutes=20)
    WaitlistEntry.objects.update(offered_at=past, offered_until=past + timedelta(minutes=10))
    assert "join the list again" in english(patient, offered)
    open_early(full)
    page = english(patient, offered)
    assert "not taken in time" in page
    assert "join the list again" not in page


def test_who_was_offered_a_number_when_the_list_closed_is_not_told_that_none_was_freed(patient, full, offered):  # noqa: F811
    open_early(full)
    page = english(patient, offered)
    assert "The waitlist is closed" in page
    assert "No number was freed" not in page
    assert "not taken in time" in page


def test_after_the_session_nobody_is_sent_to_the_desk_for_a_walk_in_number(patient, full):  # noqa: F811
    own = wait(patient, full).headers["Location"]
    open_early(full)
    assert "Walk-in numbers" in english(patient, own)
    past = timezone.now() - timedelta(days=1)
    Session.objects.filter(pk=full.pk).update(
        starts_at=past, ends_at=past + timedelta(hours=2), registration_opens_at=past
    )
    page = english(patient, own)
    assert "No number was freed" in page
    assert "Walk-in numbers" not in page


def test_a_taken_time_of_a_day_that_has_others_left_can_be_waited_for(patient, session):
    for _each in range(2):
        appointments.book(patient_id=factories.patient().pk, slot_id=slot_of(session).pk)
    days = text(patient.get(f"/book/{session.expert.code}/"))
    address = f"/book/session/{session.pk}/wait/?slot={slot_of(session).pk}"
    assert f'href="{address}"' in days
    assert f'value="{slot_of(session).pk}"' in text(patient.get(address))


@pytest.mark.parametrize("forged", ["free", "999999", "x", "any"])
def test_an_address_that_names_another_time_asks_for_one_that_can_be_waited_for(patient, session, forged):
    for _each in range(2):
        appointments.book(patient_id=factories.patient().pk, slot_id=slot_of(session).pk)
    asked = slot_of(session, 1).pk if forged == "free" else forged
    page = text(patient.get(f"/book/session/{session.pk}/wait/", {"slot": asked}))
    assert f'name="slot" value="{slot_of(session).pk}"' in page


@pytest.mark.parametrize(
    ("code", "place"), [("limit_asking", "draw"), ("limit_waiting", "list"), ("asked_already", "draw")]
)
def test_a_refusal_says_what_to_do(patient, session, code, place):
    """Somebody else's request, or one too many of the phone."""
    session.department.booked_per_phone_day = 1
    session.department.save()
    if place == "draw":
        Ballot.objects.create(session=session, minutes=10)
        begins(session, timezone.now() - timedelta(minutes=1))
        other = Client(headers={"accept-language": "en"})
        sign_in(other, phone="13912345670") if code == "asked_already" else None
        ask(other if code == "asked_already" else patient, session)
        changed = {} if code == "asked_already" else {"name": "李四", "id_number": "110101190002010016"}
        answer = ask(patient, session, **changed)
    else:
        for index in (0, 0, 1, 1, 1):
            appointments.book(patient_id=factories.patient().pk, slot_id=slot_of(session, index).pk)
        wait(patient, session)
        answer = wait(patient, session, name="李四", id_number="110101190002010016")
    page = text(answer)
    assert f'data-code="{code}"' in page
    advice = page.split(f'data-code="{code}"')[1].split("</strong>")[1].split("</p>")[0].strip()
    assert advice
