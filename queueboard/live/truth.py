"""What the hub reads of the database, in threads: versions, boards, whole snapshots."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar
from zlib import crc32

from django.db import close_old_connections
from django.db.models import CharField, IntegerField, Q, Sum, Value

from booking.models import Session
from queueboard import snapshots
from queueboard.live import news
from queueboard.models import Board
from queueboard.snapshots import Snapshot

Answer = TypeVar("Answer")
TOTAL = "total"


@dataclass(frozen=True, slots=True)
class Versions:
    """One look at the versions: of sessions by id, the live sessions and the sum over all of each department."""

    sessions: dict[int, int]
    live: dict[int, frozenset[int]]
    totals: dict[int, int]


@dataclass(frozen=True)
class BoardSetup:
    """A board as set up by a manager: `row` for who may see it, the departments and rooms (none: all) it shows.

    `devices` are the screens that are connected to it now.
    """

    row: Board
    departments: tuple[int, ...]
    rooms: frozenset[int]
    devices: frozenset[int]

    @property
    def identity(self) -> tuple[object, ...]:
        """What must be the same for the sockets on it to stay."""
        return self.departments, self.rooms, self.row.public, self.row.face

    @cached_property
    def digest(self) -> str:
        """Of the identity, the same in every process."""
        identity = (self.departments, sorted(self.rooms), self.row.public, self.row.face)
        return f"{crc32(repr(identity).encode()):08x}"


def with_connection(read: Callable[..., Answer], *arguments: object) -> Answer:
    """Runs a read in a thread of the hub: as a request does, it drops a connection that broke or is too old."""
    close_old_connections()
    try:
        return read(*arguments)
    finally:
        close_old_connections()


def read_versions(session_ids: Collection[int], departments: Collection[int]) -> Versions:
    """One query, so that a department's sum and its live sessions are of the same moment."""
    wanted = Q(pk__in=session_ids) | Q(department__in=departments, state__in=Session.LIVE)
    rows = Session.objects.filter(wanted).order_by().values_list("pk", "department_id", "version", "state")
    sums = (
        Session.objects.filter(department__in=departments)
        .order_by()
        .values("department_id")
        .annotate(nothing=Value(0, IntegerField()), total=Sum("version"), kind=Value(TOTAL, CharField()))
        .values_list("nothing", "department_id", "total", "kind")
    )
    found = list(rows.union(sums, all=True))
    live: dict[int, set[int]] = {department: set() for department in departments}
    for session_id, department, _version, kind in found:
        if kind in Session.LIVE and department in live:
            live[department].add(session_id)
    return Versions(
        sessions={session_id: version for session_id, _, version, kind in found if kind != TOTAL},
        live={department: frozenset(ids) for department, ids in live.items()},
        totals={department: total for _, department, total, kind in found if kind == TOTAL},
    )


def read_board(slug: str) -> BoardSetup | None:
    """A board's set-up; None where there is no such board."""
    row = Board.objects.filter(slug=slug).first()
    if row is None:
        return None
    return BoardSetup(
        row=row,
        departments=tuple(sorted(row.departments.values_list("pk", flat=True))),
        rooms=frozenset(row.rooms.values_list("pk", flat=True)),
        devices=frozenset(row.devices.filter(revoked_at=None).values_list("pk", flat=True)),
    )


def read_boards(slugs: Collection[str]) -> dict[str, BoardSetup | None]:
    """Their set-ups as they are now."""
    return {slug: read_board(slug) for slug in slugs}


def read_snapshot(session_id: int, version: int | None) -> Snapshot:
    """A session's snapshot: from Redis if that has this version, else built and stored there for other processes.

    Raises Session.DoesNotExist.
    """
    found = None if version is None else news.stored(session_id, version=version)
    if found is None:
        found = snapshots.build(session_id, shown=news.latest(session_id))
        news.store(found)
    return found
