"""Departments with their rules, rooms and experts."""

from collections.abc import Iterable

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import get_language, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from booking import search

MINUTES_OF_A_DAY = 24 * 60


def named(thing: "Named", language: str | None = None) -> str:
    """The thing's name in `language` (default: the active one), else as the hospital writes it."""
    return thing.names.get(language or get_language() or "", thing.name)


class Named(models.Model):
    """A name as the hospital writes it, with its English and traditional Chinese form where they differ."""

    name = models.CharField(_("name"), max_length=60)
    name_en = models.CharField(_("name in English"), max_length=60, blank=True)
    name_zh_hant = models.CharField(_("name in traditional Chinese"), max_length=60, blank=True)

    class Meta:
        abstract = True

    @property
    def names(self) -> dict[str, str]:
        """Names by language code, each falling back to the hospital's own."""
        return {"en": self.name_en or self.name, "zh-hans": self.name, "zh-hant": self.name_zh_hant or self.name}

    def __str__(self) -> str:
        return named(self)


class Searched(Named):
    """A name that patients look for, with what it is found by (booking.search)."""

    search_keys = models.TextField(editable=False, default="")

    class Meta:
        abstract = True

    def save(self, *args, update_fields: Iterable[str] | None = None, **kwargs) -> None:
        self.search_keys = search.keys(self.names.values())
        if update_fields is not None:
            update_fields = {*update_fields, "search_keys"}
        super().save(*args, update_fields=update_fields, **kwargs)


class Department(Searched):
    """A department, and the rules it runs by: each default is the one of RULES.md."""

    slug = models.SlugField(_("name in addresses"), unique=True)
    staff = models.ManyToManyField(
        settings.AUTH_USER_MODEL, verbose_name=_("clerks"), related_name="departments", blank=True
    )

    # R1
    slot_minutes = models.PositiveSmallIntegerField(
        _("slot length (minutes)"), default=60, validators=[MinValueValidator(1)]
    )
    sessions_ahead_days = models.PositiveSmallIntegerField(_("sessions made ahead (days)"), default=14)
    registration_opens_minutes = models.PositiveSmallIntegerField(
        _("walk-in registration opens before the session (minutes)"), default=60
    )
    # R2
    late_start_share = models.FloatField(
        _("late start: observed count under this share of the expected one"),
        default=0.7,
        validators=[MinValueValidator(0.0), MaxValueValidator(1.0)],
    )
    history_sessions = models.PositiveSmallIntegerField(
        _("past sessions of an expert to look at, at most"), default=250
    )
    default_visit_minutes = models.FloatField(
        _("visit length without history (minutes)"), default=6.0, validators=[MinValueValidator(0.05)]
    )
    default_walk_ins_per_hour = models.FloatField(
        _("walk-ins an hour without history"), default=4.0, validators=[MinValueValidator(0.0)]
    )
    # R3
    release_days_ahead = models.PositiveSmallIntegerField(_("released for booking (days ahead)"), default=7)
    release_time = models.TimeField(_("released for booking at"), default="07:00")
    hold_minutes = models.PositiveSmallIntegerField(_("hold until paid (minutes)"), default=15)
    free_again_minutes = models.PositiveSmallIntegerField(
        _("cancelled number bookable again within (minutes, random)"), default=10
    )
    offer_minutes = models.PositiveSmallIntegerField(
        _("a freed number is offered to each on the waitlist for (minutes)"),
        default=10,
        validators=[MinValueValidator(1)],
    )
    ballot_hold_minutes = models.PositiveSmallIntegerField(
        _("number won in a draw held until paid (minutes)"), default=120, validators=[MinValueValidator(1)]
    )
    prepayment = models.PositiveIntegerField(_("prepayment (fen; 0: none)"), default=0)
    refund_late = models.BooleanField(_("a late cancellation is refunded"), default=False)
    no_show_forfeits = models.BooleanField(_("a no-show forfeits the prepayment"), default=True)
    pass_on_unused = models.BooleanField(_("an ended slot passes unused walk-in numbers on"), default=True)
    booked_per_patient_day = models.PositiveSmallIntegerField(_("appointments per patient and day"), default=2)
    booked_per_patient_department = models.PositiveSmallIntegerField(
        _("open appointments per patient in this department"), default=3
    )
    booked_per_phone_day = models.PositiveSmallIntegerField(
        _("appointments per phone and day in this department"), default=5, validators=[MinValueValidator(1)]
    )
    added_per_session = models.PositiveSmallIntegerField(
        _("numbers that can be added to a session, at most"), default=10
    )
    no_show_limit = models.PositiveSmallIntegerField(
        _("no-shows that suspend a patient from booking (0: never)"), default=3
    )
    no_show_days = models.PositiveSmallIntegerField(_("within (days)"), default=90)
    suspension_days = models.PositiveSmallIntegerField(
        _("suspended for (days)"), default=90, validators=[MinValueValidator(1)]
    )
    # R4
    booked_first = models.BooleanField(_("booked before walk-ins within a slot"), default=False)
    early_minutes = models.PositiveSmallIntegerField(_("check-in counts from so long before the slot"), default=30)
    late_grace_minutes = models.PositiveSmallIntegerField(_("late only so long after the slot's end"), default=0)
    call_ahead_minutes = models.PositiveSmallIntegerField(
        _("nobody is called more than so many minutes before the slot"), null=True, blank=True
    )
    missed_behind = models.PositiveSmallIntegerField(_("a walk-in back after a miss waits behind"), default=3)
    return_every = models.PositiveSmallIntegerField(
        _("a return visit after every so many others"), default=2, validators=[MinValueValidator(1)]
    )
    auto_miss = models.BooleanField(_("a call not answered is missed by itself"), default=False)
    miss_after_calls = models.PositiveSmallIntegerField(
        _("calls before that"), default=3, validators=[MinValueValidator(1)]
    )
    call_gap_seconds = models.PositiveSmallIntegerField(_("seconds between these calls"), default=20)
    # R5
    tell_when_ahead = models.PositiveSmallIntegerField(_("tell a patient when so many are ahead"), default=3)

    class Meta:
        verbose_name = _("department")
        verbose_name_plural = _("departments")
        ordering = ["name"]


class Room(Named):
    """A consulting room; `way` is how to get there from the waiting area."""

    department = models.ForeignKey(Department, models.CASCADE, related_name="rooms", verbose_name=_("department"))
    code = models.CharField(_("code"), max_length=12)
    way = models.CharField(_("way"), max_length=80, blank=True)
    way_en = models.CharField(_("way in English"), max_length=80, blank=True)
    way_zh_hant = models.CharField(_("way in traditional Chinese"), max_length=80, blank=True)

    class Meta:
        verbose_name = _("room")
        verbose_name_plural = _("rooms")
        ordering = ["department", "code"]
        constraints = [models.UniqueConstraint(fields=["department", "code"], name="room_code_once_per_department")]

    @property
    def ways(self) -> dict[str, str]:
        """The way by language code, each falling back to the hospital's own words."""
        return {"en": self.way_en or self.way, "zh-hans": self.way, "zh-hant": self.way_zh_hant or self.way}


class Expert(Searched):
    """The doctor who is queued for."""

    class SplitBy(models.TextChoices):
        STUDY = "study", _("the study's rule")
        OPTIMISED = "optimised", _("the shortest wait in simulated sessions")

    department = models.ForeignKey(Department, models.CASCADE, related_name="experts", verbose_name=_("department"))
    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="expert", verbose_name=_("login")
    )
    code = models.SlugField(_("code"), unique=True)
    title = models.CharField(pgettext_lazy("of a doctor", "title"), max_length=40, blank=True)
    title_en = models.CharField(pgettext_lazy("of a doctor", "title in English"), max_length=40, blank=True)
    title_zh_hant = models.CharField(
        pgettext_lazy("of a doctor", "title in traditional Chinese"), max_length=40, blank=True
    )
    prepayment = models.PositiveIntegerField(
        _("prepayment (fen; 0: none)"), null=True, blank=True, help_text=_("Empty: as the department.")
    )
    ballot_minutes = models.PositiveSmallIntegerField(
        _("draw numbers: requests collected for (minutes; 0: no draw)"), default=0,
        validators=[MaxValueValidator(MINUTES_OF_A_DAY)],
        help_text=_(
            "Whoever asks within so many minutes after the release has the same chance, the first as the last: the "
            "numbers are then drawn, and the draw can be checked by anybody. What is left is first come, first served. "
            "Holds for sessions that are not released yet."
        ),
    )  # fmt: skip
    active = models.BooleanField(_("active"), default=True)
    split_by = models.CharField(
        _("numbers split by"), max_length=9, choices=SplitBy.choices, default=SplitBy.STUDY,
        help_text=_(
            "How the numbers of this expert's sessions are shared between booking and walk-ins. By simulation: as many "
            "of each as by the study's rule, in the slots where all patients together wait least, the booked no longer "
            "than by the study's rule and without more overtime (half a minute aside). Holds from the next calculation "
            "on."
        ),
    )  # fmt: skip

    class Meta:
        verbose_name = _("expert")
        verbose_name_plural = _("experts")
        ordering = ["department", "name"]

    @property
    def titles(self) -> dict[str, str]:
        """The title by language code, each falling back to the hospital's own words."""
        return {"en": self.title_en or self.title, "zh-hans": self.title, "zh-hant": self.title_zh_hant or self.title}
