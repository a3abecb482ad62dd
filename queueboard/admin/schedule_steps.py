"""Steps that change a session's schedule: each page says how many are booked before it is confirmed (R3.2b, R1.3)."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import messages
from django.db.models import Q
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from unfold.admin import ModelAdmin
from unfold.decorators import action
from unfold.widgets import UnfoldAdminIntegerFieldWidget, UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from booking.errors import BookingError
from booking.models import Expert, Session, Slot
from booking.services.schedules import booked
from queueboard import access
from queueboard.admin.base import actor, refused, step_page
from queueboard.services import schedules


class ReasonForm(forms.Form):
    reason = forms.CharField(label=gettext_lazy("reason"), max_length=120, widget=UnfoldAdminTextInputWidget)


class AddForm(ReasonForm):
    slot = forms.ModelChoiceField(Slot.objects.none(), label=gettext_lazy("slot"), widget=UnfoldAdminSelectWidget)
    count = forms.IntegerField(
        label=gettext_lazy("how many"), min_value=1, max_value=500, initial=1, widget=UnfoldAdminIntegerFieldWidget
    )
    field_order = ("slot", "count", "reason")


class SubstituteForm(ReasonForm):
    away = forms.ModelChoiceField(
        Expert.objects.none(), label=gettext_lazy("who is away"), widget=UnfoldAdminSelectWidget, empty_label=None
    )
    expert = forms.ModelChoiceField(
        Expert.objects.none(), label=gettext_lazy("substitute"), widget=UnfoldAdminSelectWidget
    )
    field_order = ("away", "expert", "reason")


class ScheduleSteps(ModelAdmin):
    """For the admin of sessions."""

    def has_add_numbers_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """A manager, or the expert whose session it is."""
        session = Session.objects.filter(pk=object_id).first() if object_id else None
        return access.may_manage(request.user) or (session is not None and access.sits(request.user, session))

    def has_manage_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        return access.may_manage(request.user)

    @action(description=gettext_lazy("Add numbers"), permissions=["add_numbers"], url_path="add-numbers", icon="add")
    def add_numbers(self, request: HttpRequest, object_id: str) -> HttpResponse:
        session = self.get_queryset(request).get(pk=object_id)
        form = AddForm(request.POST or None)
        form.fields["slot"].queryset = session.slots.order_by("index")  # type: ignore[attr-defined]
        words = _("Free to book for everybody; once registration has opened, for walk-ins.")
        return self._take(
            request,
            session,
            form,
            title=_("Add numbers"),
            words=words,
            act=lambda asked: schedules.add_numbers(**asked, actor=actor(request)),
        )

    @action(description=gettext_lazy("Substitute"), permissions=["manage"], url_path="substitute", icon="swap_horiz")
    def substitute(self, request: HttpRequest, object_id: str) -> HttpResponse:
        session = self.get_queryset(request).get(pk=object_id)
        form = SubstituteForm(request.POST or None)
        seated = Expert.objects.filter(Q(sessions=session) | Q(sessionroom__session=session)).distinct()
        form.fields["away"].queryset = seated  # type: ignore[attr-defined]
        others = session.department.experts.filter(active=True).exclude(pk__in=seated)
        form.fields["expert"].queryset = others  # type: ignore[attr-defined]
        words = [booked_words(session), _("They keep their numbers, and who booked this expert is told.")]
        return self._take(
            request,
            session,
            form,
            title=_("Substitute"),
            words=" ".join(words),
            act=lambda asked: schedules.substitute(
                session_id=session.pk, away_id=asked["away"].pk, expert_id=asked["expert"].pk,
                reason=asked["reason"], actor=actor(request),
            ),
        )  # fmt: skip

    @action(description=gettext_lazy("Cancel the session"), permissions=["manage"], url_path="call-off", icon="block")
    def call_off(self, request: HttpRequest, object_id: str) -> HttpResponse:
        session = self.get_queryset(request).get(pk=object_id)
        words = [booked_words(session), _("They are told, and it counts against nobody. This cannot be undone.")]
        return self._take(
            request,
            session,
            ReasonForm(request.POST or None),
            title=_("Cancel the session"),
            words=" ".join(words),
            act=lambda asked: schedules.call_off(session_id=session.pk, **asked, actor=actor(request)),
        )

    def _take(
        self,
        request: HttpRequest,
        session: Session,
        form: forms.Form,
        *,
        title: str,
        words: str,
        act: Callable[[dict[str, Any]], object],
    ) -> HttpResponse:
        back = reverse("admin:booking_session_change", args=[session.pk])
        if request.method != "POST" or not form.is_valid():
            named = f"{title}: {session}"
            return step_page(self, request, title=named, words=words, button=title, back=back, form=form)
        try:
            act(form.cleaned_data)
        except BookingError as error:
            return refused(request, error, back)
        messages.success(request, _("Done: %(step)s") % {"step": title})
        return HttpResponseRedirect(back)


def booked_words(session: Session) -> str:
    """How many are booked, in a sentence."""
    count = booked(session).count()
    return ngettext("%(count)d patient is booked.", "%(count)d patients are booked.", count) % {"count": count}
