"""Past visits from a CSV file (docs/history.md says which columns) into the log that quotas are computed from."""

import csv
import io
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from pathlib import Path

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from booking.models import Expert, PastSession, PastVisit

REQUIRED = ("session", "day_of_week", "half_day", "position", "start_time", "service_s")
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
# The file gives weekdays and no dates: the first session gets the first such weekday from here on.
FIRST_DATE = date(2018, 1, 1)
# The planned hours that visits are sorted into slots by; what begins later still counts for the last slot.
MORNING = (time(8), time(12))
AFTERNOON = (time(14), time(18))
SLOT_MINUTES = 60
# A visit that began further from the planned hours than this belongs to another half-day.
FAR_MINUTES = 180
LONGEST_SECONDS = 4 * 3600
LARGEST = 32767
SIZE_LIMIT = 100 * 1024 * 1024
BATCH = 1000

Progress = Callable[[Iterable["Row"]], Iterable["Row"]]


class UnreadableFile(Exception):
    """The file as a whole is no log of past visits; the message is one sentence for people."""


class BadRow(Exception):
    """One line that is left out, with the reason."""


@dataclass(frozen=True, slots=True)
class HalfDay:
    """Which half-day a line belongs to: enough to give the session its date."""

    session: int
    weekday: int
    morning: bool


@dataclass(frozen=True, slots=True)
class Row:
    """One good line of the file."""

    line: int
    half_day: HalfDay
    position: int
    start: time
    seconds: int
    first_visit: bool | None


@dataclass(slots=True)
class Parsed:
    """The file's good rows in its own order, all half-days that it names, and why the other lines are left out."""

    rows: list[Row] = field(default_factory=list)
    half_days: dict[int, HalfDay] = field(default_factory=dict)
    bad: list[tuple[int, str]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import did. Sessions and visits that were there already are not counted as new."""

    sessions: int
    visits: int
    new_sessions: int
    new_visits: int
    first_day: date
    last_day: date
    bad: list[tuple[int, str]]


def parse(path: Path) -> Parsed:
    """Reads the file. Raises UnreadableFile where it is none, is no CSV, or lacks a column."""
    parsed = Parsed()
    seen: dict[tuple[int, int], int] = {}
    for line, columns, values in _lines(_text(path)):
        try:
            if len(values) != len(columns):
                raise BadRow(
                    _("%(cells)d cells in place of %(columns)d") % {"cells": len(values), "columns": len(columns)}
                )
            cells = dict(zip(columns, values, strict=True))
            half_day = _half_day(cells)
            # A half-day keeps its date even where all its lines are bad: those after it must not move.
            known = parsed.half_days.setdefault(half_day.session, half_day)
            if known != half_day:
                raise BadRow(_("session %(n)d is another half-day in an earlier line") % {"n": half_day.session})
            row = _row(line, half_day, cells)
            if (earlier := seen.setdefault((half_day.session, row.position), line)) != line:
                raise BadRow(_("the same session and position as line %(line)d") % {"line": earlier})
            parsed.rows.append(row)
        except BadRow as error:
            parsed.bad.append((line, str(error)))
    return parsed


def store(
    parsed: Parsed, *, expert: Expert, source: str, first_date: date = FIRST_DATE, progress: Progress = iter
) -> Imported:
    """Writes the good rows into the log, all or nothing. What is there already, by session and position, stays.

    Raises UnreadableFile where there is not one good row.
    """
    if not parsed.rows:
        raise UnreadableFile(_("No line of the file can be imported."))
    days = calendar(parsed.half_days, first_date)
    wanted = sorted({row.half_day.session for row in parsed.rows})
    hours = {n: _hours(days[n], morning=parsed.half_days[n].morning) for n in wanted}
    with transaction.atomic():
        logged = PastSession.objects.filter(expert=expert, source=source)
        sessions_before, visits_before = logged.count(), PastVisit.objects.filter(past_session__in=logged).count()
        PastSession.objects.bulk_create(
            (
                PastSession(
                    expert=expert,
                    source=source,
                    starts_at=hours[n][0],
                    ends_at=hours[n][1],
                    morning=parsed.half_days[n].morning,
                    has_arrivals=False,
                )
                for n in wanted
            ),
            ignore_conflicts=True,
        )
        by_start = dict(logged.values_list("starts_at", "pk"))
        batch: list[PastVisit] = []
        for row in progress(parsed.rows):
            starts_at, ends_at = hours[row.half_day.session]
            batch.append(_visit(row, by_start[starts_at], starts_at, ends_at))
            if len(batch) == BATCH:
                PastVisit.objects.bulk_create(batch, ignore_conflicts=True)
                batch = []
        PastVisit.objects.bulk_create(batch, ignore_conflicts=True)
        return Imported(
            sessions=len(wanted),
            visits=len(parsed.rows),
            new_sessions=logged.count() - sessions_before,
            new_visits=PastVisit.objects.filter(past_session__in=logged).count() - visits_before,
            first_day=min(days[n] for n in wanted),
            last_day=max(days[n] for n in wanted),
            bad=parsed.bad,
        )


def calendar(half_days: dict[int, HalfDay], first_date: date) -> dict[int, date]:
    """A date for each session, in their order: the next one with its weekday, an afternoon on its morning's day."""
    days: dict[int, date] = {}
    earliest, before = first_date, None
    for number in sorted(half_days):
        half_day = half_days[number]
        if before is not None:
            same_day = before.morning and not half_day.morning
            earliest = days[before.session] + timedelta(days=0 if same_day else 1)
        days[number] = earliest + timedelta(days=(half_day.weekday - earliest.weekday()) % 7)
        before = half_day
    return days


def _visit(row: Row, past_session_id: int, starts_at: datetime, ends_at: datetime) -> PastVisit:
    started_at = timezone.make_aware(datetime.combine(timezone.localtime(starts_at).date(), row.start))
    slots = -(-int((ends_at - starts_at).total_seconds()) // (60 * SLOT_MINUTES))
    slot = int((started_at - starts_at) // timedelta(minutes=SLOT_MINUTES))
    return PastVisit(
        past_session_id=past_session_id,
        position=row.position,
        first_visit=row.first_visit,
        slot_index=min(max(slot, 0), slots - 1),
        started_at=started_at,
        seconds=row.seconds,
    )


def _hours(day: date, *, morning: bool) -> tuple[datetime, datetime]:
    start, end = MORNING if morning else AFTERNOON
    return timezone.make_aware(datetime.combine(day, start)), timezone.make_aware(datetime.combine(day, end))


# --- one line


def _half_day(cells: dict[str, str]) -> HalfDay:
    weekday = cells["day_of_week"].lower()
    if weekday not in WEEKDAYS:
        raise BadRow(_("day_of_week is no English weekday: %(value)s") % {"value": _quoted(cells["day_of_week"])})
    half_day = cells["half_day"].lower()
    if half_day not in ("morning", "afternoon"):
        raise BadRow(_("half_day is neither morning nor afternoon: %(value)s") % {"value": _quoted(cells["half_day"])})
    session = _number(cells, "session", 1, 10**9)
    return HalfDay(session=session, weekday=WEEKDAYS.index(weekday), morning=half_day == "morning")


def _row(line: int, half_day: HalfDay, cells: dict[str, str]) -> Row:
    return Row(
        line=line,
        half_day=half_day,
        position=_number(cells, "position", 1, LARGEST),
        start=_start(cells["start_time"], morning=half_day.morning),
        seconds=_number(cells, "service_s", 1, LONGEST_SECONDS),
        first_visit=_number(cells, "visit_no", 1, LARGEST) == 1 if cells.get("visit_no") else None,
    )


def _number(cells: dict[str, str], column: str, least: int, most: int) -> int:
    value = cells[column]
    # int() would also take "1_0" and digits of other scripts.
    if not (value.isascii() and value.isdigit() and len(value) <= 12):
        raise BadRow(_("%(column)s is no whole number: %(value)s") % {"column": column, "value": _quoted(value)})
    if not least <= int(value) <= most:
        raise BadRow(
            _("%(column)s is not within %(least)d and %(most)d: %(value)s")
            % {"column": column, "least": least, "most": most, "value": value}
        )
    return int(value)


def _start(value: str, *, morning: bool) -> time:
    for form in ("%H:%M:%S", "%H:%M"):
        try:
            start = datetime.strptime(value, form).time()
        except ValueError:
            continue
        first, last = MORNING if morning else AFTERNOON
        if _minute(first) - FAR_MINUTES <= _minute(start) <= _minute(last) + FAR_MINUTES:
            return start
        raise BadRow(_("start_time is far from that half-day's hours: %(value)s") % {"value": _quoted(value)})
    raise BadRow(_("start_time is no time of day (H:MM:SS): %(value)s") % {"value": _quoted(value)})


def _minute(clock: time) -> int:
    return 60 * clock.hour + clock.minute


def _quoted(value: str) -> str:
    return f"“{value[:40]}”"


# --- the file


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > SIZE_LIMIT:
            raise UnreadableFile(_("%(path)s is larger than a log of visits can be.") % {"path": path})
        raw = path.read_bytes()
    except OSError as error:
        raise UnreadableFile(
            _("%(path)s cannot be read: %(why)s.") % {"path": path, "why": error.strerror or error}
        ) from error
    encodings = ["utf-16"] if raw[:2] in (b"\xff\xfe", b"\xfe\xff") else ["utf-8-sig", "gb18030"]
    for encoding in encodings:
        try:
            text = raw.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text
    raise UnreadableFile(_("%(path)s is no CSV file: it is not text in UTF-8, UTF-16 or GB 18030.") % {"path": path})


def _lines(text: str) -> Iterator[tuple[int, list[str], list[str]]]:
    """Line number, columns and cells of each line but the first.

    Raises UnreadableFile for a header without the columns needed.
    """
    head = text.lstrip("\r\n").split("\n", 1)[0]
    delimiter = max(",;\t", key=head.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    header: list[str] | None = None
    while True:
        line = reader.line_num + 1
        try:
            cells = [cell.strip() for cell in next(reader)]
        except StopIteration:
            break
        except csv.Error as error:
            raise UnreadableFile(_("Line %(line)d is no CSV: %(why)s.") % {"line": line, "why": error}) from error
        if not any(cells):
            continue
        if header is None:
            header = [cell.lower() for cell in cells]
            if missing := [column for column in REQUIRED if column not in header]:
                raise UnreadableFile(
                    _("The file lacks the columns %(missing)s; its first line must name its columns.")
                    % {"missing": ", ".join(missing)}
                )
        else:
            yield line, header, cells
    if header is None:
        raise UnreadableFile(_("The file is empty."))
