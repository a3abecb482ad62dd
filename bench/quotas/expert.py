"""python -m bench.quotas.expert FILE PICTURE: imports an expert's history and says what `optimise_split` finds there.

In a database of its own: run it by queueboard.supervisor.sandbox. The JSON of the command goes to standard output.
"""

import io
import os
import sys

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "queueboard.settings")

CODE = "consultations"
# The file does not say who walked in; so many leave about half of the numbers to booking.
OPTIONS = ("--walk-ins-per-hour", "2", "--limits", "study")


def main(file: str, picture: str) -> None:
    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    call_command("import_history", file, "--expert", CODE, "--create", stdout=io.StringIO())
    call_command("optimise_split", "--expert", CODE, *OPTIONS, "--json", "--picture", picture)


if __name__ == "__main__":
    main(*sys.argv[1:])
