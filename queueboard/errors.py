"""What may go wrong in the live queue."""

from booking.errors import BookingError


class QueueError(BookingError):
    """A refusal of a queue service: the state does not allow it, or it is not this person's to do."""
