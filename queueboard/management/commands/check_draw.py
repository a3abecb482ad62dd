"""manage.py check_draw: was a session's draw what its seed says?"""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from booking import draws
from booking.models import Ballot
from booking.services import ballots


class Command(BaseCommand):
    help = "Computes a session's draw anew from its published record, and says what differs (docs/ballot.md)."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("session", type=int, help="id of the session")

    def handle(self, *args: Any, session: int, **options: Any) -> None:
        ballot = Ballot.objects.select_related("session").filter(session=session).first()
        if ballot is None:
            raise CommandError(f"The numbers of session {session} are not drawn.")
        record = ballots.record(ballot)
        faults = list(draws.faults(record))
        for fault in faults:
            self.stdout.write(self.style.ERROR(fault))
        if faults:
            raise CommandError("This is not the draw that the seed gives.")
        won = sum(entry["won"] is not None for entry in record["entries"])
        self.stdout.write(self.style.SUCCESS(f"As drawn: {won} of {len(record['entries'])} requests won a number."))
