"""What every benchmark prints: a table with medians, spread and the ratio, and the machine it ran on."""

import os
import platform
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

LIBRARIES = (
    "Django", "channels", "uvicorn", "uvloop", "websockets", "psycopg", "redis", "numpy", "numba", "ciw", "simpy",
)  # fmt: skip


@dataclass
class Row:
    """One measured thing against its reference: both in the same unit, one figure for each round."""

    what: str
    unit: str
    ours: Sequence[float] = field(default_factory=list)
    reference: Sequence[float] = field(default_factory=list)

    def cells(self) -> list[str]:
        ratios = [a / b for a, b in zip(self.ours, self.reference, strict=True)]
        return [self.what, self.unit, spread(self.ours), spread(self.reference), spread(ratios)]


def spread(figures: Sequence[float]) -> str:
    """Median with least and most: 0.41 (0.38-0.44)."""
    digits = 0 if max(figures) >= 100 else 2
    shown = [f"{figure:,.{digits}f}" for figure in (statistics.median(figures), min(figures), max(figures))]
    return f"{shown[0]} ({shown[1]}-{shown[2]})"


def markdown(title: str, reference: str, rows: Sequence[Row], notes: Sequence[str] = ()) -> str:
    """A section with one table. `reference` says what it is measured against."""
    head = ["what", "unit", "ours", reference, "ratio"]
    lines = [f"## {title}", "", "| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    lines += ["| " + " | ".join(row.cells()) + " |" for row in rows]
    return "\n".join([*lines, "", *notes, ""]) + "\n"


def machine() -> str:
    """Processor, cores and versions, in one line each."""
    cpu = next(
        (
            line.split(":")[1].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.processor(),
    )
    libraries = ", ".join(f"{name} {version(name)}" for name in LIBRARIES)
    return f"{cpu}, {os.cpu_count()} cores; Python {platform.python_version()}; {libraries}"
