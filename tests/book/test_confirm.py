"""The last step of booking: who comes, one booking however often it is pressed, and every refusal in words."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from booking.models import Account, Appointment, Member, Patient, PhoneCode, Session, Suspension
from booking.services import accounts, appointments, endings
from tests import factories
from tests.book.conftest import ID, WANG, ahead, sign_in, slot_of
from tests.booking.test_races import race

pytestmark = pytest.mark.django_db


def book(client, slot, **changed):
    return client.post(f"/book/slot/{slot.pk}/?lang=en", WANG | changed)


def test_somebody_finds_an_expert_signs_in_says_who_comes_and_has_a_number(client, session):
    slot = slot_of(session)
    assert f"/book/{session.expert.code}/" in client.get("/book/").content.decode()
    assert f"/book/slot/{slot.pk}/" in client.get(f"/book/{session.expert.code}/").content.decode()
    sent_on = client.get(f"/book/slot/{slot.pk}/")
    assert sent_on.headers["Location"] == f"/book/sign-in/?next=%2Fbook%2Fslot%2F{slot.pk}%2F"
    account = sign_in(client, back=f"/book/slot/{slot.pk}/")
    assert client.get(f"/book/slot/{slot.pk}/").status_code == 200
    answer = book(client, slot)
    made = Appointment.objects.get()
    assert answer.headers["Location"] == f"/t/{made.token}/"
    assert (made.account, made.slot, made.patient.phone, made.first_visit) == (account, slot, account.phone, True)
    assert made.token in client.get("/book/mine/").content.decode()
    assert client.get(f"/t/{made.token}/").status_code == 200


def test_who_is_of_the_family_is_chosen_by_name_and_types_nothing(patient, session):
    book(patient, slot_of(session))
    who = Patient.objects.get()
    other = ahead(2)
    html = patient.get(f"/book/slot/{slot_of(other).pk}/").content.decode()
    assert "王*明" in html
    assert "王小明" not in html
    answer = patient.post(f"/book/slot/{slot_of(other).pk}/", {"who": who.pk, "key": "m" * 22, "been_before": "on"})
    made = Appointment.objects.get(session=other)
    assert answer.headers["Location"] == f"/t/{made.token}/"
    assert (made.patient, made.first_visit) == (who, False)


# --- pressed twice, two tabs, the back button


def test_pressed_twice_it_is_one_booking_and_the_same_page(patient, session):
    first, second = book(patient, slot_of(session)), book(patient, slot_of(session))
    assert first.headers["Location"] == second.headers["Location"]
    assert Appointment.objects.count() == 1


def test_from_two_tabs_it_is_one_booking_and_the_same_page(patient, session):
    first = book(patient, slot_of(session))
    assert book(patient, slot_of(session), key="l" * 22).headers["Location"] == first.headers["Location"]
    assert Appointment.objects.count() == 1


def test_back_after_cancelling_the_old_form_leads_to_what_became_of_it(patient, session):
    first = book(patient, slot_of(session))
    endings.cancel(appointment_id=Appointment.objects.get().pk)
    assert book(patient, slot_of(session)).headers["Location"] == first.headers["Location"]
    assert Appointment.objects.count() == 1


def test_back_for_another_person_the_same_form_books_for_that_one_too(patient, session):
    first = book(patient, slot_of(session))
    second = book(patient, slot_of(session), name="Jane Smith", id_type="passport", id_number="x1234567")
    assert first.headers["Location"] != second.headers["Location"]
    assert Appointment.objects.count() == 2


def test_another_time_with_the_same_expert_is_offered_as_a_move(patient, session):
    book(patient, slot_of(session))
    made = Appointment.objects.get()
    answer = book(patient, slot_of(session, 1), key="o" * 22)
    html = answer.content.decode()
    assert answer.status_code == 409
    assert f"/t/{made.token}/move/{slot_of(session, 1).pk}/" in html


# --- nothing typed is lost


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ({"id_number": ID[:-1] + "5"}, "one digit may be wrong"),
        ({"id_number": "110101190013010019"}, "one digit may be wrong"),
        ({"id_type": "passport", "id_number": "X1"}, "5 to 20"),
        ({"id_type": "other", "id_number": "!!"}, "4 to 32"),
        ({"id_type": "passport"}, "choose it as the kind of ID"),
        ({"id_type": "other", "id_number": f"({ID[:6]}) {ID[6:]}-"}, "choose it as the kind of ID"),
        ({"id_type": "gold"}, "gold"),
        ({"name": "…"}, "letters or characters"),
        ({"phone": "abc"}, "not a phone number"),
        ({"id_number": ""}, "required"),
    ],
)
def test_what_is_not_valid_is_said_at_its_field_and_nothing_typed_is_lost(patient, session, typed, words):
    """R3.7: an ID number with a valid check digit."""
    answer = book(patient, slot_of(session), **typed)
    html = answer.content.decode()
    assert answer.status_code == 400
    assert words in html
    for value in ({"name": "王小明", "key": WANG["key"]} | typed).values():
        assert f'"{value}"' in html or f">{value}<" in html or value == "gold"
    assert not Patient.objects.exists()


def test_an_id_is_read_as_people_write_it(patient, session):
    book(patient, slot_of(session), id_number=" 110101 19000101 0014 ", phone="+86 139-0000-1111")
    who = Patient.objects.get()
    assert (who.id_number, who.phone) == (ID, "13900001111")


def test_signed_out_in_another_tab_what_was_typed_counts_after_signing_in_again(patient, session):
    slot = slot_of(session)
    patient.post("/book/sign-out/")
    answer = book(patient, slot)
    html = answer.content.decode()
    assert answer.status_code == 403
    assert 'value="王小明"' in html
    assert "/book/sign-in/?next=" in html
    PhoneCode.objects.all().delete()
    sign_in(patient)
    assert book(patient, slot).status_code == 302


# --- refused


def test_nothing_left_shows_what_is_left_elsewhere_and_leaves_no_patient_behind(patient, session):
    full = ahead(of=session.department, split=((0, 1),))
    answer = book(patient, slot_of(full))
    html = answer.content.decode()
    assert answer.status_code == 409
    assert f"/book/slot/{slot_of(session).pk}/" in html
    assert not Patient.objects.exists()
    assert not Member.objects.exists()
    assert "No number is left" in patient.get(f"/book/slot/{slot_of(full).pk}/?lang=en").content.decode()


def test_what_is_not_released_or_closed_says_when_or_what_else(patient, session):
    """R3.1"""
    appear = timezone.localtime() + timedelta(hours=5)
    Session.objects.filter(pk=session.pk).update(released_at=appear)
    for answer in (patient.get(f"/book/slot/{slot_of(session).pk}/?lang=en"), book(patient, slot_of(session))):
        assert f"Numbers appear on {appear:%B} {appear.day} at {appear:%H:%M}" in answer.content.decode()
    assert answer.status_code == 409
    Session.objects.filter(pk=session.pk).update(
        released_at=appear - timedelta(days=1), registration_opens_at=timezone.now()
    )
    answer = book(patient, slot_of(session))
    assert (answer.status_code, b"walk-in number may be left" in answer.content) == (409, True)
    assert patient.get("/book/slot/0/").status_code == 404


def test_a_suspended_patient_reads_until_when(patient, session):
    """R3.6"""
    who = factories.patient("王小明", id_type="resident", id_number=ID)
    until = timezone.now() + timedelta(days=30)
    Suspension.objects.create(patient=who, begins_at=timezone.now(), until=until)
    answer = book(patient, slot_of(session))
    assert answer.status_code == 409
    assert str(timezone.localtime(until).year) in answer.content.decode()


def test_another_name_for_a_known_number_is_refused_and_nobody_is_told_whose_it_is(patient, session):
    """R3.7"""
    factories.patient("孙大海", id_type="resident", id_number=ID)
    answer = book(patient, slot_of(session))
    assert (answer.status_code, "孙" in answer.content.decode()) == (409, False)


def test_a_limit_says_what_to_do(patient, session):
    """R3.2"""
    type(session.department).objects.update(booked_per_patient_department=1)
    book(patient, slot_of(session))
    answer = book(patient, slot_of(ahead(2, of=session.department)))
    assert (answer.status_code, b"not needed any more" in answer.content) == (409, True)


def test_what_somebody_else_booked_for_the_patient_is_not_shown(patient, session):
    """R6.2"""
    who = factories.patient("王小明", id_type="resident", id_number=ID)
    theirs = appointments.book(patient_id=who.pk, slot_id=slot_of(session).pk)
    answer = book(patient, slot_of(session))
    html = answer.content.decode()
    assert answer.status_code == 409
    assert theirs.token not in html
    assert "/lookup/" in html


@pytest.mark.parametrize("who", ["", "0", "9" * 30, "²", "x"])
def test_nobody_or_somebody_elses_family_is_refused(patient, session, who):
    stranger = factories.patient()
    other = Client()
    sign_in(other, phone="13900009999")
    for chosen in (who, str(stranger.pk)):
        answer = patient.post(f"/book/slot/{slot_of(session).pk}/?lang=en", {"who": chosen, "key": "k" * 22})
        assert (answer.status_code, b"choose who comes" in answer.content) == (400, True)
    assert not Appointment.objects.exists()


@pytest.mark.parametrize("family", [1, 10])
def test_the_form_costs_as_many_queries_for_one_of_the_family_as_for_many(
    patient, session, family, django_assert_max_num_queries
):  # fmt: skip
    account = Account.objects.get(pk=patient.session["account"])
    for _ in range(family):
        accounts.add_member(account=account, patient_id=factories.patient().pk)
    slot = slot_of(session)
    with django_assert_max_num_queries(4):
        assert patient.get(f"/book/slot/{slot.pk}/").status_code == 200


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_pressed_several_times_at_once_it_is_one_booking_and_one_page(transactional_db):
    session = ahead()
    client = Client()
    sign_in(client)
    slot = slot_of(session)

    def press():
        tab = Client()
        tab.cookies = client.cookies
        return book(tab, slot).headers.get("Location")

    pages = set(race([press] * 4))
    assert pages == {f"/t/{Appointment.objects.get().token}/"}
    assert (Patient.objects.count(), Member.objects.count()) == (1, 1)
