"""What is counted so that nobody books for half the town (R3.7)."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class AddressDay(models.Model):
    """How many bookings came from one address on one day. The address itself is not kept, only its keyed hash."""

    address_hash = models.CharField(max_length=64)
    day = models.DateField(_("day"))
    bookings = models.PositiveIntegerField(_("bookings"))

    class Meta:
        constraints = [models.UniqueConstraint(fields=["address_hash", "day"], name="address_once_a_day")]

    def __str__(self) -> str:
        return f"{self.address_hash[:8]} {self.day} {self.bookings}"
