"""What the database refuses, and the commands."""

import io
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError
from django.utils import timezone

from queueboard.chat.models import Correspondent, Heard, Proof, VisitCode
from queueboard.wechat.models import WeChatLimit, WeChatToken

pytestmark = pytest.mark.django_db


@pytest.fixture
def who():
    return Correspondent.objects.create(way="wechat", address="o", made_at=timezone.now())


def twice(model, **fields):
    model.objects.create(**fields)
    with pytest.raises(IntegrityError):
        model.objects.create(**fields)


def test_a_correspondent_is_one_for_each_way():
    twice(Correspondent, way="wechat", address="o", made_at=timezone.now())


def test_a_message_is_heard_once(who):
    twice(Heard, correspondent=who, key="k", at=timezone.now())


def test_a_proof_is_used_up_once(who):
    twice(
        Proof, value="p", heard=Heard.objects.create(correspondent=who, key="a", at=timezone.now()), at=timezone.now()
    )


def test_a_visits_code_is_of_one_visit():
    twice(VisitCode, token="t", code_hash="h", url="u", until=timezone.now())


@pytest.mark.parametrize(("model", "fields"), [(WeChatToken, {"app_id": "a"}), (WeChatLimit, {"call": "c"})])
def test_an_account_has_one_token_and_a_call_one_limit(model, fields):
    twice(model, **fields | ({"until": timezone.now() + timedelta(hours=1)} if model is WeChatLimit else {}))


def test_a_command_makes_the_menu_in_any_language(wechat):
    for language, first in (("zh-hans", "我的排队"), ("zh-hant", "我的排隊"), ("en", "My queue")):
        call_command("wechat_menu", language=language, stdout=io.StringIO())
        assert wechat.menu[0] == {"type": "click", "name": first, "key": "queue"}
        assert wechat.menu[1]["url"] == "https://queue.example.org/book/"
        assert all(len(button["name"].encode()) <= 16 for button in wechat.menu)


def test_the_command_says_why_there_is_no_menu(wechat, settings):
    wechat.fails = [48001]
    with pytest.raises(CommandError, match="48001"):
        call_command("wechat_menu")
    settings.SITE_URL = ""
    with pytest.raises(CommandError, match="SITE_URL"):
        call_command("wechat_menu")


def test_without_wechat_the_same_answers_come_from_a_terminal(monkeypatch):
    typed = ["English", "A017"]

    def line(prompt):
        if not typed:
            raise EOFError
        return typed.pop(0)

    monkeypatch.setattr("builtins.input", line)
    said = io.StringIO()
    call_command("chat", stdout=said)
    assert "No open queue has a number A017." in said.getvalue()
