"""Kiosks, and which queues each serves."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from booking.models import Department
from queueboard.titled import Titled


class Kiosk(Titled):
    """A machine on site that checks in, and registers walk-ins for, the queues of some departments."""

    departments = models.ManyToManyField(Department, related_name="kiosks", verbose_name=_("departments"))
    walk_ins = models.BooleanField(_("walk-ins may register here"), default=True)
    prints_by_itself = models.BooleanField(
        _("prints by itself"), default=False,
        help_text=_("The browser was started with --kiosk-printing. Otherwise a key prints, and the browser asks."),
    )  # fmt: skip
    public = models.BooleanField(
        _("public"), default=False,
        help_text=_("Opens on any machine that has the address: for demonstrations and for a closed network."),
    )  # fmt: skip

    class Meta(Titled.Meta):
        verbose_name = _("kiosk")
        verbose_name_plural = _("kiosks")
