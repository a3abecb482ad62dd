"""Whose data was handed out or erased, when and why."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _


class DataLog(models.Model):
    """One act on a person's data. Append-only; ids only, which name nobody once their rows are erased.

    `account`: that asked, None where nobody signed in did. `actor`: the member of staff who did it, with the `reason`.
    """

    class Kind(models.TextChoices):
        HANDED_OUT = "handed_out", _("handed out")
        ERASED = "erased", _("erased on request")
        EXPIRED = "expired", _("erased as no longer needed")

    kind = models.CharField(_("what"), max_length=10, choices=Kind.choices)
    account = models.BigIntegerField(_("account"), null=True)
    patients = models.JSONField(_("patients"), default=list)
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, verbose_name=_("who"))
    reason = models.CharField(_("why"), max_length=200, blank=True)
    at = models.DateTimeField(_("when"))

    class Meta:
        verbose_name = _("act on personal data")
        verbose_name_plural = _("acts on personal data")
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} #{self.pk}"
