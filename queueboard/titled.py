"""What stands on site under an address of its own, with a title for people: a board, a kiosk."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class Titled(models.Model):
    """A name in addresses, and a title as the hospital writes it, with its other forms where they differ."""

    slug = models.SlugField(_("name in addresses"), unique=True)
    title = models.CharField(_("title"), max_length=80)
    title_en = models.CharField(_("title in English"), max_length=80, blank=True)
    title_zh_hant = models.CharField(_("title in traditional Chinese"), max_length=80, blank=True)

    class Meta:
        abstract = True
        ordering = ["slug"]

    @property
    def titles(self) -> dict[str, str]:
        """The title by language code, each falling back to the hospital's own words."""
        return {"en": self.title_en or self.title, "zh-hans": self.title, "zh-hant": self.title_zh_hant or self.title}

    def __str__(self) -> str:
        return self.slug
