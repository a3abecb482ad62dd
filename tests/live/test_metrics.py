"""The board in deploy/ asks for figures that there are."""

import json
import re
from pathlib import Path

from prometheus_client import generate_latest

from queueboard.live import metrics

BOARD = json.loads((Path(__file__).resolve().parents[2] / "deploy" / "grafana.json").read_text())
PREFIX = "queueboard_live_"


def named() -> set[str]:
    """What /metrics has, where every label has been used."""
    metrics.sockets.labels("phone")
    metrics.closed.labels("left")
    metrics.refused.labels("process")
    return set(re.findall(r"^(\w+)", generate_latest().decode(), re.MULTILINE))


def test_the_grafana_board_asks_for_what_metrics_has_and_shows_all_of_it():
    asked = {
        name
        for panel in BOARD["panels"]
        for target in panel["targets"]
        for name in re.findall(r"\b(\w+)\{", target["expr"])
    }
    assert asked <= named()
    ours = {name for name in named() if name.startswith(PREFIX) and not name.endswith(("_created", "_sum", "_count"))}
    assert ours == {name for name in asked if name.startswith(PREFIX)}
