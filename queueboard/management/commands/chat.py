"""manage.py chat: what a chat answers, without one: each line that is typed is a message."""

import uuid
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from queueboard.chat import hearing
from queueboard.chat.interface import Kind, Said


class Command(BaseCommand):
    help = "Answers each line that is typed as a chat would. Try: queue, A017, an expert's name, bind 13912345678."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--as", dest="who", default="console", help="who is writing: each has bindings of their own"
        )

    def handle(self, *args: Any, who: str, **options: Any) -> None:
        while True:
            try:
                line = input("> ")
            except EOFError:
                return
            said = Said("console", who, Kind.WRITES, line, str(uuid.uuid4()))
            self.stdout.write(hearing.answer(said) + "\n")
