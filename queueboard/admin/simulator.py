"""The simulator as a page: a form, the progress of what was asked, its result, and earlier runs (R7)."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST
from unfold.admin import ModelAdmin
from unfold.decorators import display
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
)

from booking.errors import BookingError
from booking.models import Expert
from queueboard import access, charts, csv_answer, simulation_words
from queueboard.admin.base import ReadOnly, actor, refused
from queueboard.models import Simulation
from queueboard.services import simulations

USUAL_MORNINGS = 2000
LARGEST_SEED = 2**31 - 1


def _whole(label: Any, low: int, high: int, start: int | None, words: Any = "") -> forms.IntegerField:
    return forms.IntegerField(
        label=label, min_value=low, max_value=high, initial=start, required=start is not None,
        help_text=words, widget=UnfoldAdminIntegerFieldWidget(attrs={"inputmode": "numeric"}),
    )  # fmt: skip


class SimulatorForm(forms.Form):
    """Which morning, which ways to split it, and what is supposed of it."""

    expert = forms.ModelChoiceField(
        Expert.objects.filter(active=True).select_related("department").order_by("department__name", "name"),
        label=gettext_lazy("which morning"), required=False, empty_label=gettext_lazy("the study's morning"),
        help_text=gettext_lazy("An expert's: the next planned session, as the records say it will be."),
        widget=UnfoldAdminSelectWidget,
    )  # fmt: skip
    policies = forms.MultipleChoiceField(
        label=gettext_lazy("ways to split the numbers"), widget=UnfoldAdminCheckboxSelectMultipleWidget
    )
    walk_ins = _whole(
        gettext_lazy("walk-ins (%)"), 0, 300, 100, gettext_lazy("100: as many as on record; 150: half as many again.")
    )
    visits = _whole(
        gettext_lazy("visit lengths (%)"), 25, 300, 100, gettext_lazy("100: as on record; the numbers stay the same.")
    )
    absent = _whole(
        gettext_lazy("booked patients who do not come (%)"), 0, 100, None, gettext_lazy("Empty: as on record.")
    )
    instead = _whole(
        gettext_lazy("of those who find nothing to book, come as walk-ins (%)"), 0, 100, 0,
        gettext_lazy("0: they stay away, and the morning is quieter."),
    )  # fmt: skip
    mornings = _whole(
        gettext_lazy("how many mornings"), 20, simulations.MOST_MORNINGS, USUAL_MORNINGS,
        gettext_lazy("More mornings, narrower margins; 2,000 take a second or two."),
    )  # fmt: skip
    seed = _whole(
        gettext_lazy("seed"), 0, LARGEST_SEED, 1, gettext_lazy("The same seed gives the same mornings.")
    )  # fmt: skip

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["policies"].choices = simulation_words.policy_choices()  # type: ignore[attr-defined]
        self.fields["policies"].initial = ["today", "study", "ours"]

    def ask(self, request: HttpRequest) -> Simulation:
        given = self.cleaned_data
        assumptions = {name: given[name] for name in ("walk_ins", "visits", "absent", "instead")}
        return simulations.ask(
            expert=given["expert"], policies=given["policies"], mornings=given["mornings"], seed=given["seed"],
            assumptions=simulations.Assumptions(**assumptions), actor=actor(request),
        )  # fmt: skip


@admin.register(Simulation)
class SimulationAdmin(ReadOnly, ModelAdmin):
    list_display = ("asked_at", "whose", "mornings", "state_now", "made_by")
    list_filter = ("state",)
    list_select_related = ("expert", "made_by")
    ordering = ("-id",)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return access.may(request.user, access.MANAGE)

    def has_view_permission(self, request: HttpRequest, obj: Simulation | None = None) -> bool:
        return access.may(request.user, access.MANAGE)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return access.may(request.user, access.MANAGE)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        # A list needs neither the scenario nor the result of each.
        return super().get_queryset(request).select_related("expert", "made_by").defer("result")

    @display(description=gettext_lazy("asked at"), ordering="id")
    def asked_at(self, simulation: Simulation) -> str:
        return f"{timezone.localtime(simulation.made_at):%Y-%m-%d %H:%M}"

    @display(description=gettext_lazy("which morning"))
    def whose(self, simulation: Simulation) -> str:
        return str(simulation)

    @display(description=gettext_lazy("how many mornings"))
    def mornings(self, simulation: Simulation) -> int:
        return simulation.asked["mornings"]

    @display(description=gettext_lazy("state"), ordering="state")
    def state_now(self, simulation: Simulation) -> str:
        if simulations.is_silent(simulation, timezone.now()):
            return str(Simulation.State.STOPPED.label)
        return simulation.get_state_display()

    def get_urls(self) -> list[Any]:
        pages = [
            path(f"<int:pk>/{name}", self.admin_site.admin_view(view), name=f"queueboard_simulation_{title}")
            for name, title, view in (
                ("progress/", "progress", self.progress),
                ("again/", "again", require_POST(self.again)),
                ("result.json", "json", self.as_json),
                ("result.csv", "csv", self.as_csv),
            )
        ]
        return [*pages, *super().get_urls()]

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """The form; posted, it leads to what was asked."""
        self._guard(request)
        form = SimulatorForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            try:
                simulation = form.ask(request)
            except BookingError as error:
                form.add_error(None, str(error))
            else:
                return HttpResponseRedirect(self._address(simulation))
        return self._page(
            request, "admin/simulator.html", title=_("Simulator"), form=form,
            lately=[(each, self.state_now(each)) for each in self.get_queryset(request).order_by("-pk")[:8]],
        )  # fmt: skip

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """How far it is, or what came of it."""
        self._guard(request)
        simulation = self.get_object(request, object_id)
        if simulation is None:
            raise Http404
        context = self._standing(simulation)
        if simulation.state == Simulation.State.DONE:
            context |= shown(simulation)
        words = _("Simulation: %(morning)s") % {"morning": simulation}
        return self._page(request, "admin/simulation.html", title=words, **context)

    def progress(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The piece of the page that asks anew each second; once there is nothing to wait for, the whole page."""
        simulation = self._one(request, pk)
        response = TemplateResponse(request, "admin/parts/simulation_progress.html", self._standing(simulation))
        if simulation.state == Simulation.State.DONE:
            response["HX-Refresh"] = "true"
        return response

    def again(self, request: HttpRequest, pk: int) -> HttpResponse:
        simulation = self._one(request, pk)
        try:
            simulations.again(simulation_id=pk)
        except BookingError as error:
            return refused(request, error, self._address(simulation))
        messages.success(request, _("It begins anew."))
        return HttpResponseRedirect(self._address(simulation))

    def as_json(self, request: HttpRequest, pk: int) -> HttpResponse:
        simulation = self._done(request, pk)
        answer = JsonResponse(simulation.result | {"policies": in_order(simulation)}, json_dumps_params={"indent": 2})
        answer["Content-Disposition"] = f'attachment; filename="simulation-{pk}.json"'
        return answer

    def as_csv(self, request: HttpRequest, pk: int) -> HttpResponse:
        """One row for each policy and figure."""
        simulation = self._done(request, pk)
        head = [
            _("way to split"), _("figure"), _("value"), _("95% margin"), _("difference to the first"), _("95% margin"),
        ]  # fmt: skip
        names, figures = simulation_words.policy_names(), simulation_words.figure_names()
        rows = [
            [names[name], figures.get(key, key), *_pair(figure), *_pair(policy["against_first"][key])]
            for name, policy in in_order(simulation).items()
            for key, figure in policy["figures"].items()
        ]
        return csv_answer.answer(f"simulation-{pk}", head, rows)

    def _guard(self, request: HttpRequest) -> None:
        if not self.has_view_permission(request):
            raise PermissionDenied

    def _one(self, request: HttpRequest, pk: int) -> Simulation:
        self._guard(request)
        simulation = Simulation.objects.select_related("expert").filter(pk=pk).first()
        if simulation is None:
            raise Http404
        return simulation

    def _done(self, request: HttpRequest, pk: int) -> Any:
        simulation = self._one(request, pk)
        if simulation.state != Simulation.State.DONE:
            raise Http404
        return simulation

    def _standing(self, simulation: Simulation) -> dict[str, Any]:
        now = timezone.now()
        silent = simulations.is_silent(simulation, now)
        stopped = silent or simulation.state in (Simulation.State.STOPPED, Simulation.State.FAILED)
        return {
            "simulation": simulation,
            "asked": simulation.asked,
            "silent": silent or simulation.state == Simulation.State.STOPPED,
            "can_run_again": stopped,
            "left_lying": simulations.is_left_lying(simulation, now),
            "sources": simulation_words.source_words(simulation.asked["sources"]),
        }

    def _address(self, simulation: Simulation) -> str:
        return reverse("admin:queueboard_simulation_change", args=[simulation.pk])

    def _page(self, request: HttpRequest, template: str, **context: Any) -> HttpResponse:
        whole = {**self.admin_site.each_context(request), "opts": self.model._meta, **context}
        return TemplateResponse(request, template, whole)


def _pair(figure: dict[str, float] | None) -> list[float | None]:
    return [None, None] if figure is None else [figure["value"], figure["margin"]]


def in_order(simulation: Any) -> dict[str, Any]:
    """The result's policies as they were asked for, their figures as tables show them: PostgreSQL keeps no order."""
    policies, first = simulation.result["policies"], list(simulation_words.figure_names())
    ordered = {}
    for name in simulation.asked["policies"]:
        figures = policies[name]["figures"]
        keys = [*first, *sorted(figures.keys() - set(first))]
        ordered[name] = policies[name] | {"figures": {key: figures[key] for key in keys}}
    return ordered


def shown(simulation: Any) -> dict[str, Any]:
    """A result as tables and pictures, in the reader's language."""
    policies, names = in_order(simulation), simulation_words.policy_names()
    document = simulation.result | {"policies": policies}
    scenario = document["scenario"]
    spans = [(scenario["opens"], 0), *scenario["slots"]]
    return {
        "waits_picture": charts.waits(policies, names),
        "crowd_picture": charts.crowd(document, names),
        "heads": list(simulation_words.figure_names().values()),
        "lines": [
            {"name": names[name], "cells": [cell(policy["figures"][key]) for key in simulation_words.figure_names()]}
            for name, policy in policies.items()
        ],
        "spans": [f"{charts.clock(start)} – {charts.clock(end)}" for start, end in spans],
        "by_interval": [
            {"name": names[name], "cells": [cell(policy["figures"].get(f"walk_in_{i}")) for i in range(len(spans))]}
            for name, policy in policies.items()
        ],
        "splits": [
            {
                "name": names[name],
                "cells": list(zip(policy["bookable"], policy["walk_in"], strict=True)),
            }
            for name, policy in policies.items()
            if len(policy["bookable"]) == len(scenario["slots"])
        ],
        "best": simulation_words.best(policies),
    }


def cell(figure: dict[str, float] | None) -> tuple[str, str] | None:
    """Value and margin; None where nobody was counted."""
    return None if figure is None else (f"{figure['value']:.1f}", f"{figure['margin']:.1f}")
