"""The demonstration clinic: what it is filled with, how its people behave, and a whole morning of it."""

import importlib
from collections import Counter
from datetime import timedelta
from random import Random
from statistics import mean, median, quantiles, stdev

import pytest
from django.apps import apps
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.core.management import call_command
from django.db import transaction
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st
from stdnum.cn import ric

from booking import invariants as booking_invariants
from booking.models import Appointment, Department, PastVisit, Patient, Session, Template
from queueboard import demo, invariants
from queueboard.demo import actors, clinic, people
from queueboard.demo.hands import Away, Refused, Services
from queueboard.demo.invented import POPULATION, is_invented, person
from queueboard.demo.web import Web
from queueboard.models import Board, QueueEvent, Ticket
from queueboard.services import clock, rooms
from tests import factories

pytestmark = pytest.mark.once
DRAWS = 20_000
RATES = people.Rates()
MODELS = (Department, get_user_model(), Group, Board, Template, Session, Appointment, Patient, PastVisit, Ticket)


@pytest.fixture
def roles(transactional_db):
    """A flush takes the groups of the first migration with it."""
    importlib.import_module("queueboard.migrations.0001_squashed_0026_board_sound").make_roles(apps, None)


@pytest.fixture
def now():
    return timezone.now()


@pytest.fixture
def filled(db, now):
    clinic.fill(now=now, rng=Random(1))


def counts():
    return {model: model.objects.count() for model in MODELS}


def breaches():
    return [*booking_invariants.breaches(), *invariants.breaches()]


def neurologist(rng, now):
    """The clinic with one of its queues."""
    return actors.Clinic(hands=Services(), rng=rng, now=now, practices=clinic.PRACTICES[:1])


def live_on(there, moment, until):
    """Lets the clinic live on a clock of its own, with the periodic tasks; returns the moment it has come to."""
    while moment < until:
        for task in (clock.open_registrations, clock.start_sessions, clock.end_slots, clock.close_sessions):
            task(now=moment)
        following = moment + timedelta(seconds=5)
        while (due := there.due) < following:
            there.act(max(due, moment))
        moment = following
    return moment


# --- invented patients


@settings(deadline=None)
@given(st.integers(0, POPULATION - 1))
def test_an_invented_patient_is_the_same_person_each_time_and_recognised(number):
    assert person(number) == person(number)
    assert is_invented(person(number).id_number)


@settings(deadline=None)
@given(st.integers(0, POPULATION - 1))
def test_a_resident_id_has_a_valid_check_digit_and_is_of_nobody_alive(number):
    who = person(number)
    if who.id_type == "resident":
        assert ric.is_valid(who.id_number)
        assert ric.get_birth_date(who.id_number).year < 1910
    assert who.phone.startswith("12")


def test_no_two_invented_patients_share_an_id():
    assert len({person(number).id_number for number in range(POPULATION)}) == POPULATION


@pytest.mark.parametrize("number", ["", "110101199001011237", "11010119050115001X", "P1234567", "ID00000001"])
def test_somebody_else_is_not_taken_for_an_invented_patient(number):
    assert not is_invented(number)


# --- how people behave: against the published rates, not against the last output


def test_booked_patients_come_early_late_or_never_at_the_published_rates():
    rng = Random(7)
    came = [people.arrival(rng, RATES) for _ in range(DRAWS)]
    there = [minutes for minutes in came if minutes is not None]
    assert 1 - len(there) / DRAWS == pytest.approx(RATES.no_show, abs=0.01)
    assert sum(minutes < -30 for minutes in there) / len(there) == pytest.approx(0.21, abs=0.01)
    assert sum(minutes > 30 for minutes in there) / len(there) == pytest.approx(0.28, abs=0.01)
    assert all(abs(minutes) <= 120 for minutes in there)


def test_punctual_patients_are_as_the_record_says():
    """143 kept appointments: median 8 min early, 5th to 95th percentile -46 to +12."""
    rng = Random(7)
    came = [people.punctuality(rng) for _ in range(DRAWS)]
    cuts = quantiles(came, n=20)
    assert median(came) == pytest.approx(-8, abs=0.7)
    assert cuts[0] == pytest.approx(-46, abs=1.5)
    assert cuts[-1] == pytest.approx(12, abs=1)


def test_visits_are_as_long_as_the_real_ones():
    """4,531 consultations: mean 13.4 minutes, SD 6.2; first visits 15.2, later ones 12.3."""
    rng = Random(7)
    first = [people.visit(rng, first=True) for _ in range(DRAWS)]
    later = [people.visit(rng, first=False) for _ in range(DRAWS)]
    mixed = [people.visit(rng, first=people.is_first_visit(rng)) for _ in range(DRAWS)]
    assert mean(first) == pytest.approx(15.2, abs=0.2)
    assert mean(later) == pytest.approx(12.3, abs=0.2)
    assert mean(mixed) == pytest.approx(13.4, abs=0.2)
    assert stdev(mixed) == pytest.approx(6.2, abs=0.4)


def test_walk_ins_come_most_before_the_start_and_not_in_the_last_hour():
    """The study: nine an hour from 07:00 to 08:00, of a session of 42 numbers."""
    rng = Random(7)
    mornings = 2000
    hours = Counter(int(at // 60) for _ in range(mornings) for at in people.walk_ins(rng, 42))
    assert [hours[hour] / mornings for hour in range(-1, 4)] == pytest.approx([9, 6, 4, 2, 0], abs=0.25)


@settings(deadline=None)
@given(st.integers(), st.integers(1, 200))
def test_walk_ins_come_in_order_while_registration_is_open(seed, numbers):
    came = list(people.walk_ins(Random(seed), numbers))
    assert came == sorted(came)
    assert all(-60 <= minute < people.HALF_DAY_MINUTES for minute in came)


def test_a_missed_call_is_rare_and_rarer_the_second_time():
    rng = Random(7)
    once = sum(not people.answers(rng, RATES, misses=0) for _ in range(DRAWS)) / DRAWS
    again = sum(not people.answers(rng, RATES, misses=1) for _ in range(DRAWS)) / DRAWS
    assert once == pytest.approx(RATES.missed, abs=0.01)
    assert again == pytest.approx(RATES.missed / 2, abs=0.01)


def test_whoever_goes_first_has_a_reason():
    rng = Random(7)
    firsts = [people.goes_first(rng, RATES) for _ in range(DRAWS)]
    share = Counter(first.priority for first in firsts if first is not None and first.reason)
    assert share["emergency"] / DRAWS == pytest.approx(RATES.emergency, abs=0.005)
    assert share["priority"] / DRAWS == pytest.approx(RATES.priority, abs=0.005)


# --- what the database is filled with


def test_an_empty_database_is_filled_and_the_coming_days_can_be_booked(filled, now):
    assert clinic.is_demo()
    ahead = Session.objects.filter(state="planned", template__isnull=False, released_at__lte=now)
    assert ahead.exists()
    assert all(sum(slot.left_bookable for slot in session.slots.all()) for session in ahead)
    assert {plan.basis["visits"]["source"] for session in ahead for plan in session.plans.all()} == {"expert"}
    assert breaches() == []


def test_filled_twice_nothing_is_doubled(filled, now):
    before = counts()
    assert clinic.fill(now=now, rng=Random(2)) is False
    assert counts() == before


@pytest.mark.django_db
@pytest.mark.parametrize("make", [factories.department, factories.patient])
def test_a_database_that_holds_anything_is_not_filled(make, now, capsys):
    make()
    before = counts()
    with pytest.raises(SystemExit) as exit:
        call_command("demo", "--seed")
    assert exit.value.code == 3
    assert capsys.readouterr().err.count("\n") == 1
    assert counts() == before


@pytest.mark.django_db
def test_nobody_acts_on_a_database_that_is_not_the_demonstration(capsys):
    factories.session()
    with pytest.raises(SystemExit) as exit:
        call_command("demo", "--direct", "--seconds", "1")
    assert exit.value.code == 3
    assert not Patient.objects.exists()


def test_no_morning_begins_once_the_database_holds_anything_else(filled, now):
    factories.session()
    before = counts()
    there = actors.Clinic(hands=Services(), rng=Random(1), now=now)
    with pytest.raises(clinic.NotTheDemonstration):
        there.act(now)
    assert counts() == before


def test_an_imported_history_does_not_end_the_demonstration(filled):
    factories.expert(factories.department(slug="imported"))
    assert clinic.is_demo()


# --- how it lives


def test_the_clinic_is_found_in_motion_and_says_where_to_look(filled, now, client):
    actors.warm_up(now=now, rng=Random(1))
    states = Counter(Ticket.objects.values_list("state", flat=True))
    assert states["serving"] + states["called"] >= 2
    assert states["waiting"] >= 1
    assert not QueueEvent.objects.filter(at__gt=now).exists()
    assert breaches() == []
    welcome = demo.welcome()
    token = next(path for _, path in welcome["addresses"] if path.startswith("/t/")).split("/")[2]
    assert Ticket.objects.get(token=token).state == "waiting"
    for login, password, _ in welcome["logins"]:
        assert get_user_model().objects.get(username=login).check_password(password)


def test_a_whole_morning_ends_with_everybody_settled_and_the_next_one_begins(filled, now):
    """R1.4, R2.7, R4.11: nobody lost, the ledger adds up."""
    there = actors.Clinic(hands=Services(), rng=Random(3), now=now)
    live_on(there, now, now + timedelta(minutes=14))
    first = Session.objects.filter(template=None).order_by("pk")[:3]
    assert {session.state for session in first} == {"closed"}
    tickets = Ticket.objects.filter(session__in=first)
    assert set(tickets.values_list("state", flat=True)) <= {"done", "left", "not_seen", "handed_over"}
    assert tickets.filter(state="done").count() > 40
    booked = Appointment.objects.filter(session__in=first)
    assert not booked.filter(state__in=Appointment.ACTIVE).exists()
    assert booked.filter(state="no_show").exists()
    assert Session.objects.filter(template=None).count() >= 6
    assert breaches() == []


def test_the_same_start_gives_the_same_morning(filled, now):
    def morning():
        with transaction.atomic():
            live_on(neurologist(Random(5), now), now, now + timedelta(minutes=5))
            happened = QueueEvent.objects.order_by("at", "pk").values_list("at", "kind", "ticket__patient__name")
            seen = list(happened)
            transaction.set_rollback(True)
        return seen

    assert morning() == morning()


def test_a_morning_is_taken_over_after_a_restart(filled, now):
    moment = live_on(neurologist(Random(4), now), now, now + timedelta(minutes=5))
    assert Ticket.objects.filter(state="serving").exists()
    session = Session.objects.filter(template=None).get()
    live_on(neurologist(Random(5), moment), moment, now + timedelta(minutes=14))
    session.refresh_from_db()
    assert session.state == "closed"
    assert Session.objects.filter(template=None).count() == 2
    assert breaches() == []


def test_a_visitor_who_books_is_left_alone(filled, now):
    there = neurologist(Random(6), now)
    there.act(now)
    session = Session.objects.get(template=None)
    slot = max(session.slots.all(), key=lambda slot: slot.left_bookable)
    own = factories.appointment(session, slot.index, who=factories.patient("张真人"))
    live_on(there, now, now + timedelta(minutes=13))
    own.refresh_from_db()
    assert own.state == "no_show"


def test_a_visitor_who_presses_pause_or_moves_the_expert_is_gone_along_with(filled, now):
    there = neurologist(Random(8), now)
    moment = live_on(there, now, now + timedelta(minutes=4))
    session = Session.objects.get(template=None)
    old = session.rooms.get().room
    new = factories.room(session.department)
    rooms.change_room(session_id=session.pk, room_id=old.pk, to_room_id=new.pk, now=moment)
    rooms.pause(session_id=session.pk, room_id=new.pk, now=moment)
    paused = live_on(there, moment, moment + timedelta(seconds=100))
    assert session.rooms.get().paused_at == moment
    live_on(there, paused, paused + timedelta(seconds=100))
    calls = QueueEvent.objects.filter(session=session, kind="call", at__gt=paused)
    assert {event.room_id for event in calls} == {new.pk}


def test_nobody_acts_before_it_is_due(filled, now):
    there = actors.Clinic(hands=Services(), rng=Random(1), now=now)
    there.act(now - timedelta(seconds=1))
    assert not Session.objects.filter(template=None).exists()


# --- over HTTP


def test_the_desk_and_the_expert_act_over_http(roles, live_server, now):
    """From booking to the end of a visit by REST, with logins of the demonstration."""
    clinic.fill(now=now, rng=Random(1))
    practice = clinic.PRACTICES[0]
    session = clinic.new_session(practice, now=now, after=timedelta(seconds=60))
    room = session.rooms.get().room_id
    slot = max(session.slots.all(), key=lambda slot: slot.left_bookable)
    web = Web(live_server.url)
    web.book(slot_id=slot.pk, person=person(1), first_visit=True, now=now)
    Session.objects.filter(pk=session.pk).update(registration_opens_at=now)
    web.check_in(who="clerk", token=Appointment.objects.get(session=session).token, now=now)
    web.walk_in(who="clerk", session_id=session.pk, person=person(2), first_visit=False, now=now)
    web.call_next(who="chen", session_id=session.pk, room_id=room, seen=None, now=now)
    called = Ticket.objects.get(session=session, state="called")
    web.ticket("start", who="chen", ticket_id=called.pk, now=now)
    web.ticket("finish", who="chen", ticket_id=called.pk, now=now)
    web.room("pause", who="chen", session_id=session.pk, room_id=room, now=now,
             until=now + timedelta(minutes=5), reason="查房")  # fmt: skip
    other = Ticket.objects.get(session=session, state="waiting")
    web.ticket("priority", who="clerk", ticket_id=other.pk, now=now, priority="priority", reason="孕妇")
    with pytest.raises(Refused, match="paused"):
        web.call_next(who="chen", session_id=session.pk, room_id=room, seen=None, now=now)
    with pytest.raises(Refused, match="permission_denied"):
        web.call_next(who="li", session_id=session.pk, room_id=room, seen=None, now=now)
    who_did = dict(QueueEvent.objects.filter(session=session).values_list("kind", "actor__username"))
    assert who_did["check_in"] == who_did["register"] == who_did["priority"] == "clerk"
    assert who_did["call"] == who_did["start"] == who_did["finish"] == who_did["pause"] == "chen"
    web.close(who="manager", session_id=session.pk, now=now)
    session.refresh_from_db()
    assert session.state == "closed"


def test_a_changed_password_is_a_refusal_and_not_a_stream_of_logins(roles, live_server, now):
    clinic.fill(now=now, rng=Random(1))
    user = get_user_model().objects.get(username="clerk")
    user.set_password("something else")
    user.save()
    web = Web(live_server.url)
    for _ in range(20):
        with pytest.raises(Refused, match="login"):
            web.ticket("start", who="clerk", ticket_id=1, now=now)
    assert get_user_model().objects.get(username="clerk").last_login is None


def test_a_server_that_does_not_answer_is_waited_for(unused_tcp_port):
    with pytest.raises(Away):
        Web(f"http://127.0.0.1:{unused_tcp_port}").look(token="x")
