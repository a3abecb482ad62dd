"""The log of past sessions as arrays, cut into the slots of a new one (R2.1, R2.3).

Instants are whole seconds from the planned start of their own session, so that sessions of different days compare. Rows
come from the database as whole numbers, each once; nothing here makes an object a visit.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain, islice
from typing import Any, Self

import numpy as np
from django.db.models import F, Field, Func, IntegerField, OuterRef, Subquery, Value, Window
from django.db.models.functions import Coalesce, RowNumber
from django.utils import timezone
from numpy.typing import NDArray

from booking.models import PastSession, PastVisit, SessionRoom

# Two visits with a shorter break than this follow each other at once: the next patient was there already.
AT_ONCE_SECONDS = 60
# Somebody waits for at least this share of a slot: what was seen in it is then what can be seen, not what came.
WAITED_SHARE = 0.5
# An instant or a length that the log does not say; before every instant.
UNKNOWN = np.iinfo(np.int32).min
# A session whose log is whole.
TO_ITS_END = np.iinfo(np.int32).max
# Rows taken at a time, and sessions asked for at a time.
CHUNK, ASKED = 20_000, 5_000

# Minutes from the planned start; the end is no part of it.
Span = tuple[float, float]
Whole = NDArray[np.int32]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Log:
    """S past sessions of one kind of half-day, by expert and oldest first, with their V visits.

    expert_ids    whose (S,)
    days          local date as an ordinal (S,)
    starts_at     seconds since the epoch (S,)
    came_for      for how many experts the arrivals were meant: more than one where a pooled session logged them under
                  one of its experts, and the visits of each expert under that expert (S,)
    has_arrivals  the log says who came when (S,)
    logged_until  after this nobody was logged, as the session was stopped; else TO_ITS_END (S,)
    session       of each visit: its row in the above, rising (V,)
    arrived, started, seconds   of each visit; UNKNOWN where the log does not say (V,)
    walk_in       known to be no booked patient (V,)
    refused       came, and no number was left (R2.1) (V,)
    """

    expert_ids: NDArray[np.int64]
    days: Whole
    starts_at: NDArray[np.int64]
    came_for: Whole
    has_arrivals: Flags
    logged_until: Whole
    session: Whole
    arrived: Whole
    started: Whole
    seconds: Whole
    walk_in: Flags
    refused: Flags

    def __len__(self) -> int:
        return len(self.days)

    def of(self, keep: Flags) -> Self:
        """Those of the sessions that `keep` (S,) marks."""
        if keep.all():
            return self
        visits = keep[self.session]
        row = np.cumsum(keep, dtype=np.int32) - np.int32(1)
        sessions = {name: getattr(self, name)[keep] for name in _OF_SESSIONS}
        return type(self)(
            **sessions,
            session=row[self.session[visits]],
            **{name: getattr(self, name)[visits] for name in _OF_VISITS},
        )

    def with_arrivals(self) -> Self:
        return self.of(self.has_arrivals)

    def by_session(self, values: NDArray[Any]) -> Iterator[NDArray[Any]]:
        """One value a visit (V,), session by session."""
        yield from np.split(values, np.searchsorted(self.session, np.arange(1, len(self))))


_OF_SESSIONS = ("expert_ids", "days", "starts_at", "came_for", "has_arrivals", "logged_until")
_OF_VISITS = ("arrived", "started", "seconds", "walk_in", "refused")


class _Plain(Field):
    """What the driver gives, as it is: whole numbers and truths. A field of Django's would look at each value again."""


class _Epoch(Func):
    """An instant as whole seconds since 1970."""

    output_field = _Plain()
    template = "FLOOR(EXTRACT(EPOCH FROM %(expressions)s))::bigint"

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        return super().as_sql(compiler, connection, template="unixepoch(%(expressions)s)", **context)


def is_morning(starts_at: datetime) -> bool:
    """Mornings and afternoons are never mixed (R2.3): what starts before noon, local time, is a morning."""
    return timezone.localtime(starts_at).hour < 12


def read(
    *,
    morning: bool,
    limit: int,
    before: datetime | None = None,
    expert_ids: Iterable[int] | None = None,
    department_id: int | None = None,
) -> Log:
    """The last `limit` sessions of each expert (that started before `before`), of one kind of half-day.

    Of these experts, or of everybody in a department. One query for them, one for the visits of each ASKED.
    """
    sessions = PastSession.objects.filter(morning=morning)
    if before is not None:
        sessions = sessions.filter(starts_at__lt=before)
    if expert_ids is not None:
        sessions = sessions.filter(expert_id__in=list(expert_ids))
    if department_id is not None:
        sessions = sessions.filter(expert__department_id=department_id)
    newest = Window(RowNumber(), partition_by="expert_id", order_by=["-starts_at", "-id"])
    sessions = sessions.annotate(newest=newest).filter(newest__lte=limit)
    rooms = (
        SessionRoom.objects.filter(session=OuterRef("session_id"))
        .order_by()
        .values("session_id")
        .annotate(n=Func(F("expert_id"), function="COUNT", template="COUNT(DISTINCT %(expressions)s)"))
    )
    rows = list(
        sessions.annotate(rooms=Subquery(rooms.values("n"), output_field=IntegerField()))
        .order_by("expert_id", "starts_at", "id")
        .values_list("id", "expert_id", "starts_at", "has_arrivals", "logged_until", "rooms")
    )
    begins = np.array([int(row[2].timestamp()) for row in rows], dtype=np.int64)
    return _with_visits(
        ids=np.array([row[0] for row in rows], dtype=np.int64),
        sessions_of={
            "expert_ids": np.array([row[1] for row in rows], dtype=np.int64),
            "days": np.array([timezone.localtime(row[2]).toordinal() for row in rows], dtype=np.int32),
            "starts_at": begins,
            "came_for": np.array([max(1, row[5] or 1) for row in rows], dtype=np.int32),
            "has_arrivals": np.array([row[3] for row in rows], dtype=np.bool_),
            "logged_until": np.array(
                [TO_ITS_END if row[4] is None else int((row[4] - row[2]).total_seconds()) for row in rows],
                dtype=np.int32,
            ),
        },
    )


def _visits_of(session_ids: Sequence[int]) -> Iterator[tuple[Any, ...]]:
    """Named one by one they are found by the index; a join would read the visits of all departments for each."""
    logged = PastVisit.objects.filter(past_session_id__in=session_ids).order_by()
    columns = logged.values_list(
        "past_session_id",
        *(
            Coalesce(value, Value(unknown, output_field=_Plain()), output_field=_Plain())
            for value, unknown in (
                (_Epoch("arrived_at"), UNKNOWN),
                (_Epoch("started_at"), UNKNOWN),
                ("seconds", UNKNOWN),
                ("booked", True),
            )
        ),
        "refused",
    )
    return columns.iterator(chunk_size=CHUNK)


def _with_visits(*, ids: NDArray[np.int64], sessions_of: dict[str, NDArray[Any]]) -> Log:
    by_id = np.argsort(ids)
    parts = []
    blocks = (ids[by_id[first : first + ASKED]].tolist() for first in range(0, len(ids), ASKED))
    rows = chain.from_iterable(_visits_of(block) for block in blocks)
    while chunk := list(islice(rows, CHUNK)):
        table = np.fromiter(chain.from_iterable(chunk), dtype=np.int64, count=6 * len(chunk)).reshape(-1, 6)
        session = by_id[np.searchsorted(ids, table[:, 0], sorter=by_id)]
        begin = sessions_of["starts_at"][session]
        part = np.empty((4, len(chunk)), dtype=np.int32)
        part[0] = session
        for place in (1, 2):
            instant = table[:, place]
            part[place] = np.where(instant == UNKNOWN, UNKNOWN, instant - begin)
        part[3] = table[:, 3]
        parts.append((part, table[:, 4] == 0, table[:, 5] != 0))
    numbers = np.concatenate([part for part, _, _ in parts], axis=1) if parts else np.empty((4, 0), dtype=np.int32)
    walk_in = np.concatenate([part for _, part, _ in parts]) if parts else np.empty(0, dtype=np.bool_)
    refused = np.concatenate([part for _, _, part in parts]) if parts else np.empty(0, dtype=np.bool_)
    parts.clear()
    order = np.argsort(numbers[0], kind="stable")
    session, arrived, started, seconds = (row[order] for row in numbers)
    return Log(
        **sessions_of,
        session=session,
        arrived=arrived,
        started=started,
        seconds=seconds,
        walk_in=walk_in[order],
        refused=refused[order],
    )


def slot_of(log: Log, spans: Sequence[Span]) -> Whole:
    """The slot in which each visit began (V,); -1 for none. Spans do not overlap.

    Whoever was seen before the planned start took one of the first slot's numbers.
    """
    began = np.where(log.started == UNKNOWN, UNKNOWN, np.maximum(log.started, 0))
    return _which(began, spans)


def visit_minutes(log: Log, spans: Sequence[Span]) -> list[NDArray[np.float64]]:
    """Per slot the minutes of every visit that began in it, over all sessions together."""
    slot = np.where(log.seconds == UNKNOWN, -1, slot_of(log, spans))
    return [log.seconds[slot == index] / 60 for index in range(len(spans))]


def counts(log: Log, spans: Sequence[Span]) -> NDArray[np.int64]:
    """Visits that began in each slot, per past session (S, slots)."""
    return _tally(log, slot_of(log, spans), len(spans))


def walk_ins(log: Log, spans: Sequence[Span]) -> NDArray[np.int64]:
    """Walk-ins that came in each span, per past session (S, spans), the refused ones included (R2.1)."""
    return _tally(log, np.where(log.walk_in, _which(log.arrived, spans), -1), len(spans))


def walk_ins_by_minute(log: Log, span: Span) -> NDArray[np.int64]:
    """The same, by whole minutes of one span (S, minutes); a last part of a minute counts as one."""
    start, minutes = round(60 * span[0]), max(1, round(span[1] - span[0]))
    minute = np.where(log.walk_in & (log.arrived != UNKNOWN), (log.arrived.astype(np.int64) - start) // 60, -1)
    return _tally(log, np.where(minute < minutes, minute, -1), minutes)


def exposure(log: Log, spans: Sequence[Span]) -> NDArray[np.float64]:
    """The share of each span that was logged, per past session (S, spans): less than 1 where it was stopped."""
    start, end = 60 * np.array(spans, dtype=np.float64).reshape(-1, 2).T
    logged = (log.logged_until[:, None] - start) / np.maximum(end - start, 1.0)
    return np.clip(logged, 0.0, 1.0)


def waited(log: Log, spans: Sequence[Span]) -> Flags:
    """Whether patients waited in each slot, per past session (S, slots).

    Where arrivals are known: somebody waited for at least half of the slot. Where they are not: at least half of the
    visits that began in the slot were followed by the next one at once.
    """
    seen = _somebody_waited(log, spans)
    followed = _without_a_break(log, spans)
    return np.where(log.has_arrivals[:, None], seen, followed)


def _which(instants: Whole, spans: Sequence[Span]) -> Whole:
    found = np.full(len(instants), -1, dtype=np.int32)
    for index, (start, end) in enumerate(spans):
        found[(instants >= 60 * start) & (instants < 60 * end)] = index
    return found


def _tally(log: Log, column: NDArray[Any], columns: int) -> NDArray[np.int64]:
    """How often each column occurs per session (S, columns); -1: nowhere."""
    inside = column >= 0
    cell = log.session[inside].astype(np.int64) * columns + column[inside]
    return np.bincount(cell, minlength=len(log) * columns).reshape(len(log), columns)


def _somebody_waited(log: Log, spans: Sequence[Span]) -> Flags:
    known = (log.arrived != UNKNOWN) & (log.started != UNKNOWN)
    session, arrived, started = log.session[known], log.arrived[known], log.started[known]
    order = np.lexsort((arrived, session))
    session, arrived, started = (values[order].astype(np.int64) for values in (session, arrived, started))
    # The last instant at which one of those who came before in the same session was called.
    day = np.int64(1) << 40
    latest = np.maximum.accumulate(started + session * day) - session * day if len(session) else started
    before = np.empty_like(latest)
    before[1:], first = latest[:-1], np.diff(session, prepend=-1) != 0
    before[first] = UNKNOWN
    covered = np.empty((len(log), len(spans)))
    for index, (start, end) in enumerate(spans):
        begin = np.maximum(np.maximum(arrived, before), 60 * start)
        waits = np.maximum(0, np.minimum(started, 60 * end) - begin)
        covered[:, index] = np.bincount(session, weights=waits, minlength=len(log))
    lengths = 60 * np.array([end - start for start, end in spans])
    return covered >= WAITED_SHARE * lengths


def _without_a_break(log: Log, spans: Sequence[Span]) -> Flags:
    known = (log.started != UNKNOWN) & (log.seconds != UNKNOWN)
    session, started, seconds = log.session[known], log.started[known], log.seconds[known]
    order = np.lexsort((seconds, started, session))
    session, started, seconds = session[order], started[order], seconds[order]
    same = session[1:] == session[:-1]
    at_once = started[1:] - (started[:-1] + seconds[:-1]) <= AT_ONCE_SECONDS
    followed = np.empty((len(log), len(spans)), dtype=np.bool_)
    for index, (start, end) in enumerate(spans):
        here = same & (started[:-1] >= 60 * start) & (started[:-1] < 60 * end)
        pairs = np.bincount(session[:-1][here], minlength=len(log))
        close = np.bincount(session[:-1][here & at_once], minlength=len(log))
        followed[:, index] = (pairs > 0) & (close >= WAITED_SHARE * pairs)
    return followed
