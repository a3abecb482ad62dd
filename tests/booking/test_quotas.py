"""R2.3 to R2.7: recalculated from history, never under what is booked, twice the same, and a manager can see why."""

import pytest
from django.db import transaction
from django.utils import translation

from booking import quota, why
from booking.models import QuotaMove, QuotaPlan, Session, SessionRoom, Slot
from booking.services import appointments, endings, numbers, quotas
from tests import factories
from tests.booking.clinic import (
    MONTH_BEFORE,
    NO_WALK_INS,
    WEEK_BEFORE,
    every,
    moves,
    planned,
    refused,
    slots,
    split_of,
    weeks,
)
from tests.factories import at

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("nothing_is_breached")]


def unreleased(split=((0, 21), (0, 21)), **fields):
    return planned(split, **fields)


def recalculate(session, **kwargs):
    return quotas.recalculate(session_id=session.pk, now=MONTH_BEFORE, **kwargs)


class TestCapacity:
    """R2.3"""

    def test_visits_of_the_experts_past_sessions_say_how_many_fit(self):
        """10 minutes: 6 fit in the first hour; the last slot takes the other 36 of 42."""
        session = unreleased(of=factories.department(**NO_WALK_INS))
        weeks(session.expert, *every(10, 600, count=12))
        assert [row["capacity"] for row in recalculate(session).rows] == [6, 6]
        assert split_of(session) == [(6, 0), (36, 0)]

    def test_afternoons_say_nothing_about_a_morning(self):
        session = unreleased(of=factories.department(default_visit_minutes=12, **NO_WALK_INS))
        weeks(session.expert, *every(5, 300, "14:00", count=24), hours=("14:00", "18:00"))
        plan = recalculate(session)
        assert plan.basis["visits"]["source"] == "default"
        assert plan.rows[0]["capacity"] == 5

    def test_a_late_start_counts_what_was_seen(self):
        """The study's 08:00-09:00: 10 minutes would allow 6, but from 08:40 on 2 are seen, and patients wait."""
        session = unreleased(of=factories.department(**NO_WALK_INS))
        visits = every(10, 600, "08:40", count=8, arrived="07:30", booked=True)
        weeks(session.expert, *visits)
        first, second = recalculate(session).rows
        assert (first["capacity"], first["reason"], first["observed"]) == (2, "late_start", 2)
        assert first["mean_minutes"] == 10
        assert first["expected"] == pytest.approx(6, rel=0.05)
        assert (second["capacity"], second["reason"]) == (6, "visit_length")

    def test_the_last_sessions_count_as_many_as_the_department_says(self):
        session = unreleased(of=factories.department(history_sessions=2, **NO_WALK_INS))
        weeks(session.expert, *every(10, 600, count=12), weeks=(1, 2))
        weeks(session.expert, *every(30, 1800, count=4), weeks=(3, 4, 5))
        plan = recalculate(session)
        assert plan.rows[0]["capacity"] == 6
        assert (plan.basis["visits"]["sessions"], plan.basis["visits"]["first_day"]) == (2, "2026-11-02")

    def test_without_visits_of_the_expert_the_departments_count(self):
        session = unreleased(of=factories.department(**NO_WALK_INS))
        weeks(factories.expert(session.department), *every(20, 1200, count=6))
        plan = recalculate(session)
        assert plan.basis["visits"]["source"] == "department"
        assert plan.rows[0]["capacity"] == 3

    def test_a_pooled_session_takes_its_experts_together(self):
        """R1.5: 10 and 20 minutes are 15 on average; two rooms see 8 in an hour."""
        session = unreleased(rooms=2, of=factories.department(**NO_WALK_INS))
        first, second = [seat.expert for seat in SessionRoom.objects.filter(session=session)]
        Session.objects.filter(pk=session.pk).update(expert=None, title="普通门诊")
        weeks(first, *every(10, 600, count=6), *every(10, 600, "09:00", count=6))
        weeks(second, *every(10, 1200, count=6), *every(10, 1200, "09:00", count=6))
        plan = recalculate(session)
        assert plan.basis["rooms"] == 2
        assert plan.rows[0]["capacity"] == 8


class TestWalkIns:
    """R2.1, R2.2"""

    def test_the_experts_own_arrivals_come_first(self):
        """R2.2: one walk-in in every minute of the hour before the start, on each of three days."""
        session = unreleased()
        arrivals = [{"arrived": f"07:{minute:02d}", "booked": False} for minute in range(60)]
        weeks(session.expert, *arrivals)
        weeks(factories.expert(session.department), {"arrived": "08:30", "booked": False})
        walk_ins = recalculate(session).basis["walk_ins"]
        assert walk_ins["source"] == "expert"
        before, first, last = walk_ins["intervals"]
        assert before["expected"] == pytest.approx(60, rel=0.15)
        assert before["low"] < 60 < before["high"]
        assert max(first["expected"], last["expected"]) < 2
        # The study's table (R2.1), whatever minutes are drawn.
        assert before["frequencies"] == [0, 150, 0, 0, 0]

    def test_the_refused_count_and_the_booked_do_not(self):
        session = unreleased()
        refusals = [{"arrived": f"08:{m:02d}", "booked": False, "refused": True} for m in range(60)]
        booked = [{"arrived": f"09:{m:02d}", "booked": True} for m in range(60)]
        weeks(session.expert, *refusals, *booked)
        before, first, last = recalculate(session).basis["walk_ins"]["intervals"]
        assert first["expected"] == pytest.approx(60, rel=0.15)
        assert max(before["expected"], last["expected"]) < 2

    def test_a_log_without_arrivals_says_nothing_and_the_departments_is_used(self):
        session = unreleased()
        weeks(session.expert, *every(10, 600, count=12), arrivals=False)
        everyone = [{"arrived": f"08:{m:02d}", "booked": False} for m in range(60)]
        weeks(factories.expert(session.department), *everyone)
        plan = recalculate(session)
        assert (plan.basis["visits"]["source"], plan.basis["walk_ins"]["source"]) == ("expert", "department")
        before, first, last = plan.basis["walk_ins"]["intervals"]
        assert first["expected"] == pytest.approx(60, rel=0.15)
        assert max(before["expected"], last["expected"]) < 2

    def test_without_any_arrivals_the_departments_default_stands_and_is_said_to(self):
        session = unreleased(of=factories.department(default_walk_ins_per_hour=3))
        weeks(session.expert, *every(10, 600, count=12), arrivals=False)
        plan = recalculate(session)
        assert plan.basis["walk_ins"]["source"] == "default"
        assert plan.basis["walk_ins"]["estimator"] == "stated"
        assert [i["expected"] for i in plan.basis["walk_ins"]["intervals"]] == [3, 3, 3]

    def test_a_pooled_sessions_log_counts_for_all_its_rooms_once(self):
        """Logged under one of its two experts: 60 came for two rooms, 30 for each."""
        session = unreleased(rooms=1)
        (log,) = weeks(session.expert, *[{"arrived": f"08:{m:02d}", "booked": False} for m in range(60)], weeks=(1,))
        log.session = factories.session(rooms=2, of=session.department)
        log.save()
        assert recalculate(session).basis["walk_ins"]["intervals"][1]["expected"] == pytest.approx(30, rel=0.2)


class TestRecalculating:
    """R2.4, R2.6, R2.7"""

    def test_the_studys_example_comes_out(self, monkeypatch):
        """R2.4: c = 2, 12, 10; N = 42; a(0) = 9; w = 6, 4, 2, 0."""
        session = unreleased(((0, 42), (0, 0), (0, 0), (0, 0)))
        capacities = [
            quota.SlotCapacity(60, 10, 50, 2.0, 5.0, 5.0, 12.0, chosen, quota.CapacityReason.VISIT_LENGTH)
            for chosen in (2, 12, 10, 10)
        ]
        basis = quotas.estimate(quotas.period_of(session)).basis
        monkeypatch.setattr(
            quotas, "estimate", lambda _period, _cuts: quotas.Estimate(capacities, 9.0, [6.0, 4.0, 2.0, 0.0], basis)
        )
        plan = recalculate(session)
        assert split_of(session) == [(0, 2), (0, 12), (3, 7), (18, 0)]
        assert [row["carry"] for row in plan.rows] == [13, 5, 0, 0]
        assert (plan.rows[3]["overtime"], plan.rows[3]["overtime_minutes"]) == (8, 40)

    def test_twice_writes_nothing_the_second_time(self):
        session = unreleased()
        weeks(session.expert, *every(10, 600, count=12, arrived="07:45", booked=False))
        first = recalculate(session)
        written = QuotaMove.objects.count()
        assert recalculate(session).pk == first.pk
        assert (QuotaMove.objects.count(), QuotaPlan.objects.count()) == (written, 1)

    def test_new_history_makes_a_new_plan(self):
        session = unreleased()
        first = recalculate(session)
        weeks(session.expert, *every(10, 600, count=12))
        second = recalculate(session)
        assert (first.pk == second.pk, session.plans.count()) == (False, 2)

    def test_numbers_move_within_a_slot_first_and_their_sum_stays(self):
        """c = 4, N = 42; a(0) = w = 4: d(1) = 8, all 4 for walk-ins, 4 carried; d(2) = 8 of the other 38."""
        session = unreleased(((4, 0), (0, 38)), of=factories.department(default_visit_minutes=15))
        recalculate(session)
        assert split_of(session) == [(0, 4), (30, 8)]
        assert moves(session, "recalculated") == [(0, "bookable", "pool", 4), (1, "pool", "bookable", 30)]

    def test_numbers_change_slots_through_the_ledger(self):
        session = unreleased(((0, 2), (0, 40)), of=factories.department(**NO_WALK_INS))
        recalculate(session)
        assert split_of(session) == [(10, 0), (32, 0)]
        assert moves(session, "recalculated") == [
            (0, "pool", "bookable", 2),
            (1, "pool", "bookable", 32),
            (1, "pool", "outside", 8),
            (0, "outside", "bookable", 8),
        ]

    def test_it_never_goes_under_what_is_booked(self):
        """By hand, after the release: walk-ins would take all of the first slot."""
        session = unreleased(((3, 7), (22, 10)), of=factories.department(default_walk_ins_per_hour=40))
        for _ in range(2):
            made = appointments.book(patient_id=factories.patient().pk, slot_id=slots(session)[0].pk, now=WEEK_BEFORE)
        endings.cancel(appointment_id=made.pk, now=WEEK_BEFORE)
        quotas.recalculate(session_id=session.pk, now=WEEK_BEFORE)
        assert split_of(session)[0] == (2, 8)

    def test_a_locked_slot_keeps_its_split(self):
        session = unreleased(of=factories.department(**NO_WALK_INS))
        Slot.objects.filter(session=session, index=0).update(locked=True)
        plan = recalculate(session)
        assert split_of(session) == [(0, 21), (21, 0)]
        assert [row["locked"] for row in plan.rows] == [True, False]

    def test_numbers_added_later_are_kept(self):
        """R3.2b: they are shared out with the others."""
        session = unreleased(of=factories.department(**NO_WALK_INS))
        with transaction.atomic():
            numbers.move(
                slot_id=slots(session)[0].pk, source="outside", target="bookable", count=3, reason="added",
                now=at("06:00"),
            )  # fmt: skip
        assert recalculate(session).basis["numbers"] == 45
        assert split_of(session) == [(10, 0), (35, 0)]

    def test_a_corner_without_a_way_out_is_said(self):
        session = unreleased()
        Slot.objects.filter(session=session).update(locked=True)
        Session.objects.filter(pk=session.pk).update(numbers=43)
        with refused("quota_all_locked"):
            recalculate(session)
        Session.objects.filter(pk=session.pk).update(numbers=42)

    @pytest.mark.parametrize("fields", [{"state": "open"}, {"state": "cancelled"}, {"pool_opened_at": at("06:30")}])
    def test_once_registration_is_open_the_split_stays(self, fields):
        with refused("registration_open"):
            recalculate(unreleased(**fields))

    def test_who_asked_for_it_is_on_the_plan_and_in_the_ledger(self, django_user_model):
        manager = django_user_model.objects.create_user("manager")
        session = unreleased()
        assert recalculate(session, actor=manager).made_by == manager
        assert set(QuotaMove.objects.filter(reason="recalculated").values_list("actor", flat=True)) == {manager.pk}


class TestAll:
    """R2.6"""

    def test_sessions_not_yet_released_are_recalculated_and_no_others(self):
        of = factories.department(**NO_WALK_INS)
        waiting = unreleased(of=of)
        released = unreleased(of=of, released_at=MONTH_BEFORE)
        opened = unreleased(of=of, state="open")
        assert quotas.recalculate_all(now=MONTH_BEFORE) == 1
        assert [split_of(s) for s in (waiting, released, opened)] == [
            [(10, 0), (32, 0)],
            [(0, 21), (0, 21)],
            [(0, 21), (0, 21)],
        ]

    def test_twice_it_changes_nothing(self):
        unreleased()
        quotas.recalculate_all(now=MONTH_BEFORE)
        before = list(QuotaMove.objects.values_list())
        assert quotas.recalculate_all(now=MONTH_BEFORE) == 0
        assert list(QuotaMove.objects.values_list()) == before

    def test_killed_halfway_and_run_again_it_comes_to_the_same(self, monkeypatch):
        sessions = [unreleased() for _ in range(3)]
        for session in sessions:
            weeks(session.expert, *every(10, 600, count=12, arrived="07:45", booked=False))
        with transaction.atomic():
            quotas.recalculate_all(now=MONTH_BEFORE)
            undisturbed = [split_of(session) for session in sessions]
            transaction.set_rollback(True)
        move = quotas.numbers.move

        def dies_in_the_second_session(**kwargs):
            if kwargs["slot_id"] == slots(sessions[1])[1].pk:
                raise SystemExit
            return move(**kwargs)

        with monkeypatch.context() as broken:
            broken.setattr(quotas.numbers, "move", dies_in_the_second_session)
            with pytest.raises(SystemExit):
                quotas.recalculate_all(now=MONTH_BEFORE)
        assert [session.plans.count() for session in sessions] == [1, 0, 0]
        assert split_of(sessions[1]) == [(0, 21), (0, 21)]
        quotas.recalculate_all(now=MONTH_BEFORE)
        assert [session.plans.count() for session in sessions] == [1, 1, 1]
        assert [split_of(session) for session in sessions] == undisturbed

    def test_a_session_released_since_it_was_listed_is_left_alone(self, monkeypatch):
        session = unreleased()
        estimate = quotas.estimate

        def released_meanwhile(period, cuts):
            Session.objects.filter(pk=session.pk).update(released_at=MONTH_BEFORE)
            return estimate(period, cuts)

        monkeypatch.setattr(quotas, "estimate", released_meanwhile)
        assert quotas.recalculate_all(now=MONTH_BEFORE) == 0
        assert split_of(session) == [(0, 21), (0, 21)]

    def test_one_session_without_a_way_out_does_not_keep_the_others(self):
        stuck, free = unreleased(), unreleased()
        Slot.objects.filter(session=stuck).update(locked=True)
        Session.objects.filter(pk=stuck.pk).update(numbers=43)
        assert quotas.recalculate_all(now=MONTH_BEFORE) == 1
        assert free.plans.count() == 1
        Session.objects.filter(pk=stuck.pk).update(numbers=42)


class TestLocking:
    """R2.5: a manager sets a slot's split."""

    def lock(self, session, bookable, **kwargs):
        return quotas.lock_split(slot_id=slots(session)[0].pk, bookable=bookable, actor=None, now=WEEK_BEFORE, **kwargs)

    def test_the_slot_keeps_its_numbers_and_is_left_alone_from_then_on(self):
        session = unreleased(((4, 6), (12, 20)))
        self.lock(session, 7)
        recalculate(session)
        assert split_of(session)[0] == (7, 3)
        assert moves(session, "locked") == [(0, "pool", "bookable", 3)]

    def test_under_what_is_booked_or_over_what_there_is_is_refused(self):
        session = unreleased(((4, 6), (12, 20)))
        appointments.book(patient_id=factories.patient().pk, slot_id=slots(session)[0].pk, now=WEEK_BEFORE)
        with refused("locked_under_booked"):
            self.lock(session, 0)
        with refused("too_few_numbers"):
            self.lock(session, 11)
        assert split_of(session)[0] == (4, 6)
        assert not slots(session)[0].locked

    def test_several_slots_are_locked_together_or_not_at_all_and_the_ledger_keeps_the_reason(self):
        session = unreleased(((4, 6), (12, 20)))
        first, second = slots(session)
        lock = {"session_id": session.pk, "actor": None, "note": "conference", "now": WEEK_BEFORE}
        with refused("too_few_numbers"):
            quotas.lock_splits(bookable={first.pk: 5, second.pk: 33}, **lock)
        assert (split_of(session), moves(session, "locked")) == ([(4, 6), (12, 20)], [])
        quotas.lock_splits(bookable={first.pk: 5, second.pk: 12}, **lock)
        assert split_of(session) == [(5, 5), (12, 20)]
        assert [slot.locked for slot in slots(session)] == [True, True]
        assert QuotaMove.objects.get(slot=first, reason="locked").note == "conference"

    def test_a_slot_given_back_keeps_its_numbers_until_the_next_calculation(self):
        session = unreleased(((4, 6), (12, 20)))
        self.lock(session, 7)
        first, second = slots(session)
        freed = quotas.unlock_splits(session_id=session.pk, slot_ids=[first.pk, second.pk])
        assert [slot.pk for slot in freed] == [first.pk]
        assert split_of(session)[0] == (7, 3)
        recalculate(session)
        assert split_of(session)[0] != (7, 3)

    def test_once_registration_is_open_nothing_is_locked_or_given_back(self):
        session = unreleased(((4, 6), (12, 20)))
        Session.objects.filter(pk=session.pk).update(pool_opened_at=WEEK_BEFORE)
        with refused("registration_open"):
            self.lock(session, 5)
        with refused("registration_open"):
            quotas.unlock_splits(session_id=session.pk, slot_ids=[])


class TestWhy:
    """R2.5: "why 3 bookable at 9-10?"."""

    @pytest.fixture(autouse=True)
    def _in_english(self):
        with translation.override("en"):
            yield

    def test_the_sentences_name_the_history_and_its_source(self):
        session = unreleased(of=factories.department(default_walk_ins_per_hour=4))
        weeks(session.expert, *every(10, 600, count=12), arrivals=False)
        told = " ".join(why.sentences(recalculate(session)))
        assert "36 visits of the expert's last 3 mornings (2026-10-26 to 2026-11-09), 10 minutes on average" in told
        assert "no arrivals on record, so 4 an hour" in told
        assert "one visit followed the other at once" in told

    def test_a_slots_sentence_gives_capacity_demand_and_split(self):
        session = unreleased(of=factories.department(default_walk_ins_per_hour=2))
        weeks(session.expert, *every(10, 600, count=12))
        plan = recalculate(session)
        first, last = (why.sentence(row, plan.basis) for row in plan.rows)
        assert first.startswith("08:00-09:00 has room for 6 visits of 10.")
        assert "So 5 can be booked and 1 are for walk-ins" in first
        assert "30 numbers beyond the slot's capacity, about 30" in last

    def test_a_late_start_is_explained(self):
        session = unreleased(of=factories.department(**NO_WALK_INS))
        weeks(session.expert, *every(10, 600, "08:40", count=8, arrived="07:30", booked=True))
        plan = recalculate(session)
        words = why.sentence(plan.rows[0], plan.basis)
        assert "but 2 were seen on average, under 70% of that, although patients waited" in words

    @pytest.mark.parametrize("source", ["expert", "department", "default"])
    def test_every_source_and_reason_has_its_words(self, source):
        session = unreleased(rooms=1)
        whose = {"expert": session.expert, "department": factories.expert(session.department)}
        if source in whose:
            weeks(whose[source], *every(10, 600, count=3, arrived="07:40", booked=False))
        plan = recalculate(session)
        assert plan.basis["visits"]["source"] == plan.basis["walk_ins"]["source"] == source
        assert all("%(" not in line for line in why.sentences(plan))
        rows = [
            why.sentence(row | {"locked": locked, "booked": 1}, plan.basis) for row in plan.rows for locked in (0, 1)
        ]
        assert all("%(" not in line for line in rows)
