"""Who is told of which visits: by a scanned code, or by a phone that a code confirms; and until when."""

from io import StringIO

import pytest
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from booking.models import Account, PhoneCode
from queueboard.chat import bindings
from queueboard.chat.models import Correspondent, VisitCode
from queueboard.notify.models import Address
from queueboard.services.arrivals import leave, register_walk_in
from tests import factories
from tests.fakes import official_account as fake

pytestmark = pytest.mark.django_db
PHONE = "13912345678"
UNKNOWN = "您还没有绑定"
OLD_KEY, NEW_KEY = ("old-" * 12, "", ""), ("new-" * 12, "", "")


@pytest.fixture
def ticket(session):
    return register_walk_in(session_id=session.pk, patient_id=factories.patient("张晓明", phone=PHONE).pk)


def scene(wechat, client, ticket) -> str:
    """The patient's page shows a code; what it says to WeChat."""
    before = set(wechat.scenes)
    response = client.post(f"/t/{ticket.token}/wechat/", follow=True)
    assert response.status_code == 200
    (url,) = set(wechat.scenes) - before
    return wechat.scenes[url]["scene"]


def bind_phone(patient, phone=PHONE) -> str:
    assert "139****5678" in patient.writes(f"绑定 {phone}")
    return patient.writes(PhoneCode.objects.latest("pk").code)


@pytest.mark.parametrize("follows", [False, True])
def test_who_scans_the_code_of_a_visit_is_told_of_it(wechat, patient, ticket, follows):
    answer = patient.scans(scene(wechat, patient.client, ticket), follows=follows)
    assert f"https://queue.example.org/t/{ticket.token}/" in answer
    assert f"{ticket.label}：下一位就是您" in answer
    assert ("欢迎" in answer) == follows
    assert f"/t/{ticket.token}/" in patient.writes("排队")
    assert Address.objects.get().value == "oPatient"


def test_a_code_is_unguessable_short_lived_and_not_the_link(wechat, patient, ticket):
    code = scene(wechat, patient.client, ticket)
    assert len(code) >= 32
    assert ticket.token not in code
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM {VisitCode._meta.db_table}")
        assert code not in str(cursor.fetchall())
    VisitCode.objects.update(until=timezone.now())
    assert "已过期" in patient.scans(code)
    assert not Address.objects.exists()


def test_a_code_works_once_whoever_else_scans_it(wechat, patient, stranger, ticket):
    code = scene(wechat, patient.client, ticket)
    patient.scans(code)
    for _ in range(2):
        refused = stranger.scans(code)
        assert "已经用过" in refused
        assert ticket.token not in refused
    assert UNKNOWN in stranger.writes("排队")
    assert ticket.token in patient.scans(code)  # one's own again: nothing is lost by it


def test_a_made_up_code_binds_nothing(stranger, ticket):
    for code in ("x", ticket.token, str(ticket.pk)):
        assert "已经用过" in stranger.scans(f"visit-{code}")
        assert ticket.token not in stranger.scans(code)


def test_two_of_a_family_each_scan_a_code_of_their_own(wechat, patient, stranger, ticket):
    first = scene(wechat, patient.client, ticket)
    patient.scans(first)
    second = scene(wechat, patient.client, ticket)
    assert first != second
    assert ticket.token in stranger.scans(second)


def test_a_page_shows_the_code_that_it_has_before_it_makes_another(wechat, patient, ticket):
    scene(wechat, patient.client, ticket)
    patient.client.post(f"/t/{ticket.token}/wechat/")
    assert len(wechat.scenes) == 1


def test_who_types_the_code_sent_to_a_phone_is_told_of_its_visits(patient, ticket, session):
    booked = factories.appointment(session, slot_index=2)
    booked.account = Account.objects.create(phone=PHONE, made_at=timezone.now())
    booked.save()
    answer = bind_phone(patient)
    assert "139****5678 已绑定" in answer
    assert f"/t/{ticket.token}/" in answer
    assert f"/t/{booked.token}/" in answer
    assert Address.objects.get().account == booked.account


def test_a_wrong_code_binds_nothing_and_is_counted(patient, ticket):
    patient.writes(f"绑定{PHONE}")
    sent = PhoneCode.objects.get()
    for n in range(1, 6):
        assert "不正确" in patient.writes(f"{(int(sent.code) + n) % 10**6:06}")
    assert "不正确" in patient.writes(sent.code)
    assert not Address.objects.exists()


def test_a_code_sent_for_one_binds_nobody_else(patient, stranger, ticket):
    patient.writes(f"绑定 {PHONE}")
    assert "没有等待" in stranger.writes(PhoneCode.objects.get().code)
    assert not Address.objects.exists()


def test_what_is_said_before_the_code_is_typed_is_the_same_for_every_phone(patient, ticket):
    assert patient.writes(f"绑定 {PHONE}").replace("139****5678", "") == patient.writes("绑定 13700000001").replace(
        "137****0001", ""
    )


def test_text_messages_are_limited_for_each_correspondent(patient):
    for n in range(bindings.CODES_A_DAY):
        assert "验证码已发送" in patient.writes(f"绑定 1370000000{n}")
    assert "次数过多" in patient.writes("绑定 13700000009")
    assert PhoneCode.objects.count() == bindings.CODES_A_DAY


def test_another_phone_takes_the_place_of_the_first(patient, ticket):
    bind_phone(patient)
    patient.writes("绑定 13700000001")
    patient.writes(PhoneCode.objects.latest("pk").code)
    assert ticket.token not in patient.writes("排队")
    assert Address.objects.count() == 1


def test_who_unbinds_is_told_nothing_more(wechat, patient, ticket):
    bind_phone(patient)
    patient.scans(scene(wechat, patient.client, ticket))
    assert Address.objects.count() == 2
    assert "已解除绑定" in patient.writes("解绑")
    assert not Address.objects.exists()
    assert UNKNOWN in patient.writes("排队")
    assert UNKNOWN in patient.writes("解绑")


def test_who_unfollows_is_forgotten_and_can_come_back(wechat, patient, ticket):
    bind_phone(patient)
    patient.post(fake.event("oPatient", "unsubscribe"))
    assert not Address.objects.exists()
    assert not Correspondent.objects.exists()
    assert ticket.token in patient.scans(scene(wechat, patient.client, ticket), follows=True)


def test_a_duplicate_of_a_code_binds_once_and_is_answered_alike(patient, ticket):
    patient.writes(f"绑定 {PHONE}")
    sent = fake.message("oPatient", Content=PhoneCode.objects.get().code)
    assert patient.reads(sent) == patient.reads(sent)
    assert Address.objects.count() == 1


def test_an_address_is_kept_encrypted(patient, ticket):
    bind_phone(patient)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM {Address._meta.db_table}")
        assert "oPatient" not in str(cursor.fetchall())


def test_the_page_offers_the_code_only_with_an_account_and_only_while_the_visit_lasts(patient, ticket, settings):
    page, code_page = f"/t/{ticket.token}/", f"/t/{ticket.token}/wechat/"
    assert code_page in patient.client.get(page).content.decode()
    assert patient.client.get("/t/nobodys/wechat/").status_code == 404
    leave(ticket_id=ticket.pk)
    assert code_page not in patient.client.get(page).content.decode()
    assert patient.client.post(code_page).status_code == 404
    settings.WECHAT = settings.WECHAT | {"SECRET": ""}
    assert patient.client.get(code_page).status_code == 404


@pytest.mark.parametrize(("language", "words"), [("en", "press long"), ("zh-hans", "长按"), ("zh-hant", "長按")])
def test_the_code_is_shown_as_a_picture_with_words(patient, ticket, language, words):
    patient.client.post(f"/t/{ticket.token}/wechat/")
    html = patient.client.get(f"/t/{ticket.token}/wechat/?lang={language}").content.decode()
    assert 'src="data:image/png;base64,' in html
    assert words in html


def test_a_page_says_so_while_wechat_does_not_answer(wechat, patient, ticket):
    wechat.down = True
    response = patient.client.post(f"/t/{ticket.token}/wechat/")
    assert response.status_code == 503
    assert "微信暂时没有回应" in response.content.decode()


@pytest.fixture
def old_key(settings):
    settings.DATA_KEYS = [OLD_KEY]


def test_who_is_bound_stays_so_while_the_keys_of_the_data_are_changed_and_after(old_key, patient, ticket, settings):
    bind_phone(patient)
    sent = fake.message("oPatient", Content="排队")
    first = patient.reads(sent)
    settings.DATA_KEYS = [NEW_KEY, OLD_KEY]
    assert patient.reads(sent) == first
    assert ticket.token in patient.writes("排队")
    call_command("rotate_keys", stdout=StringIO())
    settings.DATA_KEYS = [NEW_KEY]
    assert ticket.token in patient.writes("排队")
    assert Correspondent.objects.count() == Address.objects.count() == 1
    patient.writes("解绑")
    assert not Address.objects.exists()
