"""One access token for all processes, asked for once; what WeChat refuses is told from what it cannot do now."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from django.db import connection
from django.utils import timezone

from queueboard.wechat import api, credential
from queueboard.wechat.models import WeChatLimit, WeChatToken
from queueboard.wechat.transport import Gone, Limited, Refused, Unavailable

TOKEN, SEND, MENU = "stable_token", "message/template/send", "menu/create"
MENU_CALL = "/cgi-bin/menu/create"
THREADS = 20
pytestmark = pytest.mark.django_db


def menu():
    api.make_menu([{"type": "click", "name": "排队", "key": "queue"}])


def send(openid="oPatient", once="1"):
    data = {"thing1": "王建华", "character_string2": "A017"}
    api.send_template(openid, template="T", data=data, url="https://queue.example.org/t/x/", once=once)


def at_once(act, threads=THREADS):
    ready = Barrier(threads)

    def run():
        try:
            connection.ensure_connection()
            ready.wait(timeout=30)
            return act()
        finally:
            connection.close()

    with ThreadPoolExecutor(threads) as pool:
        return [each.result() for each in [pool.submit(run) for _ in range(threads)]]


def test_the_token_is_asked_for_once_and_kept_encrypted(wechat):
    menu()
    menu()
    assert wechat.asked == [TOKEN, MENU, MENU]
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT value FROM {WeChatToken._meta.db_table}")
        assert wechat.current not in cursor.fetchone()[0]


@pytest.mark.django_db(transaction=True)
def test_many_at_once_ask_for_one_token(wechat):
    wechat.slow = 0.2
    found = at_once(credential.current)
    assert {token.value for token in found} == {wechat.current}
    assert wechat.asked == [TOKEN]


@pytest.mark.django_db(transaction=True)
def test_many_who_find_the_token_void_ask_for_one_new_one(wechat):
    menu()
    wechat.void()
    wechat.asked.clear()
    wechat.slow = 0.2
    at_once(menu)
    assert wechat.asked.count(TOKEN) == 1
    assert WeChatToken.objects.get().serial == 2


@pytest.mark.parametrize("end", ["void", "expire"])
def test_a_token_that_ended_is_replaced_once_and_the_call_repeated(wechat, end):
    menu()
    getattr(wechat, end)()
    wechat.asked.clear()
    menu()
    assert wechat.asked == [MENU, TOKEN, MENU]


def test_a_token_is_replaced_before_it_ends(wechat):
    menu()
    WeChatToken.objects.update(expires_at=timezone.now() + credential.EARLY)
    wechat.expire()
    menu()
    assert wechat.asked == [TOKEN, MENU, TOKEN, MENU]


def test_a_new_token_that_is_void_too_is_not_asked_for_for_ever(wechat):
    wechat.fails = [40001, 40001]
    with pytest.raises(Unavailable):
        menu()
    assert wechat.asked == [TOKEN, MENU, TOKEN, MENU]


def test_who_died_while_asking_holds_the_others_up_for_a_while_only(wechat, monkeypatch):
    WeChatToken.objects.create(app_id="wx5823bf96d3bd56c7", asking_until=timezone.now() + credential.CLAIM)
    monkeypatch.setattr(credential, "PATIENCE", 0.1)
    with pytest.raises(Unavailable):
        credential.current()
    WeChatToken.objects.update(asking_until=timezone.now())
    assert credential.current().value == wechat.current


def test_a_wrong_secret_is_refused_and_told(wechat, settings):
    settings.WECHAT = settings.WECHAT | {"SECRET": "wrong"}
    with pytest.raises(Refused, match="invalid appsecret"):
        menu()


def test_a_token_that_could_not_be_had_is_asked_for_again_soon(wechat):
    wechat.token_fails = [-1]
    with pytest.raises(Unavailable):
        menu()
    WeChatToken.objects.update(asking_until=timezone.now())
    menu()
    assert wechat.menu


def test_busy_is_tried_again_at_once_and_then_later(wechat):
    wechat.fails = [-1]
    menu()
    wechat.fails = [-1, -1]
    with pytest.raises(Unavailable):
        menu()


@pytest.mark.parametrize(("code", "span"), api.PAUSES.items())
def test_a_call_whose_limit_is_used_up_is_not_made_for_a_while_and_others_are(wechat, code, span):
    wechat.followers = {"oPatient"}
    wechat.fails = [code]
    with pytest.raises(Limited):
        menu()
    wechat.asked.clear()
    with pytest.raises(Limited):
        menu()
    assert wechat.asked == []
    send()
    assert WeChatLimit.objects.get(call=MENU_CALL).until > timezone.now() + span - timedelta(seconds=30)
    WeChatLimit.objects.update(until=timezone.now())
    menu()


def test_who_does_not_follow_and_who_is_none_are_gone(wechat):
    for openid in ("oStranger", "nobody"):
        with pytest.raises(Gone):
            send(openid)


def test_what_is_wrong_with_a_template_is_refused(wechat):
    wechat.followers = {"oPatient"}
    wechat.fails = [40037]
    with pytest.raises(Refused) as error:
        send()
    assert not isinstance(error.value, Gone)


def test_the_same_message_is_shown_once(wechat):
    wechat.followers = {"oPatient"}
    send(once="a")
    send(once="a")
    send(once="b")
    assert [each["data"]["character_string2"]["value"] for each in wechat.sent] == ["A017", "A017"]


def test_no_error_tells_a_token_or_a_secret(wechat, settings):
    menu()
    wechat.down = True
    with pytest.raises(Unavailable) as error:
        menu()
    assert wechat.current not in str(error.value)
    assert error.value.__cause__ is None
    assert error.value.__suppress_context__


def test_a_qr_code_carries_the_scene(wechat):
    url = api.scene_qr("code", timedelta(minutes=10))
    assert wechat.scenes[url]["scene"] == "code"
