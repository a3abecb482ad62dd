"""A patient's phone in a real browser: without a connection, with a relative who looks along, and what is pressed."""

import contextlib
import re

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from queueboard import on_site
from queueboard.services.calls import call_next, finish, start
from tests import browser as browsers
from tests.faces import staff
from tests.faces.patients import button, look, press, somebody
from tests.faces.scene import waiting_room

pytestmark = [pytest.mark.browser, pytest.mark.once]
SOON = 10_000  # milliseconds
UNTIL = """async () => {
    const condition = async () => %s;
    for (const end = performance.now() + 15000; performance.now() < end; await new Promise((go) => setTimeout(go, 100)))
        if (await condition()) return true;
    return false;
}"""


@pytest.fixture
def scene(server):
    return waiting_room(queues=2, patients=5)


@pytest.fixture
def open_page(chromium, server):
    with contextlib.ExitStack() as stack:

        def opened(path: str, **options) -> Page:
            page = somebody(chromium, server, "en", **options)
            stack.callback(page.context.close)
            page.goto(server.url + path)
            return page

        yield opened


def until_kept(page: Page) -> None:
    """Until the page is kept with its files, and the worker that hands it out is at work."""
    for condition in (
        "(await navigator.serviceWorker.getRegistration('/t/'))?.active?.state === 'activated'",
        "(await caches.match('/static/js/live.js')) && (await caches.match(location.pathname))",
    ):
        assert page.evaluate(UNTIL % condition)


def until_nothing_is_kept(page: Page) -> None:
    assert page.evaluate(UNTIL % "(await caches.keys()).length === 0")


def test_without_a_connection_the_page_opens_as_it_was_last_and_after_the_visit_nothing_is_kept(
    scene, server, open_page
):
    """R6.1: the state comes with its age, and what cannot be done now says why."""
    session = scene.sessions[0]
    ticket = session.tickets.filter(state="waiting").order_by("arrived").last()
    page = open_page(f"/t/{ticket.token}/")
    before = page.locator('[data-put="ahead"]').inner_text()
    until_kept(page)
    server.stop()
    try:
        # As if ten minutes ago.
        page.evaluate(
            """async (path) => {
                const cache = await caches.open("visits");
                const kept = await cache.match(path);
                const [html, { headers }] = [await kept.text(), kept];
                const older = html.replace(/data-kept="(\\d+)"/, (_, at) => `data-kept="${at - 600000}"`);
                await cache.put(path, new Response(older, { headers }));
            }""",
            f"/t/{ticket.token}/",
        )
        page.reload()
        expect(page.locator('[data-put="ahead"]')).to_have_text(before)
        expect(page.locator("#age")).to_have_text(re.compile(r"No connection\. As of \d\d:\d\d, 1[01] min ago"))
        expect(page.locator("#no-connection")).to_be_visible()
        assert page.locator("html").get_attribute("lang") == "en"
        assert page.evaluate("getComputedStyle(document.querySelector('main')).maxWidth") == "544px"  # its own styles
        page.get_by_role("link", name="Give my place up").click(force=True)
        assert page.url.split("?")[0] == f"{server.url}/t/{ticket.token}/"
        page.goto(f"{server.url}/t/{ticket.token}/give-up/")  # from a note, or the history: the page itself instead
        assert page.url == f"{server.url}/t/{ticket.token}/"
        assert browsers.violations(page) == []
    finally:
        server.start()
    expect(page.locator("#no-connection")).to_be_hidden(timeout=40_000)  # it comes back by itself
    expect(page.locator("#age")).to_have_text("Up to date", timeout=SOON)
    until_kept(page)
    room = session.rooms.get().room_id
    while ticket.state != "serving":
        start(ticket_id=call_next(session_id=session.pk, room_id=room).pk)
        ticket.refresh_from_db()
    finish(ticket_id=ticket.pk)
    expect(page.locator("#face")).to_have_attribute("data-state", "done", timeout=SOON)
    until_nothing_is_kept(page)


def test_a_relative_looks_along_until_the_patient_ends_it(scene, open_page):
    session = scene.sessions[0]
    ticket = session.tickets.filter(state="waiting").order_by("arrived").first()
    page = open_page(f"/t/{ticket.token}/")
    page.evaluate("navigator.share = async (what) => { window.handedOut = what; }")
    press(page, "Share a link")
    assert page.evaluate(UNTIL % "window.handedOut")
    url = page.evaluate("window.handedOut.url")
    assert page.get_by_label("The link for your relative").input_value() == url
    relative = open_page("/" + url.split("/", 3)[3])
    expect(relative.locator('[data-put="ahead"]')).to_have_text("0")
    look(relative)
    until_kept(relative)
    call_next(session_id=session.pk, room_id=session.rooms.get().room_id)
    start(ticket_id=session.tickets.get(state="called").pk)
    expect(relative.locator('[data-when="serving"]')).to_be_visible(timeout=SOON)
    press(page, "End sharing")
    expect(button(page, "End sharing")).to_be_hidden(timeout=SOON)
    relative.reload()
    expect(relative.get_by_role("heading", name="This link has ended")).to_be_visible()
    until_nothing_is_kept(relative)


def test_late_here_and_giving_the_place_up(scene, server, chromium, open_page):
    """One patient from the way to the hospital until leaving; the expert sees who is on the way."""
    mine = scene.booked[0]
    session = mine.session
    page = open_page(f"/t/{mine.token}/")
    press(page, "I am late")
    expect(page.get_by_role("heading", name="You said that you are late")).to_be_visible()
    doctor = staff.user("expert")
    type(session.expert).objects.filter(pk=session.expert_id).update(user=doctor)
    context = browsers.context(chromium, "720p", locale="en-GB")
    staff.log_in(context, server.url, doctor)
    expert = context.new_page()
    expert.goto(f"{server.url}/expert/?lang=en")
    expect(expert.get_by_role("heading", name="On the way, late")).to_be_visible(timeout=SOON)
    context.close()
    look(page)
    page.get_by_label("Code shown on site").fill("x")
    press(page, "I am here: check in")
    expect(page.get_by_role("alert")).to_contain_text("not the code")
    page.get_by_label("Code shown on site").fill(on_site.code(session.department_id, timezone.now()))
    press(page, "I am here: check in")
    expect(page.locator('[data-when="waiting"]')).to_be_visible()
    page.get_by_role("link", name="Give my place up").click()
    look(page)
    press(page, "Yes, I give it up")
    expect(page.get_by_role("heading", name="You have left the queue")).to_be_visible()
    assert mine.tickets.get().state == "left"
