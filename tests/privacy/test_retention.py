"""What nobody needs any more is erased by itself, once a day, in batches."""

from datetime import timedelta

import pytest
from django.contrib.sessions.models import Session as WebSession
from django.utils import timezone

from booking import tasks
from booking.models import Account, DataLog, Member, Outbox, Patient, Payment, PhoneCode, Suspension
from booking.services import accounts, personal, retention
from queueboard import tasks as site_tasks
from queueboard.models import Ticket
from tests import factories
from tests.privacy.test_personal import account_of, seen

pytestmark = pytest.mark.django_db
YEARS = 4 * 365


def old(name: str = "旧人", **fields) -> Patient:
    """Somebody who became a patient four years ago."""
    made = factories.patient(name=name, **fields)
    Patient.objects.filter(pk=made.pk).update(made_at=timezone.now() - timedelta(days=YEARS))
    return made


def names() -> set[str]:
    return set(Patient.objects.values_list("name", flat=True))


def test_who_has_not_come_for_three_years_is_erased_and_who_has_stays():
    old("never came")
    seen(old("came long ago"), YEARS - 1)
    seen(old("came last year"), 300)
    factories.patient(name="new")
    walk_in = old("walked in last year")
    ticket = Ticket.objects.create(
        session=factories.session(state="closed"), patient=walk_in, number=1, booked=False, state="done",
        slot=factories.session().slots.first(), arrived=timezone.now() - timedelta(days=300),
    )  # fmt: skip
    assert retention.expire()["patients"] == 2
    assert names() == {"", "came last year", "new", "walked in last year"}
    assert Ticket.objects.get(pk=ticket.pk).token == ticket.token
    assert {each.kind for each in DataLog.objects.all()} == {"expired"}
    assert retention.expire()["patients"] == 0  # twice is once


def test_what_is_still_open_keeps_a_patient():
    suspended, owed = old("suspended"), old("owed")
    now = timezone.now()
    Suspension.objects.create(patient=suspended, begins_at=now - timedelta(days=5000), until=now + timedelta(days=1))
    visit = seen(owed, YEARS - 1, fee=2000)
    Payment.objects.create(
        appointment=visit, provider="demo", amount=2000, balance=2000, state="refunding", made_at=now, until=now
    )  # fmt: skip
    assert retention.expire()["patients"] == 0
    assert retention.expire(now=now + timedelta(days=2))["patients"] == 1
    assert names() == {"", "owed"}


def test_the_time_is_a_setting_and_zero_keeps_for_good(settings):
    old()
    settings.PATIENT_DAYS = 0
    assert retention.expire()["patients"] == 0
    settings.PATIENT_DAYS = YEARS + 1
    assert retention.expire()["patients"] == 0
    settings.PATIENT_DAYS = YEARS - 1
    assert retention.expire()["patients"] == 1


def test_killed_halfway_the_next_run_goes_on(monkeypatch):
    monkeypatch.setattr(retention, "BATCH", 2)
    for _ in range(5):
        old()
    plain, done = personal.erase_now, []

    def killed(*args, **kwargs):
        if len(done) == 3:
            raise KeyboardInterrupt
        done.append(1)
        return plain(*args, **kwargs)

    with monkeypatch.context() as context:
        context.setattr(personal, "erase_now", killed)
        with pytest.raises(KeyboardInterrupt):
            tasks.expire_data()
    assert Patient.objects.filter(erased_at=None).count() == 2
    assert tasks.expire_data() == 2
    assert DataLog.objects.count() == 5


def test_one_who_comes_back_at_that_moment_is_kept(monkeypatch):
    """Between the list of a batch and the turn of this patient."""
    patient = old()
    plain = retention._expire

    def came_back(pk, patients, now):
        seen(patient, 1)
        return plain(pk, patients, now)

    monkeypatch.setattr(retention, "_expire", came_back)
    assert retention.expire()["patients"] == 0
    assert names() == {"旧人"}


def test_an_account_goes_with_the_last_of_its_patients():
    account = account_of()
    Account.objects.update(made_at=timezone.now() - timedelta(days=YEARS))
    accounts.add_member(account=account, patient_id=old().pk)
    accounts.add_member(account=account, patient_id=factories.patient().pk)
    assert retention.expire()["accounts"] == 0
    Member.objects.all().delete()
    assert retention.expire()["accounts"] == 1


def test_messages_codes_and_sessions_of_browsers(settings):
    now = timezone.now()
    for key, made, sent in (("old", 40, 31), ("new", 40, 29), ("never", 400, None)):
        Outbox.objects.create(
            kind="x", key=key, payload={}, made_at=now - timedelta(days=made),
            sent_at=sent and now - timedelta(days=sent),
        )  # fmt: skip
    accounts.ask_code(phone="13912345678", now=now - timedelta(hours=25))
    accounts.ask_code(phone="13912345678", now=now - timedelta(hours=23))
    WebSession.objects.create(session_key="a", session_data="", expire_date=now - timedelta(days=1))
    WebSession.objects.create(session_key="b", session_data="", expire_date=now + timedelta(days=1))
    kept = set(Outbox.objects.filter(kind="phone_code").values_list("key", flat=True))
    assert retention.expire() == {"patients": 0, "accounts": 0, "messages": 1, "codes": 1}
    assert set(Outbox.objects.values_list("key", flat=True)) == {"new", "never"} | kept
    assert PhoneCode.objects.count() == 1
    assert site_tasks.forget_sessions() == 1
    assert site_tasks.forget_sessions.name in {entry["task"] for entry in settings.CELERY_BEAT_SCHEDULE.values()}
    assert WebSession.objects.get().session_key == "b"
