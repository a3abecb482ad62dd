"""manage.py rotate_keys: the data under the first of DATA_KEYS."""

import argparse
import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import models
from tqdm import tqdm

from booking.models import encrypted
from booking.services import rotation
from booking.services.rotation import Batch

NAMED = 20  # rows named of each kind of trouble; the count says how many there are


@contextmanager
def _quiet() -> Iterator[None]:
    """No line in the log for each value that cannot be read: they are named here."""
    level = encrypted.log.level
    encrypted.log.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        encrypted.log.setLevel(level)


class Command(BaseCommand):
    help = (
        "Encrypts and hashes anew whatever stands under an older key than the first (docs/settings.md), while the site "
        "runs. Killed, it is started again and goes on."
    )

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--check", action="store_true", help="say what is still under older keys; change nothing")

    def handle(self, *args: Any, check: bool, **options: Any) -> None:
        work = rotation.check if check else rotation.rotate
        with _quiet():
            found = [self._through(model, work, check) for model in rotation.encrypted_models()]
        unreadable, twice = sum(len(each.unreadable) for each in found), sum(len(each.twice) for each in found)
        older = sum(each.older for each in found)
        if unreadable:
            raise CommandError(f"{unreadable} values cannot be read with any of the keys: keep every key you have.")
        if twice:
            raise CommandError(f"{twice} values are in two rows: look at both, then run this again.")
        if check and older:
            raise CommandError(f"{older} rows are under an older key: run this without --check, and keep that key.")
        self.stdout.write(self.style.SUCCESS("Everything is under the first key: the others are not needed any more."))

    def _through(
        self, model: type[models.Model], work: Callable[[type[models.Model]], Iterator[Batch]], check: bool
    ) -> Batch:
        total = Batch()
        with tqdm(
            total=model._base_manager.count(), desc=model._meta.label, unit=" rows", file=sys.stderr,
            disable=not sys.stderr.isatty(),
        ) as bar:  # fmt: skip
            for batch in work(model):
                total.seen += batch.seen
                total.older += batch.older
                total.unreadable += batch.unreadable
                total.twice += batch.twice
                bar.update(batch.seen)
        done = "under an older key" if check else "put under the first key"
        self.stdout.write(f"{model._meta.label}: {total.seen} rows, {total.older} {done}")
        for words, rows in (("cannot be read", total.unreadable), ("is another row's too", total.twice)):
            for row in rows[:NAMED]:
                self.stdout.write(self.style.ERROR(f"{model._meta.label} {row} {words}"))
        return total
