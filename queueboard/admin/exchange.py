"""Tables in and out of the admin, as CSV or Excel: the clinic both ways, visits out only and masked (R6.2).

An import is tried first: what it would change is shown, and each row that does not fit with why. A cell that a
spreadsheet would run as a formula goes out with an apostrophe before it, and comes back without.
"""

from typing import Any, ClassVar

from django.contrib import messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.admin.views.main import SEARCH_VAR
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext
from import_export import fields, resources, widgets
from import_export.admin import ExportMixin, ImportMixin
from import_export.formats.base_formats import CSV, XLSX
from unfold.admin import ModelAdmin
from unfold.contrib.import_export.forms import ExportForm, ImportForm

from booking.models import Appointment, Department, Expert, Room
from queueboard import csv_answer, expert_codes
from queueboard.access import MANAGE, may
from queueboard.masking import masked
from queueboard.models import Ticket

LARGEST = 20_000  # rows of a file: it is made while somebody waits
NAMES = ("name", "name_en", "name_zh_hant")


class UTF8(CSV):
    """CSV that spreadsheets take for UTF-8."""

    def export_data(self, dataset: Any, **kwargs: Any) -> Any:
        return "\ufeff" + super().export_data(dataset, **kwargs)

    def create_dataset(self, in_stream: Any, **kwargs: Any) -> Any:
        return super().create_dataset(in_stream.removeprefix("\ufeff"), **kwargs)


class Rows(resources.ModelResource):
    """Rows of the lists."""

    def export_field(self, field: Any, instance: Any, **kwargs: Any) -> Any:
        return csv_answer.safe(super().export_field(field, instance, **kwargs))

    def before_import_row(self, row: Any, **kwargs: Any) -> None:
        for name, cell in row.items():
            if isinstance(cell, str) and cell.startswith("'") and cell[1:].startswith(csv_answer.FORMULA):
                row[name] = cell[1:]


class Both(Rows):
    class Meta:
        skip_unchanged = True
        report_skipped = True
        clean_model_instances = True


def department_field() -> fields.Field:
    return fields.Field("department", "department", widgets.ForeignKeyWidget(Department, "slug"))


class DepartmentRows(Both):
    class Meta(Both.Meta):
        model = Department
        import_id_fields = ("slug",)
        fields = ("slug", *NAMES, "slot_minutes", "registration_opens_minutes", "sessions_ahead_days")


class RoomRows(Both):
    department = department_field()

    class Meta(Both.Meta):
        model = Room
        import_id_fields = ("department", "code")
        fields = ("department", "code", *NAMES, "way", "way_en", "way_zh_hant")


class ExpertRows(Both):
    department = department_field()

    class Meta(Both.Meta):
        model = Expert
        import_id_fields = ("code",)
        fields = ("code", "department", *NAMES, "title", "title_en", "title_zh_hant", "active")

    def validate_instance(
        self, instance: Any, import_validation_errors: Any = None, validate_unique: bool = True
    ) -> None:
        errors = dict(import_validation_errors or {})
        try:
            expert_codes.check(instance.code)
        except ValidationError as refused:
            errors["code"] = refused
        super().validate_instance(instance, errors, validate_unique)


class VisitRows(Rows):
    """Visits as they may leave the house: a masked name, no ID, no phone, no link."""

    patient = fields.Field(column_name="patient")
    session = fields.Field(column_name="session")
    department = fields.Field(column_name="department")
    slot = fields.Field(column_name="slot")

    def dehydrate_patient(self, row: Any) -> str:
        return masked(row.patient.name)

    def dehydrate_session(self, row: Any) -> str:
        return f"{row.session.date} {row.session.names['zh-hans']}"

    def dehydrate_department(self, row: Any) -> str:
        slug: str = row.session.department.slug
        return slug

    def dehydrate_slot(self, row: Any) -> int:
        index: int = row.slot.index
        return index

    def filter_export(self, queryset: QuerySet, **kwargs: Any) -> QuerySet:
        return queryset.select_related("patient", "slot", "session__expert", "session__department")


class AppointmentRows(VisitRows):
    class Meta:
        model = Appointment
        fields = (
            "department", "session", "slot", "patient", "state", "first_visit", "fee", "booked_at", "ended_at",
        )  # fmt: skip
        export_order = fields


class TicketRows(VisitRows):
    label = fields.Field(column_name="number", attribute="label")

    class Meta:
        model = Ticket
        fields = (
            "department", "session", "slot", "label", "patient", "booked", "first_visit", "state", "late", "passed",
            "misses", "priority", "arrived", "called_at", "started_at", "ended_at", "served_seconds",
        )  # fmt: skip
        export_order = fields


class Exported(ExportMixin, ModelAdmin):
    """A list that is exported whole or not at all; the log of the administration says by whom, never what was in it."""

    export_form_class = ExportForm
    formats: ClassVar[list[type]] = [UTF8, XLSX]

    def export_action(self, request: HttpRequest) -> HttpResponse:
        if self.has_export_permission(request):
            rows = self.get_export_queryset(request).count()
            if rows > LARGEST:
                words = gettext(
                    "{rows} rows are too many for one file, which holds {most}. Filter the list first, for example by "
                    "date or department. Nothing was exported."
                )
                messages.error(request, words.format(rows=rows, most=LARGEST))
                listed = reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_changelist")
                return HttpResponseRedirect(f"{listed}?{request.GET.urlencode()}")
        return super().export_action(request)

    def get_export_data(self, file_format: Any, request: HttpRequest, queryset: QuerySet, **kwargs: Any) -> Any:
        data = super().get_export_data(file_format, request, queryset, **kwargs)
        LogEntry.objects.create(
            user_id=request.user.pk or 0,
            content_type=ContentType.objects.get_for_model(self.model),
            object_repr=str(self.opts.verbose_name_plural)[:200],
            action_flag=CHANGE,
            change_message=gettext("Exported: {rows} rows, {format}. Filters: {filters}").format(
                rows=queryset.count(), format=file_format.get_extension(), filters=_filters(request)
            ),
        )
        return data


def _filters(request: HttpRequest) -> str:
    """What the list was narrowed to. Of a search only that there was one: it may be a name."""
    narrowed = [name if name == SEARCH_VAR else f"{name}={value}" for name, value in request.GET.items()]
    return ", ".join(narrowed) or "–"


class InAndOut(ImportMixin, Exported):
    """A list that is imported and exported by who may add and see its rows."""

    import_export_change_list_template = "admin/import_export/change_list_import_export.html"
    import_form_class = ImportForm


class Out(Exported):
    """A list of patients' visits that a manager can export."""

    def has_export_permission(self, request: HttpRequest) -> bool:
        return may(request.user, MANAGE)
