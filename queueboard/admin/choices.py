"""A page of sessions, each with whom it touches and what can be done with it; done session by session (R3.2b, R1.3).

What is confirmed is what was shown: each session comes back with the mark of what was read for the page, and one that
has changed meanwhile is left and shown anew.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from unfold.admin import ModelAdmin

from booking.errors import BookingError
from booking.models import Expert, Session
from booking.touched import Touched, changed_meanwhile
from queueboard.admin import effects
from queueboard.templatetags.faces import yuan

KEEP = "keep"


@dataclass(frozen=True, slots=True)
class Option:
    """One thing that can be done with a session. `experts`: among whom one is to be chosen for it."""

    value: str
    label: str
    words: str = ""
    experts: Sequence[Expert] = ()
    calls_off: bool = False


@dataclass(slots=True)
class Row:
    """A session of the page. `chosen`: the option that is ticked, at first the one that is proposed."""

    session: Session
    touched: Touched
    options: Sequence[Option]
    chosen: str
    differences: Sequence[str] = ()

    @property
    def title(self) -> str:
        return effects.times(self.session)

    @property
    def words(self) -> str:
        return effects.booked_words(self.touched)

    @property
    def slots(self) -> str:
        return effects.slots_in_line(self.touched)

    @property
    def list(self) -> str:
        return effects.list_of(self.session)


@dataclass(frozen=True, slots=True)
class Act:
    """What is asked for one session: the option's value, the mark of what was shown, the expert chosen."""

    row: Row
    value: str
    seen: str
    expert_id: int | None


@dataclass(slots=True)
class Done:
    """What was done, for the sentence at the end."""

    sessions: int = 0
    told: int = 0
    back: int = 0
    refused: list[str] = field(default_factory=list)


def choices_page(
    admin: ModelAdmin,
    request: HttpRequest,
    *,
    title: str,
    words: Sequence[str],
    rows: Sequence[Row],
    button: str,
    back: str,
    act: Callable[[Act], None],
    last: Callable[[], str] | None = None,
    after: str = "",
) -> HttpResponse:
    """Shows the sessions; posted, does what was chosen, each session in a transaction of its own.

    Killed halfway and opened again, it shows what is left. `last` is done in the end if nothing was refused, and gives
    a sentence; `after` is where to go then (default: `back`).
    """
    if request.method != "POST":
        context = {
            **admin.admin_site.each_context(request),
            "title": title, "words": words, "rows": rows, "button": button, "back": back, "opts": admin.model._meta,
        }  # fmt: skip
        return TemplateResponse(request, "admin/choices.html", context)
    done = Done()
    for row in rows:
        asked = _asked(request, row)
        if asked is not None:
            _do(asked, act, done)
    for refusal in done.refused:
        messages.error(request, refusal)
    if done.sessions:
        messages.success(request, _summary(done))
    if done.refused:
        return HttpResponseRedirect(request.path)
    if last is not None:
        messages.success(request, last())
    elif not done.sessions:
        messages.info(request, _("Nothing was changed."))
    return HttpResponseRedirect(after or back)


def _asked(request: HttpRequest, row: Row) -> Act | None:
    """What was chosen for a session; None: it was not on the page."""
    pk = row.session.pk
    seen = request.POST.get(f"seen-{pk}")
    if seen is None:
        return None
    expert = request.POST.get(f"expert-{pk}", "")
    return Act(row, request.POST.get(f"do-{pk}", KEEP), seen, int(expert) if expert.isdecimal() else None)


def _do(asked: Act, act: Callable[[Act], None], done: Done) -> None:
    option = next((each for each in asked.row.options if each.value == asked.value), None)
    try:
        if option is None:
            raise changed_meanwhile()
        if bool(option.experts) != (asked.expert_id is not None):
            words = _("To have somebody take it over, tick that and choose who.")
            raise BookingError(words, code="expert_missing", status=400)
        if asked.value == KEEP:
            return
        act(asked)
    except BookingError as error:
        done.refused.append(f"{asked.row.title}: {error.message}")
        return
    done.sessions += 1
    if option.calls_off:
        done.told += asked.row.touched.to_come
        done.back += asked.row.touched.paid


def _summary(done: Done) -> str:
    words = ngettext("%(count)d session is changed.", "%(count)d sessions are changed.", done.sessions)
    told = [words % {"count": done.sessions}]
    if done.told:
        words = ngettext("%(count)d patient is told.", "%(count)d patients are told.", done.told)
        told.append(words % {"count": done.told})
    if done.back:
        told.append(_("%(money)s goes back.") % {"money": f"¥{yuan(done.back)}"})
    return " ".join(told)
