"""The page on which a lost link is found again (R6.2)."""

import time

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from queueboard.errors import QueueError
from queueboard.services.lookup import look_up
from queueboard.views.address import address_of
from queueboard.views.language import in_language

# A try that finds nothing is answered so many seconds after it came: what the database has at hand, and what not, is
# several times quicker than that, and does not show.
EVENLY = 0.05


class LookupForm(forms.Form):
    phone = forms.CharField(
        label=_("Phone number"),
        max_length=30,
        widget=forms.TextInput(attrs={"type": "tel", "autocomplete": "tel", "inputmode": "tel"}),
    )
    last_four = forms.RegexField(
        label=_("Last four characters of the ID"),
        regex=r"^\s*[0-9A-Za-z]{4}\s*$",
        error_messages={"invalid": _("Please type four characters.")},
        widget=forms.TextInput(attrs={"autocomplete": "off", "maxlength": "6", "autocapitalize": "characters"}),
    )


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@in_language
def lookup(request: HttpRequest) -> HttpResponse:
    """The form; on success the patient's page, or a list where there are several."""
    came = time.monotonic()
    form = LookupForm(request.POST or None)
    context: dict[str, object] = {"form": form}
    status = 200
    if request.method == "POST" and form.is_valid():
        try:
            visits = look_up(**form.cleaned_data, address=address_of(request))
        except QueueError as error:
            context["limited"] = error.extra["minutes"]
            status = error.status
        else:
            if len(visits) == 1:
                return redirect("phone", token=visits[0].token)
            context |= {"visits": visits, "not_found": not visits}
    response = render(request, "lookup.html", context, status=status)
    if context.get("not_found"):
        time.sleep(max(0.0, came + EVENLY - time.monotonic()))
    return response
