"""A draw: its public page, asking for a number in it, and the page of one's own request (R3.7)."""

from datetime import datetime
from functools import partial
from typing import Any

from django import forms
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy
from django.views.decorators.http import require_http_methods, require_safe

from booking.errors import BookingError
from booking.models import Account, Ballot, BallotEntry, Session, Slot
from booking.services import ballots
from queueboard import csv_answer
from queueboard.masking import masked
from queueboard.notify.push import keys
from queueboard.views import refusals
from queueboard.views.account import account_of, sign_in_address
from queueboard.views.find import fresh
from queueboard.views.got import NUMBER, got
from queueboard.views.language import in_language
from queueboard.views.own import newest
from queueboard.views.person import NEW, PersonForm, form_of, make_for, who_comes
from queueboard.views.phone import again
from queueboard.views.phone_face import clock
from queueboard.views.private import private

State = BallotEntry.State
CHOICES = ("first", "second", "third")
OVER = ("no_ballot", "booking_closed", "not_released", "ballot_closed")  # nobody can ask, whoever it is
COLUMNS = ("place", "code", "rank", "won", "lost", "any_slot", "wishes")


class WishForm(forms.Form):
    """Which slots would suit, the one liked best first."""

    first = forms.TypedChoiceField(label=_("Which time would you like best?"), coerce=int, empty_value=None)
    second = forms.TypedChoiceField(label=_("Else"), coerce=int, empty_value=None)
    third = forms.TypedChoiceField(label=_("Else"), coerce=int, empty_value=None)
    any_slot = forms.BooleanField(label=_("Any other time will do too"), initial=True)
    waitlist = forms.BooleanField(label=_("If I am not drawn, I wait for a freed number"), initial=True)

    def __init__(self, slots: list[Slot], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        times = [(slot.pk, f"{clock(slot.starts_at)}–{clock(slot.ends_at)}") for slot in slots]
        for name in CHOICES:
            empty = pgettext_lazy("time of day", "Any time") if name == "first" else "—"
            self.fields[name].choices = [("", empty), *times]  # type: ignore[attr-defined]
        for field in self.fields.values():
            field.required = False

    @property
    def wishes(self) -> list[int]:
        """Of a valid form; who would take any first wishes for nothing else."""
        chosen = [self.cleaned_data[name] for name in CHOICES]
        return list(dict.fromkeys(slot for slot in chosen if slot is not None)) if chosen[0] else []

    @property
    def any(self) -> bool:
        return bool(self.cleaned_data["any_slot"] or not self.cleaned_data["first"])


@require_safe
@in_language
def draw(request: HttpRequest, session_id: int) -> HttpResponse:
    """What is published of a session's draw, for everybody: codes only. `?code=` finds one. Raises Http404."""
    ballot, now = ballot_of(session_id), timezone.now()
    if ballots.look(session_id=session_id, now=now):
        ballot = ballot_of(session_id)
    record = ballots.record(ballot)
    wanted = request.GET.get("code", "").strip().upper()
    context = _of_ballot(ballot, now) | {
        "record": record,
        "winners": [each for each in record["entries"] if each["won"]],
        "starts": {slot.pk: slot.starts_at for slot in ballot.session.slots.all()},
        "code": wanted,
        "found": next((each for each in record["entries"] if each["code"] == wanted), None),
        "again": again(ballot.session),
    }
    return fresh(render(request, "book/draw.html", context))


@require_safe
def record_csv(request: HttpRequest, session_id: int) -> HttpResponse:
    """The requests of a draw that is over, one a line, in the order drawn. Raises Http404."""
    ballot = ballot_of(session_id)
    if ballot.drawn_at is None:
        raise Http404
    rows = [
        [*(entry[name] for name in COLUMNS[:5]), int(entry["any_slot"]), " ".join(map(str, entry["wishes"]))]
        for entry in ballots.record(ballot)["entries"]
    ]
    return csv_answer.answer(f"draw-{session_id}", COLUMNS, rows)


@require_http_methods(["GET", "HEAD", "POST"])
@private
@in_language
def ask(request: HttpRequest, session_id: int) -> HttpResponse:
    """Who would like to come, and when. On success the page of the request, the same one however often it is sent."""
    ballot = ballot_of(session_id)
    account = account_of(request)
    wishes = WishForm(list(ballot.session.slots.all()), request.POST or None)
    form = form_of(request)
    if request.method != "POST":
        try:
            ballots.open_of(ballot.session, timezone.now())
        except BookingError:
            # Its page says when one can ask, or how it ended.
            return redirect("book_draw", session_id=session_id)
        if account is None:
            return redirect(sign_in_address(request.get_full_path()))
        return _asking(request, ballot, account, wishes, form)
    if not wishes.is_valid() or (request.POST.get("who") == NEW and not form.is_valid()):
        return _asking(request, ballot, account, wishes, form, status=400)
    wanted = partial(
        ballots.ask,
        session_id=session_id,
        wishes=wishes.wishes,
        any_slot=wishes.any,
        on_waitlist=wishes.cleaned_data["waitlist"],
    )
    try:
        entry = make_for(request, account, form, wanted)
    except BookingError as error:
        before = account and refusals.named(account.ballot_entries.all(), error, "entry")
        if before:
            return redirect("book_request", token=before.token)
        return _asking(request, ballot, account, wishes, form, refused=error)
    return redirect("book_request", token=entry.token)


@require_http_methods(["GET", "HEAD", "POST"])
@private
@in_language
def own(request: HttpRequest, token: str) -> HttpResponse:
    """One's own request and what became of it; a POST takes it back."""
    entry, refused, now = _entry_of(token), None, timezone.now()
    if request.method == "POST":
        try:
            ballots.withdraw(entry_id=entry.pk, now=now)
            return redirect("book_request", token=token)
        except BookingError as error:
            refused = error
    if ballots.look(session_id=entry.ballot.session_id, now=now) or refused:
        entry = _entry_of(token)
    times = {slot.pk: slot for slot in entry.ballot.session.slots.all()}
    # Another account may have joined the waitlist for the same patient: its page is not this one's to know.
    place = entry.ballot.session.waitlist.filter(patient=entry.patient_id, account=entry.account_id)
    context = _of_ballot(entry.ballot, now) | {
        "entry": entry,
        "name": masked(entry.patient.name),
        "wishes": [times[pk] for pk in entry.wishes if pk in times],
        "place": place.order_by("-pk").first() if entry.state == State.LOST and entry.waitlist else None,
        "got": got(entry.appointment, now),
        "again": again(entry.ballot.session),
        "refused": refused and refusals.told(refused),
        "tell_key": keys.public() if entry.state == State.ASKED else "",
    }
    return render(request, "book/request.html", context, status=refused.status if refused else 200)


def ballot_of(session_id: int) -> Ballot:
    """The draw of a session. Raises Http404."""
    joined = Ballot.objects.select_related("session__department", "session__expert")
    return get_object_or_404(joined.prefetch_related("session__slots"), session=session_id)


def _of_ballot(ballot: Ballot, now: datetime) -> dict[str, Any]:
    """What all pages of a draw say: when it is, and how many ask for how many numbers."""
    session = ballot.session
    if session.state == Session.State.CANCELLED:
        phase = "called_off"
    elif ballot.drawn_at is not None:
        phase = "drawn"
    elif now < session.released_at:
        phase = "ahead"
    else:
        phase = "open" if now < ballot.closes_at and session.takes_bookings(now) else "drawing"
    closed, left = ballot.closed_at is not None, sum(slot.left_bookable for slot in session.slots.all())
    return {
        "ballot": ballot,
        "session": session,
        "phase": phase,
        "now": now,
        "span": ballot.minutes * 60,
        "numbers": sum(each["numbers"] for each in ballot.numbers) if closed else left,
        "left": left if session.takes_bookings(now) else 0,
        "waits": session.takes_bookings(now),
        "requests": ballot.entries.exclude(state=State.WITHDRAWN).count(),
        "won": ballot.entries.filter(state=State.WON).count(),
    }


def _asking(
    request: HttpRequest,
    ballot: Ballot,
    account: Account | None,
    wishes: WishForm,
    form: PersonForm,
    *,
    refused: BookingError | None = None,
    status: int = 200,
) -> HttpResponse:
    context = who_comes(request, account, form, refused) | {
        "ballot": ballot,
        "session": ballot.session,
        "wishes": wishes,
        "fee": ballot.session.prepayment,
        "over": refused is not None and refused.code in OVER,
    }
    return render(request, "book/ask.html", context, status=refused.status if refused else status)


def _entry_of(token: str) -> BallotEntry:
    joins = ("ballot__session__department", "ballot__session__expert", "patient", *NUMBER)
    return newest(BallotEntry.objects.select_related(*joins).prefetch_related("ballot__session__slots"), token)
