"""The waitlist: waiting for a freed number, taking it, giving it up (R3.4, R3.5)."""

from functools import partial

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from booking.errors import BookingError
from booking.models import Account, Session, WaitlistEntry
from booking.services import waitlist
from queueboard.masking import masked
from queueboard.notify.push import keys
from queueboard.views import refusals
from queueboard.views.account import account_of, sign_in_address
from queueboard.views.got import NUMBER, got
from queueboard.views.language import in_language
from queueboard.views.own import newest
from queueboard.views.person import NEW, PersonForm, form_of, make_for, who_comes
from queueboard.views.phone import again
from queueboard.views.private import private

ANY = "any"


@require_http_methods(["GET", "HEAD", "POST"])
@private
@in_language
def wait(request: HttpRequest, session_id: int) -> HttpResponse:
    """Who waits, for any slot or for one (`?slot=`). On success its page, the same one however often it is sent."""
    joined = Session.objects.select_related("department", "expert", "ballot").prefetch_related("slots")
    session = get_object_or_404(joined, pk=session_id)
    account, form = account_of(request), form_of(request)
    if request.method != "POST":
        try:
            waitlist.look(session=session)
        except BookingError as error:
            return _joining(request, session, account, form, refused=error, status=200)
        if account is None:
            return redirect(sign_in_address(request.get_full_path()))
        return _joining(request, session, account, form)
    if request.POST.get("who") == NEW and not form.is_valid():
        return _joining(request, session, account, form, status=400)
    wanted = partial(waitlist.join, session_id=session_id, slot_id=_slot_of(request.POST.get("slot", ""), session))
    try:
        entry = make_for(request, account, form, wanted)
    except BookingError as error:
        before = account and refusals.named(account.waitlist.all(), error, "entry")
        if before:
            return redirect("book_waiting", token=before.token)
        return _joining(request, session, account, form, refused=error)
    return redirect("book_waiting", token=entry.token)


@require_safe
@private
@in_language
def own(request: HttpRequest, token: str) -> HttpResponse:
    """One's own place on the waitlist, and the number that is offered."""
    entry = _entry_of(token)
    # The task may run a little late: who is next brings about what is due.
    if waitlist.lapse_offers(session_id=entry.session_id):
        entry = _entry_of(token)
    return _page(request, entry)


@require_http_methods(["GET", "HEAD", "POST"])
@private
@in_language
def take(request: HttpRequest, token: str) -> HttpResponse:
    """Takes the number that is offered, and leads to its page; twice is once. A look leads back to the offer."""
    entry = _entry_of(token)
    if request.method != "POST":
        return redirect("book_waiting", token=token)
    try:
        made = waitlist.accept(entry_id=entry.pk)
    except BookingError as error:
        waitlist.lapse_offers(session_id=entry.session_id)
        return _page(request, _entry_of(token), refused=error)
    return redirect("phone", token=made.token)


@require_POST
@private
@in_language
def leave(request: HttpRequest, token: str) -> HttpResponse:
    """Gives up the place, or the number that is offered; twice is once."""
    waitlist.leave(entry_id=_entry_of(token).pk)
    return redirect("book_waiting", token=token)


def _slot_of(sent: str, session: Session) -> int | None:
    """None: any. Raises Http404 for what is no slot of the session."""
    if sent in ("", ANY):
        return None
    known = {str(slot.pk): slot.pk for slot in session.slots.all()}
    if sent not in known:
        raise Http404
    return known[sent]


def _joining(
    request: HttpRequest,
    session: Session,
    account: Account | None,
    form: PersonForm,
    *,
    refused: BookingError | None = None,
    status: int | None = None,
) -> HttpResponse:
    full = waitlist.full(session)
    offered = [*([ANY] if len(full) == len(session.slots.all()) else []), *(str(slot.pk) for slot in full)]
    wished = request.POST.get("slot") or request.GET.get("slot")
    context = who_comes(request, account, form, refused) | {
        "session": session,
        "slots": full,
        "any": ANY in offered,
        "chosen": wished if wished in offered else next(iter(offered), ""),
        "minutes": session.department.offer_minutes,
        "fee": session.prepayment,
        "again": again(session),
    }
    return render(request, "book/wait.html", context, status=status or (refused.status if refused else 200))


def _page(request: HttpRequest, entry: WaitlistEntry, refused: BookingError | None = None) -> HttpResponse:
    now = timezone.now()
    active = entry.state in WaitlistEntry.ACTIVE
    context = {
        "entry": entry,
        "session": entry.session,
        "slot": entry.wanted,
        "got": got(entry.appointment, now),
        "over": entry.session.ends_at <= now,
        "before": waitlist.before(entry) if active else 0,
        "name": masked(entry.patient.name),
        "minutes": entry.session.department.offer_minutes,
        "fee": entry.session.prepayment,
        "now": now,
        "span": _span(entry),
        "active": active,
        "again": again(entry.session),
        "wait_again": not active and entry.session.takes_bookings(now),
        "refused": refused and refusals.told(refused),
        "tell_key": keys.public() if active else "",
    }
    return render(request, "book/waiting.html", context, status=refused.status if refused else 200)


def _span(entry: WaitlistEntry) -> int:
    """For how many seconds a number is offered."""
    if entry.offered_at is None or entry.offered_until is None:
        return 0
    return round((entry.offered_until - entry.offered_at).total_seconds())


def _entry_of(token: str) -> WaitlistEntry:
    joins = ("session__department", "session__expert", "patient", "slot", "freed__slot", *NUMBER)
    return newest(WaitlistEntry.objects.select_related(*joins), token)
