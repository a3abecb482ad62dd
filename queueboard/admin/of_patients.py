"""Lists of what is a patient's: found by name, ID or phone without these in any address."""

from typing import Any, ClassVar

from django.contrib.admin.views.main import SEARCH_VAR
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin
from unfold.decorators import display
from unfold.views import ChangeList

from booking import data_keys, identity
from booking.models import Patient
from booking.models.encrypted import Unreadable
from booking.models.hashes import lookup_hashes

SHOWN_CHARACTERS = 4


def last_four(value: str | None) -> str:
    """An ID number or phone as lists show it: the last four characters."""
    if isinstance(value, Unreadable):
        return str(_("cannot be read"))
    if not value:
        return "—"
    return f"•••• {value[-SHOWN_CHARACTERS:]}" if len(value) > SHOWN_CHARACTERS else "••••"


class PrivateChangeList(ChangeList):
    def get_queryset(self, request: HttpRequest, *args: Any, **kwargs: Any) -> QuerySet:
        # What was typed into the address by hand is itself.
        self.query: str = data_keys.opened(self.query) or self.query
        return super().get_queryset(request, *args, **kwargs)


class OfPatients(ModelAdmin):
    """A list whose search is posted, and then stands in the address encrypted."""

    change_list_template = "admin/private_list.html"
    patient_path: ClassVar[str] = "patient__"  # leads to the patient from the model
    search_help_text = _("The beginning of the name, or the whole ID number or phone.")

    def get_search_results(self, request: HttpRequest, queryset: QuerySet, search_term: str) -> tuple[QuerySet, bool]:
        """Also by the whole ID number or phone, which are kept as keyed hashes."""
        found, duplicates = super().get_search_results(request, queryset, search_term)
        if not search_term:
            return found, duplicates
        wanted = [*lookup_hashes(search_term), *lookup_hashes(identity.written_plainly(search_term))]
        known = Q(**{f"{self.patient_path}id_hash__in": wanted}) | Q(**{f"{self.patient_path}phone_hash__in": wanted})
        return found | queryset.filter(known), duplicates

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return PrivateChangeList

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        if request.method != "POST" or SEARCH_VAR not in request.POST:
            return super().changelist_view(request, extra_context)
        kept = request.GET.copy()
        for name in (SEARCH_VAR, "p"):
            kept.pop(name, None)
        if text := request.POST[SEARCH_VAR].strip():
            kept[SEARCH_VAR] = data_keys.sealed(text)
        return HttpResponseRedirect(f"{request.path}?{kept.urlencode()}")

    @display(description=_("patient"), ordering="patient__name")
    def who(self, row: Any) -> str:
        patient: Patient = row.patient
        return patient.name
