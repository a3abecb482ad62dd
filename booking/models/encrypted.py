"""Text that is encrypted at rest with the keys of the data."""

import logging
from typing import Any

from cryptography.fernet import MultiFernet
from django.db import models
from encrypted_fields import fields

from booking import data_keys

log = logging.getLogger(__name__)


class Unreadable(str):
    """Stands for a value that no key can read: empty, so that nobody takes it for a phone or shows it.

    Saved again, it is what was `stored`: a lost key that is found reads it.
    """

    stored: str

    def __new__(cls, stored: str) -> "Unreadable":
        self = super().__new__(cls, "")
        self.stored = stored
        return self


class EncryptedFieldMixin(fields.EncryptedFieldMixin):
    """The library's field with our keys, and without its silence about what it cannot decrypt."""

    @property
    def f(self) -> MultiFernet:
        return data_keys.box()

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> str | None:
        if value is None:
            return None
        text = data_keys.opened(value)
        if text is None:
            log.error("a value of %s cannot be read with any of the keys", self)
            return Unreadable(value)
        return text

    def get_prep_value(self, value: Any) -> str | None:
        return value.stored if isinstance(value, Unreadable) else super().get_prep_value(value)

    def deconstruct(self) -> Any:
        """In migrations it is the library's field: the column is the same."""
        name, _path, arguments, named = super().deconstruct()  # type: ignore[misc]
        return name, f"{fields.__name__}.{type(self).__name__}", arguments, named


class EncryptedCharField(EncryptedFieldMixin, models.CharField):
    def to_python(self, value: Any) -> Any:
        return models.CharField.to_python(self, value)


class EncryptedTextField(EncryptedFieldMixin, models.TextField):
    def to_python(self, value: Any) -> Any:
        return models.TextField.to_python(self, value)
