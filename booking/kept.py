"""What a rush sends by the thousand: built and compiled once, and parsed and planned once by PostgreSQL.

To build such a query anew each time takes several times as long as to run it.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import cached_property, lru_cache
from itertools import chain, zip_longest
from typing import Any, Generic, TypeVar

import psycopg
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.models import Model, QuerySet
from django.db.models.base import ModelState
from django.db.models.query import RelatedPopulator, ValuesListIterable, get_related_populators
from psycopg.sql import Literal

Row = TypeVar("Row")
Values = Sequence[Any] | Mapping[str, Any]

# What stands for a parameter while a query is compiled: values that occur in no query otherwise.
_MARKS: dict[type, Callable[[int], Any]] = {
    int: lambda place: 2**62 + place,
    str: lambda place: f"parameter {place} of a kept query",
    datetime: lambda place: datetime(9000, 1, 1, second=place, tzinfo=UTC),
}


def rows(statement: str, values: Values) -> list[tuple[Any, ...]]:
    """The rows that a statement returns, which PostgreSQL prepares once a connection has sent it a few times.

    Django's own cursors write the values into the statement there, so that each is a new one. On SQLite they do not,
    and it keeps its statements by itself.
    """
    connection = connections[DEFAULT_DB_ALIAS]
    if connection.vendor != "postgresql":
        with connection.cursor() as plain:
            plain.execute(statement, values)
            return plain.fetchall()
    connection.close_if_health_check_failed()
    connection.ensure_connection()
    wrapped = connection.make_debug_cursor if connection.queries_logged else connection.make_cursor
    with wrapped(_Numbered(connection.connection)) as prepared:  # type: ignore[arg-type]
        prepared.execute(statement, values)
        return prepared.fetchall()


class _Numbered(psycopg.RawCursor):
    """Knows what a statement's `%s` and `%(name)s` are as `$1`: the driver would look for them each time."""

    def execute(self, statement: Any, values: Any = None, **options: Any) -> Any:  # type: ignore[override]
        numbered, names = _numbered(statement)
        return super().execute(numbered, [values[name] for name in names] if names else values, **options)


@lru_cache(maxsize=256)
def _numbered(statement: str) -> tuple[str, tuple[str, ...]]:
    """The statement with numbers for its placeholders, and their names in order, where they have any."""
    names: list[str] = []

    def number(found: re.Match[str]) -> str:
        if found[0] == "%%":
            return "%"
        name = found[1] or str(len(names))
        if name not in names:
            names.append(name)
        return f"${names.index(name) + 1}"

    numbered = re.sub(r"%%|%s|%\((\w+)\)s", number, statement)
    return numbered, tuple(names) if "%(" in statement else ()


class Query(Generic[Row]):
    """A query of the ORM whose SQL is kept: `build` is called once, with a mark for each parameter.

    The parameters are given by name, with their type: int, str or datetime. `build` must use each as a value to compare
    with, once or more, and must not look at it.
    """

    def __init__(self, build: Callable[..., QuerySet[Any, Row]], **parameters: type) -> None:
        self._build, self._parameters = build, parameters

    def all(self, **values: Any) -> list[Row]:
        """The rows, as the query set would make them: `select_related`, annotations and `values_list` included."""
        kept = self._kept
        return kept.made(rows(kept.statement, _adapted(values)))

    def first(self, **values: Any) -> Row | None:
        """The first row; None where there is none."""
        return next(iter(self.all(**values)), None)

    def first_beside(self, query: str, **values: Any) -> tuple[Row | None, tuple[Any, ...]]:
        """The first row, and what else is read with it; None and nothing where there is none.

        `query` is what follows `SELECT looked.*, `: `looked` is this query, whose annotations it may use by their
        names, and the parameters of both are given.
        """
        kept = self._kept
        found = rows(f"WITH looked AS ({kept.statement}) SELECT looked.*, {query}", _adapted(values))
        if not found:
            return None, ()
        (made,) = kept.made([found[0][: kept.width]])
        return made, found[0][kept.width :]

    @cached_property
    def _kept(self) -> "_Kept":
        marks = {name: _MARKS[kind](place) for place, (name, kind) in enumerate(self._parameters.items())}
        rows = self._build(**marks)
        compiler = rows.query.get_compiler(DEFAULT_DB_ALIAS)
        named = {mark: name for name, mark in _adapted(marks).items()}
        return _Kept(compiler, named, tuples=issubclass(rows._iterable_class, ValuesListIterable))


class _Kept:
    """What came of compiling: the statement, of how many columns its rows are, and how they become objects."""

    def __init__(self, compiler: Any, marks: Mapping[Any, str], *, tuples: bool) -> None:
        sql, values = compiler.as_sql()
        # What is always the same is written into the statement: only so does PostgreSQL, planning it once for all
        # values, see that an index of some rows only will do (the holds, say).
        written = [
            f"%({marks[value]})s" if value in marks else Literal(value).as_string().replace("%", "%%")
            for value in values
        ]
        self.statement = "".join(chain.from_iterable(zip_longest(sql.split("%s"), written, fillvalue="")))
        self.width = len(compiler.select)
        self._compiler = compiler
        self._converters = compiler.get_converters([selected[0] for selected in compiler.select])
        self._tuples = tuples
        if tuples:
            return
        places = compiler.klass_info["select_fields"]
        self._own = slice(places[0], places[-1] + 1)
        self._fields = [selected[0].target.attname for selected in compiler.select[self._own]]
        self._maker = _Maker(compiler.klass_info["model"])
        self._populators = get_related_populators(compiler.klass_info, compiler.select, DEFAULT_DB_ALIAS)  # type: ignore[call-arg]
        _make_by_hand(self._populators)
        self._annotations = compiler.annotation_col_map or {}

    def made(self, rows: Sequence[tuple[Any, ...]]) -> list[Any]:
        converted = self._compiler.apply_converters(rows, self._converters) if self._converters else rows
        return [tuple(row) if self._tuples else self._object(row) for row in converted]

    def _object(self, row: Any) -> Any:
        made = self._maker.from_db(DEFAULT_DB_ALIAS, self._fields, row[self._own])
        for populator in self._populators:
            populator.populate(row, made)
        for name, column in self._annotations.items():
            setattr(made, name, row[column])
        return made


class _Maker:
    """Makes the objects of a model as its `from_db` does, but in one go: nobody here listens to each being made."""

    def __init__(self, model: type[Model]) -> None:
        self._model = model

    def from_db(self, database: str, names: Sequence[str], values: Sequence[Any]) -> Model:
        made = self._model.__new__(self._model)
        made._state = ModelState()
        made._state.adding, made._state.db = False, database
        made.__dict__.update(zip(names, values, strict=True))
        return made


def _make_by_hand(populators: Sequence[RelatedPopulator]) -> None:
    for populator in populators:
        populator.model_cls = _Maker(populator.model_cls)  # type: ignore[assignment]
        _make_by_hand(populator.related_populators)


def _adapted(values: Mapping[str, Any]) -> dict[str, Any]:
    """As the database is given them."""
    ops = connections[DEFAULT_DB_ALIAS].ops
    return {
        name: ops.adapt_datetimefield_value(value) if isinstance(value, datetime) else value
        for name, value in values.items()
    }
