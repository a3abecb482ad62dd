"""A step on one session: first what it does to those booked, then, confirmed, exactly that (R3.2b, R1.3)."""

import hashlib
from collections.abc import Callable, Sequence
from typing import Any

from django import forms
from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.admin import ModelAdmin
from unfold.widgets import UnfoldAdminTextInputWidget

from booking import touched
from booking.errors import BookingError
from booking.models import Session
from queueboard.admin import effects
from queueboard.admin.base import step_page
from queueboard.admin.effects import Shown

Asked = dict[str, Any]
# The figures that the lines are written from (a mark is made of them, as the lines are in the reader's language), and
# the lines.
Effect = tuple[object, Sequence[str]]


def time_widget() -> UnfoldAdminTextInputWidget:
    """The browser's own, in the reader's format."""
    return UnfoldAdminTextInputWidget(attrs={"type": "time"})


class ReasonForm(forms.Form):
    reason = forms.CharField(label=gettext_lazy("reason"), max_length=120, widget=UnfoldAdminTextInputWidget)


def confirmed(
    admin: ModelAdmin,
    request: HttpRequest,
    session: Session | None,
    form: forms.Form,
    *,
    title: str,
    words: str,
    effect: Callable[[Asked], Effect],
    act: Callable[[Asked, str | None], object],
    at_once: bool = False,
    tried: bool = False,
) -> HttpResponse:
    """Shows the form; posted, what it would do; posted again with the mark of that, does it.

    `effect` says what happens, in lines; `act` does it, given the form's values and the mark of those touched. What it
    would refuse is said before it can be confirmed, by `effect` itself where it has `tried`. `at_once`: the effect
    hangs on nothing that is asked for but the reason, and is shown with the empty form. `session`: None for one that
    is only to be made.
    """
    asked = form.cleaned_data if request.method == "POST" and form.is_valid() else None
    shown, notice = None, ""
    try:
        if asked is not None:
            shown, seen = _shown(session, asked, effect), request.POST.get("seen")
            if shown.mark == seen:
                done = act(asked, shown.touched.mark if shown.touched is not None else None)
                messages.success(request, _("Done: %(step)s") % {"step": title})
                return HttpResponseRedirect(_back(done if isinstance(done, Session) else session))
            if not tried:
                _try(act, asked)
            notice = str(touched.changed_meanwhile()) if seen else ""
        elif at_once:
            shown = _shown(session, {}, effect)
    except BookingError as error:
        form.add_error(None, str(error.message))
        shown = None
    named = title if session is None else f"{title}: {effects.times(session)}"
    return step_page(
        admin, request, title=named, words=words, button=title if shown is not None else _("Show what it does"),
        back=_back(session), form=form, shown=shown, notice=notice,
    )  # fmt: skip


def _back(session: Session | None) -> str:
    if session is None:
        return reverse("admin:booking_session_changelist")
    return reverse("admin:booking_session_change", args=[session.pk])


def _shown(session: Session | None, asked: Asked, effect: Callable[[Asked], Effect]) -> Shown:
    whom = None if session is None else touched.one(session)
    figures, lines = effect(asked)
    given = sorted((name, str(getattr(value, "pk", value))) for name, value in asked.items() if name != "reason")
    mark = hashlib.sha256(repr((whom and whom.mark, given, figures)).encode()).hexdigest()[:24]
    return Shown(lines=lines, mark=mark, session=session, touched=whom)


def _try(act: Callable[[Asked, str | None], object], asked: Asked) -> None:
    """Does it and takes it back, so that a refusal is known before anybody confirms."""
    with transaction.atomic():
        act(asked, None)
        transaction.set_rollback(True)
