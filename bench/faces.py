"""python -m bench.faces: what each face costs on a slow line and processor, and what axe finds; into docs/faces.md."""

import os
import re
import statistics
import tempfile
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench import table

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    from tests.browser import Server
    from tests.faces.every import Face

PAGE = Path(__file__).resolve().parent.parent / "docs" / "faces.md"
TITLE = "## Figures"
ROUNDS = 3
LANGUAGES = ("zh-hans", "zh-hant", "en")  # the first is the hospital's: what is measured
# The line and the processor that Lighthouse takes for a phone: "slow 4G", a quarter of this machine's speed.
LINE = {"offline": False, "latency": 150, "downloadThroughput": 1_638_400 / 8, "uploadThroughput": 750_000 / 8}
SLOWER = 4
# Paints, shifts and blocked time, noted from the first script on.
WATCH = """
window.seen = { largest: 0, shift: 0, blocked: 0 };
const watch = (type, note) => {
  new PerformanceObserver((list) => list.getEntries().forEach(note)).observe({ type, buffered: true });
};
watch("largest-contentful-paint", (each) => { window.seen.largest = each.startTime; });
watch("layout-shift", (each) => { if (!each.hadRecentInput) window.seen.shift += each.value; });
watch("longtask", (each) => { window.seen.blocked += Math.max(0, each.duration - 50); });
"""
TIMES = ("first", "largest", "blocked")
SETTLE = 1000  # milliseconds after the page has loaded: its script has connected then


@dataclass(frozen=True, slots=True)
class View:
    """One first view: bytes over the wire, requests, milliseconds, the layout's shift, hosts other than ours."""

    bytes: int
    requests: int
    first: float
    largest: float
    blocked: float
    shift: float
    outside: int


def run() -> str:
    """The table of all faces."""
    with tempfile.TemporaryDirectory(prefix="qb") as folder:
        os.environ |= {
            "DJANGO_SETTINGS_MODULE": "queueboard.settings", "DATABASE_URL": f"sqlite:///{folder}/bench.sqlite3",
            "QUEUEBOARD_VAR": folder, "LOG_LEVEL": "ERROR", "DJANGO_ALLOW_ASYNC_UNSAFE": "1",
        }  # fmt: skip
        import django

        django.setup()
        from django.core.management import call_command
        from playwright.sync_api import sync_playwright

        from tests import browser as browsers
        from tests.faces import every

        call_command("migrate", verbosity=0)
        call_command("collectstatic", verbosity=0, interactive=False)
        _scene, faces = every.made()
        with browsers.serving(Path(folder) / "server.log") as server, sync_playwright() as playwright:
            chromium = browsers.launch(playwright, whole=True)
            return _table([(face, *_measured(face, server, chromium)) for face in faces])


def _measured(face: "Face", server: "Server", chromium: "Browser") -> tuple[list[View], int]:
    """First views in the hospital's language, and how often axe finds something in all languages together."""
    from tests import browser as browsers
    from tests.faces import every

    views, found = [], 0
    for language in LANGUAGES:
        for _ in range(ROUNDS if language == LANGUAGES[0] else 1):
            with every.opened(chromium, server.url, face, language) as page:
                view = _first_view(page, server.url, every.address(face, language))
                if language == LANGUAGES[0]:
                    views.append(view)
                if len(views) == ROUNDS:
                    found += len(browsers.violations(page))
    return views, found


def _first_view(page: "Page", url: str, path: str) -> View:
    line = page.context.new_cdp_session(page)
    sizes: dict[str, int] = {}
    asked: list[str] = []

    def answered(event: dict[str, Any]) -> None:
        sizes[event["requestId"]] = event["encodedDataLength"]

    line.on("Network.loadingFinished", answered)
    line.on("Network.requestWillBeSent", lambda event: asked.append(event["request"]["url"]))
    line.send("Network.enable")
    line.send("Network.setCacheDisabled", {"cacheDisabled": True})
    line.send("Network.emulateNetworkConditions", LINE)
    line.send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})
    page.add_init_script(WATCH)
    page.goto(url + path, wait_until="load")
    page.wait_for_timeout(SETTLE)
    first = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
    seen = page.evaluate("window.seen")
    line.send("Emulation.setCPUThrottlingRate", {"rate": 1})
    fetched = [each for each in asked if each.startswith("http")]
    return View(
        bytes=sum(sizes.values()), requests=len(fetched), first=first, largest=seen["largest"],
        blocked=seen["blocked"], shift=seen["shift"],
        outside=sum(1 for each in fetched if not each.startswith(url + "/")),
    )  # fmt: skip


def _table(measured: list[tuple["Face", list[View], int]]) -> str:
    head = [
        "face", "size", "kB over the wire", "requests", "first paint, ms", "largest paint, ms",
        "script blocks, ms", "layout shift", "other hosts", "axe",
    ]  # fmt: skip
    lines = [TITLE, "", "| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    for face, views, found in measured:
        cells = [
            face.name, face.size, f"{max(view.bytes for view in views) / 1000:.1f}",
            f"{max(view.requests for view in views)}",
            *(f"{statistics.median(getattr(view, name) for view in views):.0f}" for name in TIMES),
            f"{max(view.shift for view in views):.3f}", f"{max(view.outside for view in views)}", f"{found}",
        ]  # fmt: skip
        lines.append("| " + " | ".join(cells) + " |")
    note = (
        f"Made by `make faces` with the first view of each page, nothing cached, {ROUNDS} times: Chromium with the "
        "line and the processor that Lighthouse takes for a phone (150 ms, 1.6 Mbit/s down, 0.75 up; a processor "
        f"{SLOWER} times slower than this machine's). Bytes are what the line carried until the script was connected, "
        "headers included. axe: what it finds in English, simplified and traditional Chinese together. Other hosts: "
        "requests to any but ours."
    )
    return "\n".join([*lines, "", note, "", f"Measured {date.today():%Y-%m-%d} on {table.machine()}.", ""])


def main() -> None:
    section = run()
    print(section)
    text = PAGE.read_text()
    kept = re.split(r"^(?=## )", text, flags=re.MULTILINE)
    PAGE.write_text("".join(f"{section}\n" if part.startswith(TITLE) else part for part in kept))


if __name__ == "__main__":
    main()
