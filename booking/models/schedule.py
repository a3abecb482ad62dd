"""Weekly templates, sessions, their slots, and who sits in which room."""

from datetime import datetime

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _

from booking.models.clinic import Department, Expert, Named, Room


class Template(models.Model):
    """One weekly service period that sessions are made from (R1.1)."""

    class Weekday(models.IntegerChoices):
        MONDAY = 0, _("Monday")
        TUESDAY = 1, _("Tuesday")
        WEDNESDAY = 2, _("Wednesday")
        THURSDAY = 3, _("Thursday")
        FRIDAY = 4, _("Friday")
        SATURDAY = 5, _("Saturday")
        SUNDAY = 6, _("Sunday")

    department = models.ForeignKey(Department, models.CASCADE, related_name="templates", verbose_name=_("department"))
    expert = models.ForeignKey(
        Expert, models.CASCADE, null=True, blank=True, related_name="templates", verbose_name=_("expert"),
        help_text=_("Empty for a pooled clinic: one queue, several rooms."),
    )  # fmt: skip
    title = models.CharField(_("title of a pooled clinic"), max_length=60, blank=True)
    title_en = models.CharField(_("title in English"), max_length=60, blank=True)
    title_zh_hant = models.CharField(_("title in traditional Chinese"), max_length=60, blank=True)
    weekday = models.PositiveSmallIntegerField(_("weekday"), choices=Weekday.choices)
    starts = models.TimeField(_("starts"))
    ends = models.TimeField(_("ends"))
    slot_minutes = models.PositiveSmallIntegerField(
        _("slot length (minutes)"), null=True, blank=True, validators=[MinValueValidator(1)],
        help_text=_("Empty: as the department."),
    )  # fmt: skip
    numbers = models.PositiveSmallIntegerField(_("numbers"), validators=[MinValueValidator(1), MaxValueValidator(500)])
    prefix = models.CharField(_("letter of the tickets"), max_length=2, default="A")
    active = models.BooleanField(_("active"), default=True)

    class Meta:
        verbose_name = _("weekly template")
        verbose_name_plural = _("weekly templates")
        ordering = ["department", "weekday", "starts"]
        constraints = [
            models.CheckConstraint(
                condition=Q(ends__gt=F("starts")),
                name="template_ends_after_start",
                violation_error_message=_(
                    "A session ends on the day on which it starts: one that goes on after midnight is two."
                ),
            )
        ]

    def __str__(self) -> str:
        return f"{self.expert or self.title} {self.get_weekday_display()} {self.starts:%H:%M}-{self.ends:%H:%M}"


class TemplateRoom(models.Model):
    """A room of a template, and the expert who sits there."""

    template = models.ForeignKey(Template, models.CASCADE, related_name="rooms")
    room = models.ForeignKey(Room, models.CASCADE, verbose_name=_("room"))
    expert = models.ForeignKey(Expert, models.CASCADE, verbose_name=_("expert"))

    class Meta:
        verbose_name = _("room")
        verbose_name_plural = _("rooms")
        constraints = [models.UniqueConstraint(fields=["template", "room"], name="template_room_once")]

    def __str__(self) -> str:
        return f"{self.room}: {self.expert}"


class Holiday(models.Model):
    """A day without sessions, for one department or for all."""

    date = models.DateField(_("date"))
    department = models.ForeignKey(
        Department, models.CASCADE, null=True, blank=True, verbose_name=_("department"),
        help_text=_("Empty: the whole hospital."),
    )  # fmt: skip
    name = models.CharField(_("name"), max_length=60)

    class Meta:
        verbose_name = _("holiday")
        verbose_name_plural = _("holidays")
        ordering = ["date"]

    def __str__(self) -> str:
        return f"{self.date:%Y-%m-%d} {self.name}"


class Leave(models.Model):
    """Days on which an expert does not see patients (停诊)."""

    expert = models.ForeignKey(Expert, models.CASCADE, related_name="leaves", verbose_name=_("expert"))
    first_day = models.DateField(_("first day"))
    last_day = models.DateField(_("last day"))
    reason = models.CharField(_("reason"), max_length=120, blank=True)

    class Meta:
        verbose_name = _("leave")
        verbose_name_plural = _("leaves")
        ordering = ["first_day"]
        constraints = [models.CheckConstraint(condition=Q(last_day__gte=F("first_day")), name="leave_ends_after_start")]

    def __str__(self) -> str:
        return f"{self.expert} {self.first_day:%Y-%m-%d}-{self.last_day:%Y-%m-%d}"


class Session(models.Model):
    """One service period: a date, a start and an end, cut into slots. Its row is the lock of its queue.

    `version` rises by one with everything that changes what is shown (R4.11).
    """

    class State(models.TextChoices):
        PLANNED = "planned", _("planned")
        OPEN = "open", _("registration open")
        RUNNING = "running", _("running")
        CLOSED = "closed", _("closed")
        CANCELLED = "cancelled", _("cancelled")

    class CancelledFor(models.TextChoices):
        HOLIDAY = "holiday", _("a holiday")
        LEAVE = "leave", _("the expert's leave")
        TEMPLATE = "template", _("a changed template")

    LIVE = (State.OPEN, State.RUNNING)
    OVER = (State.CLOSED, State.CANCELLED)

    department = models.ForeignKey(Department, models.PROTECT, related_name="sessions", verbose_name=_("department"))
    template = models.ForeignKey(Template, models.SET_NULL, null=True, blank=True, related_name="sessions")
    expert = models.ForeignKey(
        Expert, models.PROTECT, null=True, blank=True, related_name="sessions", verbose_name=_("expert")
    )
    title = models.CharField(_("title of a pooled clinic"), max_length=60, blank=True)
    title_en = models.CharField(_("title in English"), max_length=60, blank=True)
    title_zh_hant = models.CharField(_("title in traditional Chinese"), max_length=60, blank=True)
    date = models.DateField(_("date"), db_index=True)
    starts_at = models.DateTimeField(_("starts"))
    ends_at = models.DateTimeField(_("ends"))
    registration_opens_at = models.DateTimeField(_("registration opens"))
    released_at = models.DateTimeField(_("released for booking"))
    state = models.CharField(_("state"), max_length=9, choices=State.choices, default=State.PLANNED, db_index=True)
    numbers = models.PositiveSmallIntegerField(_("numbers"))
    prefix = models.CharField(_("letter of the tickets"), max_length=2, default="A")
    version = models.PositiveIntegerField(_("version"), default=0, editable=False)
    last_number = models.PositiveIntegerField(default=0, editable=False)
    pool_opened_at = models.DateTimeField(null=True, editable=False)
    stopped_early = models.BooleanField(_("no more calls"), default=False)
    closed_at = models.DateTimeField(null=True, editable=False)
    # Made again from its template once this is gone. Empty: somebody decided it for this one session.
    cancelled_for = models.CharField(
        _("cancelled for"), max_length=8, choices=CancelledFor.choices, blank=True, editable=False
    )
    # A manager changed it after it was made, or made it: a changed template leaves it unless that is asked for.
    by_hand = models.BooleanField(_("changed by hand"), default=False, editable=False)

    class Meta:
        verbose_name = _("session")
        verbose_name_plural = _("sessions")
        ordering = ["starts_at"]
        constraints = [
            models.CheckConstraint(condition=Q(ends_at__gt=F("starts_at")), name="session_ends_after_start"),
            models.UniqueConstraint(
                fields=["template", "date"], condition=~Q(state="cancelled"), name="template_once_a_day"
            ),
            models.CheckConstraint(
                condition=Q(cancelled_for="") | Q(state="cancelled"), name="cancelled_for_something_if_cancelled"
            ),
            models.CheckConstraint(
                condition=Q(expert__isnull=False) | ~Q(title=""), name="session_has_expert_or_title"
            ),
        ]
        indexes = [models.Index(fields=["state", "starts_at", "id"], name="sessions_by_start")]

    @property
    def names(self) -> dict[str, str]:
        """Who or what is queued for, by language code."""
        if self.expert is not None:
            return self.expert.names
        return {"en": self.title_en or self.title, "zh-hans": self.title, "zh-hant": self.title_zh_hant or self.title}

    @property
    def prepayment(self) -> int:
        """What is paid to book a number here, in fen; 0: nothing (R3.3)."""
        own = self.expert.prepayment if self.expert is not None else None
        return self.department.prepayment if own is None else own

    def takes_bookings(self, now: datetime) -> bool:
        """Whether registration has opened neither by the clock nor by hand: the task that opens the pool may run a
        little late, and staff may open it early."""
        return self.state == self.State.PLANNED and self.pool_opened_at is None and now < self.registration_opens_at

    @property
    def name(self) -> str:
        return self.expert.name if self.expert is not None else self.title

    def __str__(self) -> str:
        from booking.models.clinic import named

        start = timezone.localtime(self.starts_at)
        return f"{named(self)} {date_format(start, 'Y-m-d H:i')}"  # type: ignore[arg-type]


class SessionRoom(models.Model):
    """A room in which a session is held, the expert in it, and their pause."""

    session = models.ForeignKey(Session, models.CASCADE, related_name="rooms")
    room = models.ForeignKey(Room, models.PROTECT, verbose_name=_("room"))
    expert = models.ForeignKey(Expert, models.PROTECT, verbose_name=_("expert"))
    paused_at = models.DateTimeField(_("paused since"), null=True, blank=True)
    paused_until = models.DateTimeField(_("back at"), null=True, blank=True)
    pause_reason = models.CharField(_("reason"), max_length=80, blank=True)

    class Meta:
        verbose_name = _("room")
        verbose_name_plural = _("rooms")
        ordering = ["room__code"]
        constraints = [models.UniqueConstraint(fields=["session", "room"], name="session_room_once")]

    def __str__(self) -> str:
        return f"{self.room}: {self.expert}"


class Slot(models.Model):
    """One stretch of a session, and where each of its numbers is.

    bookable and walk_in are the quotas; booked, withheld (cancelled, free to all after a delay) and registered
    are what is used of them. Every change has its row in the ledger (QuotaMove).
    """

    session = models.ForeignKey(Session, models.CASCADE, related_name="slots")
    index = models.PositiveSmallIntegerField(_("place in the session"))
    starts_at = models.DateTimeField(_("starts"))
    ends_at = models.DateTimeField(_("ends"))
    bookable = models.IntegerField(_("bookable quota"), default=0)
    booked = models.IntegerField(_("booked"), default=0)
    withheld = models.IntegerField(_("cancelled, soon free"), default=0)
    walk_in = models.IntegerField(_("walk-in quota"), default=0)
    registered = models.IntegerField(_("walk-ins registered"), default=0)
    locked = models.BooleanField(_("split locked"), default=False)
    passed_on = models.BooleanField(default=False, editable=False)

    class Meta:
        verbose_name = _("slot")
        verbose_name_plural = _("slots")
        ordering = ["session", "index"]
        constraints = [
            models.UniqueConstraint(fields=["session", "index"], name="slot_index_once"),
            models.CheckConstraint(condition=Q(ends_at__gt=F("starts_at")), name="slot_ends_after_start"),
            models.CheckConstraint(
                condition=Q(booked__gte=0) & Q(withheld__gte=0) & Q(bookable__gte=F("booked") + F("withheld")),
                name="booked_within_quota",
            ),
            models.CheckConstraint(
                condition=Q(registered__gte=0) & Q(walk_in__gte=F("registered")), name="walk_ins_within_quota"
            ),
        ]

    @property
    def numbers(self) -> int:
        """All numbers of the slot."""
        return self.bookable + self.walk_in

    @property
    def left_bookable(self) -> int:
        return self.bookable - self.booked - self.withheld

    @property
    def left_walk_in(self) -> int:
        return self.walk_in - self.registered

    def __str__(self) -> str:
        return f"{timezone.localtime(self.starts_at):%H:%M}-{timezone.localtime(self.ends_at):%H:%M}"


__all__ = ["Holiday", "Leave", "Named", "Session", "SessionRoom", "Slot", "Template", "TemplateRoom"]
