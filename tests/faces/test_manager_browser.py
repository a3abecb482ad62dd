"""Managers' pages in a browser: in three languages, light and dark, wide and narrow, by the keyboard alone."""

from datetime import timedelta

import pytest
from playwright.sync_api import expect

from queueboard.models import Simulation
from queueboard.services import simulations
from queueboard.services.simulations import Assumptions
from tests import browser as browsers
from tests.faces import managers

pytestmark = [pytest.mark.browser, pytest.mark.once]
SOON = 30_000  # milliseconds: the compiled engine may have to be made first
LOOKS = [
    ("en-GB", "light", "720p", ("why", "split", "reports", "simulator", "simulation")),
    ("zh-CN", "dark", "720p", ("why", "simulation")),
    ("zh-TW", "light", "320", ("why", "split", "simulation")),
]
WORDS = {
    "en-GB": ("For walk-ins", "Walk-ins wait least"),
    "zh-CN": ("留给现场", "现场患者等得最短的是"),
    "zh-TW": ("留給現場", "現場患者等得最短的是"),
}


@pytest.fixture
def session(server):
    doctor = managers.expert()
    managers.log(doctor, mornings=12, last=managers.today() - timedelta(days=4), wait=25)
    managers.log(doctor, mornings=10, last=managers.today() - timedelta(days=110), wait=60)
    made = managers.planned(doctor)
    managers.learn(made.plans.get())
    return made


def played(**other):
    given = {"expert": None, "policies": list(simulations.POLICIES), "mornings": 100, "seed": 1, "actor": None}
    simulations.ask(**given | {"assumptions": Assumptions()} | other)
    return simulations.run_next()


@pytest.mark.parametrize(("locale", "scheme", "size", "pages"), LOOKS)
def test_every_page_is_accessible_fits_and_speaks_the_readers_language(
    locale, scheme, size, pages, session, server, open_pages
):
    done = played()
    page = open_pages(locale, scheme, size)
    paths = {
        "why": f"booking/session/{session.pk}/why",
        "split": f"booking/session/{session.pk}/split",
        "reports": f"booking/expert/reports/?expert={session.expert_id}",
        "simulator": "queueboard/simulation/add/",
        "simulation": f"queueboard/simulation/{done.pk}/change/",
    }
    for name in pages:
        page.goto(f"{server.url}/admin/{paths[name]}")
        if name == "split":
            expect(page.locator("#answer table")).to_be_visible(timeout=SOON)
        assert managers.violations(page) == [], name
        assert browsers.wider_than_screen(page) <= 0, name
        if name == "why":
            expect(page.locator(".legend")).to_contain_text(WORDS[locale][0], ignore_case=True)
    expect(page.locator(".answer").first).to_contain_text(WORDS[locale][1])


def test_a_split_is_tried_and_locked_by_the_keyboard_alone(session, server, open_pages):
    """R2.5: the simulator answers as one types; nothing changes until it is locked."""
    slot = session.slots.get(index=2)
    page = open_pages()
    page.goto(f"{server.url}/admin/booking/session/{session.pk}/split")
    answer = page.locator("#answer")
    expect(answer).to_contain_text("This is the split as it is now.", timeout=SOON)
    page.locator("#id_bookable_2").focus()
    page.keyboard.press("Control+a")
    page.keyboard.type("99")
    expect(answer).to_contain_text("so 99 cannot be bookable", timeout=SOON)
    page.keyboard.press("Control+a")
    page.keyboard.type("1")
    expect(answer).to_contain_text("fewer patients are seen", timeout=SOON)
    slot.refresh_from_db()
    assert slot.bookable > 1
    page.locator("#id_reason").focus()
    page.keyboard.type("ward rounds")
    page.keyboard.press("Tab")
    expect(page.locator("button[value=lock]")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_contain_text("Reason: ward rounds", timeout=SOON)
    slot.refresh_from_db()
    assert (slot.bookable, slot.locked) == (1, True)


def test_a_simulation_is_followed_to_its_end_without_a_reload(session, server, open_pages):
    page = open_pages()
    page.goto(f"{server.url}/admin/queueboard/simulation/add/")
    page.get_by_role("button", name="Simulate").click()
    expect(page.locator("#progress")).to_contain_text("It waits for its turn.", timeout=SOON)
    Simulation.objects.update(state="running", progress=40)
    expect(page.locator("progress")).to_have_attribute("value", "40", timeout=SOON)
    Simulation.objects.update(state="waiting")
    simulations.run_next()
    expect(page.locator("svg.picture").first).to_be_visible(timeout=SOON)
