"""manage.py check_invariants: does everything hold that must hold?"""

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import connection, transaction

from booking import invariants as booking_invariants
from queueboard import invariants


class Command(BaseCommand):
    help = "Checks every invariant of the ledger, the appointments and the queues; says what is broken."

    def handle(self, *args: Any, **options: Any) -> None:
        with transaction.atomic():
            if connection.vendor == "postgresql":
                # One state for all the questions, so that it can run beside a live clinic.
                with connection.cursor() as cursor:
                    cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            broken = [*booking_invariants.breaches(), *invariants.breaches()]
        for line in broken:
            self.stdout.write(self.style.ERROR(line))
        if broken:
            raise CommandError(f"{len(broken)} invariants are broken.")
        self.stdout.write(self.style.SUCCESS("Every invariant holds."))
