"""python -m bench [--write]: runs every benchmark; --write keeps the tables in docs/benchmarks.md."""

import argparse
from datetime import date
from pathlib import Path

from bench import calls, push, recalculation, simulation, table

PAGE = Path(__file__).resolve().parent.parent / "docs" / "benchmarks.md"
INTRODUCTION = """# Benchmarks

Made by `make bench`. Ours and the reference run in turn in the same run; each cell is the median of the rounds with
the least and the most; the ratio is taken round by round. Absolute figures depend on the machine, the ratio much less.
"""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench")
    parser.add_argument("--write", action="store_true", help="keep the tables in docs/benchmarks.md")
    wanted = parser.parse_args()
    parts = [INTRODUCTION, f"Last run {date.today():%Y-%m-%d} on {table.machine()}.\n"]
    for benchmark in (calls.run, push.run, simulation.run, recalculation.run):
        part = benchmark()
        print(part, flush=True)
        parts.append(part)
    if wanted.write:
        PAGE.write_text("\n".join(parts))


if __name__ == "__main__":
    main()
