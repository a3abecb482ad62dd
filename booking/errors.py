"""What may go wrong in booking: a sentence for people, a code for clients, an HTTP status."""

from django.utils.functional import Promise


class BookingError(Exception):
    """A refusal. `message` is translatable, `code` is stable, `extra` is for clients (JSON values only)."""

    def __init__(self, message: str | Promise, *, code: str, status: int = 409, **extra: object) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.status = status
        self.extra = extra

    def __str__(self) -> str:
        return str(self.message)
