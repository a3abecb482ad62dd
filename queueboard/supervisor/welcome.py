"""What the person at the terminal is told once everything runs."""

import importlib
import unicodedata
from collections.abc import Sequence


def demonstration() -> tuple[Sequence[tuple[str, str]], Sequence[tuple[str, str, str]]]:
    """Addresses (label, path) and logins (user, password, label) of the demonstration; nothing where there is none."""
    try:
        welcome = importlib.import_module("queueboard.demo").welcome()
    except (ImportError, AttributeError):
        return [], []
    return welcome.get("addresses", []), welcome.get("logins", [])


def width(text: str) -> int:
    """Columns that a text takes in a terminal: a Chinese character takes two."""
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)


def table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows of cells as lines with aligned columns."""
    widths = [max(width(row[column]) for row in rows) for column in range(len(rows[0]))] if rows else []
    return [
        "  " + "   ".join(cell + " " * (size - width(cell)) for cell, size in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def lines(*, base: str, addresses: Sequence[tuple[str, str]], logins: Sequence[tuple[str, str, str]]) -> list[str]:
    """The welcome, with `base` (http://host:port) ahead of each path."""
    shown = addresses or [("Queues", "/"), ("Desk and administration", "/admin/")]
    text = ["", f"queueboard runs on {base}/", "", *table([(label, base + path) for label, path in shown]), ""]
    if logins:
        rows = [(f"{user} / {password}", label) for user, password, label in logins]
        text += ["Logins of the demonstration:", *table(rows), ""]
    elif not addresses:
        text += ["No demonstration here. Make a first login with: .venv/bin/python manage.py createsuperuser", ""]
    return [*text, "Ctrl-C stops everything.", ""]
