"""What is counted so that nobody books for half the town (R3.7)."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class SourceCount(models.Model):
    """How often something came from one source in one span of time. Of the source only a keyed hash is kept."""

    class Kind(models.TextChoices):
        ACCOUNT = "account", _("account")
        DEVICE = "device", _("device")
        ADDRESS = "address", _("network address")

    class What(models.TextChoices):
        BOOKED = "booked", _("booked")  # by days; all else by spells of some minutes
        CODE = "code", _("asked for a code")
        REFUSED = "refused", _("refused for good reason")
        EARLY = "early", _("tried before the release")

    kind = models.CharField(max_length=7, choices=Kind.choices)
    source_hash = models.CharField(max_length=32)
    what = models.CharField(max_length=7, choices=What.choices)
    since = models.DateTimeField()
    count = models.PositiveIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["source_hash", "what", "since"], name="source_counts_once_per_span")
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.source_hash[:8]} {self.what} {self.count}"
