"""What the lists share: the own departments only, and nothing to change where a log or a service decides."""

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from django.contrib import messages
from django.contrib.auth.models import AbstractBaseUser
from django.db.models import Model, QuerySet
from django.forms import Form
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils.functional import Promise
from unfold.admin import ModelAdmin

from booking.errors import BookingError
from queueboard.access import departments_of, may_manage, sessions_of
from queueboard.admin.effects import Shown

Words = str | Promise


class OwnDepartments(ModelAdmin):
    """Rows of the departments that this member of staff works in; `department_path` leads there from the model."""

    department_path: ClassVar[str] = "department"

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        rows = super().get_queryset(request)
        return rows.filter(**{f"{self.department_path}__in": departments_of(request.user)})


class OwnSessions(ModelAdmin):
    """Rows of the sessions of the own departments, and of those that an expert sits in."""

    session_path: ClassVar[str] = "session"

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        rows = super().get_queryset(request)
        return rows.filter(**{f"{self.session_path}__in": sessions_of(request.user)})


class ReadOnly:
    """For logs, and for what only a service may change."""

    def has_add_permission(self, request: HttpRequest, *args: Any) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class Managed:
    """With steps that only managers take, of the permission "manage"."""

    def has_manage_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        return may_manage(request.user)


def own(admin: ModelAdmin, request: HttpRequest, object_id: str) -> Any:
    """The row of this page, where this member of staff may see it. Raises Http404."""
    found = admin.get_object(request, object_id)
    if found is None:
        raise Http404
    return found


def step_page(
    admin: ModelAdmin,
    request: HttpRequest,
    *,
    title: Words,
    words: Words,
    button: Words,
    back: str,
    form: Form | None = None,
    lines: Sequence[str] = (),
    shown: Shown | None = None,
    notice: Words = "",
) -> HttpResponse:
    """A page that asks for what a step needs before it is posted: a link alone never changes anything.

    `shown`: what it does to those booked.
    """
    context = {
        **admin.admin_site.each_context(request),
        "title": title, "words": words, "lines": lines, "button": button, "back": back, "form": form, "shown": shown,
        "notice": notice, "opts": admin.model._meta,
    }  # fmt: skip
    return TemplateResponse(request, "admin/step.html", context)


def reason_page(
    admin: ModelAdmin,
    request: HttpRequest,
    *,
    form: Form,
    title: Words,
    of: str,
    words: Words,
    back: str,
    step: Callable[[str], Any],
    done: Words,
    then: str,
) -> HttpResponse:
    """A step that is taken with a `reason`, which the form asks for.

    `then` is where it leads, `back` where a refusal does.
    """
    if request.method == "POST" and form.is_valid():
        try:
            step(form.cleaned_data["reason"])
        except BookingError as error:
            return refused(request, error, back)
        messages.success(request, str(done))
        return HttpResponseRedirect(then)
    return step_page(admin, request, title=f"{title}: {of}", words=words, button=title, back=back, form=form)


def actor(request: HttpRequest) -> AbstractBaseUser | None:
    """Who does it: in the admin nobody is anonymous."""
    return request.user if request.user.is_authenticated else None


def refused(request: HttpRequest, error: BookingError, back: str) -> HttpResponse:
    """Back to the page, with the refusal in words."""
    messages.error(request, str(error.message))
    return HttpResponseRedirect(back)
