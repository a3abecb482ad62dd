"""What is kept about who is signed in: shown, handed out as a file, erased (docs/security.md)."""

from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.dateparse import parse_datetime
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from booking import phones
from booking.errors import BookingError
from booking.models import Account, PhoneCode
from booking.services import accounts, personal
from queueboard.views import refusals
from queueboard.views.account import ACCOUNT, CodeForm, account_of, signed_in
from queueboard.views.address import address_of
from queueboard.views.language import in_language
from queueboard.views.mine import ended_words
from queueboard.views.private import private

CODE = "erase_code"  # of the session: the code that was sent to confirm it
SHOWN_CHARACTERS = 4


@require_safe
@private
@in_language
@signed_in
def page(request: HttpRequest) -> HttpResponse:
    """Everything that is kept, in words; numbers of identity and phone by their ends, as others may look on."""
    account = _account(request)
    kept = personal.everything(personal.of_account(account), now=timezone.now())
    people = [
        each | {"id_end": each["id_number"][-SHOWN_CHARACTERS:], "since": parse_datetime(each["made_at"]),
                "appointments": [_visit(visit) for visit in each["appointments"]],
                "suspensions": [_times(one, "begins_at", "until") for one in each["suspensions"]]}
        for each in kept["patients"]
    ]  # fmt: skip
    context = {
        "phone": phones.masked(account.phone),
        "account": account,
        "people": people,
        "others": [_visit(visit) for visit in kept["booked_for_others"]],
        "tickets": [_times(each, "arrived", "ended_at") for each in kept["tickets"]],
        "ways": sorted({each["way"] for each in kept["notices_to"]}),
        "notices": len(kept["notices"]),
    }
    return render(request, "book/data.html", context)


@require_POST
@private
@signed_in
def file(request: HttpRequest) -> HttpResponse:
    """The same and all else as JSON, to be kept."""
    answer = JsonResponse(
        personal.hand_out(account=_account(request)), json_dumps_params={"ensure_ascii": False, "indent": 1}
    )
    answer.headers["Content-Disposition"] = 'attachment; filename="my-data.json"'
    return answer


@require_http_methods(["GET", "HEAD", "POST"])
@private
@in_language
@signed_in
def erase(request: HttpRequest) -> HttpResponse:
    """What is erased and what stays; then a code to the phone, and with that it is done."""
    if request.method != "POST":
        return _erase_page(request)
    if "code" not in request.POST:
        return _send(request)
    form = CodeForm(request.POST)
    if not form.is_valid():
        return _erase_page(request, form=form, status=400)
    try:
        personal.erase(account_id=_account(request).pk, code=form.cleaned_data["code"])
    except Account.DoesNotExist:
        pass  # the other of two taps has erased it
    except BookingError as error:
        return _erase_page(request, form=form, refused=error, status=error.status)
    request.session.pop(ACCOUNT, None)
    request.session.pop(CODE, None)
    if not request.user.is_authenticated:
        request.session.flush()
    return redirect("book_erased")


@require_safe
@private
@in_language
def erased(request: HttpRequest) -> HttpResponse:
    return render(request, "book/erased.html")


def _send(request: HttpRequest) -> HttpResponse:
    account = _account(request)
    if personal.holding(personal.of_account(account)) is not None:
        return _erase_page(request, status=409)
    try:
        sent = accounts.ask_code(
            phone=account.phone, address=address_of(request), language=translation.get_language() or ""
        )
    except BookingError as error:
        return _erase_page(request, refused=error, status=error.status)
    request.session[CODE] = sent.pk
    return redirect(reverse("book_erase"))


def _erase_page(
    request: HttpRequest, *, form: CodeForm | None = None, refused: BookingError | None = None, status: int = 200
) -> HttpResponse:
    account = _account(request)
    held = personal.holding(personal.of_account(account))
    known = PhoneCode.objects.filter(pk=request.session.get(CODE) or 0, used_at=None, until__gt=timezone.now())
    context = {
        "held": held and refusals.told(held),
        "refused": refused and refusals.told(refused),
        "form": form or CodeForm(),
        "sent": known.exists(),
        "phone": phones.masked(account.phone),
    }
    return render(request, "book/erase.html", context, status=status)


def _account(request: HttpRequest) -> Account:
    account = account_of(request)
    assert account is not None  # the pages here are for who is signed in
    return account


def _visit(visit: dict[str, Any]) -> dict[str, Any]:
    paid = sum(each["amount"] for each in visit["payments"] if each["paid_at"])
    back = sum(each["refund"]["amount"] for each in visit["payments"] if each["refund"] and each["refund"]["done_at"])
    words = ended_words(visit["state"])
    return _times(visit, "starts_at", "booked_at") | {"words": words, "paid": paid, "back": back}


def _times(values: dict[str, Any], *names: str) -> dict[str, Any]:
    return values | {name: values[name] and parse_datetime(values[name]) for name in names}
