"""Managers' pages in the admin: why a split, another split, reports of the study, the simulator."""

import csv
import io
from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.urls import reverse
from django.utils import timezone

from booking.models import QuotaMove
from queueboard import what_if
from queueboard.models import Simulation
from queueboard.services import simulations
from queueboard.services.simulations import Assumptions
from tests import factories
from tests.faces import managers, staff

pytestmark = pytest.mark.django_db
ENGLISH = {"HTTP_ACCEPT_LANGUAGE": "en"}


@pytest.fixture
def doctor(db):
    made = managers.expert()
    managers.log(made, mornings=6, last=managers.today() - timedelta(days=4), wait=25)
    managers.log(made, mornings=5, last=managers.today() - timedelta(days=110), wait=60)
    return made


@pytest.fixture
def session(doctor):
    return managers.planned(doctor)


@pytest.fixture
def manager(client, session):
    who = staff.user("manager", name="chen")
    client.force_login(who, backend=staff.BACKEND)
    return who


def page(client, name, *args, **query):
    return client.get(reverse(f"admin:{name}", args=args), query, **ENGLISH)


def html(response):
    assert response.status_code == 200
    return response.content.decode()


# --- who may


def test_a_clerk_may_open_none_of_them(client, session):
    client.force_login(staff.user("clerk", session.department), backend=staff.BACKEND)
    asked = simulations.ask(
        expert=None, policies=["study"], mornings=20, seed=1, assumptions=Assumptions(), actor=None
    )  # fmt: skip
    simulations.run_next()
    for name, args in (
        ("booking_session_split", [session.pk]), ("booking_expert_reports", []), ("queueboard_simulation_add", []),
        ("queueboard_simulation_changelist", []), ("queueboard_simulation_change", [asked.pk]),
        ("queueboard_simulation_progress", [asked.pk]), ("queueboard_simulation_json", [asked.pk]),
        ("queueboard_simulation_csv", [asked.pk]),
    ):  # fmt: skip
        assert page(client, name, *args).status_code == 403, name
    for name, args in (("booking_session_split", [session.pk]), ("queueboard_simulation_again", [asked.pk])):
        assert client.post(reverse(f"admin:{name}", args=args), {"step": "lock"}).status_code == 403, name
    assert "Simulator" not in html(page(client, "index"))


def test_a_manager_finds_them_in_the_sidebar_and_from_the_expert(client, manager, doctor):
    start = html(page(client, "index"))
    assert reverse("admin:booking_expert_reports") in start
    assert reverse("admin:queueboard_simulation_add") in start
    assert page(client, "booking_expert_tables", doctor.pk)["Location"].endswith(f"?expert={doctor.pk}")


# --- why


def test_why_shows_rates_capacities_carry_and_result_as_table_picture_and_words(
    client, manager, session, django_assert_max_num_queries
):
    """R2.5"""
    plan = session.plans.get()
    with django_assert_max_num_queries(25):
        shown = html(page(client, "booking_session_why", session.pk))
    assert f"Of 42 numbers {sum(row['bookable'] for row in plan.rows)} can be booked" in shown
    assert shown.count('class="capacity"') == len(plan.rows)
    assert '<desc id="why-words">' in shown
    assert shown.count('class="whisker"') == 3 * (len(plan.rows) + 1)
    assert "8 days of 10" in shown
    assert "walk-ins an hour" in shown


def test_why_shows_the_history_used_and_how_it_did_beside_its_rivals(client, manager, session):
    """R2.2"""
    managers.learn(session.plans.get())
    shown = html(page(client, "booking_session_why", session.pk))
    for words in (
        "one that is 60 days older counts half", "Weekdays differ with this expert", "as much as 9.4 sessions",
        "20% of the estimate comes from the department", "2.301", "the mean of the last four weeks", "2.655",
    ):  # fmt: skip
        assert words in shown, words
    assert shown.index("the plain mean of all past sessions") < shown.index("the mean of the last four weeks")


def test_why_says_where_the_split_was_changed_since(client, manager, session):
    slot = session.slots.get(index=2)
    what = {"step": "lock", "reason": "as asked"} | typed(session, {2: slot.bookable - 1})
    client.post(reverse("admin:booking_session_split", args=[session.pk]), what)
    shown = html(page(client, "booking_session_why", session.pk))
    assert f"Since then 10:00-11:00 was changed: now {slot.bookable - 1} to book" in shown
    assert "chen" in shown


# --- another split


def typed(session, other=None):
    """The form as it stands, with other numbers for some slots."""
    now = {slot.index: slot.bookable for slot in session.slots.all()}
    return {f"bookable_{index}": bookable for index, bookable in (now | (other or {})).items()}


def post(client, session, step, other=None, **more):
    address = reverse("admin:booking_session_split", args=[session.pk])
    return client.post(address, {"step": step, **typed(session, other), **more}, **ENGLISH)


def test_a_typed_split_is_simulated_beside_the_present_and_the_studys_and_changes_nothing(client, manager, session):
    before, moves = typed(session), QuotaMove.objects.count()
    shown = html(post(client, session, "simulate", {3: 2}))
    for words in (
        "as typed",
        "as it is now",
        "the study&#x27;s",
        "overtime",
        "most waiting at once",
        "fewer patients are seen",
    ):
        assert words in shown, words
    assert (typed(session), QuotaMove.objects.count()) == (before, moves)


def test_the_script_gets_the_answer_alone(client, manager, session, django_assert_max_num_queries):
    address = reverse("admin:booking_session_split", args=[session.pk])
    with django_assert_max_num_queries(30):
        answer = client.post(address, typed(session, {3: 2}), HTTP_HX_REQUEST="true", **ENGLISH)
    assert "<html" not in html(answer)
    assert "as typed" in html(answer)


def test_with_fewer_to_book_the_rest_of_the_slot_is_for_walk_ins(session):
    slots = list(session.slots.order_by("index"))
    reports = what_if.ask(session, slots, [0, 0, 0, 0]).reports
    assert reports["typed"].plan.walk_in == tuple(slot.numbers for slot in slots)
    assert reports["typed"].figures["booked_mean"].value != reports["typed"].figures["booked_mean"].value  # nobody
    assert reports["now"].plan.bookable == tuple(slot.bookable for slot in slots)


def test_a_split_is_locked_with_a_reason_and_the_ledger_and_the_log_say_who(client, manager, session):
    """R2.5, R2.7, R6.3"""
    slot = session.slots.get(index=2)
    assert post(client, session, "lock", {2: slot.bookable - 2}, reason="conference").status_code == 302
    slot.refresh_from_db()
    move = QuotaMove.objects.filter(slot=slot).latest("pk")
    assert (move.reason, move.count, move.actor, move.note) == ("locked", 2, manager, "conference")
    assert [each.locked for each in session.slots.order_by("index")] == [False, False, True, False]
    entry = LogEntry.objects.get(object_id=str(session.pk))
    assert entry.user == manager
    assert "10:00-11:00: locked with" in entry.change_message
    assert "conference" in entry.change_message


def test_a_slot_is_locked_as_it_is_and_given_back_each_with_its_line_in_the_log(client, manager, session):
    post(client, session, "lock", locked_1="on", reason="keep")
    assert session.slots.get(index=1).locked
    post(client, session, "lock", reason="enough")
    assert not session.slots.get(index=1).locked
    told = list(LogEntry.objects.order_by("pk").values_list("change_message", flat=True))
    assert "09:00-10:00: locked with" in told[0]
    assert "09:00-10:00: given back to the calculation. Reason: enough" in told[1]


@pytest.mark.parametrize(
    ("other", "reason", "words"),
    [
        ({0: 99}, "why", "08:00-09:00 has"),
        ({1: "a lot"}, "why", "09:00-10:00: please type a whole number from 0."),
        ({1: ""}, "why", "09:00-10:00: please type a whole number from 0."),
        ({1: -1}, "why", "09:00-10:00: please type a whole number from 0."),
        ({3: 0}, "why", "11:00-12:00: 1 are booked already"),
        ({2: 0}, " ", "Please give a reason"),
        ({}, "why", "Nothing was changed"),
    ],
)
def test_what_cannot_be_locked_is_a_clear_sentence_and_changes_nothing(client, manager, session, other, reason, words):
    factories.appointment(session, slot_index=3)
    before = typed(session)
    assert words in html(post(client, session, "lock", other, reason=reason))
    assert typed(session) == before
    assert not session.slots.filter(locked=True).exists()
    assert not LogEntry.objects.exists()


def test_once_registration_is_open_nothing_is_locked(client, manager, session):
    session.pool_opened_at = timezone.now()
    session.save()
    assert "Registration is open" in html(page(client, "booking_session_split", session.pk))
    assert "Registration is open" in html(post(client, session, "lock", {2: 0}, reason="why"))
    assert not LogEntry.objects.exists()


def test_of_two_slots_one_that_does_not_fit_leaves_the_other_alone(client, manager, session):
    post(client, session, "lock", {1: 0, 2: 99}, reason="why")
    assert not session.slots.filter(locked=True).exists()


def test_a_recalculation_by_hand_is_logged_also_where_nothing_comes_out_differently(client, manager, session):
    client.post(reverse("admin:booking_session_recalculate", args=[session.pk]), **ENGLISH)
    entry = LogEntry.objects.get(object_id=str(session.pk))
    assert (entry.user, entry.change_message) == (manager, "The split was recalculated.")


# --- reports


def test_reports_show_the_three_tables_of_the_last_ninety_days(client, manager, doctor, django_assert_max_num_queries):
    """R2.1, R2.3, R7.1"""
    with django_assert_max_num_queries(30):
        shown = html(page(client, "booking_expert_reports", expert=doctor.pk))
    assert "6 sessions are on record" in shown
    for table in ("Table 1", "Table 2", "Table 3"):
        assert f"{table} as CSV" in shown
    assert "History used for the next sessions" in shown


def rows(response):
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert response.content.startswith(b"\xef\xbb\xbf")
    return list(csv.reader(io.StringIO(response.content.decode("utf-8-sig"))))


@pytest.mark.parametrize("which", ["1", "2", "3"])
def test_each_table_is_a_file_with_the_same_figures(client, manager, doctor, which):
    head, *lines = rows(page(client, "booking_expert_reports", expert=doctor.pk, csv=which))
    assert head[:3] == ["expert", "first day", "last day"]
    assert {line[0] for line in lines} == {"Wang Jianhua"}
    if which == "1":
        assert len(lines) == 5
        assert all(sum(map(int, line[4:9])) == 6 * 50 for line in lines)
    elif which == "2":
        assert [line[3] for line in lines] == ["08:00–09:00", "09:00–10:00", "10:00–11:00", "11:00–12:00"]
    else:
        before, after, change = (float(lines[1][column]) for column in (5, 7, 8))
        assert change == pytest.approx(after - before, abs=1e-5)
        assert change == pytest.approx(25 - 60, abs=8)


def test_a_name_that_looks_like_a_formula_is_not_run(client, manager, doctor):
    doctor.name_en = "=HYPERLINK(1)"
    doctor.save()
    assert rows(page(client, "booking_expert_reports", expert=doctor.pk, csv="2"))[1][0] == "'=HYPERLINK(1)"


@pytest.mark.parametrize(
    ("days", "words"),
    [
        ({"last": "2026-01-01"}, "The last day is before the first."),
        ({"first": "2001-01-01"}, "At most three years at once."),
        ({"before_last": "2026-02-10"}, "The days compared overlap"),
        ({"first": "soon"}, "Enter a valid date."),
        ({"expert": "nobody"}, "Select a valid choice"),
        ({"half": "evening"}, "Select a valid choice"),
    ],
)
def test_a_bad_span_is_a_sentence(client, manager, doctor, days, words):
    good = {
        "expert": doctor.pk, "half": "morning", "first": "2026-02-01", "last": "2026-03-01",
        "before_first": "2025-12-01", "before_last": "2026-01-31",
    }  # fmt: skip
    shown = html(page(client, "booking_expert_reports", **good | days))
    assert words in shown
    assert "as CSV" not in shown


def test_empty_days_say_so(client, manager, doctor):
    good = {
        "expert": doctor.pk, "half": "afternoon", "first": "2020-02-01", "last": "2020-03-01",
        "before_first": "2019-12-01", "before_last": "2020-01-31",
    }  # fmt: skip
    shown = html(page(client, "booking_expert_reports", **good))
    assert "No session of Wang Jianhua is on record in these days." in shown
    assert "No visit is on record in these days." in shown


# --- the simulator


FORM = {
    "expert": "", "policies": ["today", "study"], "walk_ins": 100, "visits": 100, "absent": "", "instead": 0,
    "mornings": 40, "seed": 1,
}  # fmt: skip


def asked(client, **other):
    return client.post(reverse("admin:queueboard_simulation_add"), FORM | other, **ENGLISH)


def test_a_simulation_is_asked_waits_is_played_and_shown(client, manager, session):
    address = asked(client)["Location"]
    row = Simulation.objects.get()
    assert row.made_by == manager
    waits = html(client.get(address, **ENGLISH))
    assert "It waits for its turn." in waits
    assert 'hx-trigger="every 1s"' in waits
    progress = page(client, "queueboard_simulation_progress", row.pk)
    assert "HX-Refresh" not in progress
    simulations.run_next()
    assert page(client, "queueboard_simulation_progress", row.pk)["HX-Refresh"] == "true"
    shown = html(client.get(address, **ENGLISH))
    assert shown.count('role="img"') == 2
    assert "Means of 40 mornings" in shown
    assert "before the study" in shown
    assert "the study&#x27;s morning" in html(page(client, "queueboard_simulation_changelist"))


def test_the_result_is_exported_as_it_is(client, manager, session):
    asked(client, expert=session.expert_id)
    simulations.run_next()
    row = Simulation.objects.get()
    assert page(client, "queueboard_simulation_json", row.pk).json() == row.result
    head, *lines = rows(page(client, "queueboard_simulation_csv", row.pk))
    assert head[:3] == ["way to split", "figure", "value"]
    assert list(dict.fromkeys(line[0] for line in lines)) == ["before the study", "the study's split"]
    assert list(page(client, "queueboard_simulation_json", row.pk).json()["policies"]) == ["today", "study"]
    wait = next(line for line in lines if line[:2] == ["the study's split", "walk-ins wait, mean (min)"])
    assert float(wait[2]) == pytest.approx(row.result["policies"]["study"]["figures"]["walk_in_mean"]["value"])


def test_without_a_worker_a_sentence_says_that_it_waits(client, manager, session):
    address = asked(client)["Location"]
    Simulation.objects.update(heard_at=timezone.now() - timedelta(minutes=2))
    shown = html(client.get(address, **ENGLISH))
    assert "It waits for a worker." in shown
    assert page(client, "queueboard_simulation_json", Simulation.objects.get().pk).status_code == 404


def test_one_stopped_halfway_says_so_and_is_run_again_by_a_post(client, manager, session):
    address = asked(client)["Location"]
    silent = timezone.now() - 2 * simulations.SILENT
    Simulation.objects.update(state="running", progress=40, heard_at=silent)
    shown = html(client.get(address, **ENGLISH))
    assert "It was stopped halfway." in shown
    assert "every 1s" not in shown
    again = reverse("admin:queueboard_simulation_again", args=[Simulation.objects.get().pk])
    assert client.get(again).status_code == 405
    client.post(again)
    assert simulations.run_next().state == "done"
    refused = client.post(again, follow=True, **ENGLISH)
    assert "It was not stopped" in html(refused)


@pytest.mark.parametrize(
    ("other", "words"),
    [
        ({"policies": []}, "This field is required."),
        ({"policies": ["best"]}, "Select a valid choice"),
        ({"mornings": 10**6}, "less than or equal to 20000"),
        ({"walk_ins": 10**4}, "less than or equal to 300"),
        ({"absent": "many"}, "Enter a whole number."),
        ({"seed": -1}, "greater than or equal to 0"),
    ],
)
def test_what_cannot_be_simulated_is_a_sentence(client, manager, session, other, words):
    assert words in html(asked(client, **other))
    assert not Simulation.objects.exists()


def test_an_expert_without_any_record_is_a_sentence(client, manager, session):
    new = factories.expert(session.department)
    assert "neither a planned nor a past session" in html(asked(client, expert=new.pk))


def test_lists_and_results_take_few_queries(client, manager, session, django_assert_max_num_queries):
    for seed in range(4):
        asked(client, seed=seed)
    simulations.run_next()
    row = Simulation.objects.get(state="done")
    for name, args in (
        ("queueboard_simulation_add", []), ("queueboard_simulation_changelist", []),
        ("queueboard_simulation_change", [row.pk]), ("queueboard_simulation_progress", [row.pk]),
    ):  # fmt: skip
        with django_assert_max_num_queries(20):
            page(client, name, *args)
