"""manage.py make_vapid_keys: the key by which push services know this site."""

import argparse
from pathlib import Path

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, no_translations

from queueboard.notify.push import keys


class Command(BaseCommand):
    help = (
        "Makes the private key of web push and writes it to vapid_key in the folder of QUEUEBOARD_VAR, or with --print "
        "as a line for the environment. One that is there is kept: browsers have subscribed to it."
    )

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--print", action="store_true", help="print VAPID_PRIVATE_KEY=... and write nothing")

    @no_translations
    def handle(self, *args: object, **options: object) -> None:
        if options["print"]:
            self.stdout.write(f"VAPID_PRIVATE_KEY={keys.new()}")
            return
        path = Path(settings.VAR_DIR) / "vapid_key"
        try:
            keys.write(path)
        except FileExistsError as error:
            raise CommandError(f"{path} is there already; with another key all browsers must be asked anew.") from error
        except OSError as error:
            raise CommandError(f"{path} cannot be written ({error.strerror}).") from error
        self.stdout.write(f"Written to {path}. Restart queueboard, and patients can be told by their browser.")
