"""manage.py compile_catalogues: makes the .mo files, with --update after refreshing the .po files from the sources."""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from queueboard import catalogues


class Command(BaseCommand):
    help = "Compiles the message catalogues; needs no system gettext."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--update", action="store_true", help="First write new texts into the .po files.")

    def handle(self, *args: Any, update: bool = False, **options: Any) -> None:
        if update:
            for locale, lacking in catalogues.update(settings.BASE_DIR).items():
                self.stdout.write(f"{locale}: {lacking} texts to translate")
        self.stdout.write(f"{catalogues.compile_all(settings.BASE_DIR)} catalogues compiled")
