"""Who comes, by real name: one of the family, or the form for somebody who is not yet of it (R3.7)."""

from collections.abc import Callable
from typing import Any, TypeVar

from django import forms
from django.db import transaction
from django.http import HttpRequest
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from booking import identity, phones
from booking.errors import BookingError
from booking.models import Account, Patient
from booking.services import accounts, patients
from queueboard.challenge import gate
from queueboard.masking import masked
from queueboard.views import refusals
from queueboard.views.account import sign_in_address

NEW = "new"  # chosen in place of a family member: somebody not yet of the family
Made = TypeVar("Made")


class PersonForm(forms.Form):
    name = forms.RegexField(
        r"\w", label=_("Name, as on the ID"), max_length=80,
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
        error_messages={"invalid": _("A name has letters or characters.")},
    )  # fmt: skip
    id_type = forms.ChoiceField(label=_("Kind of ID"), choices=Patient.IdType.choices)
    id_number = forms.CharField(
        label=_("ID number"), max_length=32,
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "characters", "spellcheck": "false"}),
    )  # fmt: skip
    phone = forms.CharField(
        label=_("Phone number of this person"), max_length=30, required=False,
        widget=forms.TextInput(attrs={"type": "tel", "autocomplete": "tel", "inputmode": "tel"}),
        help_text=_("Empty: the number that you signed in with."),
    )  # fmt: skip

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        kind = cleaned.get("id_type", "")
        if cleaned.get("id_number"):
            typed, cleaned["id_number"] = cleaned["id_number"], identity.plain(kind, cleaned["id_number"])
            if not cleaned["id_number"]:
                self.add_error("id_number", str(identity.wrong(kind, typed)))
        if cleaned.get("phone"):
            cleaned["phone"] = phones.plain(cleaned["phone"])
            if not cleaned["phone"]:
                self.add_error("phone", _("This is not a phone number."))
        return cleaned


def form_of(request: HttpRequest) -> PersonForm:
    """Filled in where somebody new was chosen, else empty."""
    return PersonForm(request.POST if request.POST.get("who") == NEW else None)


def who_comes(
    request: HttpRequest, account: Account | None, form: PersonForm, refused: BookingError | None
) -> dict[str, Any]:
    """For book/_who.html and book/_refused.html: the form, the family, who of it is chosen, whether it is a first
    visit; what was refused, the patient's own appointment that it names, and where to sign in."""
    members = [] if account is None else list(account.member_set.select_related("patient"))
    usual = str(members[0].patient_id) if len(members) == 1 else "" if members else NEW
    return {
        "members": [(str(each.patient_id), masked(each.patient.name)) for each in members],
        "who": request.POST.get("who", usual),
        "been_before": "been_before" in request.POST,
        "form": form,
        "refused": refused and refusals.told(refused),
        "own": refused and refusals.own_of(account, refused),
        "sign_in": "" if account else sign_in_address(request.get_full_path()),
    }


def member(account: Account, who: str) -> int:
    """The id of one of the family. Raises BookingError `no_member`."""
    known = who.isascii() and who.isdecimal() and len(who) < 19
    found = account.member_set.filter(patient=int(who)).first() if known else None
    if found is None:
        raise BookingError(_("Please choose who comes."), code="no_member", status=400)
    return found.patient_id


def signed_out() -> BookingError:
    """Signed out in another tab: what is typed stays, and counts once signed in again there."""
    words = _("You are signed out. Please sign in again and then press the button once more.")
    return BookingError(words, code="signed_out", status=403)


def make_for(request: HttpRequest, account: Account | None, form: PersonForm, make: Callable[..., Made]) -> Made:
    """What `make` makes for who comes; somebody new is of the family then, in the same transaction.

    `form` is valid where it counts. Raises BookingError: `signed_out`, `challenge`, `no_member`, and as `make` does.
    """
    if account is None:
        raise signed_out()
    with gate.guarded(request, "book", answer=gate.Answer.of_form(request.POST)), transaction.atomic():
        who = request.POST.get("who", "")
        return make(
            patient_id=join(account, form) if who == NEW else member(account, who),
            account_id=account.pk,
            first_visit="been_before" not in request.POST,
        )


def describe(account: Account, form: PersonForm) -> Patient:
    """The person of a valid form; somebody new is not saved yet. Raises BookingError as `patients.find_or_describe`."""
    return patients.find_or_describe(**_who(account, form))


def join(account: Account, form: PersonForm) -> int:
    """The id of the person of a valid form, who is one of the family from now on.

    Inside a transaction with what else hangs on it. Raises BookingError as `patients.find_or_make`.
    """
    patient = patients.find_or_make(**_who(account, form))
    accounts.add_member(account=account, patient_id=patient.pk)
    return patient.pk


def _who(account: Account, form: PersonForm) -> dict[str, Any]:
    given = {name: form.cleaned_data[name] for name in ("name", "id_type", "id_number")}
    return given | {"phone": form.cleaned_data["phone"] or account.phone, "language": get_language() or ""}
