"""python -m bench [SECTION ...] [--write]: runs these benchmarks, or all; --write keeps them in docs/benchmarks.md."""

import argparse
import re
from collections.abc import Callable
from datetime import date
from pathlib import Path

from bench import booking_pages, calls, claims, push, recalculation, rush, simulation, table, wechat

PAGE = Path(__file__).resolve().parent.parent / "docs" / "benchmarks.md"
INTRODUCTION = """# Benchmarks

Made by `make bench`; `make bench ARGS="claims rush"` runs two of them. Ours and the reference run in turn in the same
run; each cell is the median of the rounds with the least and the most; the ratio is taken round by round. Absolute
figures depend on the machine, the ratio much less.

"""
SECTIONS: dict[str, Callable[[], str]] = {
    "calls": calls.run,
    "live": push.run,
    "pages": booking_pages.run,
    "claims": claims.run,
    "rush": rush.run,
    "simulation": simulation.run,
    "recalculation": recalculation.run,
    "wechat": wechat.run,
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench")
    parser.add_argument("section", nargs="*", help=f"of {', '.join(SECTIONS)}; default: all")
    parser.add_argument("--write", action="store_true", help="keep the tables in docs/benchmarks.md")
    wanted = parser.parse_args()
    unknown = set(wanted.section) - set(SECTIONS)
    if unknown:
        parser.error(f"no such section: {', '.join(sorted(unknown))}")
    if wanted.write and not wanted.section:
        PAGE.write_text(INTRODUCTION)
    for name in wanted.section or SECTIONS:
        section = SECTIONS[name]()
        print(section, flush=True)
        if wanted.write:
            _keep(section)


def _keep(section: str) -> None:
    """Puts it in the place of the section with its title, or at the end; the others stay as they are."""
    _introduction, *sections = re.split(r"^(?=## )", PAGE.read_text(), flags=re.MULTILINE)
    section = f"{section.rstrip()}\n\nMeasured {date.today():%Y-%m-%d} on {table.machine()}.\n\n"
    titles = [each.splitlines()[0] for each in sections]
    title = section.splitlines()[0]
    if title in titles:
        sections[titles.index(title)] = section
    else:
        sections.append(section)
    PAGE.write_text(INTRODUCTION + "".join(sections).rstrip() + "\n")


if __name__ == "__main__":
    main()
