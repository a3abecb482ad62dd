"""A person can have what is kept about them, and have it erased; what has happened stays, of nobody."""

import json
from datetime import timedelta

import pytest
from django.apps import apps
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType
from django.db import DatabaseError, connection, transaction
from django.utils import timezone
from encrypted_fields.fields import EncryptedFieldMixin

from booking import invariants
from booking.models import (
    Account,
    Appointment,
    Ballot,
    BallotEntry,
    DataLog,
    Member,
    MoneyMove,
    Outbox,
    Patient,
    Payment,
    PhoneCode,
    QuotaMove,
    Suspension,
    WaitlistEntry,
)
from booking.services import accounts, appointments, money, patients, personal
from queueboard.models import LookupTry, Ticket
from queueboard.notify import delivery
from queueboard.notify.models import Address, Delivery
from queueboard.services.arrivals import register_walk_in
from queueboard.services.lookup import look_up
from tests import factories
from tests.booking.clinic import WEEK_BEFORE, planned, refused

pytestmark = pytest.mark.django_db
PHONE, NAME, ID = "13912345678", "欧阳觅踪", "110101199003078478"


def account_of(phone: str = PHONE) -> Account:
    code = accounts.ask_code(phone=phone, now=timezone.now() - timedelta(minutes=3))
    return accounts.sign_in(phone=phone, code=code.code)


def code_for(account: Account) -> str:
    return accounts.ask_code(phone=account.phone).code


def seen(who: Patient, days_ago: int = 9, **fields) -> Appointment:
    """A visit that is over."""
    day = timezone.localtime() - timedelta(days=days_ago)
    session = factories.session(day=day, state="closed", date=day.date())
    return factories.appointment(session, who=who, **{"state": "seen", "ended_at": day} | fields)


@pytest.fixture
def own():
    """A patient who gave this phone, with a visit that was paid, one missed, and a walk-in."""
    patient = factories.patient(name=NAME, id_number=ID, phone=f"+86 {PHONE}")
    visit = seen(patient, fee=2000)
    paid_at = visit.booked_at
    payment = Payment.objects.create(
        appointment=visit, provider="demo", amount=2000, made_at=paid_at, until=paid_at
    )  # fmt: skip
    money.received(payment, state="paid", amount=2000, provider_number="n1", now=paid_at)
    seen(patient, 20, state="no_show")
    now = timezone.localtime()
    ticket = register_walk_in(
        session_id=factories.session(start=f"{now:%H:%M}", day=now, date=now.date()).pk, patient_id=patient.pk
    )
    Ticket.objects.filter(pk=ticket.pk).update(state="done", ended_at=now)
    return patient


@pytest.fixture
def account(own):
    made = account_of()
    accounts.add_member(account=made, patient_id=own.pk)
    Address.objects.create(way="push", value="https://push.example/1", account=made, made_at=timezone.now())
    return made


def all_text() -> str:
    """Every column of every table."""
    found = []
    with connection.cursor() as cursor:
        for model in apps.get_models(include_auto_created=True):
            cursor.execute(f"SELECT * FROM {model._meta.db_table}")
            found += [str(value) for row in cursor.fetchall() for value in row]
    return "\n".join(found)


def test_every_table_that_leads_to_a_person_is_thought_of():
    """A new one is to be handed out and erased as well (booking/services/personal.py, queueboard/personal.py)."""
    models = apps.get_models()
    people = {Patient, Account, PhoneCode}
    leading = {
        model._meta.label
        for model in models
        if any(each.related_model in people for each in model._meta.fields)
        or any(isinstance(each, EncryptedFieldMixin) or each.name == "token" for each in model._meta.fields)
    }
    # No person's: the seed of a draw, the hospital's access to WeChat. What was written in chats goes with its writer.
    elsewhere = {"booking.Ballot", "queueboard.WeChatToken", "queueboard.Heard"}
    assert leading - elsewhere == {
        "booking.Account", "booking.Appointment", "booking.BallotEntry", "booking.Member", "booking.Patient",
        "booking.PhoneCode", "booking.Suspension", "booking.WaitlistEntry", "queueboard.Address",
        "queueboard.Correspondent", "queueboard.SharedLink", "queueboard.Ticket", "queueboard.VisitCode",
    }  # fmt: skip


class TestHandedOut:
    def test_it_is_everything(self, own, account):
        kept = personal.hand_out(account=account)
        json.dumps(kept)
        (patient,) = kept["patients"]
        assert (patient["name"], patient["id_number"], patient["phone"]) == (NAME, ID, f"+86 {PHONE}")
        missed, visit = patient["appointments"]
        assert (missed["state"], visit["state"], visit["payments"][0]["amount"]) == ("no_show", "seen", 2000)
        assert kept["account"]["books_for"] == [NAME]
        assert kept["notices_to"][0]["to"] == "https://push.example/1"
        assert [each["what"] for each in kept["tickets"][0]["events"]] == ["register"]
        logged = DataLog.objects.get()
        assert (logged.kind, logged.account, logged.patients) == ("handed_out", account.pk, [own.pk])

    def test_who_only_knows_a_name_and_an_id_learns_nothing_of_that_person(self, own):
        """Another account puts them on its list, and books for them."""
        stranger = account_of("13800000000")
        accounts.add_member(account=stranger, patient_id=own.pk)
        theirs = seen(own, 5, account=stranger)
        kept = personal.hand_out(account=stranger)
        assert kept["patients"] == kept["tickets"] == []
        assert [each["page"] for each in kept["booked_for_others"]] == [f"/t/{theirs.token}/"]

    def test_who_entered_somebody_first_with_the_own_phone_learns_nothing_of_their_visits(self):
        """R6.2: Eve knows Bob's name and ID, and was here before him."""
        eve, bob = account_of("13800000000"), account_of()
        entered = patients.find_or_make(name=NAME, id_type="resident", id_number=ID, phone=eve.phone)
        accounts.add_member(account=eve, patient_id=entered.pk)
        assert [each["name"] for each in personal.hand_out(account=eve)["patients"]] == [NAME]
        tomorrow = timezone.localtime() + timedelta(days=1)
        session = factories.session(day=tomorrow, date=tomorrow.date(), state="planned", pool_opened_at=None)
        booked = factories.appointment(session, who=entered, account=bob)
        assert booked.token not in json.dumps(personal.hand_out(account=eve))
        assert booked.token in json.dumps(personal.hand_out(account=bob))
        assert look_up(phone=eve.phone, last_four=ID[-4:], address="192.0.2.1") == []
        Appointment.objects.filter(pk=booked.pk).update(state="seen", ended_at=timezone.now())
        personal.erase(account_id=eve.pk, code=code_for(eve))
        entered.refresh_from_db()
        assert entered.erased_at is None

    def test_a_phone_that_staff_has_noted_leads_to_all_visits(self):
        eve, bob = account_of("13800000000"), account_of()
        known = {"name": NAME, "id_type": "resident", "id_number": ID}
        patients.find_or_make(**known, phone=eve.phone)
        entered = patients.find_or_make(**known, phone=bob.phone, by_staff=True)
        seen(entered)
        assert [each["name"] for each in personal.hand_out(account=bob)["patients"]] == [NAME]
        assert personal.hand_out(account=eve)["patients"] == []


class TestErased:
    def test_no_trace_of_the_person_is_left_in_any_table(self, own, account, client):
        """And numbers, ledgers, money and missed visits are as they were."""
        secrets = [NAME, ID, PHONE, "push.example", *Patient.hashes_of(ID), *PhoneCode.hashes_of(PHONE)]
        secrets += list(Appointment.objects.values_list("token", flat=True))
        secrets += list(Ticket.objects.values_list("token", flat=True))
        secrets += [own.phone_hash, Patient.objects.get(pk=own.pk).phone]
        LogEntry.objects.create(
            user=User.objects.create(username="m"), content_type=ContentType.objects.get_for_model(Patient),
            object_id=str(own.pk), object_repr=NAME, action_flag=2,
        )  # fmt: skip
        client.post("/lookup/", {"phone": PHONE, "last_four": "0000"})
        assert LookupTry.objects.exists()
        before = [list(model.objects.order_by("pk").values()) for model in (QuotaMove, MoneyMove, Payment)]
        states = list(Appointment.objects.order_by("pk").values_list("state", "patient", "slot"))
        links = [f"/t/{each.token}/" for each in (*Appointment.objects.all(), *Ticket.objects.all())]
        assert all(client.get(link).status_code == 200 for link in links)

        personal.erase(account_id=account.pk, code=code_for(account))

        text = all_text()
        assert [each for each in secrets if each in text] == []
        assert [list(model.objects.order_by("pk").values()) for model in (QuotaMove, MoneyMove, Payment)] == before
        assert list(Appointment.objects.order_by("pk").values_list("state", "patient", "slot")) == states
        assert {client.get(link).status_code for link in links} == {404}
        assert not Account.objects.exists()
        assert not Member.objects.exists()
        logged = DataLog.objects.get()
        assert (logged.kind, logged.account, logged.patients) == ("erased", account.pk, [own.pk])
        assert list(invariants.breaches()) == []

    def test_the_same_person_is_new_afterwards(self, own, account):
        personal.erase(account_id=account.pk, code=code_for(account))
        again = patients.find_or_make(name=NAME, id_type="other", id_number=ID, phone=PHONE)
        assert again.pk != own.pk
        assert again.appointments.count() == 0

    def test_who_is_on_the_list_and_has_another_phone_stays(self, account):
        """Nobody is erased by somebody who knows the name and the ID."""
        child = factories.patient(name="小明", phone="13800000001")
        accounts.add_member(account=account, patient_id=child.pk)
        personal.erase(account_id=account.pk, code=code_for(account))
        assert Patient.objects.get(pk=child.pk).name == "小明"
        assert not Member.objects.exists()

    def test_only_with_the_code_that_was_sent(self, own, account):
        code_for(account)
        with refused("code_wrong"):
            personal.erase(account_id=account.pk, code="000000")
        assert Patient.objects.get(pk=own.pk).name == NAME
        assert PhoneCode.objects.first().tries == 1, "a wrong try stays counted"

    def test_nothing_can_be_booked_for_an_erased_patient(self, own, account):
        personal.erase(account_id=account.pk, code=code_for(account))
        with refused("no_patient"):
            appointments.book(patient_id=own.pk, slot_id=planned().slots.get(index=0).pk, now=WEEK_BEFORE)

    def test_a_patient_without_a_phone_is_erased_by_staff_with_a_reason(self):
        patient = factories.patient(name=NAME, phone="")
        who = User.objects.create(username="manager")
        with refused("reason_missing"):
            personal.erase_patient(patient_id=patient.pk, reason=" ", actor=who)
        logged = personal.erase_patient(patient_id=patient.pk, reason="asked in person", actor=who)
        assert (logged.actor, logged.reason, logged.account) == (who, "asked in person", None)
        assert Patient.objects.get(pk=patient.pk).name == ""

    def test_no_trace_of_the_phone_is_left_in_notices_either(self, settings):
        """Erased by staff. Whoever else has that phone still gets what is waiting for them."""
        settings.NOTICE_WAYS = ["sms"]
        parent, child = (factories.patient(name=name, phone=PHONE) for name in (NAME, "小明"))
        for number, patient in enumerate((parent, parent, child)):
            made = timezone.now() + timedelta(seconds=number)
            cause = Outbox.objects.create(
                kind="suspension_lifted", key=f"{number}", payload={"patient": patient.pk}, made_at=made
            )
            delivery.fan_out(cause)
        sent, waits, of_child = Delivery.objects.order_by("cause")
        Delivery.objects.filter(pk=sent.pk).update(state="sent", ended_at=timezone.now())
        assert {sent.to_hash, waits.to_hash, of_child.to_hash} == {parent.phone_hash}
        personal.erase_patient(patient_id=parent.pk, reason="asked in person")
        assert list(Delivery.objects.all()) == [of_child]


class TestHeld:
    """What is still open is told, with the time where there is one, and nothing is erased."""

    def refused(self, account, code: str) -> str:
        reason = personal.holding(personal.of_account(account))
        sent = code_for(account)
        with refused(code) as error:
            personal.erase(account_id=account.pk, code=sent)
        assert Account.objects.filter(pk=account.pk).exists()
        assert PhoneCode.objects.filter(used_at=None).exists(), "the code still counts"
        assert str(error.value.message) == str(reason.message)
        return str(reason.message)

    @pytest.mark.parametrize("state", ["held", "booked", "arrived"])
    def test_an_appointment_ahead(self, own, account, state):
        tomorrow = timezone.localtime() + timedelta(days=1)
        factories.appointment(
            factories.session(day=tomorrow), who=own, state=state, held_until=tomorrow if state == "held" else None
        )
        self.refused(account, "appointment_ahead")

    def test_an_appointment_that_was_booked_for_somebody_else(self, account):
        tomorrow = timezone.localtime() + timedelta(days=1)
        factories.appointment(factories.session(day=tomorrow), account=account)
        self.refused(account, "appointment_ahead")

    def test_money_that_may_still_come_or_is_on_its_way_back(self, own, account):
        payment = Payment.objects.get()
        until = timezone.now() + timedelta(minutes=10)
        for state, balance in (("open", 0), ("refunding", 2000)):
            Payment.objects.filter(pk=payment.pk).update(state=state, balance=balance, until=until)
            self.refused(account, "payment_unsettled")
            PhoneCode.objects.all().delete()

    def test_a_suspension_until_it_ends(self, own, account):
        now = timezone.now()
        suspension = Suspension.objects.create(patient=own, begins_at=now, until=now + timedelta(days=30))
        self.refused(account, "suspended")
        reason = personal.holding(personal.of_account(account))
        assert reason.extra["until"] == timezone.localtime(suspension.until).isoformat()
        Suspension.objects.update(ended_at=now, lift_reason="r")
        assert personal.holding(personal.of_account(account)) is None

    def test_who_is_in_a_draw_or_on_a_waitlist(self, own, account):
        session = planned(((1, 0),))
        seed = Ballot.objects.create(session=session, minutes=10)
        entry = BallotEntry.objects.create(ballot=seed, patient=own, asked_at=timezone.now())
        self.refused(account, "still_waiting")
        BallotEntry.objects.update(state="withdrawn", ended_at=timezone.now())
        waits = WaitlistEntry.objects.create(session=session, patient=own, joined_at=timezone.now())
        PhoneCode.objects.all().delete()
        self.refused(account, "still_waiting")
        WaitlistEntry.objects.update(state="left", ended_at=timezone.now())
        PhoneCode.objects.all().delete()
        for row in (entry, waits):
            Address.objects.create(way="push", value="https://push.example/2", token=row.token, made_at=timezone.now())
        kept = personal.hand_out(account=account)
        assert (kept["draws"][0]["code"], kept["waitlists"][0]["state"]) == (entry.code, "left")
        personal.erase(account_id=account.pk, code=code_for(account))
        for row in (entry, waits):
            assert type(row).objects.get().token != row.token
        assert not Address.objects.exists()

    def test_who_is_in_a_queue(self, own, account):
        Ticket.objects.update(state="waiting", ended_at=None)
        self.refused(account, "in_queue")


def test_the_log_cannot_be_changed(own, account):
    personal.hand_out(account=account)
    for act in (DataLog.objects.all().delete, lambda: DataLog.objects.update(account=None)):
        with pytest.raises(DatabaseError), transaction.atomic():
            act()


def erased_meanwhile(monkeypatch, patient: Patient) -> None:
    """Erased after somebody else's request has found the patient and before it writes."""
    looked = patients._of_this_name

    def erase_then(found: Patient, name: str) -> None:
        looked(found, name)
        personal.erase_patient(patient_id=patient.pk, reason="asked for it")

    monkeypatch.setattr(patients, "_of_this_name", erase_then)


def test_a_phone_that_staff_notes_is_not_written_to_who_was_erased_meanwhile(monkeypatch):
    patient = factories.patient(name=NAME, id_type="resident", id_number=ID, phone="13700000000")
    erased_meanwhile(monkeypatch, patient)
    found = patients.find_or_make(name=NAME, id_type="resident", id_number=ID, phone=PHONE, by_staff=True)
    patient.refresh_from_db()
    assert (patient.name, patient.phone, patient.phone_hash) == ("", None, "")
    assert (found.pk != patient.pk, found.name, found.phone) == (True, NAME, PHONE)


def test_who_is_erased_is_not_corrected_back_into_somebody():
    patient = factories.patient(name=NAME)
    personal.erase_patient(patient_id=patient.pk, reason="asked for it")
    with refused("no_patient"):
        patients.check_correction(patient_id=patient.pk, name=NAME, id_type="other", by_manager=True, reason="x")
