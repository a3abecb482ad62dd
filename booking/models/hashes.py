"""Keyed hashes: what is encrypted can be found by them, and not read.

While the keys of the data are changed, rows stand under several (docs/settings.md). Whoever looks for a value looks
under all of them; whoever writes one first puts what is there under the key in use.
"""

import contextlib
from typing import ClassVar

from django.db import IntegrityError, connection, models, transaction

from booking import data_keys, phones
from booking.models.encrypted import Unreadable


def looked_up(value: str) -> str:
    """An ID number or phone as it is hashed: without spaces, in capitals."""
    return "".join(value.split()).upper()


def lookup_hashes(value: str) -> list[str]:
    """Keyed hashes of an ID number or phone under each key, that in use first: a row with any of them has this value.

    Empty for no value.
    """
    plain = looked_up(value)
    return keyed_hashes(plain) if plain else []


def phone_hashes(phone: str) -> list[str]:
    """The lookup hashes of a phone in all the ways in which it may have been written when it was kept."""
    return [each for written in phones.ways_to_write(phone) for each in lookup_hashes(written)]


def keyed_hash(text: str) -> str:
    """A hash of exactly this text that nobody without the key can find the text for by trying."""
    return data_keys.known()[0].hash(text)


def keyed_hashes(text: str) -> list[str]:
    """The same under each key, that in use first."""
    return [key.hash(text) for key in data_keys.known()]


def bring_over(model: type[models.Model], name: str, hashes: list[str]) -> str:
    """Puts rows whose hash `name` is any of `hashes` (see lookup_hashes) under the first of them, and returns that.

    Inside a transaction, before a row with it is looked for or written: then a constraint sees all rows, and those with
    one phone have one hash. Nobody else does the same for this value until the transaction ends.
    """
    if not hashes:
        return ""
    newest, *older = hashes
    if older:
        lock(min(hashes))  # the same one wherever the same keys are known, in whatever order
        rows = model._base_manager.filter(**{f"{name}__in": older}).order_by("pk")
        ids = list(rows.select_for_update(no_key=True).values_list("pk", flat=True))
        # Where there is one under the newest already, two rows have one value: manage.py rotate_keys tells.
        with contextlib.suppress(IntegrityError), transaction.atomic():
            model._base_manager.filter(pk__in=ids).update(**{name: newest})
    return newest


def lock(hash: str) -> None:
    """Until the end of the transaction; SQLite lets one writer in at a time anyway."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_advisory_xact_lock(%s)", [int.from_bytes(bytes.fromhex(hash)[:8], "big", signed=True)]
            )


class Hashed(models.Model):
    """A model with hashes of encrypted fields; HASHED: the field of each hash, and which one it is of."""

    HASHED: ClassVar[dict[str, str]]

    class Meta:
        abstract = True

    @staticmethod
    def normal(value: str) -> str:
        """What is hashed of a value."""
        return looked_up(value)

    @classmethod
    def hashes_of(cls, value: str) -> list[str]:
        """What the hash of this value may be, that under the key in use first. Empty for no value."""
        plain = cls.normal(value)
        return keyed_hashes(plain) if plain else []

    def hash_all(self) -> None:
        """Sets the hashes under the key in use: for a row that is not written by `save`."""
        for name, source in self.HASHED.items():
            setattr(self, name, next(iter(self.hashes_of(getattr(self, source) or "")), ""))

    def save(self, *args, **kwargs) -> None:
        with transaction.atomic(savepoint=False):
            for name, source in self.HASHED.items():
                value = getattr(self, source)
                if not isinstance(value, Unreadable):
                    setattr(self, name, bring_over(type(self), name, self.hashes_of(value or "")))
            super().save(*args, **kwargs)
