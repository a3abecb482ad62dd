"""What the official account answers: to whom, how often, and to what."""

from datetime import timedelta
from urllib.parse import urlencode

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from queueboard.chat import hearing
from queueboard.chat.models import Correspondent, Heard, Proof
from queueboard.notify.models import Address
from queueboard.services.arrivals import register_walk_in
from tests import factories
from tests.fakes import official_account as fake

pytestmark = pytest.mark.django_db
HELP = "您可以发送"


def test_without_an_official_account_there_is_nothing(patient, settings):
    settings.WECHAT = settings.WECHAT | {"SECRET": ""}
    assert patient.post(fake.message("oPatient", Content="排队")).status_code == 404
    assert patient.client.get("/wechat/").status_code == 404


def test_wechat_asks_whether_we_are_there(patient):
    asked = fake.query() | {"echostr": "5838479218127813673"}
    response = patient.client.get("/wechat/?" + urlencode(asked))
    assert (response.status_code, response.content) == (200, b"5838479218127813673")
    assert response["Content-Type"].startswith("text/plain")
    assert patient.client.get("/wechat/?" + urlencode(asked | {"signature": "0" * 40})).status_code == 403


@pytest.mark.parametrize("encrypted", [False, True])
def test_a_message_is_answered_in_the_way_it_came(patient, settings, wechat, encrypted):
    settings.WECHAT = wechat.settings(encrypted=encrypted)
    patient.encrypted = encrypted
    assert HELP in patient.writes("你好")


def test_forged_and_old_messages_are_refused_and_change_nothing(patient):
    path, body = fake.request(fake.message("oPatient", Content="排队"))
    forged = path.replace("signature=", "signature=0")
    assert patient.client.generic("POST", forged, body.encode()).status_code == 403
    old = timezone.now() - timedelta(minutes=6)
    assert patient.post(fake.message("oPatient", Content="排队"), at=old.timestamp()).status_code == 403
    assert not Heard.objects.exists()


def test_a_signature_seen_in_a_log_is_good_for_no_other_words(patient):
    """A plain message is not covered by its signature, which stands in the address."""
    path, body = fake.request(fake.message("oPatient", Content="你好"))
    assert patient.client.generic("POST", path, body.encode()).status_code == 200
    _path, other = fake.request(fake.message("oPatient", Content="排队"))
    assert patient.client.generic("POST", path, other.encode()).status_code == 403
    assert Heard.objects.count() == 1


def test_the_signature_of_a_second_delivery_is_good_for_no_other_words_either(patient):
    sent = fake.message("oVictim", Content="你好")
    patient.post(sent)
    again, body = fake.request(sent)
    for _ in range(2):
        assert patient.client.generic("POST", again, body.encode()).status_code == 200
    _path, other = fake.request(fake.message("oVictim", Content="解绑"))
    assert patient.client.generic("POST", again, other.encode()).status_code == 403
    assert Heard.objects.count() == 1


def test_the_signature_of_the_question_whether_we_are_there_signs_no_message(patient):
    asked = "/wechat/?" + urlencode(fake.query() | {"echostr": "x"})
    for _ in range(2):
        assert patient.client.get(asked).status_code == 200
    _path, body = fake.request(fake.message("oVictim", Content="解绑"))
    assert patient.client.generic("POST", asked, body.encode()).status_code == 403
    assert not Heard.objects.exists()


def test_the_signature_of_a_message_is_none_for_the_question_whether_we_are_there(patient):
    path, body = fake.request(fake.message("oPatient", Content="你好"))
    patient.client.generic("POST", path, body.encode())
    assert patient.client.get(path + "&echostr=x").status_code == 403


def test_a_message_under_anothers_number_is_not_answered_with_the_others_words(patient):
    sent = fake.message("oPatient", Content="排队")
    patient.post(sent)
    assert patient.post(sent | {"FromUserName": "oThief"}).status_code == 403


@pytest.mark.parametrize("body", [b"", b"<xml/>", b"<a>" * 30_000, b"x" * 70_000, b"\xff\xfe"])
def test_what_is_no_message_is_refused(patient, body):
    response = patient.client.generic("POST", "/wechat/?" + urlencode(fake.query()), body)
    assert response.status_code in (400, 413)


def test_a_duplicate_is_answered_with_the_same_words_though_the_queue_has_moved_on(patient, session):
    mine = register_walk_in(session_id=session.pk, patient_id=factories.patient().pk)
    sent = fake.message("oPatient", Content=mine.label)
    first = patient.reads(sent)
    assert mine.label in first
    session.tickets.update(state="left")
    assert patient.reads(sent) == first
    assert Heard.objects.count() == 1
    assert patient.writes(mine.label) != first


def test_a_duplicate_whose_first_delivery_died_is_answered_from_what_was_decided(patient, session):
    """The effect is in the database; the words had not been made."""
    sent = fake.message("oPatient", Content="A017")
    first = patient.reads(sent)
    Heard.objects.update(answer=None)
    assert patient.reads(sent) == first


def test_an_event_delivered_twice_is_one(patient):
    sent = fake.event("oPatient", "subscribe", "")
    assert patient.reads(sent) == patient.reads(sent) != ""
    assert Heard.objects.count() == 1


@pytest.mark.parametrize("kind", ["image", "voice", "location", "link", "something new"])
def test_what_we_cannot_read_is_answered_kindly(patient, kind):
    assert HELP in patient.reads(fake.message("oPatient", kind, MediaId="x"))


@pytest.mark.parametrize("name", ["VIEW", "LOCATION", "TEMPLATESENDJOBFINISH", "something new"])
def test_events_that_want_no_answer_get_none(patient, name):
    assert patient.post(fake.event("oPatient", name, "x")).content == b"success"


@pytest.mark.parametrize("name", ["VIEW", "unsubscribe"])
def test_the_signature_of_an_event_without_answer_is_used_up_too(patient, name):
    path, body = fake.request(fake.event("oPatient", name, "x"))
    assert patient.client.generic("POST", path, body.encode()).content == b"success"
    _path, other = fake.request(fake.message("oStranger", Content="排队"))
    assert patient.client.generic("POST", path, other.encode()).status_code == 403


def test_a_code_of_the_hospitals_own_that_leads_here_is_welcomed(patient):
    assert "欢迎" in patient.scans("ward-3", follows=True)
    assert HELP in patient.scans("ward-3")


def test_who_unfollows_is_forgotten_and_nothing_of_theirs_is_delivered_anew(patient):
    sent, left = fake.message("oPatient", Content="你好"), fake.event("oPatient", "unsubscribe")
    assert patient.reads(sent)
    for _ in range(2):
        assert patient.post(left).content == b"success"
    assert patient.reads(sent) == ""
    assert not Heard.objects.exclude(answer=None, look=None).exists()
    assert not Heard.objects.exclude(correspondent=None).exists()


def test_many_messages_are_answered_once_and_then_not(patient, stranger):
    for _ in range(hearing.A_MINUTE):
        assert HELP in patient.writes("?")
    assert "稍等" in patient.writes("?")
    assert patient.writes("?") == ""
    assert HELP in stranger.writes("?")
    Heard.objects.update(at=timezone.now() - timedelta(minutes=1))
    assert HELP in patient.writes("?")


def test_nothing_that_names_a_sender_is_kept_in_clear(patient, session):
    patient.writes("排队")
    with connection.cursor() as cursor:
        for model in (Correspondent, Heard):
            cursor.execute(f"SELECT * FROM {model._meta.db_table}")
            assert "oPatient" not in str(cursor.fetchall())


def test_answers_are_forgotten_after_a_day(patient):
    patient.writes("?")
    patient.client.get("/wechat/?" + urlencode(fake.query()))
    assert hearing.forget() == 0
    assert hearing.forget(now=timezone.now() + hearing.KEPT) == 1
    assert not Proof.objects.exists()


def test_who_is_bound_to_nothing_is_forgotten_in_the_end_and_who_is_bound_is_not(patient, stranger):
    for each in (patient, stranger):
        each.writes("?")
    Address.objects.create(way="wechat", value="oPatient", token="t" * 22, made_at=timezone.now())
    hearing.forget(now=timezone.now() + hearing.REMEMBERED - timedelta(days=1))
    assert Correspondent.objects.count() == 2
    hearing.forget(now=timezone.now() + hearing.REMEMBERED)
    assert Correspondent.objects.get().address == "oPatient"


@pytest.mark.parametrize(("text", "most"), [("?", 12), ("A001", 27), ("王建华", 32)])
def test_an_answer_costs_few_queries_and_asks_nobody_outside(patient, session, wechat, text, most):
    """WeChat waits five seconds: what is counted here is what could make it wait."""
    for _ in range(15):
        register_walk_in(session_id=session.pk, patient_id=factories.patient().pk)
    wechat.down = True
    wechat.asked.clear()
    with CaptureQueriesContext(connection) as queries:
        assert patient.writes(text)
    assert len(queries) <= most, [each["sql"][:80] for each in queries]
    assert wechat.asked == []
