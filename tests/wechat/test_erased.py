"""Who has their data erased leaves nothing in WeChat's part either; who else wrote from the same place stays."""

from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from booking.models import PhoneCode
from booking.services import personal
from queueboard.chat.models import Correspondent, Heard, VisitCode
from queueboard.notify.models import Address
from queueboard.services.arrivals import leave, register_walk_in
from tests import factories
from tests.fakes import official_account as fake
from tests.privacy.test_personal import account_of, code_for

pytestmark = pytest.mark.django_db
PHONE, OTHER_PHONE, NAME = "13912345678", "13700000001", "张晓明"
UNKNOWN = "您还没有绑定"
OLD_KEY, NEW_KEY = ("old-" * 12, "", ""), ("new-" * 12, "", "")


@pytest.fixture
def ticket(session):
    """Of a visit that is over once everybody has bound what they bind."""
    return register_walk_in(session_id=session.pk, patient_id=factories.patient(NAME, phone=PHONE).pk)


def bind_phone(who, phone=PHONE) -> None:
    who.writes(f"绑定 {phone}")
    who.writes(PhoneCode.objects.latest("pk").code)


def scan(wechat, who, ticket) -> None:
    before = set(wechat.scenes)
    who.client.post(f"/t/{ticket.token}/wechat/")
    (url,) = set(wechat.scenes) - before
    assert ticket.token in who.scans(wechat.scenes[url]["scene"])


def erased(ticket) -> None:
    leave(ticket_id=ticket.pk)
    PhoneCode.objects.update(made_at=timezone.now() - timedelta(minutes=5))
    account = account_of(PHONE)
    personal.erase(account_id=account.pk, code=code_for(account))


def kept() -> str:
    """What is kept of chats and bindings, as the database has it and as it reads with the keys."""
    with connection.cursor() as cursor:
        rows = []
        for model in (Address, Correspondent, Heard, VisitCode):
            cursor.execute(f"SELECT * FROM {model._meta.db_table}")
            rows += cursor.fetchall()
            rows += model.objects.values_list()
    return str(rows)


@pytest.mark.parametrize("way", ["phone", "scan"])
def test_nothing_of_who_is_erased_is_left_of_what_they_bound_and_were_answered(wechat, patient, ticket, way):
    if way == "phone":
        bind_phone(patient)
    else:
        scan(wechat, patient, ticket)
    asked = fake.message("oPatient", Content="排队")
    assert ticket.token in patient.reads(asked)
    erased(ticket)
    assert not Address.objects.exists()
    assert not Correspondent.objects.exists()
    assert not VisitCode.objects.exists()
    assert not any(secret in kept() for secret in ("oPatient", ticket.token, "张*明"))
    assert patient.reads(asked) == "", "what is delivered again is answered nothing, rather than told anew"
    assert UNKNOWN in patient.writes("排队")


def test_who_of_the_family_scanned_the_ticket_is_told_of_their_own_visits_as_before(
    wechat, patient, stranger, ticket, session
):
    scan(wechat, patient, ticket)
    own = register_walk_in(session_id=session.pk, patient_id=factories.patient("李四", phone=OTHER_PHONE).pk)
    bind_phone(stranger, OTHER_PHONE)
    scan(wechat, stranger, ticket)
    stranger.writes("English")
    answer = stranger.writes("queue")
    assert ticket.token in answer
    erased(ticket)
    assert [each.value for each in Address.objects.all()] == ["oStranger"]
    assert ticket.token not in kept()
    assert "张*明" not in kept()
    answer = stranger.writes("queue")
    assert own.token in answer
    assert "As of" in answer, "still in English"


@pytest.fixture
def old_key(settings):
    settings.DATA_KEYS = [OLD_KEY]


def test_while_the_keys_of_the_data_are_changed_the_writer_is_found_by_either(old_key, patient, ticket, settings):
    bind_phone(patient)
    settings.DATA_KEYS = [NEW_KEY, OLD_KEY]
    patient.writes("排队")  # who writes is under the new key from now on, where they are told is not yet
    assert Correspondent.objects.get().address_hash != Address.objects.get().value_hash
    erased(ticket)
    assert not Correspondent.objects.exists()
