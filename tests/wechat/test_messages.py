"""What WeChat posts is read only where WeChat has signed it for us, lately, and harms nothing."""

from datetime import timedelta
from urllib.parse import parse_qsl, urlsplit

import pytest
from django.utils import timezone

from queueboard.wechat import messages, signing
from queueboard.wechat.checks import official_account as checked
from tests.fakes import official_account as fake

FROM = "oPatient"


def read(sent, now=None):
    path, body = sent
    return messages.read(dict(parse_qsl(urlsplit(path).query)), body.encode(), now=now or timezone.now())


@pytest.fixture(params=[False, True], ids=["plain", "encrypted"])
def mode(request, wechat, settings):
    """Both ways in which messages come; whether they are encrypted."""
    settings.WECHAT = wechat.settings(encrypted=request.param)
    return request.param


def test_a_signed_message_is_read(mode):
    found = read(fake.request(fake.message(FROM, Content="排队 <&>"), encrypted=mode))
    assert (found.sender, found.account, found.kind, found.text) == (FROM, fake.ACCOUNT, "text", "排队 <&>")


def test_events_are_read_with_their_key(mode):
    assert read(fake.request(fake.event(FROM, "CLICK", "queue"), encrypted=mode)).text == "queue"
    followed = read(fake.request(fake.event(FROM, "subscribe", "qrscene_abc"), encrypted=mode))
    assert (followed.kind, followed.text) == ("event subscribe", "abc")
    scanned = read(fake.request(fake.event(FROM, "SCAN", "qrscene_abc"), encrypted=mode))
    assert (scanned.kind, scanned.text) == ("event scan", "abc")


def test_an_answer_comes_back_as_it_was_said(mode):
    to = read(fake.request(fake.message(FROM, Content="x"), encrypted=mode))
    said = "前面还有3位 <b> & ]]> {ok}"
    body = messages.answer(to, said, now=timezone.now())
    assert ("Encrypt" in body) == mode
    shown = fake.read(body.encode())
    assert (shown["ToUserName"], shown["FromUserName"]) == (FROM, fake.ACCOUNT)
    assert (shown["MsgType"], shown["Content"]) == ("text", said)
    assert messages.answer(to, "", now=timezone.now()) == "success"


def test_two_equal_answers_do_not_look_alike(encrypted):
    to = read(fake.request(fake.message(FROM, Content="x"), encrypted=True))
    now = timezone.now()
    assert messages.answer(to, "same", now=now) != messages.answer(to, "same", now=now)


def test_what_is_delivered_twice_has_one_identity(mode):
    for sent in (fake.message(FROM, Content="x"), fake.event(FROM, "CLICK", "queue")):
        first, again = (read(fake.request(sent, encrypted=mode)) for _ in range(2))
        assert first.identity == again.identity
        assert (first.proof == again.proof) == mode  # which is none where the signature covers the message


@pytest.mark.parametrize("minutes", [-6, 6])
def test_an_old_signature_and_one_from_the_future_are_refused(mode, minutes):
    sent = fake.request(fake.message(FROM, Content="x"), encrypted=mode)
    read(sent, timezone.now() + timedelta(minutes=minutes * 4 / 6))
    with pytest.raises(signing.Forged):
        read(sent, timezone.now() + timedelta(minutes=minutes))


def test_what_is_not_signed_with_our_token_is_refused(mode, settings):
    sent = fake.request(fake.message(FROM, Content="x"), encrypted=mode)
    settings.WECHAT = settings.WECHAT | {"TOKEN": "another"}
    with pytest.raises(signing.Forged):
        read(sent)
    with pytest.raises(signing.Forged):
        read(("/wechat/", sent[1]))


def test_a_changed_encrypted_message_and_one_for_another_account_are_refused(encrypted):
    path, body = fake.request(fake.message(FROM, Content="x"), encrypted=True)
    at = body.index("<Encrypt><![CDATA[") + 30
    with pytest.raises(signing.Forged):
        read((path, body[:at] + ("A" if body[at] != "A" else "B") + body[at + 1 :]))
    other = fake.encrypt(fake.xml(fake.message(FROM, Content="x")), app_id="wx0000000000000000")
    with pytest.raises(signing.Forged, match="another"):
        messages.read(fake.query(other), fake.xml({"Encrypt": other}).encode(), now=timezone.now())


def test_where_messages_are_encrypted_a_plain_one_is_refused(encrypted):
    """Its signature covers no word of it."""
    with pytest.raises(signing.Forged):
        read(fake.request(fake.message(FROM, Content="x")))


@pytest.mark.parametrize(
    "body",
    [
        "",
        "no xml",
        "<xml></xml>",
        "<xml><MsgType>text</MsgType>",
        "<xml><FromUserName>a</FromUserName><FromUserName>b</FromUserName><MsgType>text</MsgType><MsgId>1</MsgId></xml>",
        "<xml><FromUserName>a</FromUserName><MsgType>text</MsgType></xml>",
        '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><xml><FromUserName>&b;</FromUserName></xml>',
        '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/hostname">]><xml><FromUserName>&a;</FromUserName></xml>',
        "<xml>" + "<a>" * 9000 + "</a>" * 9000 + "</xml>",
    ],
)
def test_what_is_no_message_is_unreadable(wechat, body):
    with pytest.raises(messages.Unreadable) as error:
        messages.read(fake.query(), body.encode(), now=timezone.now())
    assert "aaaa" not in str(error.value)


def test_a_settings_hole_is_told_at_the_start(wechat, settings):
    """What lacks is named; without any of it there is no official account, and nothing to tell."""
    assert checked(None) == []
    settings.WECHAT = settings.WECHAT | {"SECRET": "", "AES_KEY": "short"}
    settings.SITE_URL = ""
    told = [str(each.msg) for each in checked(None)]
    assert [word for word in ("WECHAT_SECRET", "SITE_URL", "WECHAT_AES_KEY") if any(word in each for each in told)]
    assert len(told) == 3
    settings.WECHAT = dict.fromkeys(settings.WECHAT, "")
    assert checked(None) == []
