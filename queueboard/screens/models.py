"""Screens that a manager connected, and the codes of those that wait for it."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import models
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

SEEN_EVERY = timedelta(minutes=1)
NOT_SEEN_AFTER = 3 * SEEN_EVERY


class Device(models.Model):
    """A screen and what it shows: the place that it was connected to, a board or a kiosk."""

    name = models.CharField(_("name"), max_length=80, help_text=_("Where it hangs, such as: 3rd floor, left."))
    board = models.ForeignKey(
        "queueboard.Board", models.CASCADE, null=True, blank=True, related_name="devices", verbose_name=_("board")
    )
    kiosk = models.ForeignKey(
        "queueboard.Kiosk", models.CASCADE, null=True, blank=True, related_name="devices", verbose_name=_("kiosk")
    )
    secret_hash = models.CharField(max_length=64, unique=True, editable=False)
    connected_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+", editable=False,
        verbose_name=_("connected by"),
    )  # fmt: skip
    connected_at = models.DateTimeField(_("connected at"), editable=False)
    seen_at = models.DateTimeField(_("last seen"), null=True, editable=False)
    version = models.CharField(_("version"), max_length=16, blank=True, editable=False)
    width = models.PositiveIntegerField(_("width in pixels"), null=True, editable=False)
    height = models.PositiveIntegerField(_("height in pixels"), null=True, editable=False)
    revoked_at = models.DateTimeField(_("disconnected at"), null=True, editable=False)

    class Meta:
        verbose_name = _("screen")
        verbose_name_plural = _("screens")
        ordering = ["name", "pk"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(board__isnull=False, kiosk=None) | models.Q(board=None, kiosk__isnull=False),
                name="device_has_a_place",
                violation_error_message=_("Please say what the screen shows: one board, or one kiosk."),
            )
        ]  # fmt: skip

    def __str__(self) -> str:
        return self.name

    @property
    def place(self) -> models.Model | None:
        """What it was connected to."""
        return self.board or self.kiosk

    @property
    def address(self) -> str:
        """The page that it shows."""
        if self.kiosk is not None:
            return reverse("kiosk", args=[self.kiosk.slug])
        return reverse("board", args=[self.board.slug]) if self.board is not None else ""

    def silent(self, now: datetime) -> bool:
        """Whether nothing was heard of it for three minutes: a screen that is on says every minute that it is there."""
        return now - (self.seen_at or self.connected_at) > NOT_SEEN_AFTER


class ScreenCode(models.Model):
    """What a screen shows while it waits: used once, by being deleted."""

    code = models.CharField(max_length=6, unique=True)
    secret_hash = models.CharField(max_length=64, unique=True)
    address_hash = models.CharField(max_length=64, db_index=True)
    expires_at = models.DateTimeField(db_index=True)
