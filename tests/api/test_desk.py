"""The desk: find, check in, offer and register walk-ins (R4.1)."""

from datetime import timedelta

import pytest

from booking.models import Appointment, Patient, Suspension
from queueboard.models import QueueEvent, Refusal, Ticket
from queueboard.services import arrivals, calls, undo
from tests import factories
from tests.factories import at

API = "/api/v1"
pytestmark = pytest.mark.django_db
ID, PHONE = "110101199003070011", "13912345678"


@pytest.fixture
def wang(db):
    return factories.patient("王小明", id_type="resident", id_number=ID, phone=PHONE)


@pytest.fixture
def booked(morning, wang):
    return factories.appointment(morning, 0, wang)


def found(client, text):
    answer = client.post(f"{API}/find/", {"q": text})
    assert answer.status_code == 200, answer.content
    return answer.json()


@pytest.mark.parametrize(
    "written",
    [ID, ID.lower(), "110101 19900307 0011", PHONE, "+86 139 1234 5678", "139-1234-5678", "王小明", "王小", "王"],
)
def test_a_patient_is_found_by_phone_id_or_start_of_the_name(clerk, booked, written):
    (one,) = found(clerk, written)["results"]
    assert (one["name"], one["appointment"], one["token"]) == ("王小明", "booked", booked.token)
    assert (one["can_check_in"], one["late"], one["phone_end"]) == (True, False, "5678")
    assert one["session"]["id"] == booked.session_id


@pytest.mark.parametrize("form", ["{}", "https://hospital.example/t/{}/", "/t/{}", "  {} "])
def test_the_booking_code_is_read_as_typed_or_as_its_qr_says_it(clerk, booked, form):
    (one,) = found(clerk, form.format(booked.token))["results"]
    assert one["token"] == booked.token


def test_a_ticket_is_found_by_its_number(clerk, booked):
    ticket = arrivals.check_in(appointment_id=booked.pk)
    (one,) = found(clerk, ticket.label.lower())["results"]
    assert (one["ticket"]["id"], one["can_check_in"]) == (ticket.pk, False)


def test_a_part_of_the_name_or_of_the_phone_finds_nobody(clerk, booked):
    for part in ("小明", PHONE[:7], ID[:10]):
        seen = found(clerk, part)
        assert (seen["results"], seen["elsewhere"], seen["known"]) == ([], [], [])


def test_of_other_departments_it_is_told_that_there_is_something_and_no_more(other_clerk, booked):
    """R6.2. Whose ID or code is there is there too: a phone alone names nobody."""
    for exact, known in ((booked.token, 1), (PHONE, 0), (ID, 1)):
        seen = found(other_clerk, exact)
        assert (seen["results"], seen["elsewhere"], len(seen["known"])) == ([], ["other_department"], known)
    (warning,) = found(other_clerk, ID)["known"][0]["warnings"]
    assert warning == {"code": "other_department", "until": None, "session": None, "slot": None}
    (warning,) = found(other_clerk, booked.token)["known"][0]["warnings"]
    assert (warning["code"], warning["session"]["id"]) == ("other_department", booked.session_id)
    for vague in ("王小明", "A001"):
        assert found(other_clerk, vague)["elsewhere"] == []


def test_of_another_day_it_is_told_which(clerk, morning, wang):
    tomorrow = factories.session(of=morning.department, day=at("08:00") + timedelta(days=1), state="planned")
    factories.appointment(tomorrow, 0, wang)
    seen = found(clerk, PHONE)
    assert (seen["results"], seen["elsewhere"]) == ([], ["other_day"])
    (known,) = seen["known"]
    assert (known["name"], [each["code"] for each in known["warnings"]]) == ("王小明", ["other_day"])
    assert known["warnings"][0]["session"]["date"] == tomorrow.date.isoformat()


def test_who_is_suspended_has_not_paid_or_comes_too_soon_is_told_before_anything_is_done(clerk, morning, wang):
    """R3.3, R3.6."""
    Suspension.objects.create(patient=wang, begins_at=at("08:00"), until=at("08:00") + timedelta(days=90))
    factories.appointment(morning, 2, wang, state="held", held_until=at("08:20"))
    (row,) = found(clerk, ID)["results"]
    assert [(each["code"], each["until"][11:16]) for each in row["warnings"]] == [
        ("suspended", "08:00"), ("not_paid", "08:20"),
    ]  # fmt: skip
    assert (row["can_check_in"], row["joining"]) == (False, None)
    later = factories.session(of=morning.department, start="14:00", state="planned")
    factories.appointment(later, 0, factories.patient("孙大海"))
    (row,) = found(clerk, "孙大海")["results"]
    assert [(each["code"], each["until"][11:16]) for each in row["warnings"]] == [("not_open", "13:00")]


@pytest.mark.parametrize(
    ("clock_shows", "called_later", "place", "position"),
    [("08:30", False, "slot", 1), ("09:30", False, "late", 1), ("08:30", True, "on_time_passed", 0),
     ("09:30", True, "late_passed", 1)],
)  # fmt: skip
def test_where_and_why_somebody_would_be_placed_is_told_before_the_check_in(
    clerk, morning, room, booked, clock, clock_shows, called_later, place, position
):
    """R4.5, R4.6, R4.7."""
    arrivals.check_in(appointment_id=factories.appointment(morning, 0).pk, now=at("08:05"))
    if called_later:
        of_next = arrivals.check_in(appointment_id=factories.appointment(morning, 1).pk, now=at("08:06"))
        calls.call_ticket(ticket_id=of_next.pk, room_id=room, now=at("08:20"))
    clock.turn_to(clock_shows)
    (row,) = found(clerk, ID)["results"]
    assert (row["joining"]["place"], row["joining"]["position"]) == (place, position)
    assert row["joining"]["median"] <= row["joining"]["p90"]
    ticket = clerk.post(f"{API}/appointments/{booked.token}/check-in/").json()
    (line,) = [each for each in clerk.get(f"{API}/queues/{morning.pk}/staff/").json()["waiting"]
               if each["ticket"] == ticket["id"]]  # fmt: skip
    assert (line["place"], line["position"]) == (place, position)


def test_who_is_known_by_their_id_is_registered_without_typing_a_name(clerk, morning, wang):
    seen = found(clerk, f"{ID}")
    (known,) = seen["known"]
    assert (known["patient"], known["name"], known["warnings"]) == (wang.pk, "王小明", [])
    answer = clerk.post(f"{API}/queues/{morning.pk}/walk-ins/", {"patient_id": known["patient"]})
    assert (answer.status_code, answer.json()["name"], answer.json()["first_visit"]) == (201, "王小明", True)


def test_whether_it_is_a_first_visit_is_known_of_who_was_seen_here_before(clerk, morning, wang):
    before = factories.session(of=morning.department, day=at("08:00") - timedelta(days=7), state="closed")
    Ticket.objects.create(
        session=before, slot=before.slots.first(), number=1, patient=wang, booked=False, state="done",
        arrived=before.starts_at,
    )  # fmt: skip
    answer = clerk.post(f"{API}/queues/{morning.pk}/walk-ins/", {"patient_id": wang.pk})
    assert answer.json()["first_visit"] is False


def test_what_a_card_says_of_who_is_new_fills_the_form(clerk, morning):
    seen = found(clerk, f"李娜|女|汉|19900307|{ID}")
    assert seen["known"] == []
    assert seen["reading"] == {"name": "李娜", "id_type": "resident", "id_number": ID, "phone": ""}


def test_an_erased_patient_is_known_no_more(clerk, morning, wang):
    Patient.objects.filter(pk=wang.pk).update(erased_at=at("08:00"))
    assert found(clerk, ID)["known"] == []


def test_who_would_be_late_is_shown_as_late(clerk, booked, clock):
    clock.turn_to("09:00")
    assert found(clerk, PHONE)["results"][0]["late"] is False
    clock.turn_to("09:01")
    assert found(clerk, PHONE)["results"][0]["late"] is True


def test_a_check_in_that_was_taken_back_can_be_done_again(clerk, morning, booked):
    ticket = arrivals.check_in(appointment_id=booked.pk)
    undo.undo(event_id=QueueEvent.objects.get(ticket=ticket, kind="check_in").pk)
    (one,) = found(clerk, PHONE)["results"]
    assert (one["ticket"], one["can_check_in"]) == (None, True)
    again = clerk.post(f"{API}/appointments/{booked.token}/check-in/").json()
    assert again["state"] == "waiting"


def test_finding_many_needs_as_many_queries_as_finding_one(clerk, morning, django_assert_max_num_queries):
    for number in range(8):
        arrivals.register_walk_in(session_id=morning.pk, patient_id=factories.patient(f"王{number}").pk)
        factories.appointment(morning, 3, factories.patient(f"王小{number}"))
    with django_assert_max_num_queries(10):
        seen = found(clerk, "王")
    assert len(seen["results"]) > 10


def test_too_many_are_cut_off_and_it_is_said(clerk, morning):
    for number in range(21):
        arrivals.register_walk_in(session_id=morning.pk, patient_id=factories.patient(f"王{number}").pk)
    seen = found(clerk, "王")
    assert (len(seen["results"]), seen["more"]) == (20, True)


def test_checking_in_twice_gives_one_ticket_and_one_event_with_the_clerk_in_it(clerk, booked):
    """R6.3."""
    first = clerk.post(f"{API}/appointments/{booked.token}/check-in/")
    second = clerk.post(f"{API}/appointments/{booked.token}/check-in/")
    assert (first.status_code, first.json()["id"]) == (200, second.json()["id"])
    assert (first.json()["name"], first.json()["token"]) == ("王小明", booked.token)
    event = QueueEvent.objects.get(kind="check_in")
    assert event.actor.username.startswith("clerk")


def test_a_cancelled_appointment_is_not_checked_in(clerk, booked):
    Appointment.objects.filter(pk=booked.pk).update(state="cancelled")
    answer = clerk.post(f"{API}/appointments/{booked.token}/check-in/")
    assert (answer.status_code, answer.json()["code"]) == (409, "appointment_over")


def test_a_walk_in_is_told_slot_position_and_wait_before_accepting(clerk, morning):
    """R4.1."""
    for _patient in range(3):
        arrivals.register_walk_in(session_id=morning.pk, patient_id=factories.patient().pk)
    offer = clerk.get(f"{API}/queues/{morning.pk}/walk-in-offer/").json()
    assert (offer["slot"]["index"], offer["position"]) == (0, 3)
    assert 0 < offer["median"] < offer["p90"]
    assert not Ticket.objects.filter(number__gt=3).exists()


def test_a_new_walk_in_is_written_down_and_keeps_the_ticket(clerk, morning):
    who = {"name": "Jane Smith", "id_type": "passport", "id_number": "X1234567", "phone": "+44 20 7946 0000"}
    first = clerk.post(f"{API}/queues/{morning.pk}/walk-ins/", {"patient": who, "first_visit": False})
    again = clerk.post(f"{API}/queues/{morning.pk}/walk-ins/", {"patient": who})
    assert (first.status_code, again.json()["id"]) == (201, first.json()["id"])
    assert (first.json()["booked"], first.json()["first_visit"]) == (False, False)
    assert Patient.objects.get().phone == "+442079460000"


def test_a_walk_in_may_have_no_papers_at_hand(clerk, morning):
    for _person in range(2):
        assert clerk.post(f"{API}/queues/{morning.pk}/walk-ins/", {"patient": {"name": "李四"}}).status_code == 201
    assert Ticket.objects.count() == 2


def test_staff_may_note_a_new_phone(clerk, morning, wang):
    who = {"name": "王 小明", "id_number": ID, "phone": "13700000000"}
    seen = clerk.post(f"{API}/queues/{morning.pk}/walk-ins/", {"patient": who}).json()
    assert seen["patient"] == wang.pk
    assert Patient.objects.get().phone == "13700000000"


def test_either_a_known_patient_or_a_new_one(clerk, morning, wang):
    for body in ({}, {"patient_id": wang.pk, "patient": {"name": "李四"}}):
        answer = clerk.post(f"{API}/queues/{morning.pk}/walk-ins/", body)
        assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, "one_of")
    assert clerk.post(f"{API}/queues/{morning.pk}/walk-ins/", {"patient_id": wang.pk}).status_code == 201


def test_who_has_an_appointment_is_checked_in_instead(clerk, booked, wang):
    answer = clerk.post(f"{API}/queues/{booked.session_id}/walk-ins/", {"patient_id": wang.pk})
    assert (answer.status_code, answer.json()["code"]) == (409, "has_appointment")


def test_without_numbers_it_is_told_where_there_are_some_and_the_refusal_is_logged(clerk, morning):
    """R2.1, R4.1."""
    full = factories.session(of=morning.department, split=((1, 0),), state="running")
    answer = clerk.post(f"{API}/queues/{full.pk}/walk-ins/", {"patient": {"name": "李四"}})
    assert (answer.status_code, answer.json()["code"]) == (409, "none_left")
    assert answer.json()["elsewhere"][0]["session"] == morning.pk
    assert Refusal.objects.filter(session=full).count() == 1
