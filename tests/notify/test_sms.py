"""Text messages: printed in the demonstration, sent by Tencent Cloud's protocol otherwise."""

import logging

import pytest
from django.utils import timezone

from booking.services import accounts
from queueboard.notify.checks import ways
from queueboard.notify.models import Delivery
from tests import factories
from tests.notify.causes import cause, go_out, states

pytestmark = pytest.mark.django_db
PHONE = "13812345678"


@pytest.fixture
def code():
    return accounts.ask_code(phone=PHONE, language="en")


def test_the_demonstration_prints_the_code_and_masks_the_phone(code, caplog):
    assert go_out("sms") == [1]
    assert f"SMS to 138****5678: Your code is {code.code}. It is valid for 10 minutes." in caplog.text
    assert PHONE not in caplog.text


def test_a_code_reaches_the_phone_through_the_provider(tencent, code):
    assert go_out("sms") == [1]
    assert tencent.sent == [{"phone": f"+86{PHONE}", "template": "1001", "parameters": [code.code, "10"]}]
    assert Delivery.objects.get().provider_number == "5000:0"


@pytest.mark.parametrize("trouble", [{}, {"down": True}, {"status": 502}, {"error": "InternalError.OtherError"}])
def test_no_log_of_a_real_provider_holds_phone_or_code(trouble, tencent, code, caplog):
    vars(tencent).update(trouble)
    with caplog.at_level(logging.DEBUG):
        go_out("sms")
    assert PHONE not in caplog.text
    assert code.code not in caplog.text


def test_a_code_goes_out_in_quiet_hours(tencent, code, settings):
    settings.QUIET_HOURS = "00:00-23:59"
    assert go_out("sms") == [1]


def test_a_code_that_was_used_meanwhile_is_not_sent(tencent, code):
    type(code).objects.update(used_at=timezone.now())
    assert go_out("sms") == [0]
    assert states() == [("sms", "overtaken")]


@pytest.mark.parametrize(
    ("setting", "wrong"),
    [("SECRET_KEY", "AuthFailure.SignatureFailure"), ("SECRET_ID", "AuthFailure.SecretIdNotFound")],
)
def test_with_a_wrong_key_a_message_waits_until_that_is_put_right(setting, wrong, tencent, code, settings):
    settings.TENCENT_SMS[setting] = "another"
    assert go_out("sms") == [0]
    assert Delivery.objects.get().error == wrong
    assert states() == [("sms", "waiting")]


@pytest.mark.parametrize(
    ("said", "state", "seconds"),
    [
        ("LimitExceeded.PhoneNumberThirtySecondLimit", "waiting", 30),
        ("LimitExceeded.PhoneNumberOneHourLimit", "refused", None),  # a code is good for ten minutes
        ("FailedOperation.InsufficientBalanceInSmsPackage", "waiting", 5),
        ("InternalError.Timeout", "waiting", 5),
        ("FailedOperation.PhoneNumberInBlacklist", "dead", None),
        ("FailedOperation.ContainSensitiveWord", "refused", None),
    ],
)
def test_what_the_provider_says_of_one_number(said, state, seconds, tencent, code):
    tencent.codes[f"+86{PHONE}"] = said
    now = timezone.now()
    assert go_out("sms", now=now) == [0]
    row = Delivery.objects.get()
    assert (row.state, row.error) == (state, said)
    assert seconds is None or (row.due_at - now).total_seconds() == seconds


def test_a_limit_of_one_number_holds_no_other_up_and_one_of_the_account_does(tencent, code):
    tencent.codes[f"+86{PHONE}"] = "LimitExceeded.PhoneNumberThirtySecondLimit"
    accounts.ask_code(phone="13900000001")
    assert go_out("sms") == [1]
    tencent.error = "RequestLimitExceeded.UinLimitExceeded"
    accounts.ask_code(phone="13900000002")
    accounts.ask_code(phone="13900000003")
    assert go_out("sms") == [0]
    assert Delivery.objects.filter(error="left alone").count() == 1


def test_a_number_that_is_none_is_dead_and_a_foreign_one_keeps_its_country(tencent):
    for phone in ("12345", "+49 30 123456"):
        accounts.ask_code(phone=phone)
    assert go_out("sms") == [1]
    assert [each["phone"] for each in tencent.sent] == ["+4930123456"]
    assert states() == [("sms", "dead"), ("sms", "sent")]


def test_a_kind_without_a_template_is_refused_by_name(tencent):
    who = factories.patient(phone=PHONE)
    booked = factories.appointment(factories.session(), who=who)
    cause("appointment_cancelled", patient=who.pk, appointment=booked.pk)
    assert go_out("sms") == [0]
    assert Delivery.objects.get().error == "no template for appointment_cancelled"


class TestChecks:
    def test_all_is_well_by_default(self):
        assert ways(None) == []

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("NOTICE_WAYS", ["pigeon"]),
            ("QUIET_HOURS", "at night"),
            ("REMIND_AT", "noon"),
            ("SMS_NOTICES", "never"),
            ("SMS_PROVIDER", "x"),
        ],
    )
    def test_a_setting_that_cannot_be_is_said(self, name, value, settings):
        setattr(settings, name, value)
        assert [name in found.msg for found in ways(None)] == [True]

    def test_what_the_provider_lacks_is_said(self, tencent, settings):
        settings.TENCENT_SMS["SECRET_KEY"] = ""
        assert [found.id for found in ways(None)] == ["queueboard.E005", "queueboard.W001"]
