"""R3.7: numbers of a marked expert are asked for in the first minutes and drawn; what is left is first come."""

import json
from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction

from booking import draws, invariants
from booking.errors import BookingError
from booking.models import Account, Appointment, Ballot, BallotEntry, Department, Outbox, WaitlistEntry
from booking.services import appointments, ballots, elsewhere, endings, schedules, sessions, waitlist
from tests import factories
from tests.booking.clinic import book, counts, moves, planned, refused, slots
from tests.booking.test_draws import documented_check
from tests.factories import at

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("nothing_is_breached")]
RELEASED = at("08:00") - timedelta(days=7)  # of the sessions of the factory
CLOSES = RELEASED + timedelta(minutes=10)


def drawn_session(split=((2, 1), (1, 1)), minutes=10, **fields):
    session = planned(split, **fields)
    Ballot.objects.create(session=session, minutes=minutes)
    return session


@pytest.fixture
def session():
    return drawn_session()


def ask(session, who=None, wishes=(), any_slot=True, now=RELEASED, **kwargs):
    """`wishes`: indexes of slots."""
    wanted = [slots(session)[index].pk for index in wishes]
    return ballots.ask(
        session_id=session.pk, patient_id=(who or factories.patient()).pk, wishes=wanted, any_slot=any_slot, now=now,
        **kwargs,
    )  # fmt: skip


def drawn(session):
    """The entries in the order drawn: state, and the index of the slot that was won."""
    entries = session.ballot.entries.exclude(state="withdrawn").order_by("place")
    return list(entries.values_list("state", "slot__index"))


def record(session):
    return ballots.record(Ballot.objects.get(session=session))


class TestPreparing:
    """The commitment is there before anybody can ask."""

    def test_a_session_of_a_marked_expert_is_made_with_its_ballot(self):
        who = factories.expert(Department.objects.get(pk=factories.department().pk), ballot_minutes=15)
        made = sessions.make_session(
            department=who.department, expert=who, starts_at=at("08:00"), ends_at=at("09:00"), numbers_in_all=4,
            now=at("08:00") - timedelta(days=14),
        )  # fmt: skip
        ballot = made.ballot
        assert (ballot.minutes, ballot.closes_at) == (15, made.released_at + timedelta(minutes=15))
        assert ballot.commitment == draws.commitment(ballot.seed)
        assert len(ballot.seed) == 64

    def test_marking_an_expert_holds_for_sessions_not_released_yet(self):
        released, ahead = planned(), planned(day=at("00:00") + timedelta(days=7))
        for session in (released, ahead):
            type(session.expert).objects.filter(pk=session.expert_id).update(ballot_minutes=10)
        now = RELEASED + timedelta(hours=1)
        assert [ballots.prepare(now=now), ballots.prepare(now=now)] == [1, 0]
        ballot = Ballot.objects.get()
        assert ballot.session == ahead
        type(ahead.expert).objects.update(ballot_minutes=20)
        assert ballots.prepare(now=now) == 1
        assert (Ballot.objects.get().minutes, Ballot.objects.get().seed) == (20, ballot.seed)
        type(ahead.expert).objects.update(ballot_minutes=0)
        assert ballots.prepare(now=now) == 1
        assert not Ballot.objects.exists()

    def test_what_is_about_to_be_released_stays_as_it_is(self):
        session = planned()
        type(session.expert).objects.update(ballot_minutes=10)
        assert ballots.prepare(now=RELEASED - timedelta(minutes=1)) == 0


class TestRelease:
    """R3.1: not a moment earlier, by any path; and no task is needed for it."""

    def test_nothing_of_a_session_is_had_before_its_release(self):
        session = planned(((1, 0),))
        other = planned(((1, 0),), of=session.department, released_at=RELEASED - timedelta(days=1))
        early = RELEASED - timedelta(microseconds=1)
        made = book(other, now=early)
        for path in (
            lambda: book(session, now=early),
            lambda: appointments.move(appointment_id=made.pk, slot_id=slots(session)[0].pk, now=early),
            lambda: waitlist.join(session_id=session.pk, patient_id=factories.patient().pk, now=early),
        ):
            with refused("not_released"):
                path()
        assert session.pk not in {each["session"] for each in elsewhere.left(session=other, now=early)}
        assert session.pk in {each["session"] for each in elsewhere.left(session=other, now=RELEASED)}
        assert book(session, now=RELEASED).state == "booked"

    def test_nor_in_the_draw(self, session):
        with refused("not_released"):
            ask(session, now=RELEASED - timedelta(microseconds=1))
        assert ballots.draw_due(now=RELEASED - timedelta(microseconds=1)) == 0

    def test_until_it_is_drawn_nobody_books_moves_there_or_waits(self, session):
        other = planned(of=session.department, start="14:00")
        made = book(other, now=RELEASED + timedelta(hours=6))
        for now in (RELEASED, CLOSES):
            for path in (
                lambda now=now: book(session, now=now),
                lambda now=now: appointments.move(appointment_id=made.pk, slot_id=slots(session)[0].pk, now=now),
                lambda now=now: waitlist.join(session_id=session.pk, patient_id=factories.patient().pk, now=now),
            ):
                with refused("ballot_open") as error:
                    path()
                assert error.value.extra["closes_at"] == CLOSES.isoformat()
            assert session.pk not in {each["session"] for each in elsewhere.left(session=other, now=now)}
        assert [ballots.draw_due(now=CLOSES), ballots.draw_due(now=CLOSES)] == [1, 0]
        assert book(session, now=CLOSES).state == "booked"


class TestAsking:
    def test_one_request_for_each_patient_which_can_be_withdrawn_while_it_is_open(self, session):
        who = factories.patient()
        entry = ask(session, who, now=CLOSES - timedelta(microseconds=1))
        with refused("asked_already"):
            ask(session, who)
        for _twice in range(2):
            assert ballots.withdraw(entry_id=entry.pk, now=RELEASED).state == "withdrawn"
        again = ask(session, who)
        assert again.code != entry.code
        with refused("ballot_closed"):
            ask(session, now=CLOSES)
        with refused("ballot_closed"):
            ballots.withdraw(entry_id=again.pk, now=CLOSES)
        ballots.draw_due(now=CLOSES)
        assert drawn(session)[0] == ("won", 0)
        with refused("ballot_closed"):
            ballots.withdraw(entry_id=again.pk, now=RELEASED)

    def test_a_code_tells_nothing_of_the_patient_and_is_not_the_link(self, session):
        entry = ask(session)
        assert entry.code not in entry.token
        assert len({ask(session).code for _ in range(4)} | {entry.code}) == 5

    def test_who_could_not_book_cannot_ask(self, session):
        busy, suspended = factories.patient(), factories.patient()
        for start in ("13:00", "16:00"):
            factories.appointment(planned(start=start), 0, busy)
        suspended.suspensions.create(begins_at=RELEASED, until=at("12:00"))
        with refused("limit_per_day"):
            ask(session, busy)
        with refused("suspended"):
            ask(session, suspended)
        with refused("no_such_slot"):
            ballots.ask(session_id=session.pk, patient_id=busy.pk, wishes=[slots(planned())[0].pk], now=RELEASED)
        with refused("no_wish"):
            ask(session, any_slot=False)
        with refused("no_ballot"):
            ask(planned())

    def test_a_family_asks_for_no_more_than_it_could_book(self, session):
        session.department.booked_per_phone_day = 2
        session.department.save()
        account = Account.objects.create(phone="13800001111", made_at=RELEASED)
        for _patient in range(2):
            ask(session, factories.patient(phone="13800002222"), account_id=account.pk)
        with refused("limit_asking"):
            ask(session, factories.patient(phone="13800002222"))
        with refused("limit_asking"):
            ask(session, account_id=account.pk)


class TestDrawing:
    def test_in_the_order_of_the_seed_until_nothing_is_left(self, session):
        entries = [ask(session) for _ in range(5)]
        assert ballots.draw_due(now=CLOSES - timedelta(microseconds=1)) == 0
        assert ballots.draw_due(now=CLOSES) == 1
        by_code = draws.order(session.ballot.seed, [entry.code for entry in entries])
        assert list(session.ballot.entries.order_by("place").values_list("code", flat=True)) == by_code
        assert drawn(session) == [("won", 0), ("won", 0), ("won", 1), ("lost", None), ("lost", None)]
        assert counts(session) == [(0, 2, 0, 1, 0), (0, 1, 0, 1, 0)]
        assert moves(session, "booked") == [(0, "bookable", "booked", 1)] * 2 + [(1, "bookable", "booked", 1)]
        told = Outbox.objects.filter(kind__startswith="ballot_").order_by("pk")
        assert [row.kind for row in told] == ["ballot_won"] * 3 + ["ballot_lost"] * 2
        assert not Outbox.objects.filter(kind="appointment_booked").exists()

    def test_wishes_are_granted_in_their_order_and_what_is_left_is_first_come(self):
        session = drawn_session(((1, 0), (1, 0), (3, 0)))
        for _patient in range(3):
            ask(session, wishes=[1, 0], any_slot=False)
        ballots.draw_due(now=CLOSES)
        assert drawn(session) == [("won", 1), ("won", 0), ("lost", None)]
        assert book(session, 2, now=CLOSES).state == "booked"

    def test_where_a_fee_is_due_what_is_won_is_held_for_two_hours(self, session):
        """R3.3"""
        session.department.prepayment = 2000
        session.department.save()
        entry = ask(session)
        ballots.draw_due(now=CLOSES)
        made = Appointment.objects.get()
        assert (made.state, made.fee, made.held_until) == ("held", 2000, CLOSES + timedelta(minutes=120))
        entry.refresh_from_db()
        assert (entry.state, entry.appointment) == ("won", made)
        assert endings.expire_holds(now=made.held_until) == 1

    def test_a_limit_reached_meanwhile_leaves_the_number_to_the_next(self):
        session = drawn_session(((1, 0),))
        first, second = ask(session), ask(session)
        if draws.order(session.ballot.seed, [first.code, second.code])[0] == second.code:
            first, second = second, first
        for start in ("13:00", "16:00"):
            factories.appointment(planned(start=start), 0, first.patient)
        ballots.draw_due(now=CLOSES)
        assert drawn(session) == [("lost", None), ("won", 0)]
        first.refresh_from_db()
        assert first.lost_because == "limit_per_day"
        assert record(session)["entries"][0]["lost"] == "not_possible"

    def test_who_was_not_drawn_waits_in_the_order_drawn_if_they_asked_for_it(self):
        session = drawn_session(((1, 0), (1, 0)))
        entries = [ask(session, on_waitlist=number != 2) for number in range(6)]
        only_second = ask(session, wishes=[1], any_slot=False, on_waitlist=True)
        ballots.draw_due(now=CLOSES)
        lost = session.ballot.entries.filter(state="lost", waitlist=True).order_by("place")
        assert [entry.patient_id for entry in lost] == list(
            WaitlistEntry.objects.order_by("pk").values_list("patient", flat=True)
        )
        assert entries[2].patient_id not in {entry.patient_id for entry in lost}
        second = WaitlistEntry.objects.filter(patient=only_second.patient).first()
        assert second is None or second.slot == slots(session)[1]
        endings.cancel(appointment_id=Appointment.objects.filter(slot__index=0).get().pk, now=CLOSES)
        offered = WaitlistEntry.objects.get(state="offered")
        assert offered == WaitlistEntry.objects.filter(slot=None).first()

    def test_killed_halfway_it_goes_on_where_it_was(self, session, monkeypatch):
        for _patient in range(5):
            ask(session)
        draw_one, count = ballots._draw_one, []

        def dies_at_the_third(*args):
            count.append(1)
            if len(count) == 3:
                draw_one(*args)
                raise SystemExit
            draw_one(*args)

        with monkeypatch.context() as broken:
            broken.setattr(ballots, "_draw_one", dies_at_the_third)
            with pytest.raises(SystemExit):
                ballots.draw_due(now=CLOSES)
        assert [state for state, _slot in drawn(session)] == ["won", "won", "asked", "asked", "asked"]
        order = [entry.code for entry in session.ballot.entries.order_by("place")]
        with refused("ballot_open"):
            book(session, 1, now=CLOSES)
        assert record(session)["seed"] is None
        assert ballots.draw_due(now=CLOSES) == 1
        assert [entry["code"] for entry in record(session)["entries"]] == order
        assert drawn(session) == [("won", 0), ("won", 0), ("won", 1), ("lost", None), ("lost", None)]

    def test_one_draw_that_fails_keeps_no_other_from_its_turn(self, session, monkeypatch):
        second = drawn_session()
        ask(session), ask(second)
        close = ballots._close

        def fails_for_the_first(session_id, now):
            if session_id == session.pk:
                raise BookingError("no", code="no")
            close(session_id, now)

        monkeypatch.setattr(ballots, "_close", fails_for_the_first)
        assert ballots.draw_due(now=CLOSES) == 1
        assert drawn(second) == [("won", 0)]
        assert drawn(session) == [("asked", None)]

    def test_without_its_seed_it_is_not_drawn_rather_than_drawn_with_another(self, session):
        ask(session)
        with connection.cursor() as cursor:
            cursor.execute("UPDATE booking_ballot SET seed = 'lost'")
        assert ballots.draw_due(now=CLOSES) == 0
        assert drawn(session) == [("asked", None)]

    @pytest.mark.parametrize("ordered", [False, True], ids=["all of it late", "stopped once it had its order"])
    @pytest.mark.parametrize("opened", [False, True], ids=["the task late too", "opened"])
    def test_nobody_is_drawn_once_registration_has_opened(self, session, opened, ordered):
        """R3.1, R3.5: so late it gives nobody a number, and its record says that chance had no part."""
        ask(session, on_waitlist=True)
        if ordered:
            ballots._close(session.pk, CLOSES)
        if opened:
            with transaction.atomic():
                sessions.open_pool(session_id=session.pk, now=at("07:00"))
        assert ballots.draw_due(now=at("07:00")) == 1
        assert drawn(session) == [("lost", None)]
        assert record(session)["entries"][0]["lost"] == "not_possible"
        assert not WaitlistEntry.objects.exists()

    def test_a_session_that_is_called_off_is_not_drawn(self, session):
        """R1.3"""
        entry = ask(session)
        schedules.call_off(session_id=session.pk, reason="ill", now=RELEASED)
        entry.refresh_from_db()
        assert entry.state == "called_off"
        assert Outbox.objects.filter(kind="ballot_lost").count() == 1
        assert ballots.draw_due(now=CLOSES) == 0


class TestChecking:
    @pytest.fixture
    def finished(self):
        session = drawn_session(((2, 0), (1, 0)))
        for number in range(6):
            ask(session, wishes=[1] if number % 2 else [], any_slot=number != 1)
        ballots.draw_due(now=CLOSES)
        return session

    def test_nothing_but_the_commitment_is_known_before_the_draw(self, session):
        ask(session)
        before = record(session)
        assert (before["seed"], before["entries"], before["slots"]) == (None, [], [])
        ballots.draw_due(now=CLOSES)
        after = record(session)
        assert after["commitment"] == before["commitment"] == draws.commitment(after["seed"])

    def test_the_record_names_nobody(self, finished):
        published = json.dumps(record(finished))
        for entry in BallotEntry.objects.select_related("patient"):
            assert entry.code in published
            assert entry.token not in published
            assert entry.patient.name not in published

    def test_the_lines_of_the_documentation_agree_and_find_what_is_changed(self, finished, tmp_path):
        file = tmp_path / "draw.json"
        file.write_text(json.dumps(record(finished)))
        assert documented_check(tmp_path, file) == "as drawn"
        assert list(draws.faults(record(finished))) == []
        changed = record(finished)
        changed["entries"][0]["place"], changed["entries"][5]["place"] = 6, 1
        file.write_text(json.dumps(changed))
        assert "AssertionError" in documented_check(tmp_path, file)
        file.write_text(json.dumps(record(finished) | {"seed": "0" * 64}))
        assert documented_check(tmp_path, file) == "AssertionError: the seed is another one"

    def test_the_invariants_see_a_winner_who_was_not_drawn(self, finished):
        first, last = finished.ballot.entries.order_by("place")[:6:5]
        with transaction.atomic():
            BallotEntry.objects.filter(pk=first.pk).update(place=99)
            BallotEntry.objects.filter(pk=last.pk).update(place=first.place)
            assert any("order of the seed" in line for line in invariants.breaches())
            transaction.set_rollback(True)


class TestConstraints:
    @pytest.fixture
    def entry(self, session):
        return ask(session)

    @pytest.mark.parametrize(
        ("change", "constraint"),
        [
            ({"state": "won", "place": 1, "ended_at": CLOSES}, "who_won_has_an_appointment"),
            ({"state": "lost", "place": 1, "ended_at": CLOSES}, "who_lost_knows_why"),
            ({"state": "lost", "lost_because": "none_left", "ended_at": CLOSES}, "drawn_in_its_place"),
            ({"state": "withdrawn", "place": 1, "ended_at": CLOSES}, "drawn_in_its_place"),
            ({"state": "withdrawn"}, "what_is_asked_has_not_ended"),
            ({"ended_at": CLOSES}, "what_is_asked_has_not_ended"),
        ],
    )
    def test_a_request_is_what_its_state_says(self, entry, change, constraint):
        with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
            BallotEntry.objects.filter(pk=entry.pk).update(**change)

    def test_a_place_and_a_patient_are_in_a_ballot_once(self, session, entry):
        other = ask(session)
        BallotEntry.objects.filter(pk=entry.pk).update(place=1)
        for change in ({"place": 1}, {"patient": entry.patient}):
            with pytest.raises(IntegrityError), transaction.atomic():
                BallotEntry.objects.filter(pk=other.pk).update(**change)

    def test_a_ballot_is_open_for_a_while_and_drawn_after_it_closed(self, session):
        for change, constraint in (
            ({"minutes": 0}, "a_ballot_is_open_for_a_while"),
            ({"drawn_at": CLOSES}, "drawn_after_it_closed"),
        ):
            with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
                Ballot.objects.filter(session=session).update(**change)
