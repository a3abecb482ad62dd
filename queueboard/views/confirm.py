"""The last step: who comes, and the number is booked (R3.2, R3.7)."""

import secrets
from contextlib import AbstractContextManager

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods

from booking.errors import BookingError
from booking.models import Account, Appointment, Slot
from booking.models.hashes import keyed_hash
from booking.services import accounts, appointments
from booking.services.appointments import Asked
from queueboard.challenge import gate
from queueboard.devices import device_of
from queueboard.views import refusals
from queueboard.views.account import account_of, sign_in_address
from queueboard.views.address import address_of
from queueboard.views.language import in_language
from queueboard.views.person import NEW, PersonForm, describe, form_of, member, signed_out, who_comes
from queueboard.views.phone import again
from queueboard.views.private import private


@require_http_methods(["GET", "HEAD", "POST"])
@private
@in_language
def slot(request: HttpRequest, slot_id: int) -> HttpResponse:
    """Who comes? On success the patient's page, the same one however often the form is sent."""
    joins = ("session__department", "session__expert", "session__ballot")
    chosen = get_object_or_404(Slot.objects.select_related(*joins), pk=slot_id)
    account = account_of(request)
    if request.method == "POST":
        return _book(request, account, chosen)
    try:
        appointments.look(slot=chosen)
    except BookingError as error:
        # Nobody types for nothing; and what is not there any more is no fault of who asks.
        return _page(request, account, chosen, PersonForm(), refused=error, status=200, open=False)
    if account is None:
        return redirect(sign_in_address(request.get_full_path()))
    return _page(request, account, chosen, PersonForm())


def _book(request: HttpRequest, account: Account | None, chosen: Slot) -> HttpResponse:
    if account is None:
        return _page(request, None, chosen, PersonForm(request.POST), refused=signed_out())
    who = request.POST.get("who", "")
    form = form_of(request)
    if who == NEW and not form.is_valid():
        return _page(request, account, chosen, form, status=400)
    try:
        made = _made(request, account, chosen, who, form)
    except BookingError as error:
        own = refusals.own_of(account, error)
        if own is not None and own.slot_id == chosen.pk:
            return redirect("phone", token=own.token)
        return _page(request, account, chosen, form, refused=error)
    return redirect("phone", token=made.token)


def _made(request: HttpRequest, account: Account, chosen: Slot, who: str, form: PersonForm) -> Appointment:
    """Books, or finds what the same form has booked; somebody new is of the family then."""
    person = who if who != NEW else "\n".join(form.cleaned_data[name] for name in ("id_type", "id_number"))
    # Another person from the same form (with the back button) is another booking.
    key = keyed_hash("\n".join([request.POST.get("key", ""), str(account.pk), str(chosen.pk), person]))
    asked = Asked(key=key, fingerprint=key)
    try:
        with _guarded(request, chosen):
            newcomer = describe(account, form) if who == NEW else None
            made = appointments.book(
                patient_id=member(account, who) if newcomer is None else newcomer.pk,
                newcomer=newcomer if newcomer is not None and newcomer.pk is None else None,
                slot_id=chosen.pk,
                first_visit="been_before" not in request.POST,
                asked=asked,
                account_id=account.pk,
                device=device_of(request),
                address=address_of(request),
            )
    except BookingError:
        before = appointments.booked_before(asked)
        if before is None:
            raise
        made = before
    if who == NEW:
        accounts.add_member(account=account, patient_id=made.patient_id)
    return made


def _guarded(request: HttpRequest, chosen: Slot) -> AbstractContextManager[None]:
    answer = gate.Answer.of_form(request.POST)
    return gate.guarded(request, "book", answer=answer, slot_id=chosen.pk)


def _page(
    request: HttpRequest,
    account: Account | None,
    chosen: Slot,
    form: PersonForm,
    *,
    refused: BookingError | None = None,
    status: int | None = None,
    open: bool = True,
) -> HttpResponse:
    context = who_comes(request, account, form, refused) | {
        "slot": chosen,
        "session": chosen.session,
        "fee": chosen.session.prepayment,
        "key": request.POST.get("key") or secrets.token_urlsafe(16),
        "again": again(chosen.session),
        "open": open,
    }
    return render(request, "book/slot.html", context, status=status or (refused.status if refused else 200))
