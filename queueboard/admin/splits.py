"""A session's split: type another, see at once what the simulator says of it, lock it (R2.5)."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.admin import ModelAdmin
from unfold.widgets import UnfoldAdminIntegerFieldWidget, UnfoldAdminTextInputWidget, UnfoldBooleanWidget

from booking.errors import BookingError
from booking.models import Session, Slot
from booking.services import quotas
from queueboard import simulation_words, what_if
from queueboard.admin.base import actor
from queueboard.admin.why_page import steps_of_managers

if TYPE_CHECKING:
    from queueboard.simulation.report import Figure


class SplitForm(forms.Form):
    """Of each slot how many of its numbers can be booked, and whether that is fixed."""

    reason = forms.CharField(
        label=gettext_lazy("reason"), max_length=120, required=False,
        widget=UnfoldAdminTextInputWidget(attrs={"form": "split"}),
        help_text=gettext_lazy("Kept in the log with your name."),
    )  # fmt: skip

    def __init__(self, slots: Sequence[Slot], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.slots = slots
        for slot in slots:
            names = {"slot": slot}
            wrong = _("%(slot)s: please type a whole number from 0.") % names
            self.fields[f"bookable_{slot.index}"] = forms.IntegerField(
                label=_("%(slot)s: bookable") % names, initial=slot.bookable, min_value=0,
                error_messages=dict.fromkeys(("required", "invalid", "min_value"), wrong),
                widget=UnfoldAdminIntegerFieldWidget(attrs={"inputmode": "numeric", "class": "split-number"}),
            )  # fmt: skip
            self.fields[f"locked_{slot.index}"] = forms.BooleanField(
                label=_("%(slot)s: locked") % names, initial=slot.locked, required=False, widget=UnfoldBooleanWidget
            )

    def lines(self) -> list[tuple[Slot, forms.BoundField, forms.BoundField]]:
        return [(slot, self[f"bookable_{slot.index}"], self[f"locked_{slot.index}"]) for slot in self.slots]

    def clean(self) -> dict[str, Any]:
        for slot in self.slots:
            name = f"bookable_{slot.index}"
            if name in self.cleaned_data:
                try:
                    quotas.fits(slot, self.cleaned_data[name])
                except BookingError as error:
                    self.add_error(name, str(error))
        return self.cleaned_data

    def sentences(self) -> list[str]:
        """What is wrong; each names its slot."""
        return [str(error) for errors in self.errors.values() for error in errors]

    @property
    def typed(self) -> list[int]:
        return [self.cleaned_data[f"bookable_{slot.index}"] for slot in self.slots]

    def to_lock(self) -> dict[int, int]:
        """Slots to be locked, by id: those ticked, and those typed otherwise than they are."""
        both = zip(self.slots, self.typed, strict=True)
        return {
            slot.pk: bookable
            for slot, bookable in both
            if bookable != slot.bookable or self.cleaned_data[f"locked_{slot.index}"] > slot.locked
        }

    def to_unlock(self) -> list[int]:
        lock = self.to_lock()
        return [
            slot.pk for slot in self.slots if slot.locked > self.cleaned_data[f"locked_{slot.index}"]
            and slot.pk not in lock
        ]  # fmt: skip


def split_page(model_admin: ModelAdmin, request: HttpRequest, session: Session) -> HttpResponse:
    """The form; posted as `simulate` it answers, posted as `lock` it does it. The script asks for the answer alone."""
    slots = list(session.slots.order_by("index"))
    form = SplitForm(slots, request.POST or None)
    live = request.headers.get("HX-Request") == "true"
    if request.method == "POST" and not live and request.POST.get("step") == "lock" and _lock(request, session, form):
        return HttpResponseRedirect(reverse("admin:booking_session_split", args=[session.pk]))
    context: dict[str, Any] = {"form": form, "session": session}
    if request.method == "POST" and form.is_valid():
        context |= answer(session, slots, form.typed)
    if live:
        return TemplateResponse(request, "admin/parts/split_answer.html", context)
    context |= {
        **model_admin.admin_site.each_context(request),
        "title": _("Another split? %(session)s") % {"session": session},
        "planned": session.state == Session.State.PLANNED and session.pool_opened_at is None,
        "steps": steps_of_managers(session),
        "opts": model_admin.model._meta,
    }
    return TemplateResponse(request, "admin/split.html", context)


def _lock(request: HttpRequest, session: Session, form: SplitForm) -> bool:
    """Whether it was done; if not, the form says why not."""
    if not form.is_valid():
        return False
    reason = form.cleaned_data["reason"].strip()
    if not reason:
        form.add_error("reason", _("Please give a reason: it is kept in the log."))
        return False
    lock, unlock = form.to_lock(), form.to_unlock()
    if not lock and not unlock:
        form.add_error(None, _("Nothing was changed: type another number, or tick a slot to lock it as it is."))
        return False
    try:
        with transaction.atomic():
            was = {slot.pk: slot for slot in form.slots}
            done = quotas.lock_splits(session_id=session.pk, bookable=lock, actor=actor(request), note=reason)
            freed = quotas.unlock_splits(session_id=session.pk, slot_ids=unlock)
            told = [_locked(slot, was[slot.pk]) for slot in done]
            told += [_("%(slot)s: given back to the calculation") % {"slot": slot} for slot in freed]
            log_step(request, session, f"{'; '.join(told)}. {_('Reason: %(reason)s') % {'reason': reason}}")
    except BookingError as error:
        form.add_error(None, str(error))
        return False
    messages.success(request, "; ".join(told))
    return True


def _locked(slot: Slot, was: Slot) -> str:
    figures = {"slot": slot, "bookable": slot.bookable, "walk_in": slot.walk_in, "was": was.bookable}
    return _("%(slot)s: locked with %(bookable)d to book (it was %(was)d) and %(walk_in)d for walk-ins") % figures


def log_step(request: HttpRequest, session: Session, words: str) -> None:
    """Who did what when, in the session's history (R6.3)."""
    # Asked of the database: the id that Django keeps in memory outlives a database that is emptied.
    kind = ContentType.objects.get(app_label="booking", model="session")
    LogEntry.objects.create(
        user=actor(request),  # type: ignore[misc]  # the stubs know the default user only
        content_type=kind,
        object_id=str(session.pk),
        object_repr=str(session)[:200],
        action_flag=CHANGE,
        change_message=words,
    )


def answer(session: Session, slots: Sequence[Slot], typed: Sequence[int]) -> dict[str, Any]:
    """What the simulator says, for the template: a sentence for each thing that matters, and the table."""
    other = list(typed) != [slot.bookable for slot in slots]
    try:
        said = what_if.ask(session, slots, typed if other else None)
    except BookingError as error:
        return {"refusal": str(error)}
    names = simulation_words.split_names()
    order = [name for name in ("typed", "now", "study") if name in said.reports]
    reports = [said.reports[name] for name in order]
    lines = [
        {"name": name, "cells": [_cell(report.figures[key]) for report in reports]}
        for key, name in simulation_words.figure_names().items()
    ]
    return {
        "heads": [names[name] for name in order],
        "splits": [zip(report.plan.bookable, report.plan.walk_in, strict=True) for report in reports],
        "lines": lines,
        "changes": simulation_words.changes(said.change) if other else [],
        "sources": simulation_words.source_words(said.sources),
        "mornings": what_if.MORNINGS,
    }


def _cell(figure: "Figure") -> tuple[str, str] | None:
    """Value and margin; None where nobody was counted."""
    return None if math.isnan(figure.value) else (f"{figure.value:.1f}", f"{figure.margin:.1f}")
