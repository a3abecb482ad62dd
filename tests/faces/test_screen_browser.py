"""A screen from its code to the board and back, in real browsers: a television's and a manager's."""

import re
from datetime import UTC, datetime

import pytest
from playwright.sync_api import expect

from queueboard.models import Device
from queueboard.screens import cookie
from queueboard.services.calls import call_next
from tests import browser as browsers
from tests.faces import staff
from tests.faces.scene import waiting_room

pytestmark = [pytest.mark.browser, pytest.mark.once]
SECOND = 1000  # milliseconds


@pytest.fixture
def scene(server):
    made = waiting_room(queues=3)
    made.board.slug = f"hall-{made.board.pk}-{made.sessions[0].pk}"
    made.board.public = False
    made.board.save()
    return made


@pytest.fixture
def television(chromium, server):
    """A browser that knows nothing yet, at an address."""
    opened = []

    def go(path, **options):
        context = browsers.context(chromium, "1080p", **{"locale": "en-GB"} | options)
        opened.append(context)
        page = context.new_page()
        page.goto(server.url + path)
        return page

    yield go
    for context in opened:
        context.close()


def test_a_screen_is_connected_by_its_code_and_goes_dark_when_it_is_disconnected(scene, television, open_pages, server):
    board = f"/board/{scene.board.slug}/"
    first, other = television("/board/"), television(board)
    plain = television(board, java_script_enabled=False)
    for page in (first, other, plain):
        expect(page.locator("#code")).to_have_text(re.compile(r"^\d{6}$"))
        expect(page.locator("h1")).to_have_text("Give this code to the manager")
    assert browsers.violations(first) == []
    size = first.locator("#code").evaluate("(code) => parseFloat(getComputedStyle(code).fontSize)")
    assert size * 0.7 >= 162  # twice the capitals that are read from eight metres on 43 inches
    manager = open_pages(who=staff.user("manager"))
    for number, page in enumerate((first, other, plain), start=1):
        code = page.locator("#code").inner_text().strip()
        manager.goto(f"{server.url}/admin/queueboard/device/add/")
        manager.fill("#id_code", f"{code[:3]} {code[3:]}")
        manager.select_option("#id_board", str(scene.board.pk))
        manager.fill("#id_name", f"screen {number}")
        manager.get_by_role("button", name="Connect").click()
        expect(manager.get_by_text("The screen is connected")).to_be_visible()
        expect(page).to_have_url(re.compile(board), timeout=10 * SECOND)
        expect(page.locator("#rows tr")).to_have_count(3)
    session = scene.sessions[0]
    ticket = call_next(session_id=session.pk, room_id=session.rooms.get().room_id)
    for page in (first, other):
        now = page.locator(f'tr[data-session="{session.pk}"] [data-put="now"]')
        expect(now).to_have_text(ticket.label, timeout=15 * SECOND)
    manager.goto(f"{server.url}/admin/queueboard/device/")
    expect(manager.get_by_text("1920 × 1080")).to_have_count(2)
    manager.goto(f"{server.url}/admin/queueboard/device/{Device.objects.get(name='screen 1').pk}/disconnect/")
    manager.get_by_role("button", name="Disconnect the screen").click()
    expect(first.locator("#code")).to_have_text(re.compile(r"^\d{6}$"), timeout=60 * SECOND)
    expect(other.locator("#age")).to_have_text("Up to date")
    expect(other.locator("#rows tr")).to_have_count(3)
    for page in (first, other):
        assert "key" not in page.url
        assert page.evaluate("document.cookie") == ""


def test_a_new_version_is_loaded_at_night_once_the_server_gives_the_page(scene, chromium, server):
    """By day a board with an open queue stays as it is; with the server away it keeps its last state, not an error."""
    scene.board.public = True
    scene.board.save()
    context = browsers.context(chromium, "1080p", locale="en-GB")
    page = context.new_page()
    page.clock.install(time=datetime(2026, 3, 2, 4, tzinfo=UTC))  # noon in Shanghai
    board = f"{server.url}/board/{scene.board.slug}/"

    def earlier(route):
        answer = route.fetch()
        older = re.sub(r'data-version="[0-9a-f]+"', 'data-version="0000"', answer.text())
        route.fulfill(response=answer, body=older)

    page.route(board, earlier, times=1)
    page.goto(board)
    body = page.locator("body")
    expect(body).to_have_attribute("data-version", "0000")
    with page.expect_response("**/screens/here/"):
        page.clock.fast_forward("01:10")
    page.wait_for_timeout(500)
    expect(body).to_have_attribute("data-version", "0000")
    server.stop()
    page.clock.fast_forward("14:10:00")  # past two at night
    expect(page.locator("#age")).to_contain_text("Not current", timeout=20 * SECOND)
    expect(page.locator("#rows tr")).to_have_count(3)
    expect(body).to_have_attribute("data-version", "0000")
    server.start()
    page.clock.fast_forward("01:10")
    expect(body).to_have_attribute("data-version", re.compile("^[0-9a-f]{12}$"), timeout=20 * SECOND)
    expect(page.locator("#rows tr")).to_have_count(3)
    context.close()


def test_switched_on_while_the_server_is_away_it_shows_its_last_state_and_its_age(scene, chromium, server):
    """No browser's error page, nothing said aloud again; and what comes with the server is the page as it is then."""
    device = Device.objects.create(name="left", board=scene.board, secret_hash="0" * 64, connected_at=datetime.now(UTC))
    context = browsers.context(chromium, "1080p", locale="en-GB")
    page = context.new_page()
    page.goto(f"{server.url}/board/")
    secret = next(each["value"] for each in context.cookies() if each["name"] == cookie.COOKIE)
    Device.objects.filter(pk=device.pk).update(secret_hash=cookie.hash_of(secret))
    page.goto(f"{server.url}/board/")
    expect(page.locator("#rows tr")).to_have_count(3)
    kept = "() => navigator.serviceWorker.ready.then(() => caches.match('/board/kept')).then(Boolean)"
    for _ in range(100):  # the policy of the page forbids what the library would wait with
        if page.evaluate(kept):
            break
        page.wait_for_timeout(100)
    page.close()
    server.stop()
    page = context.new_page()
    page.goto(f"{server.url}/board/")  # where televisions start
    expect(page.locator("body")).to_have_attribute("data-kept", "")
    expect(page.locator("#age")).to_contain_text("Not current: 1 min old, reconnecting")
    expect(page.locator("#rows tr")).to_have_count(3)
    expect(page.locator(".call-number")).to_be_visible()
    expect(page.locator("#heard")).to_have_text("")
    colour = "(each) => getComputedStyle(each).backgroundColor"
    assert page.locator(".call").evaluate(colour) == "rgb(255, 193, 69)"  # its style sheets are kept too
    scene.board.look = "light"
    scene.board.save()
    server.start()
    expect(page.locator("body")).to_have_attribute("data-look", "light", timeout=60 * SECOND)
    expect(page.locator("body:not([data-kept])")).to_be_visible()
    expect(page.locator("#age")).to_have_text("Up to date")
    # Disconnected, it keeps nothing.
    Device.objects.filter(pk=device.pk).update(revoked_at=datetime.now(UTC))
    expect(page.locator("#code")).to_be_visible(timeout=90 * SECOND)
    for _ in range(50):
        if not page.evaluate("() => caches.keys().then((names) => names.length + localStorage.length)"):
            break
        page.wait_for_timeout(100)
    assert page.evaluate("() => caches.keys().then((names) => names.length + localStorage.length)") == 0
    context.close()
