"""python -m bench.prediction: makes docs/prediction.md and its pictures."""

from pathlib import Path

from bench.prediction import advice, beforehand, cost, real, simulated

DOCS = Path(__file__).resolve().parent.parent.parent / "docs"
INTRODUCTION = """# Prediction: how long it will take, and how good that is

Made by `make prediction`: every figure and picture on this page is measured by that command, from seeds that are fixed.
How it works is said in `queueboard/waiting/`: learnt lengths, today's pace, who may still come, sums, and a hand that
keeps what is shown from trembling. It is computed anew at every event and once a minute. How good it was for the
patients of an expert's last 30 days stands on the expert's page and, with the mean error, at the expert in the admin.
"""


def main() -> None:
    pictures = DOCS / "prediction"
    pictures.mkdir(exist_ok=True)
    parts = [INTRODUCTION]
    for section in (real.section, simulated.section, advice.section, beforehand.section, cost.section):
        part = section(pictures)
        print(part, flush=True)
        parts.append(part)
    (DOCS / "prediction.md").write_text("\n".join(parts))


if __name__ == "__main__":
    main()
