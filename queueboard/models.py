"""The live queue: tickets, their append-only event log, boards, and who had to be refused."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from booking.models import Appointment, Department, Expert, Patient, Room, Session, Slot
from booking.models.appointments import new_token
from queueboard import rules
from queueboard.chat.models import Correspondent, Heard, Proof, VisitCode  # noqa: F401  # tables of this app too
from queueboard.colours import readable_under_white
from queueboard.kiosk.models import Kiosk  # noqa: F401  # tables of this app too
from queueboard.screens.models import Device, ScreenCode  # noqa: F401  # tables of this app too
from queueboard.titled import Titled
from queueboard.wechat.models import WeChatLimit, WeChatToken  # noqa: F401  # tables of this app too


class Ticket(models.Model):
    """A patient's place in the queue. The rule fields are those of rules.Ticket, decided when they happen."""

    class State(models.TextChoices):
        WAITING = "waiting", _("waiting")
        CALLED = "called", _("called")
        SERVING = "serving", _("in service")
        MISSED = "missed", _("missed call")
        AWAY = "away", _("sent for a test")
        DONE = "done", _("seen")
        LEFT = "left", _("left")
        HANDED_OVER = "handed_over", _("handed over")
        NOT_SEEN = "not_seen", _("not seen")

    class Priority(models.TextChoices):
        NONE = "", _("none")
        EMERGENCY = "emergency", _("emergency")
        PRIORITY = "priority", _("priority")

    session = models.ForeignKey(Session, models.PROTECT, related_name="tickets", verbose_name=_("session"))
    slot = models.ForeignKey(Slot, models.PROTECT, related_name="tickets", verbose_name=_("slot"))
    number = models.PositiveIntegerField(_("number"))
    patient = models.ForeignKey(Patient, models.PROTECT, related_name="tickets", verbose_name=_("patient"))
    appointment = models.ForeignKey(
        Appointment, models.PROTECT, null=True, blank=True, related_name="tickets", verbose_name=_("appointment")
    )
    token = models.CharField(max_length=32, default=new_token, editable=False, db_index=True)
    handed_from = models.OneToOneField("self", models.PROTECT, null=True, blank=True, related_name="handed_to")
    booked = models.BooleanField(_("booked"))
    first_visit = models.BooleanField(_("first visit"), default=True)
    state = models.CharField(_("state"), max_length=11, choices=State.choices, default=State.WAITING)
    room = models.ForeignKey(Room, models.PROTECT, null=True, blank=True, verbose_name=_("room"))
    arrived = models.DateTimeField(_("arrived"))
    late = models.BooleanField(_("late"), default=False)
    passed = models.BooleanField(_("passed"), default=False)
    misses = models.PositiveSmallIntegerField(_("missed calls"), default=0)
    turned_up = models.DateTimeField(_("reported back"), null=True, blank=True)
    behind = models.PositiveIntegerField(default=0)
    returned = models.DateTimeField(_("back with the result"), null=True, blank=True)
    returned_after = models.PositiveIntegerField(default=0)
    priority = models.CharField(_("priority"), max_length=9, choices=Priority.choices, blank=True, default="")
    priority_reason = models.CharField(_("reason"), max_length=80, blank=True)
    called_no = models.PositiveIntegerField(default=0)
    return_call = models.BooleanField(default=False)
    calls = models.PositiveSmallIntegerField(_("times called"), default=0)
    called_at = models.DateTimeField(_("called at"), null=True, blank=True)
    started_at = models.DateTimeField(_("started at"), null=True, blank=True)
    ended_at = models.DateTimeField(_("ended at"), null=True, blank=True)
    # Seconds of earlier stretches of this visit (before a test), so that a return visit adds to it.
    served_seconds = models.PositiveIntegerField(default=0)
    # When the patient, having just come, was expected to be called (R5.2); compared with what came true.
    foretold_median = models.DateTimeField(null=True, editable=False)
    foretold_p90 = models.DateTimeField(null=True, editable=False)
    # When the patient was told that few are ahead; and the time of the own turn that was told last.
    ahead_told_at = models.DateTimeField(null=True, editable=False)
    turn_told = models.DateTimeField(null=True, editable=False)

    class Meta:
        verbose_name = _("ticket")
        verbose_name_plural = _("tickets")
        ordering = ["session", "number"]
        permissions = [
            ("work_desk", _("Can check in, register and place patients")),
            ("call_patients", _("Can call patients")),
            ("manage_queues", _("Can stop sessions and hand patients over")),
        ]
        constraints = [
            models.UniqueConstraint(fields=["session", "number"], name="ticket_number_once_per_session"),
            models.UniqueConstraint(
                fields=["room"], condition=Q(state__in=["called", "serving"]), name="one_patient_in_service_per_room"
            ),
            models.UniqueConstraint(
                fields=["session", "patient"],
                condition=Q(state__in=["waiting", "called", "serving", "missed", "away"]),
                name="one_live_ticket_per_patient_and_session",
            ),
            models.UniqueConstraint(
                fields=["appointment"],
                condition=Q(appointment__isnull=False) & ~Q(state__in=["handed_over", "left"]),
                name="one_ticket_per_appointment",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=["called", "serving"]) | Q(room__isnull=False), name="a_call_has_a_room"
            ),
        ]

    @property
    def label(self) -> str:
        """The number as it is shown and called: A017."""
        return f"{self.session.prefix}{self.number:03d}"

    def rule_view(self, slot: Slot) -> rules.Ticket:
        """This row as the rules see it; `slot` is its slot, handed in so that no query runs."""
        return rules.Ticket(
            number=self.number,
            slot=slot.index,
            slot_start=slot.starts_at,
            booked=self.booked,
            arrived=self.arrived,
            state=rules.State(self.state),
            late=self.late,
            passed=self.passed,
            misses=self.misses,
            turned_up=self.turned_up,
            behind=self.behind,
            returned=self.returned,
            returned_after=self.returned_after,
            priority=rules.Priority(self.priority),
            called_no=self.called_no,
            return_call=self.return_call,
        )

    def __str__(self) -> str:
        return self.label


class QueueEvent(models.Model):
    """What happened to a queue, who did it and when. Append-only; `version` is the session's after it.

    `changes` holds the fields that the event changed, before and after, so that it can be undone;
    `worse` says for each ticket number whose position got worse by how many and why (R4.12).
    """

    session = models.ForeignKey(Session, models.PROTECT, related_name="events", verbose_name=_("session"))
    version = models.PositiveIntegerField(_("version"))
    kind = models.CharField(_("what"), max_length=20)
    ticket = models.ForeignKey(Ticket, models.PROTECT, null=True, blank=True, related_name="events")
    room = models.ForeignKey(Room, models.PROTECT, null=True, blank=True, verbose_name=_("room"))
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, verbose_name=_("who"))
    at = models.DateTimeField(_("when"))
    # When it was entered from paper: `at` is when it happened, so within a session versions rise and times need not.
    entered_at = models.DateTimeField(_("entered afterwards"), null=True, blank=True)
    reason = models.CharField(_("reason"), max_length=120, blank=True)
    changes = models.JSONField(default=list)
    worse = models.JSONField(default=dict)
    undoes = models.OneToOneField("self", models.PROTECT, null=True, blank=True, related_name="undone_by")

    class Meta:
        verbose_name = _("queue event")
        verbose_name_plural = _("audit log of the queues")
        ordering = ["session", "version"]
        constraints = [models.UniqueConstraint(fields=["session", "version"], name="event_version_once")]

    def __str__(self) -> str:
        return f"{self.session_id} v{self.version} {self.kind}"


class Refusal(models.Model):
    """A walk-in who had to be refused: logged, so that a sold-out morning does not look quiet (R2.1)."""

    session = models.ForeignKey(Session, models.CASCADE, related_name="refusals")
    at = models.DateTimeField()


class Board(Titled):
    """A waiting-room screen showing the queues of some departments, or of some of their rooms."""

    class Sound(models.TextChoices):
        VOICE = "voice", _("signal and voice")
        CHIME = "chime", _("signal")
        OFF = "off", _("silent")

    class Look(models.TextChoices):
        DARK = "dark", _("dark")
        LIGHT = "light", _("light")
        CONTRAST = "contrast", _("high contrast")

    class Layout(models.TextChoices):
        FULL = "full", _("room, expert, now, the next three; all queues at once")
        LARGE = "large", _("room, now, next, in larger type and without names; six queues at a time")

    departments = models.ManyToManyField(Department, related_name="boards", verbose_name=_("departments"))
    rooms = models.ManyToManyField(
        Room, related_name="boards", blank=True, verbose_name=_("rooms"), help_text=_("Empty: all rooms.")
    )
    public = models.BooleanField(
        _("public"), default=False, help_text=_("Anybody who knows the address may see a public board.")
    )
    sound = models.CharField(
        _("sound"), max_length=5, choices=Sound.choices, default=Sound.VOICE,
        help_text=_("A browser without a voice of its own in the board's language plays one made by the server."),
    )  # fmt: skip
    language = models.CharField(
        _("language"), max_length=7, choices=settings.LANGUAGES, blank=True, help_text=_("Empty: that of the browser.")
    )
    second_language = models.CharField(
        _("second language"), max_length=7, choices=settings.LANGUAGES, blank=True, default="en",
        help_text=_("Stands smaller beneath the first."),
    )  # fmt: skip
    look = models.CharField(_("look"), max_length=8, choices=Look.choices, default=Look.DARK)
    layout = models.CharField(_("layout of the queues"), max_length=5, choices=Layout.choices, default=Layout.FULL)
    accent = models.CharField(
        _("colour of the hospital"), max_length=7, blank=True, validators=[readable_under_white],
        help_text=_("Behind the hospital's name, which is white. High contrast has colours of its own."),
    )  # fmt: skip

    class Meta(Titled.Meta):
        constraints = [
            models.CheckConstraint(condition=models.Q(sound__in=["voice", "chime", "off"]), name="board_sound"),
            models.CheckConstraint(condition=models.Q(look__in=["dark", "light", "contrast"]), name="board_look"),
            models.CheckConstraint(condition=models.Q(layout__in=["full", "large"]), name="board_layout"),
        ]
        verbose_name = _("board")
        verbose_name_plural = _("boards")

    @property
    def face(self) -> tuple[str, ...]:
        """What of it a screen shows all the time, and can only take over by loading its page anew."""
        languages = (self.language, self.second_language)
        return (*self.titles.values(), self.sound, *languages, self.look, self.layout, self.accent)


class LookupTry(models.Model):
    """One try to find a lost link, by keyed hashes of the address it came from and of the phone typed (R6.2)."""

    address_hash = models.CharField(max_length=64)
    phone_hash = models.CharField(max_length=64, default="")
    at = models.DateTimeField()
    found = models.BooleanField(default=False)

    class Meta:
        indexes = [
            models.Index(fields=["address_hash", "at"], name="lookup_tries_by_address"),
            models.Index(fields=["phone_hash", "at"], name="lookup_tries_by_phone"),
        ]


class OnSiteTry(models.Model):
    """One try to check in by phone whose code did not fit, by a keyed hash of the address it came from (R4.1)."""

    appointment = models.ForeignKey(Appointment, models.CASCADE, related_name="+")
    address_hash = models.CharField(max_length=64)
    at = models.DateTimeField()

    class Meta:
        indexes = [
            models.Index(fields=["address_hash", "at"], name="on_site_tries_by_address"),
            models.Index(fields=["appointment", "at"], name="on_site_tries_by_visit"),
        ]


class SharedLink(models.Model):
    """A link with which somebody looks at a visit and does nothing to it. The database knows its secret by a hash."""

    token = models.CharField(max_length=32, editable=False, db_index=True)
    secret_hash = models.CharField(max_length=64, unique=True, editable=False)
    made_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.pk} {self.made_at:%H:%M:%S}"


class Simulation(models.Model):
    """Mornings that a manager asked to be played, and what came of them (R7).

    `asked` holds all that the outcome depends on (the scenario as it was when asked, policies, mornings, seed), so that
    a second run ends in the same `result` as the first. `heard_at` is when it was last heard of (asked, begun, going
    on): a run that fell silent was stopped halfway. `run` counts the runs: only the latest may write.
    """

    class State(models.TextChoices):
        WAITING = "waiting", _("waits for its turn")
        RUNNING = "running", _("is being played")
        DONE = "done", _("done")
        STOPPED = "stopped", _("stopped halfway")
        FAILED = "failed", _("could not be played")

    expert = models.ForeignKey(Expert, models.CASCADE, null=True, related_name="+", verbose_name=_("expert"))
    asked = models.JSONField(_("what was asked"))
    state = models.CharField(_("state"), max_length=7, choices=State.choices, default=State.WAITING)
    progress = models.PositiveSmallIntegerField(_("progress (%)"), default=0)
    run = models.PositiveSmallIntegerField(default=0)
    heard_at = models.DateTimeField()
    result = models.JSONField(_("result"), null=True)
    made_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, verbose_name=_("who"))
    made_at = models.DateTimeField(_("asked at"))
    ended_at = models.DateTimeField(_("ended at"), null=True)

    class Meta:
        verbose_name = _("simulation")
        verbose_name_plural = _("simulations")
        ordering = ["-id"]
        constraints = [
            # A page must not eat the machine: the queue's clock runs in the same worker.
            models.UniqueConstraint(
                fields=["state"], condition=Q(state="running"), name="one_simulation_is_played_at_a_time"
            ),
            models.CheckConstraint(
                condition=~Q(state="done") | Q(result__isnull=False), name="a_simulation_done_has_a_result"
            ),
        ]

    def __str__(self) -> str:
        return str(self.expert) if self.expert is not None else str(_("the study's morning"))


# Here, so that Django finds them: they belong to the packages named.
from queueboard.challenge.models import Picture, Spent  # noqa: E402, F401
from queueboard.notify.models import Address, Delivery  # noqa: E402, F401
