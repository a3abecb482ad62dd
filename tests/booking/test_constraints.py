"""R2.7, R3.2: the database itself refuses what must never be, whatever the code does."""

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.db.models import F

from booking.models import Appointment, QuotaMove, Session, Slot, Template
from booking.services import numbers
from tests import factories
from tests.booking.clinic import planned, slots
from tests.factories import at

pytestmark = pytest.mark.django_db


@pytest.fixture
def slot():
    return slots(planned(((2, 1),)))[0]


def refusing(name):
    """An IntegrityError that names this constraint or, for the triggers, these words."""
    return pytest.raises(IntegrityError, match=name)


@pytest.mark.parametrize(
    ("change", "constraint"),
    [
        ({"booked": 3}, "booked_within_quota"),
        ({"booked": 2, "withheld": 1}, "booked_within_quota"),
        ({"booked": -1}, "booked_within_quota"),
        ({"withheld": -1}, "booked_within_quota"),
        ({"bookable": -1}, "booked_within_quota"),
        ({"registered": 2}, "walk_ins_within_quota"),
        ({"registered": -1}, "walk_ins_within_quota"),
        ({"walk_in": -1}, "walk_ins_within_quota"),
        ({"ends_at": F("starts_at")}, "slot_ends_after_start"),
    ],
)
def test_a_slot_never_holds_more_than_its_quotas(slot, change, constraint):
    with refusing(constraint), transaction.atomic():
        Slot.objects.filter(pk=slot.pk).update(**change)


def test_a_slot_may_be_full(slot):
    Slot.objects.filter(pk=slot.pk).update(booked=2, registered=1)


@pytest.mark.parametrize("active", ["held", "booked", "arrived"])
def test_a_patient_has_one_active_appointment_per_session(slot, active):
    who = factories.patient()
    ended = ("seen", "not_seen", "cancelled", "cancelled_late", "expired", "no_show", "called_off")
    for state in (*ended, active):
        Appointment.objects.create(
            patient=who, session=slot.session, slot=slot, state=state, booked_at=at("06:00"), held_until=at("06:15")
        )
    with (
        refusing("one_active_appointment_per_session|patient_id, booking_appointment.session_id"),
        transaction.atomic(),
    ):
        Appointment.objects.create(patient=who, session=slot.session, slot=slot, state="booked", booked_at=at("06:00"))


def test_a_hold_has_an_end(slot):
    with refusing("a_hold_ends"), transaction.atomic():
        Appointment.objects.create(
            patient=factories.patient(), session=slot.session, slot=slot, state="held", booked_at=at("06:00")
        )


class TestLedger:
    """R2.7"""

    def row(self, slot, **fields):
        values = {"source": "bookable", "target": "booked", "count": 1, "bookable_left": 2, "walk_in_left": 1}
        return QuotaMove(slot=slot, reason="booked", at=at("06:00"), **(values | fields))

    @pytest.mark.parametrize("balances", [{"bookable_left": 1}, {"walk_in_left": 0}, {"bookable_left": 3}])
    def test_a_row_whose_balances_are_not_the_slots_own_is_refused(self, slot, balances):
        self.row(slot).save()
        with refusing("the ledger does not agree with the slot"), transaction.atomic():
            self.row(slot, **balances).save()

    @pytest.mark.parametrize(
        ("fields", "constraint"),
        [
            ({"count": 0}, "move_counts_something"),
            ({"target": "bookable"}, "move_goes_somewhere"),
            ({"bookable_left": -1}, "ledger_balance_not_negative"),
        ],
    )
    def test_a_row_moves_something_somewhere(self, slot, fields, constraint):
        with refusing(constraint), transaction.atomic():
            self.row(slot, **fields).save()

    def test_nobody_changes_a_row(self, slot):
        with refusing("the quota ledger is append-only"), transaction.atomic():
            QuotaMove.objects.filter(slot=slot).update(count=9)

    def test_nobody_deletes_a_row(self, slot):
        with refusing("the quota ledger is append-only"), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("DELETE FROM booking_quotamove")

    @pytest.mark.django_db(transaction=True)
    def test_a_move_without_a_transaction_is_refused(self, slot):
        """Counts and ledger change together or not at all."""
        with pytest.raises(RuntimeError):
            numbers.move(slot_id=slot.pk, source="bookable", target="pool", reason="opened", now=at("07:00"))


class TestSchedule:
    def test_a_template_has_one_session_a_day(self, slot):
        of = slot.session
        template = Template.objects.create(
            department=of.department, expert=of.expert, weekday=0, starts="08:00", ends="09:00", numbers=3
        )
        Session.objects.filter(pk=of.pk).update(template=template)
        other = planned(((1, 0),))
        with pytest.raises(IntegrityError), transaction.atomic():
            Session.objects.filter(pk=other.pk).update(template=template)
        Session.objects.filter(pk=of.pk).update(state="cancelled", cancelled_for="holiday")
        Session.objects.filter(pk=other.pk).update(template=template)

    @pytest.mark.parametrize(
        ("fields", "constraint"),
        [
            ({"ends_at": F("starts_at")}, "session_ends_after_start"),
            ({"expert": None, "title": ""}, "session_has_expert_or_title"),
            ({"cancelled_for": "holiday"}, "cancelled_for_something_if_cancelled"),
        ],
    )
    def test_a_session_takes_time_and_has_a_name(self, slot, fields, constraint):
        with refusing(constraint), transaction.atomic():
            Session.objects.filter(pk=slot.session_id).update(**fields)

    def test_a_slots_place_in_its_session_is_its_own(self, slot):
        with pytest.raises(IntegrityError), transaction.atomic():
            Slot.objects.create(session=slot.session, index=slot.index, starts_at=slot.starts_at, ends_at=slot.ends_at)

    def test_a_slot_with_a_ledger_is_not_deleted(self, slot):
        with pytest.raises(DatabaseError), transaction.atomic():
            Slot.objects.filter(pk=slot.pk).delete()
