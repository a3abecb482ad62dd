"""python -m bench.quotas: makes docs/quotas.md and its pictures."""

from collections.abc import Callable
from pathlib import Path

from bench.quotas import arrivals, experiment, lengths, optimum

DOCS = Path(__file__).resolve().parent.parent.parent / "docs"
INTRODUCTION = """# Quotas: how they are computed, and how good they are

Made by `make quotas`: every figure and picture on this page is measured by that command, from seeds that are fixed.
"""
# A section gets the folder for its pictures (docs/quotas) and gives its Markdown.
SECTIONS: tuple[Callable[[Path], str], ...] = (
    arrivals.section,
    lengths.section,
    experiment.section,
    optimum.section,
)


def main() -> None:
    pictures = DOCS / "quotas"
    pictures.mkdir(exist_ok=True)
    parts = [INTRODUCTION]
    for section in SECTIONS:
        part = section(pictures)
        print(part, flush=True)
        parts.append(part)
    (DOCS / "quotas.md").write_text("\n".join(parts))


if __name__ == "__main__":
    main()
