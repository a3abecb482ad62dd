"""The study's tables for any expert and span of days, as a page and as files (R2.1, R2.3, R7.1)."""

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from typing import Any

from django import forms
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, QueryDict
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.admin import ModelAdmin
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from booking import reports, why
from booking.estimates import CLIP
from booking.models import Expert, PastSession, QuotaPlan
from queueboard import access, csv_answer

HALVES = (("morning", gettext_lazy("mornings")), ("afternoon", gettext_lazy("afternoons")))
SPAN = timedelta(days=90)
LONGEST = timedelta(days=3 * 366)

Table = tuple[list[str], list[list[Any]]]


class DayWidget(UnfoldAdminTextInputWidget):
    input_type = "date"

    def format_value(self, value: Any) -> str | None:
        return value.isoformat() if isinstance(value, date) else value


def _day(label: Any) -> forms.DateField:
    return forms.DateField(label=label, widget=DayWidget(), input_formats=["%Y-%m-%d"])


class ReportForm(forms.Form):
    """Whose sessions, of which days, and the earlier days that they are compared with."""

    expert = forms.ModelChoiceField(
        Expert.objects.select_related("department").order_by("department__name", "name"),
        label=gettext_lazy("expert"), widget=UnfoldAdminSelectWidget,
    )  # fmt: skip
    half = forms.ChoiceField(choices=HALVES, label=gettext_lazy("half of the day"), widget=UnfoldAdminSelectWidget)
    first = _day(gettext_lazy("first day"))
    last = _day(gettext_lazy("last day"))
    before_first = _day(gettext_lazy("compared with: from"))
    before_last = _day(gettext_lazy("compared with: to"))

    def clean(self) -> dict[str, Any]:
        given = self.cleaned_data
        for first, last in (("first", "last"), ("before_first", "before_last")):
            if given.get(first) and given.get(last):
                if given[last] < given[first]:
                    self.add_error(last, _("The last day is before the first."))
                elif given[last] - given[first] > LONGEST:
                    self.add_error(last, _("At most three years at once."))
        if not self.errors and given["before_first"] <= given["last"] and given["first"] <= given["before_last"]:
            self.add_error("before_last", _("The days compared overlap: a day is either before or after."))
        return given


def reports_page(model_admin: ModelAdmin, request: HttpRequest) -> HttpResponse:
    """Without days: the last ninety that are on record, and the ninety before. `csv=1..3`: that table as a file."""
    if not access.may(request.user, access.MANAGE):
        raise PermissionDenied
    form = ReportForm(_with_days(request.GET)) if request.GET.get("expert") else ReportForm()
    context = {
        **model_admin.admin_site.each_context(request),
        "title": _("Reports of the study"),
        "form": form,
        "opts": model_admin.model._meta,
    }
    if form.is_bound and form.is_valid():
        told = _told(form)
        if request.GET.get("csv") in ("1", "2", "3"):
            return _file(form, told, int(request.GET["csv"]))
        query = QueryDict(mutable=True)
        query.update({name: form[name].data for name in form.fields})
        context |= told | {"files": {which: f"?{query.urlencode()}&csv={which}" for which in "123"}}
        context["clip"] = range(CLIP + 1)
    return TemplateResponse(request, "admin/reports.html", context)


def _with_days(asked: Any) -> dict[str, Any]:
    """What was asked, with days where none are given."""
    given = {name: asked[name] for name in ReportForm.base_fields if asked.get(name)}
    code = given["expert"]
    past = PastSession.objects.filter(expert=code).order_by("-starts_at") if code.isascii() and code.isdigit() else None
    if "half" in given and past is not None:
        past = past.filter(morning=given["half"] == "morning")
    latest = past.first() if past is not None else None
    given.setdefault("half", "morning" if latest is None or latest.morning else "afternoon")
    last = timezone.localdate() if latest is None else timezone.localtime(latest.starts_at).date()
    days = {"last": last, "first": last - SPAN + timedelta(days=1)}
    days |= {"before_last": days["first"] - timedelta(days=1), "before_first": days["first"] - SPAN}
    # All or none: half of a span that nobody typed would be a surprise.
    return given if any(name in given for name in days) else given | days


def _told(form: ReportForm) -> dict[str, Any]:
    given = form.cleaned_data
    expert, morning = given["expert"], given["half"] == "morning"
    days = reports.Days(given["first"], given["last"], morning)
    log = reports.read(expert, morning=morning)
    known = reports.record(expert, log, days)
    before = reports.record(expert, log, reports.Days(given["before_first"], given["before_last"], morning))
    plan = QuotaPlan.objects.filter(session__expert=expert).order_by("-pk").first()
    return {
        "expert": expert,
        "known": known,
        "sessions": len(known.log),
        "more": known.more or before.more,
        "most": reports.MOST_SESSIONS,
        "frequencies": reports.frequencies(expert, days, known),
        "capacities": [(slot, row, why.reasons()[row.reason]) for slot, row in reports.capacities(expert, known)],
        "waits": reports.waits(before, known),
        "plan": plan,
        "rivals": [] if plan is None else why.rivals(plan.basis),
        "sentences": [] if plan is None else why.sentences(plan),
    }


def _file(form: ReportForm, told: dict[str, Any], which: int) -> HttpResponse:
    given = form.cleaned_data
    head, rows = (_frequencies, _capacities, _waits)[which - 1](told)
    whose = [str(given["expert"]), given["first"].isoformat(), given["last"].isoformat()]
    name = f"table{which}-{given['expert'].code}-{whose[1]}-{whose[2]}"
    return csv_answer.answer(name, [_("expert"), _("first day"), _("last day"), *head], _led(whose, rows))


def _led(whose: Sequence[str], rows: Iterable[Sequence[Any]]) -> Iterable[list[Any]]:
    return ([*whose, *row] for row in rows)


def _frequencies(told: dict[str, Any]) -> Table:
    head = [_("interval"), *map(str, range(CLIP)), _("%(count)d or more") % {"count": CLIP}]
    return [*head, _("walk-ins a minute"), _("walk-ins expected")], [
        [line.interval.clock, *line.counts, line.per_minute, line.expected] for line in told["frequencies"]
    ]


def _capacities(told: dict[str, Any]) -> Table:
    head = [_("slot"), _("observed count"), _("mean visit (min)"), _("expected count"), _("chosen"), _("reason")]
    return head, [
        [slot.clock, row.observed, row.visit_minutes, row.expected, row.chosen, reason]
        for slot, row, reason in told["capacities"]
    ]


def _waits(told: dict[str, Any]) -> Table:
    head = [_("came"), _("walk-ins before"), _("mean wait before (min)"), _("walk-ins after")]
    return [*head, _("mean wait after (min)"), _("change (min)"), _("95% margin (min)")], [
        [
            line.interval.clock, line.before.walk_ins, line.before.mean, line.after.walk_ins, line.after.mean,
            line.change, line.margin,
        ]
        for line in told["waits"]
    ]  # fmt: skip
