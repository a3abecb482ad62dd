"""The keys of the data are changed (docs/settings.md): what stands under an older one is put under the one in use.

In batches of one transaction each. Killed at any moment, a second run goes on with what is left.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from django.apps import apps
from django.db import IntegrityError, models, transaction
from django.db.models import ExpressionWrapper, F, Q, QuerySet, TextField
from encrypted_fields.fields import EncryptedFieldMixin

from booking import data_keys
from booking.models.encrypted import Unreadable
from booking.models.hashes import Hashed

BATCH = 200
STORED = "stored_"  # starts the names of the values as they are in the database


@dataclass(slots=True)
class Batch:
    """What was found in some rows.

    seen        so many rows
    older       of them, so many under an older key
    unreadable  "17 phone": no key reads this value of the row with this id; it is left as it is
    twice       "17 phone_hash": another row has this value under the key in use, where only one may
    """

    seen: int = 0
    older: int = 0
    unreadable: list[str] = field(default_factory=list)
    twice: list[str] = field(default_factory=list)


def encrypted_models() -> list[type[models.Model]]:
    """All that have something encrypted, of any application."""
    return [model for model in apps.get_models() if _encrypted(model)]


def check(model: type[models.Model]) -> Iterator[Batch]:
    """Looks through all rows and changes nothing."""
    for ids in _batches(model):
        yield _look(list(_read(model).filter(pk__in=ids).order_by("pk")))[0]


def rotate(model: type[models.Model]) -> Iterator[Batch]:
    """Encrypts and hashes anew what is under an older key, and yields after each batch is committed."""
    for ids in _batches(model):
        found, _stale = _look(list(_read(model).filter(pk__in=ids).order_by("pk")))
        if found.older:
            with transaction.atomic():
                locked = _read(model).filter(_with_same_hash(model, ids)).select_for_update(no_key=True)
                again, stale = _look(list(locked.order_by("pk")))
                found.older = again.older
                found.twice = _write(model, stale)
        yield found


def _batches(model: type[models.Model]) -> Iterator[list[int]]:
    last = 0
    rows = model._base_manager.order_by("pk").values_list("pk", flat=True)
    while ids := list(rows.filter(pk__gt=last)[:BATCH]):
        yield ids
        last = ids[-1]


def _encrypted(model: type[models.Model]) -> list[str]:
    return [each.name for each in model._meta.local_concrete_fields if isinstance(each, EncryptedFieldMixin)]


def _hashed(model: type[models.Model]) -> dict[str, str]:
    return model.HASHED if issubclass(model, Hashed) else {}


def _read(model: type[models.Model]) -> QuerySet:
    """The rows with each encrypted value also as it is stored."""
    stored = {STORED + name: ExpressionWrapper(F(name), output_field=TextField()) for name in _encrypted(model)}
    return model._base_manager.annotate(**stored)


def _with_same_hash(model: type[models.Model], ids: list[int]) -> Q:
    """These rows and those with a hash of theirs: patients of one phone are counted together, so they move together."""
    rows = Q(pk__in=ids)
    for name in _hashed(model):
        hashes = model._base_manager.filter(pk__in=ids).exclude(**{name: ""}).values_list(name, flat=True)
        rows |= Q(**{f"{name}__in": list(hashes)})
    return rows


def _look(rows: list[models.Model]) -> tuple[Batch, list[models.Model]]:
    """What there is, and the rows to be written, with their hashes as they should be."""
    found = Batch(seen=len(rows))
    stale = []
    in_use = data_keys.known()[0]
    for row in rows:
        older = False
        for name in _encrypted(type(row)):
            stored = getattr(row, STORED + name)
            if isinstance(getattr(row, name), Unreadable):
                found.unreadable.append(f"{row.pk} {name}")
            elif stored is not None and not in_use.reads(stored):
                older = True
        for name, source in _hashed(type(row)).items():
            value = getattr(row, source)
            hashes = type(row).hashes_of(value or "")  # type: ignore[attr-defined]
            if hashes and getattr(row, name) != hashes[0]:
                setattr(row, name, hashes[0])
                older = True
        if older:
            stale.append(row)
    found.older = len(stale)
    return found, stale


def _write(model: type[models.Model], rows: list[models.Model]) -> list[str]:
    """Writes encrypted values and hashes; returns the hashes that are another row's already, and stay as they are."""
    names = [*_encrypted(model), *_hashed(model)]
    try:
        with transaction.atomic():
            model._base_manager.bulk_update(rows, names)
    except IntegrityError:
        return [each for row in rows for each in _write_one(model, row)]
    return []


def _write_one(model: type[models.Model], row: models.Model) -> Iterator[str]:
    values = {name: getattr(row, name) for name in _encrypted(model)}
    mine = model._base_manager.filter(pk=row.pk)
    mine.update(**values)
    for name in _hashed(model):
        try:
            with transaction.atomic():
                mine.update(**{name: getattr(row, name)})
        except IntegrityError:
            yield f"{row.pk} {name}"
