"""`manage.py import_history FILE`: past visits from CSV, then the quotas that they change (docs/history.md)."""

import sys
from argparse import ArgumentParser
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from django.utils.text import slugify
from django.utils.translation import gettext as _
from tqdm import tqdm

from booking import importing
from booking.errors import BookingError
from booking.models import Department, Expert, QuotaPlan, Session
from booking.services import quotas
from queueboard import expert_codes

# Where an expert is made without a word on the department.
DEPARTMENT = "imported"


class Command(BaseCommand):
    help = "Imports past visits of one expert from a CSV file; run twice, nothing is doubled."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="CSV file, columns as in docs/history.md")
        parser.add_argument(
            "--expert", metavar="CODE", help="code of the expert (default: the file's name, made if new)"
        )
        parser.add_argument("--department", metavar="SLUG", help=f"department of a new expert (default: {DEPARTMENT})")
        parser.add_argument("--create", action="store_true", help="make the expert named by --expert where new")
        parser.add_argument(
            "--first-date",
            type=date.fromisoformat,
            default=importing.FIRST_DATE,
            metavar="YYYY-MM-DD",
            help=f"the first session is on its first such weekday from here on (default: {importing.FIRST_DATE})",
        )
        parser.add_argument("--source", metavar="NAME", help="name of this log (default: the file's name)")

    def handle(self, *args: Any, **options: Any) -> None:
        path: Path = options["file"]
        source = (options["source"] or path.stem)[:80]
        try:
            parsed = importing.parse(path)
            if not parsed.rows:
                self._name(parsed.bad)
                raise CommandError(_("No line of the file can be imported."))
            expert = self._expert(path, options)
            done = importing.store(
                parsed, expert=expert, source=source, first_date=options["first_date"], progress=self._progress
            )
        except importing.UnreadableFile as error:
            raise CommandError(str(error)) from error
        self._name(done.bad)
        self.stdout.write(
            _("%(visits)d visits of %(sessions)d sessions, %(first)s to %(last)s; new: %(new_visits)d of %(new)d.")
            % {
                "visits": done.visits,
                "sessions": done.sessions,
                "first": done.first_day,
                "last": done.last_day,
                "new_visits": done.new_visits,
                "new": done.new_sessions,
            }
        )
        self.stdout.write(
            _("Walk-ins are not in this file: they come from the department, or from what it states as its default.")
        )
        self._recalculate(expert)

    def _expert(self, path: Path, options: dict[str, Any]) -> Expert:
        code = options["expert"] or slugify(path.stem) or DEPARTMENT
        if expert := Expert.objects.filter(code=code).first():
            return expert
        if options["expert"] and not options["create"]:
            raise CommandError(
                _("There is no expert with the code %(code)s; --create makes one.") % {"code": options["expert"]}
            )
        try:
            expert_codes.check(code)
        except ValidationError as error:
            raise CommandError(error.message) from error
        slug = options["department"] or DEPARTMENT
        department = Department.objects.get_or_create(slug=slug, defaults={"name": slug})[0]
        self.stdout.write(_("New expert: %(code)s, department %(slug)s.") % {"code": code, "slug": slug})
        return Expert.objects.create(code=code, name=code[:60], department=department)

    def _progress(self, rows: Iterable[importing.Row]) -> Iterable[importing.Row]:
        return tqdm(rows, unit=" visits", file=sys.stderr, disable=not sys.stderr.isatty())

    def _name(self, bad: list[tuple[int, str]]) -> None:
        for line, reason in bad:
            self.stderr.write(_("line %(line)d left out: %(reason)s") % {"line": line, "reason": reason})

    def _recalculate(self, expert: Expert) -> None:
        """The quotas of the expert's sessions that are not yet released follow from the new history at once."""
        waiting = Session.objects.filter(
            expert=expert, state=Session.State.PLANNED, pool_opened_at=None, released_at__gt=timezone.now()
        )
        before, count = QuotaPlan.objects.filter(session__expert=expert).count(), 0
        for session_id in waiting.order_by("starts_at").values_list("pk", flat=True):
            try:
                quotas.recalculate(session_id=session_id)
                count += 1
            except BookingError as error:
                self.stderr.write(_("session %(id)d keeps its quotas: %(why)s") % {"id": session_id, "why": error})
        changed = QuotaPlan.objects.filter(session__expert=expert).count() - before
        self.stdout.write(
            _("%(count)d sessions of this expert not yet released; quotas with a new outcome: %(changed)d.")
            % {"count": count, "changed": changed}
        )
