"""python -m bench.town faults|storm|soak: hosts of one's own, and what happens on them.

As root, on Linux, with PostgreSQL's programs, nginx and iproute2.
"""

import argparse
import asyncio
import json

from bench.town import faults, soak, storm


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.town")
    parser.add_argument("--json", action="store_true", help="for programs")
    kinds = parser.add_subparsers(dest="kind", required=True)
    kind = kinds.add_parser("faults")
    kind.add_argument("--screens", type=int, default=200)
    kind.add_argument("--seconds", type=float, default=30.0, help="that each fault lasts")
    kind = kinds.add_parser("storm")
    kind.add_argument("--screens", type=int, default=5000)
    kind.add_argument("--queues", type=int, default=20)
    kind = kinds.add_parser("soak")
    kind.add_argument("--screens", type=int, default=1000)
    kind.add_argument("--minutes", type=float, default=30.0)
    wanted = vars(parser.parse_args())
    run = {"faults": faults.run, "storm": storm.run, "soak": soak.run}[wanted.pop("kind")]
    as_json = wanted.pop("json")
    found = asyncio.run(run(**wanted))
    print(json.dumps(found) if as_json else _table(found))


def _table(found: dict) -> str:
    rows = found.pop("faults", [])
    lines = []
    if rows:
        lines = ["| what | lasted | old at its end | said so | old, not said | all right after |", "|" + " --- |" * 6]
        row = "| {what} | {lasted:.0f} s | {behind} | {stale} | {unsaid} | {right:.1f} s |"
        lines += [row.format(**each) for each in rows] + [""]
    return "\n".join([*lines, "; ".join(f"{name} {_said(value)}" for name, value in found.items())])


def _said(value: object) -> str:
    return f"{value:,.1f}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    main()
