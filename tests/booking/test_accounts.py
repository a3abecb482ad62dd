"""A phone is confirmed by a code before anything is booked with it (R3.7)."""

from datetime import timedelta

import pytest
from django.utils import timezone
from hypothesis import example, given
from hypothesis import strategies as st

from booking import phones
from booking.models import Account, Outbox, PhoneCode
from booking.services import accounts
from tests import factories
from tests.booking.clinic import refused

pytestmark = pytest.mark.django_db
PHONE = "13912345678"


def later(**span):
    return timezone.now() + timedelta(**span)


@pytest.mark.parametrize(
    "written",
    ["139 1234 5678", "+86 139-1234-5678", "008613912345678", "86 139 1234 5678", "１3９12345678", "+868613912345678"],
)
def test_a_phone_is_one_phone_however_it_is_written(written):
    assert phones.plain(written) == PHONE
    assert PHONE in phones.ways_to_write(written)


@given(st.text("0123456789+86 -(a１＋", max_size=20) | st.from_regex(r"(\+|00)?(86|\+86|00){0,3}1[3-9][0-9]{9}"))
@example("+860013912345678")
def test_what_is_written_plainly_stays_as_it_is(written):
    assert phones.plain(phones.plain(written)) == phones.plain(written)


def test_a_foreign_phone_keeps_the_code_of_its_country():
    assert phones.plain("0049 170 1234567") == phones.plain("+49 170 1234567") == "+491701234567"


@pytest.mark.parametrize("written", ["", "1234", "+", "123+45678", "1" * 16, "+86+8613912345678", "139a12345678"])
def test_what_is_no_phone_number_gets_no_code(written):
    with refused("no_phone"):
        accounts.ask_code(phone=written)


def test_who_types_the_code_is_signed_in_and_again_with_another_code():
    code = accounts.ask_code(phone=PHONE)
    assert Outbox.objects.get().payload == {"code": code.pk}
    account = accounts.sign_in(phone="+86 139 1234 5678", code=f"{code.code[:3]} {code.code[3:]}")
    again = accounts.ask_code(phone=PHONE, now=later(minutes=2))
    assert accounts.sign_in(phone=PHONE, code=again.code, now=later(minutes=3)) == account
    assert Account.objects.get().phone == PHONE


def test_a_code_works_once():
    code = accounts.ask_code(phone=PHONE)
    accounts.sign_in(phone=PHONE, code=code.code)
    with refused("code_wrong"):
        accounts.sign_in(phone=PHONE, code=code.code)


def test_a_code_is_over_after_ten_minutes_and_when_another_was_sent():
    first = accounts.ask_code(phone=PHONE)
    with refused("code_wrong"):
        accounts.sign_in(phone=PHONE, code=first.code, now=later(minutes=10))
    PhoneCode.objects.update(tries=0)
    accounts.ask_code(phone=PHONE, now=later(minutes=2))
    PhoneCode.objects.exclude(pk=first.pk).update(code="x")
    with refused("code_wrong"):
        accounts.sign_in(phone=PHONE, code=first.code, now=later(minutes=3))


def test_after_five_wrong_tries_the_right_code_is_wrong_too():
    code = accounts.ask_code(phone=PHONE)
    wrong = f"{(int(code.code) + 1) % 10**6:06}"
    for _ in range(accounts.TRIES):
        with refused("code_wrong"):
            accounts.sign_in(phone=PHONE, code=wrong)
    with refused("code_wrong"):
        accounts.sign_in(phone=PHONE, code=code.code)


def test_codes_are_limited_per_phone_and_per_address():
    start = timezone.now()
    accounts.ask_code(phone=PHONE, now=start)
    with refused("code_too_soon"):
        accounts.ask_code(phone=PHONE, now=start + timedelta(seconds=59))
    for n in range(1, accounts.PER_PHONE_DAY):
        accounts.ask_code(phone=PHONE, now=start + timedelta(minutes=n))
    with refused("too_many_codes"):
        accounts.ask_code(phone=PHONE, now=start + timedelta(hours=23))
    for n in range(accounts.PER_ADDRESS_HOUR):
        accounts.ask_code(phone=f"1380000{n:04}", address="192.0.2.7", now=start)
    with refused("too_many_codes"):
        accounts.ask_code(phone="13700000000", address="192.0.2.7", now=start)
    accounts.ask_code(phone="13700000000", address="192.0.2.8", now=start)


def test_codes_are_forgotten_after_a_day():
    accounts.ask_code(phone=PHONE)
    assert accounts.forget_codes() == 0
    assert accounts.forget_codes(now=later(days=1, minutes=1)) == 1


def test_a_family_has_several_members_and_each_once():
    account = Account.objects.create(phone=PHONE, made_at=timezone.now())
    mother, child = factories.patient(), factories.patient()
    for patient in (mother, child, mother):
        accounts.add_member(account=account, patient_id=patient.pk)
    assert list(account.members.order_by("pk")) == [mother, child]
