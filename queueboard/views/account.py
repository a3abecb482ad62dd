"""Signing in by the code that is sent to one's phone (R3.7). The session knows ids, never the phone."""

from collections.abc import Callable
from functools import wraps
from urllib.parse import urlencode

from django import forms
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_POST
from django.views.i18n import set_language

from booking import phones
from booking.errors import BookingError
from booking.models import Account, PhoneCode
from booking.services import accounts
from queueboard.challenge import gate
from queueboard.views import refusals
from queueboard.views.address import address_of
from queueboard.views.language import CODES, in_language, keep_language
from queueboard.views.private import private

ACCOUNT = "account"  # of the session: who is signed in
CODE = "phone_code"  # of the session: the code that was sent last


def account_of(request: HttpRequest) -> Account | None:
    """Who is signed in on this browser; None: nobody."""
    if not hasattr(request, "_account"):
        known = request.session.get(ACCOUNT)
        request._account = known and Account.objects.filter(pk=known).first()  # type: ignore[attr-defined]
    return request._account  # type: ignore[attr-defined]


def signed_in(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """The view for who is signed in; anybody else signs in first and comes back."""

    @wraps(view)
    def wrapped(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        if account_of(request) is None:
            return redirect(sign_in_address(request.get_full_path()))
        return view(request, *args, **kwargs)

    return wrapped


def sign_in_address(back: str) -> str:
    """Where one signs in, to come back to an address of this site."""
    return f"{reverse('book_sign_in')}?{urlencode({'next': back})}"


class PhoneForm(forms.Form):
    phone = forms.CharField(
        label=_("Phone number"),
        max_length=30,
        widget=forms.TextInput(attrs={"type": "tel", "autocomplete": "tel", "inputmode": "tel"}),
    )


class CodeForm(forms.Form):
    code = forms.CharField(
        label=_("The code of six digits"),
        max_length=12,
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "one-time-code"}),
    )


@require_http_methods(["GET", "HEAD", "POST"])
@private
@in_language
def sign_in(request: HttpRequest) -> HttpResponse:
    """First the phone, then the code that was sent to it, then back to `?next=`."""
    if request.method == "POST" and "phone" in request.POST:
        return _send(request)
    sent = _sent(request)
    if request.method == "POST" and "code" in request.POST:
        return _check(request, sent)
    if request.method == "GET" and account_of(request) is not None:
        return redirect(_back(request))
    if sent is None or "again" in request.GET:
        return _page(request, "book/phone.html", PhoneForm())
    return _page(request, "book/code.html", CodeForm(), sent=sent)


@require_POST
@private
def sign_out(request: HttpRequest) -> HttpResponse:
    """This browser knows nothing of the account any more; who works here stays logged in."""
    if request.user.is_authenticated:
        request.session.pop(ACCOUNT, None)
        request.session.pop(CODE, None)
    else:
        request.session.flush()
    return redirect("book")


@require_POST
def choose_language(request: HttpRequest) -> HttpResponse:
    """As Django's own, and who is signed in reads, and is told, in that language everywhere."""
    response = set_language(request)
    account = account_of(request) if settings.SESSION_COOKIE_NAME in request.COOKIES else None
    language = request.POST.get("language", "")
    if account is not None and language in CODES:
        accounts.speak(account=account, language=language)
    return response


def _send(request: HttpRequest) -> HttpResponse:
    form = PhoneForm(request.POST)
    if not form.is_valid():
        return _page(request, "book/phone.html", form, status=400)
    try:
        with gate.guarded(request, "code", answer=gate.Answer.of_form(request.POST)):
            sent = accounts.ask_code(
                phone=form.cleaned_data["phone"],
                address=address_of(request),
                language=translation.get_language() or "",
            )
    except BookingError as error:
        if error.code == "code_too_soon" and _is_for(_sent(request), form.cleaned_data["phone"]):
            # Pressed twice, or the back button: the code that was sent counts.
            return redirect(_here(request))
        return _page(request, "book/phone.html", form, refused=error, status=error.status)
    request.session[CODE] = sent.pk
    return redirect(_here(request))


def _check(request: HttpRequest, sent: PhoneCode | None) -> HttpResponse:
    if sent is None:
        if account_of(request) is not None:
            return redirect(_back(request))
        words = _("The code is no longer valid. Please ask for a new one.")
        refused = BookingError(words, code="code_wrong", status=403)
        return _page(request, "book/phone.html", PhoneForm(), refused=refused, status=403)
    form = CodeForm(request.POST)
    if not form.is_valid():
        return _page(request, "book/code.html", form, sent=sent, status=400)
    chosen = settings.LANGUAGE_COOKIE_NAME in request.COOKIES
    try:
        with gate.counted(request):
            account = accounts.sign_in(
                phone=sent.phone,
                code=form.cleaned_data["code"],
                language=translation.get_language() or "",
                chosen=chosen,
            )
    except BookingError as error:
        return _page(request, "book/code.html", form, sent=sent, refused=error, status=error.status)
    # Whoever gave this browser its session before does not come in with it.
    request.session.cycle_key()
    request.session.pop(CODE, None)
    request.session[ACCOUNT] = account.pk
    response = redirect(_back(request))
    keep_language(response, account.language)
    return response


def _page(
    request: HttpRequest,
    template: str,
    form: forms.Form,
    *,
    sent: PhoneCode | None = None,
    refused: BookingError | None = None,
    status: int = 200,
) -> HttpResponse:
    context = {
        "form": form,
        "refused": refused and refusals.told(refused),
        "next": _back(request),
        "sent_to": sent and phones.masked(sent.phone),
    }
    return render(request, template, context, status=status)


def _sent(request: HttpRequest) -> PhoneCode | None:
    """The code that was sent for this browser, as long as it counts."""
    known = request.session.get(CODE)
    if known is None:
        return None
    return PhoneCode.objects.filter(pk=known, used_at=None, until__gt=timezone.now()).first()


def _is_for(sent: PhoneCode | None, phone: str) -> bool:
    return sent is not None and sent.phone == phones.plain(phone)


def _back(request: HttpRequest) -> str:
    wanted = request.POST.get("next") or request.GET.get("next", "")
    ours = url_has_allowed_host_and_scheme(wanted, allowed_hosts=None) and wanted.startswith("/")
    return wanted if ours else reverse("book_mine")


def _here(request: HttpRequest) -> str:
    return sign_in_address(_back(request))
