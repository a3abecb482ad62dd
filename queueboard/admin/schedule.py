"""Weekly templates (R1.1): a changed one leads to the sessions that differ from it, one that goes to those it has made.

Saved, it changes nothing that has been made: until that is confirmed, session by session, nothing happens to anybody.
"""

from collections.abc import Callable, Iterable
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.admin import TabularInline
from unfold.decorators import action

from booking import differing, touched
from booking.differing import Differing
from booking.models import Session, Template, TemplateRoom
from booking.services import sessions
from booking.touched import Touched
from booking.wanted import NoSession, Span, Wanted
from queueboard.admin import effects
from queueboard.admin.base import Managed, OwnDepartments, actor, own
from queueboard.admin.choices import KEEP, Act, Option, Row, choices_page
from queueboard.admin.exchange import InAndOut
from queueboard.admin.template_rows import TemplateRows
from queueboard.services import schedules as steps


class TemplateRooms(TabularInline):
    model = TemplateRoom
    extra = 1


@admin.register(Template)
class TemplateAdmin(Managed, InAndOut, OwnDepartments):
    resource_classes = (TemplateRows,)
    list_display = ("__str__", "department", "weekday", "starts", "ends", "numbers", "prefix", "active")
    list_filter = ("department", "weekday", "active")
    search_fields = ("expert__name", "expert__name_en", "expert__code", "title", "title_en")
    list_select_related = ("department", "expert")
    inlines = (TemplateRooms,)
    actions = None  # one by one: each has its sessions
    actions_detail = ("sessions",)
    fieldsets = (
        (None, {"fields": ("department", "expert", "active")}),
        (None, {"fields": ("title", "title_en", "title_zh_hant"), "classes": ("collapse",)}),
        (None, {"fields": (("weekday", "starts", "ends"), ("numbers", "slot_minutes", "prefix"))}),
    )

    def add_success_message(self, result: Any, request: HttpRequest) -> None:
        super().add_success_message(result, request)
        words = gettext(
            "Sessions that have been made already stay as they are: each template's page leads to those that differ."
        )
        messages.info(request, words)

    def response_post_save_change(self, request: HttpRequest, obj: Template) -> HttpResponse:
        if differing.differing(_read(obj.pk), now=timezone.now()):
            return HttpResponseRedirect(reverse("admin:booking_template_sessions", args=[obj.pk]))
        return super().response_post_save_change(request, obj)

    @action(
        description=_("Sessions that differ"), permissions=["manage"], url_path="sessions", icon="difference"
    )  # fmt: skip
    def sessions(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """What was made and is not as the template asks now; after confirmation, each session in one transaction."""
        template = _read(own(self, request, object_id).pk)
        found = differing.differing(template, now=timezone.now())
        whom = touched.of(each.session for each in found)
        back = reverse("admin:booking_template_changelist")
        if not found and request.method != "POST":
            messages.info(request, gettext("All sessions that have been made are as this template asks."))
            return HttpResponseRedirect(back)
        return choices_page(
            self, request, title=f"{gettext('Sessions that differ')}: {template}",
            words=[
                gettext("The template holds for sessions made from now on. These have been made already and are not as "
                        "it asks. Nothing happens to them until you confirm it here."),
            ],
            rows=[_row(each, whom[each.session.pk]) for each in found],
            button=gettext("Do this"), back=back, act=_act(request),
        )  # fmt: skip

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """First what becomes of the sessions that it has made, then it is deleted."""
        own = self.get_object(request, object_id)
        if own is None or not self.has_delete_permission(request, own):
            raise PermissionDenied
        template = _read(own.pk)
        made = differing.ahead(template, timezone.now())
        whom = touched.of(made)

        def last() -> str:
            self.log_deletions(request, [template])
            words = gettext("Deleted: %(what)s") % {"what": template}
            template.delete()
            return words

        title = gettext("Delete the weekly template")
        return choices_page(
            self, request, title=f"{title}: {template}",
            words=[
                gettext("No more sessions are made from it. These have been made already:")
                if made
                else gettext("No more sessions are made from it. None that it has made is still to come.")
            ],
            rows=[_going(session, whom[session.pk]) for session in made], button=title,
            back=reverse("admin:booking_template_change", args=[template.pk]), act=_act(request), last=last,
            after=reverse("admin:booking_template_changelist"),
        )  # fmt: skip


def _read(template_id: int) -> Template:
    together = Template.objects.select_related("department", "expert")
    return together.prefetch_related("rooms__room", "rooms__expert").get(pk=template_id)


def _row(each: Differing, whom: Touched) -> Row:
    session, asked = each.session, each.asked
    keep = Option(KEEP, gettext("Leave it as it is"))
    if isinstance(asked, NoSession):
        return Row(session, whom, [_off(whom), keep], _proposed("off", whom, each.by_hand), [no_session_words(asked)])
    options = []
    if whom.nobody:
        options.append(Option("anew", gettext("Make it anew"), gettext("Nobody has to be told.")))
    else:
        if each.can_follow:
            words = gettext("Everybody keeps the number and is told what is different for them.")
            options.append(Option("follow", gettext("As the template"), words))
        options.append(_off(whom))
    told = [*difference_words(each.session, asked, each.what), *_by_hand_words(each.by_hand)]
    return Row(session, whom, [*options, keep], _proposed("anew", whom, each.by_hand), told)


def _going(session: Session, whom: Touched) -> Row:
    by_hand = differing.is_by_hand(session)
    keep = Option(KEEP, gettext("Leave it as it is"), gettext("The session takes place."))
    return Row(session, whom, [_off(whom), keep], _proposed("off", whom, by_hand), _by_hand_words(by_hand))


def _proposed(otherwise: str, whom: Touched, by_hand: bool) -> str:
    """Where somebody is booked or waits, and what a manager has changed, is left unless one chooses so."""
    return otherwise if whom.nobody and not by_hand else KEEP


def _off(whom: Touched) -> Option:
    return Option("off", gettext("Cancel the session"), effects.back_words(whom), calls_off=True)


def _by_hand_words(by_hand: bool) -> list[str]:
    if not by_hand:
        return []
    return [gettext("Somebody changed it, locked its split or added numbers: that would be lost.")]


def _act(request: HttpRequest) -> Callable[[Act], None]:
    def act(asked: Act) -> None:
        session, who, reason = asked.row.session, actor(request), gettext("the weekly template was changed")
        if asked.value == "follow":
            steps.follow_template(session_id=session.pk, reason=reason, seen=asked.seen, actor=who)
            return
        cause = Session.CancelledFor.TEMPLATE
        steps.call_off(session_id=session.pk, reason=reason, cause=cause, seen=asked.seen, actor=who)
        if asked.value == "anew":
            # Killed before this, the task makes it.
            sessions.make_sessions(today=session.date, days=0, template_id=session.template_id, now=timezone.now())

    return act


def no_session_words(why: NoSession) -> str:
    """Why the template asks for no session on a day."""
    return {
        NoSession.INACTIVE: gettext("The template, or its expert, is not active any more."),
        NoSession.WEEKDAY: gettext("The template is for another weekday now."),
        NoSession.HOLIDAY: gettext("That day is a holiday."),
        NoSession.LEAVE: gettext("The expert is on leave."),
    }[why]


def difference_words(session: Session, asked: Wanted, what: tuple[str, ...]) -> list[str]:
    """A line for each difference: what is, and what is asked for."""
    template = asked.template
    both = {
        "department": (gettext("department"), session.department, template.department),
        "expert": (gettext("expert"), session.expert or "—", template.expert or "—"),
        "title": (gettext("title of a pooled clinic"), session.title or "—", template.title or "—"),
        "times": (
            gettext("time"), effects.span_words(session.starts_at, session.ends_at),
            effects.span_words(asked.starts_at, asked.ends_at),
        ),
        "slots": (
            gettext("slots"), _spans((slot.starts_at, slot.ends_at) for slot in session.slots.all()),
            _spans(asked.spans),
        ),
        "numbers": (gettext("numbers"), session.numbers, template.numbers),
        "prefix": (gettext("letter of the tickets"), session.prefix, template.prefix),
        "rooms": (
            gettext("rooms"), _rooms((seat.room, seat.expert) for seat in session.rooms.all()), _rooms(asked.rooms)
        ),
    }  # fmt: skip
    words = gettext("%(name)s: %(was)s → %(now)s")
    return [words % dict(zip(("name", "was", "now"), both[name], strict=True)) for name in what]


def _spans(spans: Iterable[Span]) -> str:
    return " · ".join(effects.span_words(*span) for span in sorted(spans))


def _rooms(seats: Any) -> str:
    return ", ".join(f"{room} ({expert})" for room, expert in seats) or "—"
