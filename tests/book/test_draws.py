"""R3.7 on the pages: who is drawn asks on a phone, sees what became of it, and anybody can check it."""

import csv
import io
import json
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from booking import draws
from booking.models import Appointment, Ballot, BallotEntry, Patient, Session, WaitlistEntry
from booking.services import ballots, schedules
from tests import factories
from tests.book.conftest import ID, WANG, ahead, sign_in, slot_of
from tests.book.test_challenge import challenge_of, refused_here
from tests.challenge.solving import solution

pytestmark = pytest.mark.django_db


@pytest.fixture
def drawn(session) -> Session:
    """Tomorrow's session, five numbers of which are drawn: one can ask since a minute ago, for nine minutes more."""
    Ballot.objects.create(session=session, minutes=10)
    begins(session, timezone.now() - timedelta(minutes=1))
    return session


def begins(session: Session, released_at) -> None:
    Session.objects.filter(pk=session.pk).update(released_at=released_at)


def ask(client: Client, session: Session, **changed):
    return client.post(f"/book/draws/{session.pk}/ask/?lang=en", WANG | {"any_slot": "on"} | changed)


def others(session: Session, count: int) -> list[BallotEntry]:
    return [ballots.ask(session_id=session.pk, patient_id=factories.patient().pk) for _each in range(count)]


def finish(session: Session) -> None:
    begins(session, timezone.now() - timedelta(minutes=11))
    assert ballots.draw_due() == 1


def text(answer) -> str:
    return answer.content.decode()


# --- where numbers are shown


def test_the_list_and_the_days_say_that_numbers_are_drawn_and_show_none_as_free(client, drawn):
    closes = f"{timezone.localtime(Ballot.objects.get().closes_at):%H:%M}"
    listed = text(client.get("/book/?lang=en"))
    assert f"ask until {closes}" in listed
    assert "numbers left" not in listed
    days = text(client.get(f"/book/{drawn.expert.code}/?lang=en"))
    assert f"numbers are drawn at {closes}" in days
    assert f"/book/draws/{drawn.pk}/" in days
    assert "/book/slot/" not in days


def test_after_the_draw_what_is_left_is_free_to_book(client, drawn):
    finish(drawn)
    assert "5 numbers left" in text(client.get("/book/?lang=en"))
    assert "/book/slot/" in text(client.get(f"/book/{drawn.expert.code}/?lang=en"))


def test_an_expert_with_a_free_number_on_another_day_is_listed_with_that_day(client, drawn):
    other = ahead(2, of=drawn.department)
    Session.objects.filter(pk=other.pk).update(expert=drawn.expert)
    assert "5 numbers left" in text(client.get("/book/?lang=en"))
    days = text(client.get(f"/book/{drawn.expert.code}/?lang=en"))
    assert f"/book/slot/{slot_of(other).pk}/" in days
    assert f"/book/draws/{drawn.pk}/" in days


def test_while_it_is_drawn_nothing_says_that_it_can_be_asked_for(client, drawn):
    begins(drawn, timezone.now() - timedelta(minutes=10, seconds=5))
    assert "being drawn" in text(client.get("/book/?lang=en"))
    page = text(client.get(f"/book/draws/{drawn.pk}/?lang=en"))
    assert "being drawn" in page
    assert "/ask/" not in page
    assert client.get(f"/book/draws/{drawn.pk}/ask/").headers["Location"] == f"/book/draws/{drawn.pk}/"


def test_before_the_release_the_days_and_the_draws_page_say_from_when(client, drawn):
    begins(drawn, timezone.now() + timedelta(hours=2))
    days = text(client.get(f"/book/{drawn.expert.code}/?lang=en"))
    assert f"/book/draws/{drawn.pk}/" in days
    assert "They are drawn" in days
    page = text(client.get(f"/book/draws/{drawn.pk}/?lang=en"))
    assert "Ask for a number from" in page
    assert Ballot.objects.get().commitment in page


def test_a_number_that_is_drawn_leads_to_the_draw_from_its_old_address(patient, drawn):
    page = text(patient.get(f"/book/slot/{slot_of(drawn).pk}/?lang=en"))
    assert f'href="/book/draws/{drawn.pk}/"' in page
    assert "<form class=" not in page.replace('<form class="language', "")


def test_nobody_is_offered_to_move_into_a_draw(patient, drawn):
    other = ahead(2)
    answer = patient.post(f"/book/slot/{slot_of(other).pk}/", WANG)
    Session.objects.filter(pk=drawn.pk).update(department=other.department)
    page = text(patient.get(f"{answer.headers['Location']}move/"))
    assert f"/move/{slot_of(other, 1).pk}/" in page
    assert f"/move/{slot_of(drawn).pk}/" not in page


# --- asking


def test_who_asks_signs_in_says_who_and_when_and_has_a_page_with_the_code(client, drawn):
    address = f"/book/draws/{drawn.pk}/ask/"
    assert "/book/sign-in/" in client.get(address).headers["Location"]
    account = sign_in(client, back=address)
    assert client.get(address).status_code == 200
    first, second = slot_of(drawn), slot_of(drawn, 1)
    answer = ask(client, drawn, first=second.pk, second=first.pk, any_slot="", waitlist="on", been_before="on")
    entry = BallotEntry.objects.get()
    assert answer.headers["Location"] == f"/d/{entry.token}/"
    assert (entry.wishes, entry.any_slot, entry.waitlist, entry.first_visit) == (
        [second.pk, first.pk], False, True, False,
    )  # fmt: skip
    assert (entry.account, entry.patient.id_number) == (account, ID)
    page = text(client.get(f"/d/{entry.token}/?lang=en"))
    assert entry.code in page
    assert "You are in the draw" in page
    assert "王小明" not in page
    assert f"/d/{entry.token}/" in text(client.get("/book/mine/"))
    assert not Appointment.objects.exists()


@pytest.mark.parametrize(
    ("sent", "wishes", "any_slot"),
    [({}, [], True), ({"any_slot": ""}, [], True), ({"second": 1}, [], True), ({"first": 1, "second": 1}, [1], True)],
)
def test_who_would_take_any_time_wishes_for_none_and_no_time_is_wished_for_twice(
    patient, drawn, sent, wishes, any_slot
):
    """`1` stands for the second slot."""
    pk = slot_of(drawn, 1).pk
    assert ask(patient, drawn, **{name: pk if value == 1 else value for name, value in sent.items()}).status_code == 302
    entry = BallotEntry.objects.get()
    assert (entry.wishes, entry.any_slot) == ([pk for _each in wishes], any_slot)


def test_pressed_twice_it_is_one_request_and_the_same_page(patient, drawn):
    first, second = ask(patient, drawn), ask(patient, drawn)
    assert first.headers["Location"] == second.headers["Location"]
    assert BallotEntry.objects.count() == 1
    who = Patient.objects.get()
    assert ask(patient, drawn, who=who.pk).headers["Location"] == first.headers["Location"]


def test_somebody_elses_request_is_shown_to_nobody(patient, drawn):
    other = Client(headers={"accept-language": "en"})
    sign_in(other, phone="13912345670")
    assert ask(other, drawn).status_code == 302
    answer = ask(patient, drawn)
    assert answer.status_code == 409
    assert "in the draw already" in text(answer)
    assert BallotEntry.objects.get().token not in text(answer)


@pytest.mark.parametrize(
    ("changed", "status", "says"),
    [
        ({"id_number": ID[:-1] + "5"}, 400, "alert"),
        ({"first": "0"}, 400, "alert"),
        ({"first": "x"}, 400, "alert"),
        ({"who": "99"}, 400, "Please choose who comes."),
        ({"who": "new", "name": ""}, 400, "alert"),
    ],
)
def test_what_is_not_valid_is_said_and_what_was_typed_stays(patient, drawn, changed, status, says):
    answer = ask(patient, drawn, **changed)
    assert answer.status_code == status
    assert says in text(answer)
    assert not BallotEntry.objects.exists()
    assert not Patient.objects.exists()


def test_who_signed_out_in_another_tab_loses_nothing(client, drawn):
    answer = ask(client, drawn)
    assert answer.status_code == 403
    assert "王小明" in text(answer)
    assert "Please sign in again" in text(answer)


def test_a_refused_request_leaves_no_patient_behind(patient, drawn):
    begins(drawn, timezone.now() - timedelta(minutes=11))
    assert ask(patient, drawn).status_code == 409
    assert not Patient.objects.exists()


def test_it_is_taken_back_while_it_is_open_and_not_afterwards(patient, drawn):
    own = ask(patient, drawn).headers["Location"]
    for _twice in range(2):
        assert patient.post(own).headers["Location"] == own
    assert BallotEntry.objects.get().state == "withdrawn"
    assert "taken your request back" in text(patient.get(f"{own}?lang=en"))
    again = ask(patient, drawn).headers["Location"]
    assert again != own
    begins(drawn, timezone.now() - timedelta(minutes=10, seconds=5))
    answer = patient.post(f"{again}?lang=en")
    assert answer.status_code == 409
    assert "is over" in text(answer)
    assert BallotEntry.objects.get(token=again.split("/")[2]).state == "asked"


def test_where_much_comes_from_here_the_request_needs_a_solution(patient, drawn, settings):
    settings.CHALLENGE_WORK = 200
    refused_here()
    answer = ask(patient, drawn, first=slot_of(drawn).pk)
    work, _picture = challenge_of(answer)
    assert "王小明" in text(answer)
    assert f'value="{slot_of(drawn).pk}" selected' in text(answer)
    assert not Patient.objects.exists()
    assert ask(patient, drawn, solution=solution(work)).status_code == 302


# --- what became of it


def test_who_is_drawn_is_led_to_the_number_and_the_page_draws_what_is_late(patient, drawn):
    own = ask(patient, drawn).headers["Location"]
    begins(drawn, timezone.now() - timedelta(minutes=12))
    page = text(patient.get(f"{own}?lang=en"))
    made = Appointment.objects.get()
    assert f"/t/{made.token}/" in page
    assert "You have a number" in page
    assert own not in text(patient.get("/book/mine/"))


def test_where_a_fee_is_due_it_says_until_when_to_pay(patient, drawn):
    drawn.department.prepayment = 2050
    drawn.department.save()
    own = ask(patient, drawn).headers["Location"]
    finish(drawn)
    made = Appointment.objects.get()
    assert f"pay by {timezone.localtime(made.held_until):%H:%M}" in text(patient.get(f"{own}?lang=en"))


def test_who_is_not_drawn_is_told_the_place_and_led_to_the_waitlist(patient, drawn):
    others(drawn, 30)
    own = ask(patient, drawn, waitlist="on").headers["Location"]
    entry = BallotEntry.objects.get(account__isnull=False)
    while draws.order(entry.ballot.seed, [each.code for each in entry.ballot.entries.all()]).index(entry.code) < 5:
        others(drawn, 30)
    finish(drawn)
    entry.refresh_from_db()
    page = text(patient.get(f"{own}?lang=en"))
    assert "No number this time" in page
    assert f"place {entry.place} of" in page
    waits = WaitlistEntry.objects.get()
    assert f"/w/{waits.token}/" in page
    assert f"/w/{waits.token}/" in text(patient.get("/book/mine/"))


def test_whom_the_draw_is_too_late_for_is_not_told_that_it_was_chance_or_a_limit(patient, drawn):
    """R3.5"""
    own = ask(patient, drawn).headers["Location"]
    begins(drawn, timezone.now() - timedelta(minutes=11))
    Session.objects.filter(pk=drawn.pk).update(registration_opens_at=timezone.now())
    assert ballots.draw_due() == 1
    page = text(patient.get(f"{own}?lang=en"))
    assert "Registration had opened before your turn came" in page
    assert "suspended" not in page
    assert "chance took others" not in page


def test_a_session_that_is_called_off_says_so(patient, drawn):
    own = ask(patient, drawn).headers["Location"]
    schedules.call_off(session_id=drawn.pk, reason="ill")
    assert "does not take place" in text(patient.get(f"{own}?lang=en"))
    assert "does not take place" in text(patient.get(f"/book/draws/{drawn.pk}/?lang=en"))


# --- for everybody


def test_the_record_is_for_everybody_and_names_nobody(client, drawn):
    asked = others(drawn, 8)
    before = text(client.get(f"/book/draws/{drawn.pk}/?lang=en"))
    assert "requests so far: 8" in before
    assert "Numbers: 5" in before
    ballot = Ballot.objects.get()
    assert ballot.commitment in before
    assert ballot.seed not in before
    assert client.get(f"/book/draws/{drawn.pk}/draw.csv").status_code == 404
    finish(drawn)
    page = text(client.get(f"/book/draws/{drawn.pk}/?lang=en"))
    assert "5 / 8" in page
    assert ballot.seed in page
    for entry in asked:
        entry.refresh_from_db()
        assert (entry.code in page) == (entry.state == "won")
        for secret in (entry.token, entry.patient.name, entry.patient.phone):
            assert secret not in page


def test_anybody_finds_what_became_of_a_code(client, drawn):
    asked = others(drawn, 8)
    finish(drawn)
    for entry in asked:
        entry.refresh_from_db()
        page = text(client.get(f"/book/draws/{drawn.pk}/", {"code": entry.code.lower(), "lang": "en"}))
        assert f"Drawn in place {entry.place}" in page
    assert "no such code" in text(client.get(f"/book/draws/{drawn.pk}/", {"code": "<b>", "lang": "en"}))


def test_what_is_downloaded_can_be_checked(client, drawn):
    others(drawn, 8)
    finish(drawn)
    record = json.loads(client.get(f"/api/v1/draws/{drawn.pk}/").content)
    assert list(draws.faults(record)) == []
    rows = list(csv.DictReader(io.StringIO(text(client.get(f"/book/draws/{drawn.pk}/draw.csv")).lstrip("\ufeff"))))
    assert [row["code"] for row in rows] == [entry["code"] for entry in record["entries"]]
    assert sum(row["won"] != "" for row in rows) == 5


@pytest.mark.parametrize("address", ["/book/draws/999999/", "/book/draws/999999/ask/", "/d/nobody/", "/d/%00/"])
def test_what_is_not_there_is_404(client, db, address):
    assert client.get(address).status_code == 404


@pytest.mark.parametrize("requests", [3, 60])
def test_the_pages_cost_as_many_queries_for_three_as_for_many(patient, drawn, requests, django_assert_max_num_queries):
    others(drawn, requests)
    own = ask(patient, drawn).headers["Location"]
    with django_assert_max_num_queries(7):
        patient.get(f"/book/draws/{drawn.pk}/")
    with django_assert_max_num_queries(9):
        patient.get(own)
    finish(drawn)
    with django_assert_max_num_queries(8):
        patient.get(f"/book/draws/{drawn.pk}/")
