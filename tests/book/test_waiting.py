"""R3.4, R3.5 on the pages: who found nothing waits, is offered a number, and takes it or lets it go."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from booking.models import Appointment, Ballot, Patient, Session, WaitlistEntry
from booking.services import appointments, endings
from tests import factories
from tests.book.conftest import ID, WANG, sign_in, slot_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def full(session) -> Session:
    """Tomorrow's session: all five numbers are booked, two of the first slot and three of the second."""
    for index in (0, 0, 1, 1, 1):
        appointments.book(patient_id=factories.patient().pk, slot_id=slot_of(session, index).pk)
    return session


def wait(client: Client, session: Session, **changed):
    return client.post(f"/book/session/{session.pk}/wait/?lang=en", WANG | {"slot": "any"} | changed)


def give_back(session: Session, index: int = 0) -> None:
    endings.cancel(appointment_id=session.appointments.filter(slot__index=index, state="booked").first().pk)


def text(answer) -> str:
    return answer.content.decode()


@pytest.fixture
def offered(patient, full, settings) -> str:
    """The page of who is offered the number of the first slot, at whatever hour the tests run."""
    settings.QUIET_HOURS = ""
    own = wait(patient, full).headers["Location"]
    give_back(full)
    return own


# --- joining


def test_where_all_is_taken_the_days_and_the_slot_lead_to_the_waitlist(patient, full):
    address = f"/book/session/{full.pk}/wait/"
    assert address in text(patient.get(f"/book/{full.expert.code}/"))
    assert f"{address}?slot={slot_of(full).pk}" in text(patient.get(f"/book/slot/{slot_of(full).pk}/"))


def test_who_waits_signs_in_says_who_and_has_a_page_that_says_how_many_come_before(client, full):
    address = f"/book/session/{full.pk}/wait/"
    assert "/book/sign-in/" in client.get(address).headers["Location"]
    account = sign_in(client, back=address)
    assert client.get(address).status_code == 200
    own = wait(client, full).headers["Location"]
    entry = WaitlistEntry.objects.get()
    assert own == f"/w/{entry.token}/"
    assert (entry.account, entry.slot, entry.patient.id_number, entry.first_visit) == (account, None, ID, True)
    page = text(client.get(f"{own}?lang=en"))
    assert "You are on the waitlist" in page
    assert "王小明" not in page
    assert own in text(client.get("/book/mine/"))


def test_one_slot_can_be_waited_for(patient, full):
    assert f'value="{slot_of(full, 1).pk}" checked' in text(
        patient.get(f"/book/session/{full.pk}/wait/?slot={slot_of(full, 1).pk}")
    )
    wait(patient, full, slot=slot_of(full, 1).pk)
    assert WaitlistEntry.objects.get().slot == slot_of(full, 1)


def test_pressed_twice_it_is_one_place_and_the_same_page(patient, full):
    first, second = wait(patient, full), wait(patient, full)
    assert first.headers["Location"] == second.headers["Location"]
    assert WaitlistEntry.objects.count() == 1


def test_where_a_slot_has_numbers_left_only_the_others_can_be_waited_for(patient, session):
    for _each in range(2):
        appointments.book(patient_id=factories.patient().pk, slot_id=slot_of(session).pk)
    page = text(patient.get(f"/book/session/{session.pk}/wait/"))
    assert 'value="any"' not in page
    assert f'name="slot" value="{slot_of(session).pk}"' in page
    assert f'value="{slot_of(session, 1).pk}"' not in page
    answer = wait(patient, session)
    assert answer.status_code == 409
    assert "numbers left" in text(answer)
    assert not Patient.objects.filter(name="王小明").exists()


def test_where_nothing_is_taken_it_leads_back_to_book(patient, session):
    page = text(patient.get(f"/book/session/{session.pk}/wait/?lang=en"))
    assert f'href="/book/{session.expert.code}/"' in page
    assert 'name="slot"' not in page


@pytest.mark.parametrize("code", ["ballot_open", "booking_closed", "not_released"])
def test_where_nobody_can_wait_it_says_why_and_asks_for_nothing(patient, full, code):
    if code == "ballot_open":
        Ballot.objects.create(session=full, minutes=10)
    else:
        now = timezone.now()
        change = {"released_at": now + timedelta(hours=1)} if code == "not_released" else {"pool_opened_at": now}
        Session.objects.filter(pk=full.pk).update(**change)
    page = text(patient.get(f"/book/session/{full.pk}/wait/"))
    assert f'data-code="{code}"' in page
    assert 'name="slot"' not in page
    Ballot.objects.all().delete()
    Session.objects.filter(pk=full.pk).update(pool_opened_at=None)


def test_who_has_a_number_of_the_session_is_led_to_it(patient, session):
    made = patient.post(f"/book/slot/{slot_of(session).pk}/", WANG).headers["Location"]
    for index in (0, 1, 1, 1):
        appointments.book(patient_id=factories.patient().pk, slot_id=slot_of(session, index).pk)
    answer = wait(patient, session)
    assert answer.status_code == 409
    assert f'href="{made}"' in text(answer)


def test_what_is_not_valid_is_said_and_what_was_typed_stays(patient, full):
    answer = wait(patient, full, id_number="1")
    assert answer.status_code == 400
    assert "王小明" in text(answer)
    assert wait(patient, full, slot="999999").status_code == 404
    assert wait(patient, full, who="0").status_code == 400
    assert not WaitlistEntry.objects.exists()


def test_who_signed_out_in_another_tab_loses_nothing(client, full):
    answer = wait(client, full)
    assert answer.status_code == 403
    assert "王小明" in text(answer)


# --- the offer


def test_what_is_offered_is_taken_once_however_often_it_is_pressed(patient, full, offered):
    page = text(patient.get(f"{offered}?lang=en"))
    entry = WaitlistEntry.objects.get()
    assert f"until {timezone.localtime(entry.offered_until):%H:%M}" in page
    assert "A number is free for you" in text(patient.get("/book/mine/?lang=en"))
    first, second = patient.post(f"{offered}take/"), patient.post(f"{offered}take/")
    made = Appointment.objects.get(patient=entry.patient)
    assert first.headers["Location"] == second.headers["Location"] == f"/t/{made.token}/"
    assert (made.slot, made.account) == (slot_of(full), entry.account)
    assert f"/t/{made.token}/" in text(patient.get(offered))


def test_what_is_given_up_goes_to_the_next(patient, full, offered):
    other = Client(headers={"accept-language": "en"})
    sign_in(other, phone="13912345670")
    theirs = wait(other, full, name="李四", id_number="110101190002010016").headers["Location"]
    assert "Waiting before you" in text(other.get(f"{theirs}?lang=en"))
    for _twice in range(2):
        assert patient.post(f"{offered}leave/").headers["Location"] == offered
    assert "You wait no longer" in text(patient.get(f"{offered}?lang=en"))
    assert "A number is free for you" in text(other.get(f"{theirs}?lang=en"))
    answer = patient.post(f"{offered}take/?lang=en")
    assert answer.status_code == 409
    assert "is over" in text(answer)
    assert not Appointment.objects.filter(patient__name="王小明").exists()


def test_once_its_time_is_over_it_cannot_be_taken_and_the_page_passes_it_on(patient, full, offered):
    past = timezone.now() - timedelta(minutes=20)
    WaitlistEntry.objects.update(offered_at=past, offered_until=past + timedelta(minutes=10))
    answer = patient.post(f"{offered}take/?lang=en")
    assert answer.status_code == 409
    assert "is over" in text(answer)
    assert "The number went to the next" in text(patient.get(f"{offered}?lang=en"))
    assert WaitlistEntry.objects.get().state == "lapsed"
    again = wait(patient, full, who=Patient.objects.get(name="王小明").pk)
    assert again.headers["Location"] != offered


def test_nothing_is_taken_by_looking(patient, full, offered):
    # The switch of the language on a page that refused comes here.
    assert patient.get(f"{offered}take/").headers["Location"] == offered
    assert patient.get(f"{offered}leave/").status_code == 405
    assert WaitlistEntry.objects.get().state == "offered"


@pytest.mark.parametrize("address", ["/w/nobody/", "/w/%00/", "/book/session/999999/wait/"])
def test_what_is_not_there_is_404(client, db, address):
    assert client.get(address).status_code == 404


def test_the_page_costs_few_queries(patient, full, offered, django_assert_max_num_queries):
    with django_assert_max_num_queries(4):
        patient.get(offered)
