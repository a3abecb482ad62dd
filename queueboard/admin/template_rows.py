"""Weekly templates as rows of a table: their weekday and their rooms in words that are the same in every language."""

from datetime import time
from typing import Any

from django.utils.translation import gettext
from import_export import fields, widgets

from booking.models import Expert, Room, Template, TemplateRoom
from queueboard.admin.exchange import Both, department_field


class WeekdayWidget(widgets.Widget):
    """mon to sun: a word that is the same in every language."""

    DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

    def clean(self, value: Any, row: Any = None, **kwargs: Any) -> int:
        day = str(value or "").strip().lower()[:3]
        if day not in self.DAYS:
            raise ValueError(gettext("A weekday is one of: {days}.").format(days=", ".join(self.DAYS)))
        return self.DAYS.index(day)

    def render(self, value: Any, obj: Any = None, **kwargs: Any) -> str:
        return "" if value is None else self.DAYS[value]


class ClockWidget(widgets.TimeWidget):
    """08:00, in each kind of file; what spreadsheets make of it is read too."""

    def __init__(self) -> None:
        super().__init__()
        self.formats = ("%H:%M", "%H:%M:%S")

    def render(self, value: Any, obj: Any = None, **kwargs: Any) -> str:
        return f"{value:%H:%M}" if isinstance(value, time) else ""


class RoomsField(fields.Field):
    """The rooms of a template: 201 for that of its expert; 101:zhou, 102:wu where several sit in it."""

    def get_value(self, template: Template) -> str:
        asked = getattr(template, "asked_rooms", None)
        if asked is not None:
            seats = [(seat.room.code, seat.expert) for seat in asked]
        elif template.pk is None:
            seats = []
        else:
            seats = [(seat.room.code, seat.expert) for seat in template.rooms.select_related("room", "expert")]
        own = template.expert
        return ", ".join(room if expert == own else f"{room}:{expert.code}" for room, expert in sorted(seats, key=str))

    def save(self, instance: Template, row: Any, is_m2m: bool = False, **kwargs: Any) -> None:
        parts = [part.strip() for part in str(row.get(self.column_name) or "").split(",") if part.strip()]
        instance.asked_rooms = [_seat(instance, part) for part in parts]  # type: ignore[attr-defined]


def _seat(template: Template, words: str) -> TemplateRoom:
    code, _colon, who = (part.strip() for part in words.partition(":"))
    room = Room.objects.filter(department=template.department_id, code=code).first()
    expert = Expert.objects.filter(code=who).first() if who else template.expert
    if room is None or expert is None:
        raise ValueError(
            gettext("There is no such room of this department, or no such expert: {words}").format(words=words)
        )
    return TemplateRoom(room=room, expert=expert)


class TemplateRows(Both):
    """Known by department, expert (or title, of a pooled clinic), weekday and start."""

    department = department_field()
    expert = fields.Field("expert", "expert", widgets.ForeignKeyWidget(Expert, "code"))
    weekday = fields.Field("weekday", "weekday", WeekdayWidget())
    starts = fields.Field("starts", "starts", ClockWidget())
    ends = fields.Field("ends", "ends", ClockWidget())
    rooms = RoomsField("rooms", "rooms")

    class Meta(Both.Meta):
        model = Template
        import_id_fields = ("department", "expert", "title", "weekday", "starts")
        fields = (
            "department", "expert", "title", "title_en", "title_zh_hant", "weekday", "starts", "ends", "slot_minutes",
            "numbers", "prefix", "rooms", "active",
        )  # fmt: skip
        export_order = fields
        import_order = fields

    def after_save_instance(self, instance: Template, row: Any, **kwargs: Any) -> None:
        asked = getattr(instance, "asked_rooms", None)
        if asked is None:
            return
        instance.rooms.all().delete()
        for seat in asked:
            seat.template = instance
            seat.save()
