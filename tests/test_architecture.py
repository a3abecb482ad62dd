"""Imports point one way (docs/architecture.md); rules are pure."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PURE = {
    **{f"booking/quota/{path.name}": {"numpy"} for path in (ROOT / "booking/quota").glob("*.py")},
    "queueboard/rules.py": set(),
    **{
        f"queueboard/waiting/{path.name}": {"numpy", "queueboard"}
        for path in (ROOT / "queueboard/waiting").glob("*.py")
    },
    "queueboard/masking.py": set(),
    "queueboard/challenge/rules.py": set(),
}
FACE_PARTS = ("api", "views", "desk", "admin", "management", "demo", "urls", "tasks")


def modules(package):
    return sorted(path for path in (ROOT / package).rglob("*.py") if "migrations" not in path.parts)


def imports(path):
    """Names imported anywhere in the file, as dotted paths."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield from (f"{node.module}.{name.name}" for name in node.names)


def test_booking_never_imports_queueboard():
    arrows = [
        (str(path.relative_to(ROOT)), name)
        for path in modules("booking")
        for name in imports(path)
        if name.split(".")[0] == "queueboard"
    ]
    assert not arrows


@pytest.mark.parametrize(("file", "allowed"), PURE.items())
def test_rules_are_pure(file, allowed):
    """R4.11: no ORM, no settings; where a rule needs the time, it is an argument."""
    path = ROOT / file
    outside = {name.split(".")[0] for name in imports(path)} - allowed
    stdlib = {"collections", "dataclasses", "datetime", "enum", "math", "typing", "functools", "itertools", "re"}
    stdlib |= {"statistics", "heapq", "bisect", "unicodedata"}
    assert not outside - stdlib
    assert ".now(" not in path.read_text()


def test_waiting_knows_the_rules_and_nothing_else_of_the_queue():
    arrows = {
        name for path in modules("queueboard/waiting") for name in imports(path) if name.startswith("queueboard.")
    }
    assert all(name == "queueboard.rules" or name.startswith("queueboard.waiting.") for name in arrows)


def test_services_do_not_know_the_faces():
    arrows = [
        (str(path.relative_to(ROOT)), name)
        for package in ("booking/services", "queueboard/services", "booking/models", "queueboard/live")
        for path in modules(package)
        for name in imports(path)
        if name.startswith(("queueboard.", "booking.")) and name.split(".")[1] in FACE_PARTS
    ]
    assert not arrows


def test_models_and_rules_know_no_services():
    files = [*modules("booking/models"), ROOT / "queueboard/models.py", ROOT / "queueboard/rules.py"]
    arrows = [
        (str(path.relative_to(ROOT)), name)
        for path in files
        for name in imports(path)
        if name.startswith(("booking.services", "queueboard.services", "queueboard.live"))
    ]
    assert not arrows
