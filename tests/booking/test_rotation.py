"""The keys of the data are changed while the site runs: nothing is lost, nobody is twice, and it can be killed."""

import os
import signal
import subprocess
import sys
import threading
import time
from datetime import timedelta
from io import StringIO
from itertools import count

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, models, transaction
from django.test import override_settings
from encrypted_fields import fields

from booking import data_keys
from booking.models import Account, Patient, PhoneCode
from booking.models.encrypted import EncryptedFieldMixin, Unreadable
from booking.services import accounts, appointments, patients, rotation
from tests import browser, factories
from tests.booking.clinic import WEEK_BEFORE, planned, refused, slots

OLD, NEW, LOST = (("old-" * 12, "", ""), ("new-" * 12, "", ""), ("lost-" * 9, "", ""))
ID, PHONE = "110101199003070038", "13812345678"


@pytest.fixture
def keys(settings):
    """Sets the keys, the one in use first."""

    def known(*secrets):
        settings.DATA_KEYS = list(secrets)

    known(OLD)
    return known


def rotated(**options) -> str:
    said = StringIO()
    call_command("rotate_keys", stdout=said, **options)
    return said.getvalue()


def _fail(*_arguments):
    raise RuntimeError


def stored(row: models.Model, name: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {name} FROM {row._meta.db_table} WHERE id = %s", [row.pk])
        return cursor.fetchone()[0]


def test_everything_encrypted_is_found_by_the_rotation():
    """Any application's, by a field that says what it cannot read."""
    for model in rotation.encrypted_models():
        for each in model._meta.local_concrete_fields:
            assert not isinstance(each, fields.EncryptedFieldMixin) or isinstance(each, EncryptedFieldMixin), each
    assert {Patient, Account, PhoneCode} <= set(rotation.encrypted_models())


def test_what_the_library_encrypted_with_the_secret_key_is_still_read():
    """The key is derived as it always was, so that nothing is rotated because of an update."""
    library = fields.EncryptedCharField()
    with override_settings(SECRET_KEY="a secret", SALT_KEY="a salt", DATA_KEYS=[("a secret", "a salt", "")]):
        assert data_keys.box().decrypt(library.get_prep_value(PHONE)).decode() == PHONE


@pytest.mark.parametrize(
    ("own", "salt", "expected"),
    [
        ([], "", [("secret", "", ""), ("before", "", "")]),
        (["new", "old"], "", [("new", "", ""), ("old", "", "")]),
        ([], "salt", [("secret", "salt", ""), ("before", "salt", "")]),
        (["new"], "salt", [("new", "", ""), ("secret", "salt", ""), ("before", "salt", "")]),
    ],
)
def test_which_keys_the_environment_names(own, salt, expected):
    """Keys of its own, or those that sign; what earlier versions salted apart is read as long as it says how."""
    assert data_keys.secrets(own, secret_keys=["secret", "before"], salt=salt, lookup="") == expected


@pytest.mark.django_db
class TestWithBothKeys:
    """Between the switch and the end of the rotation, rows stand under either key."""

    @pytest.fixture
    def patient(self, keys):
        made = factories.patient(name="张三", id_number=ID, phone=PHONE)
        keys(NEW, OLD)
        return made

    def test_a_patient_is_found_by_id_and_not_made_again(self, patient):
        assert patients.find_or_make(name="张三", id_type="other", id_number=ID) == patient
        assert patients.find_or_make(name="张三", id_type="other", id_number=ID) == patient

    def test_the_database_refuses_a_second_patient_with_the_id(self, patient):
        with pytest.raises(IntegrityError), transaction.atomic():
            factories.patient(id_number=ID)
        assert Patient.objects.get() == patient

    def test_the_desk_and_the_lookup_find_by_phone_and_id(self, patient, admin_client, client):
        factories.appointment(factories.session(state="running"), who=patient)
        for text in (PHONE, ID):
            page = admin_client.get("/admin/booking/patient/", {"q": text}).content.decode()
            assert f"/admin/booking/patient/{patient.pk}/change/" in page
            found = admin_client.post("/api/v1/find/", {"q": text}, content_type="application/json").json()
            assert found["results"][0]["patient"] == patient.pk
        assert client.post("/lookup/", {"phone": PHONE, "last_four": ID[-4:]}).status_code == 302

    def test_those_with_one_phone_are_counted_together(self, patient):
        """R3.7: of two who share a phone, the first is under the old key and the second is new."""
        session = planned(((5, 0), (5, 0)), of=factories.department(booked_per_phone_day=1))
        other = factories.patient(phone=PHONE)
        appointments.book(patient_id=patient.pk, slot_id=slots(session)[0].pk, now=WEEK_BEFORE)
        with refused("limit_per_phone"):
            appointments.book(patient_id=other.pk, slot_id=slots(session)[0].pk, now=WEEK_BEFORE)

    def test_a_code_sent_before_the_switch_signs_in_to_the_same_account(self, keys):
        keys(OLD)
        account = accounts.sign_in(
            phone=PHONE, code=accounts.ask_code(phone=PHONE, now=WEEK_BEFORE).code, now=WEEK_BEFORE
        )
        now = WEEK_BEFORE + timedelta(minutes=2)
        code = accounts.ask_code(phone=PHONE, now=now).code
        keys(NEW, OLD)
        with refused("code_too_soon"):
            accounts.ask_code(phone=PHONE, now=now)
        assert accounts.sign_in(phone=PHONE, code=code, now=now) == account


@pytest.mark.django_db
class TestRotation:
    @pytest.fixture
    def people(self, keys):
        made = [factories.patient(name="张三", id_number=ID, phone=PHONE), factories.patient(id_number="", phone="")]
        code = accounts.ask_code(phone=PHONE).code
        accounts.sign_in(phone=PHONE, code=code)
        keys(NEW, OLD)
        return made

    def test_afterwards_the_old_key_is_not_needed(self, keys, people):
        with pytest.raises(CommandError, match="3 rows are under an older key"):
            rotated(check=True)
        assert "booking.Patient: 2 rows, 1 put under the first key" in rotated()
        keys(NEW)
        assert "the others are not needed" in rotated(check=True)
        patient = Patient.objects.get(name="张三")
        assert (patient.id_number, patient.phone) == (ID, PHONE)
        assert patients.find_or_make(name="张三", id_type="other", id_number=ID) == patient
        assert Account.objects.get().phone == PHONE
        empty = Patient.objects.get(pk=people[1].pk)
        assert (empty.id_number, empty.phone, empty.id_hash, empty.phone_hash) == (None, None, "", "")

    def test_twice_is_once(self, people):
        rotated()
        before = stored(people[0], "phone")
        assert "2 rows, 0 put" in rotated()
        assert stored(people[0], "phone") == before

    def test_family_of_one_phone_moves_in_one_step(self, keys, monkeypatch):
        monkeypatch.setattr(rotation, "BATCH", 2)
        for _ in range(5):
            factories.patient(phone=PHONE)
            factories.patient()
        keys(NEW, OLD)
        next(rotation.rotate(Patient))
        of_phone = Patient.objects.filter(phone_hash__in=Patient.hashes_of(PHONE))
        assert set(of_phone.values_list("phone_hash", flat=True)) == {Patient.hashes_of(PHONE)[0]}
        assert of_phone.count() == 5

    def test_what_changes_meanwhile_is_kept(self, people, monkeypatch):
        """Between the look at a batch and its lock somebody corrects the phone."""
        plain = rotation._with_same_hash

        def corrected(model, ids):
            if model is Patient:
                patient = Patient.objects.get(pk=people[0].pk)
                patient.phone = "13900000000"
                patient.save()
            return plain(model, ids)

        monkeypatch.setattr(rotation, "_with_same_hash", corrected)
        rotated()
        assert Patient.objects.get(pk=people[0].pk).phone == "13900000000"

    def test_a_step_that_fails_changes_nothing_and_the_next_run_ends_it(self, keys, people, monkeypatch):
        with monkeypatch.context() as broken:
            broken.setattr(rotation, "_write", _fail)
            with pytest.raises(RuntimeError):
                rotated()
        keys(OLD)
        assert Patient.objects.get(pk=people[0].pk).phone == PHONE
        keys(NEW, OLD)
        rotated()
        assert "not needed" in rotated(check=True)

    def test_two_rows_with_one_id_are_told_and_both_stay(self, keys, people):
        """Made by a process that did not know the other key."""
        keys(NEW)
        again = factories.patient(name="张三", id_number=ID)
        keys(NEW, OLD)
        with pytest.raises(CommandError, match="1 values are in two rows"):
            rotated()
        keys(NEW)
        assert {each.id_number for each in Patient.objects.filter(pk__in=[people[0].pk, again.pk])} == {ID}


@pytest.mark.django_db
class TestLostKey:
    @pytest.fixture
    def patient(self, keys):
        keys(LOST)
        made = factories.patient(name="张三", id_number=ID, phone=PHONE)
        keys(NEW, OLD)
        return made

    def test_what_cannot_be_read_is_told_and_left_as_it_is(self, keys, patient, capsys):
        before = stored(patient, "phone")
        for check in (True, False):
            said = StringIO()
            with pytest.raises(CommandError, match="2 values cannot be read"):
                call_command("rotate_keys", check=check, stdout=said)
            assert f"booking.Patient {patient.pk} phone cannot be read" in said.getvalue()
        assert stored(patient, "phone") == before
        keys(NEW, LOST)
        rotated()
        keys(NEW)
        assert Patient.objects.get().phone == PHONE

    def test_it_is_neither_shown_nor_taken_for_a_phone(self, patient, caplog, admin_client):
        found = Patient.objects.get()
        assert isinstance(found.phone, Unreadable)
        assert not found.phone
        assert "Patient.phone cannot be read" in caplog.text
        page = admin_client.get(f"/admin/booking/patient/{patient.pk}/change/?lang=en").content.decode()
        assert stored(patient, "phone")[-4:] not in page
        assert stored(patient, "phone") not in caplog.text

    def test_saving_the_row_keeps_it(self, keys, patient):
        found = Patient.objects.get()
        found.name = "张四"
        found.save()
        keys(LOST)
        again = Patient.objects.get()
        assert (again.name, again.phone) == ("张四", PHONE)
        assert patients.find_or_make(name="张四", id_type="other", id_number=ID) == again


AFTER_ONE_BATCH = """
import django, os, signal
django.setup()
from booking.models import Patient
from booking.services import rotation
next(iter(rotation.rotate(Patient)))
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.django_db(transaction=True)
def test_killed_halfway_and_started_again(keys):
    """A real process, killed with some rows under each key."""
    number = count(1)
    blank = [Patient(name="王", id_type="other", id_number=f"K{next(number):08}", phone=PHONE[:8]) for _ in range(1000)]
    for each in blank:
        each.phone = f"139{next(number):08}"
        each.id_hash, each.phone_hash = Patient.hashes_of(each.id_number)[0], Patient.hashes_of(each.phone)[0]
    Patient.objects.bulk_create(blank)
    last = Patient.objects.order_by("-pk")[0]
    keys(NEW, OLD)
    own = {"DATABASE_URL": browser.database_url(), "DATA_KEYS": f"{NEW[0]},{OLD[0]}"}
    own["DJANGO_SETTINGS_MODULE"] = "queueboard.settings"
    killed = subprocess.run([sys.executable, "-c", AFTER_ONE_BATCH], cwd=browser.ROOT, env=os.environ | own)
    assert killed.returncode == -signal.SIGKILL
    written = sum(batch.seen - batch.older for batch in rotation.check(Patient))
    assert written == rotation.BATCH < 1000
    assert patients.find_or_make(name="王", id_type="other", id_number=last.id_number) == last
    with pytest.raises(CommandError, match="under an older key"):
        rotated(check=True)
    rotated()
    keys(NEW)
    assert "not needed" in rotated(check=True)
    assert Patient.objects.count() == 1000
    assert Patient.objects.get(pk=last.pk).phone == last.phone


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_processes_of_before_and_after_the_switch_make_one_patient(keys, monkeypatch):
    """While they are restarted one by one, some write under the old key and some under the new."""
    keys(OLD, NEW)
    own = threading.local()
    both = {"before": data_keys._derived((OLD, NEW)), "after": data_keys._derived((NEW, OLD))}
    monkeypatch.setattr(data_keys, "known", lambda: both[own.name])
    made, ready, first_in = [], threading.Event(), threading.Event()

    def find(name, *, wait):
        own.name = name
        try:
            with transaction.atomic():
                if not wait:
                    first_in.wait(10)
                made.append(patients.find_or_make(name="张三", id_type="other", id_number=ID).pk)
                if wait:
                    first_in.set()
                    ready.wait(10)
        finally:
            connection.close()

    threads = [threading.Thread(target=find, args=["before"], kwargs={"wait": True})]
    threads.append(threading.Thread(target=find, args=["after"], kwargs={"wait": False}))
    for thread in threads:
        thread.start()
    first_in.wait(10)
    until = time.monotonic() + 10
    with connection.cursor() as cursor:
        waiting = 0
        while not waiting and time.monotonic() < until:
            cursor.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
            (waiting,) = cursor.fetchone()
    assert waiting == 1
    ready.set()
    for thread in threads:
        thread.join(10)
    assert len(set(made)) == 1
    assert len(made) == 2
    own.name = "after"
    assert Patient.objects.count() == 1
