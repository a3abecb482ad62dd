"""The public faces in a real browser on a real server: live, accessible, and never silently stale (R6.1)."""

import contextlib
import re
from itertools import pairwise

import pytest
from playwright.sync_api import expect

from queueboard import snapshots
from queueboard.services.arrivals import check_in, register_walk_in
from queueboard.services.calls import call_next, call_ticket, finish, miss, recall, start
from queueboard.services.returns import put_back
from tests import browser as browsers
from tests import factories
from tests.faces.scene import waiting_room

pytestmark = [pytest.mark.browser, pytest.mark.once]
SECOND = 1000  # milliseconds
SOON = 4 * SECOND  # within a second with Redis, within two by the sweep alone


@pytest.fixture
def scene(server):
    """A board's name of its own for each test: the server remembers for a while what it showed under another."""
    return with_own_board(waiting_room())


def with_own_board(made):
    made.board.slug = f"hall-{made.board.pk}-{made.sessions[0].pk}"
    made.board.save()
    return made


@pytest.fixture
def open_page(chromium, server):
    with contextlib.ExitStack() as stack:

        def opened(path: str, size: str = "390", **options):
            context = browsers.context(chromium, size, **options)
            stack.callback(context.close)
            page = context.new_page()
            page.faults = []
            page.on("pageerror", lambda error: page.faults.append(str(error)))
            page.on("console", lambda line: page.faults.append(line.text) if line.type == "error" else None)
            page.goto(server.url + path)
            return page

        yield opened


def room_of(session) -> int:
    return session.rooms.get().room_id


def part(page, name: str):
    return page.locator(f'[data-put="{name}"]').first


# --- everybody can use them


@pytest.mark.parametrize("size", ["320", "upright"])  # the others: test_every_face_browser.py
def test_every_page_is_accessible_and_fits_at(size, scene, open_page):
    """axe finds nothing, nothing scrolls sideways, and no script fails, in English and in Chinese."""
    waiting = scene.sessions[2].tickets.filter(state="waiting").last()
    called, missed = scene.sessions[1].tickets.get(state="called"), scene.sessions[2].tickets.get(state="missed")
    paths = [
        "/?lang=en",
        "/lookup/?lang=zh-hant",
        f"/board/{scene.board.slug}/?lang=zh-hans",
        f"/q/{scene.sessions[2].pk}/?lang=en",
    ]
    paths += [f"/t/{each.token}/?lang=zh-hans" for each in (waiting, called, missed, scene.booked[0])]
    for path in paths if size != "upright" else paths[2:3]:  # only boards hang upright
        page = open_page(path, size)
        assert browsers.violations(page) == [], path
        for quarter in range(4):  # a board moves a few pixels each quarter of an hour
            page.evaluate("(shift) => { document.body.dataset.shift = shift; }", quarter)
            assert browsers.wider_than_screen(page) <= 0, (path, quarter)
        assert page.faults == [], path
        page.context.close()


@pytest.mark.parametrize("options", [{"color_scheme": "dark"}, {"contrast": "more"}])
def test_dark_and_high_contrast_keep_enough_contrast(options, scene, open_page):
    ticket = scene.sessions[0].tickets.filter(state="waiting").last()
    for path in ("/", f"/t/{ticket.token}/", f"/q/{scene.sessions[1].pk}/", f"/board/{scene.board.slug}/"):
        page = open_page(path + "?lang=en", **options)
        assert browsers.violations(page) == [], path
        page.context.close()


def test_what_is_touched_is_large_enough(scene, open_page):
    ticket = scene.sessions[0].tickets.filter(state="waiting").last()
    for path in ("/", "/lookup/", f"/t/{ticket.token}/", f"/t/{scene.booked[0].token}/"):
        page = open_page(path, "320")
        for target in page.locator("main a:visible, button:visible, input:visible").all():
            box = target.bounding_box()
            assert min(box["height"], box["width"]) >= 48 or box["height"] >= 48, target.inner_html()


def test_text_twice_as_large_loses_nothing(scene, open_page):
    own = [scene.sessions[2].tickets.filter(state=state).first() for state in ("waiting", "missed", "serving")]
    called = scene.sessions[1].tickets.get(state="called")
    for each in (*own, called, scene.booked[0]):
        page = open_page(f"/t/{each.token}/?lang=en", "320")
        page.evaluate("document.documentElement.style.fontSize = '200%'")
        assert browsers.wider_than_screen(page) <= 0, each
        for name in ("called", "waiting", "missed", "serving"):
            whole = page.locator(f'[data-when="{name}"]:visible :is(.call-number, .big, .ahead)')
            for line in whole.all():
                high = "(each) => each.getBoundingClientRect().height / parseFloat(getComputedStyle(each).fontSize)"
                assert line.evaluate(high) < 1.6, (name, line.inner_text())
        page.context.close()


def test_the_main_things_stand_in_the_first_600_pixels(scene, open_page):
    ticket = scene.sessions[0].tickets.filter(state="waiting").last()
    page = open_page(f"/t/{ticket.token}/?lang=en")
    for name in ("ahead", "range", "advice"):
        box = part(page, name).bounding_box()
        assert box["y"] + box["height"] <= 600, name


def test_when_it_is_time_to_come_the_code_can_be_typed_without_scrolling(scene, open_page):
    """On the smallest phone: the field, and the button beside it."""
    booked = scene.booked[0]
    type(booked).objects.filter(pk=booked.pk).update(slot=booked.session.slots.get(index=0))
    page = open_page(f"/t/{booked.token}/?lang=en", "320")
    for target in (page.locator("#code"), page.get_by_role("button", name="I am here: check in")):
        box = target.bounding_box()
        assert box["y"] + box["height"] <= 600


# --- the phone


def test_a_phone_follows_its_ticket_from_the_line_to_the_end(scene, open_page):
    """R6.1: each step of the staff is on the page at once, without a reload."""
    session = scene.sessions[0]
    room = room_of(session)
    ticket = session.tickets.filter(state="waiting").order_by("arrived")[1]
    page = open_page(f"/t/{ticket.token}/?lang=en")
    page.evaluate("window.here = true")
    before = part(page, "ahead")
    expect(before).to_have_text("1")
    first = call_next(session_id=session.pk, room_id=room)
    expect(before).to_have_text("0", timeout=SOON)
    start(ticket_id=first.pk)
    called = call_next(session_id=session.pk, room_id=room)
    assert called.pk == ticket.pk
    expect(page.locator('[data-when="called"]')).to_be_visible(timeout=SOON)
    expect(page.locator('[data-when="called"]')).to_contain_text("Room 1")
    expect(page).to_have_title(re.compile("Room 1"))
    miss(ticket_id=ticket.pk)
    expect(page.locator('[data-when="missed"]')).to_be_visible(timeout=SOON)
    put_back(ticket_id=ticket.pk)
    expect(page.locator('[data-when="waiting"]')).to_be_visible(timeout=SOON)
    call_ticket(ticket_id=ticket.pk, room_id=room)
    start(ticket_id=ticket.pk)
    expect(page.locator('[data-when="serving"]')).to_be_visible(timeout=SOON)
    finish(ticket_id=ticket.pk)
    expect(page.locator("#face")).to_have_attribute("data-state", "done", timeout=SOON)
    assert page.evaluate("window.here")
    assert page.faults == []


def test_a_call_buzzes_and_is_read_out(scene, open_page):
    session = scene.sessions[0]
    ticket = session.tickets.filter(state="waiting").order_by("arrived")[0]
    page = open_page(f"/t/{ticket.token}/?lang=en")
    page.evaluate("navigator.vibrate = (pattern) => { window.buzzed = pattern; return true; }")
    call_next(session_id=session.pk, room_id=room_of(session))
    expect(page.locator("#heard")).to_contain_text("Room 1", timeout=SOON)
    assert page.evaluate("window.buzzed.length") > 1


def test_that_few_are_ahead_buzzes_and_is_read_out_once_at_the_departments_own_number(scene, open_page):
    """R5.4: what a closed page's phone is told, an open one tells."""
    session = scene.sessions[0]
    type(session.department).objects.filter(pk=session.department_id).update(tell_when_ahead=1)
    mine = next(each for each in session.tickets.filter(state="waiting") if snapshots.ahead_of(each) == 3)
    page = open_page(f"/t/{mine.token}/?lang=en")
    page.evaluate("() => { window.buzzes = 0; navigator.vibrate = () => { window.buzzes += 1; return true; }; }")
    for before in (2, 1, 0):
        call_next(session_id=session.pk, room_id=room_of(session))
        expect(part(page, "ahead")).to_have_text(str(before), timeout=SOON)
        assert page.evaluate("window.buzzes") == (before < 2)
        expect(page.locator("#heard")).to_have_text("" if before == 2 else re.compile("1 patient waits before you"))
        advice = {2: "Please stay close", 1: "Please come to the waiting area", 0: "You are next"}[before]
        assert advice in part(page, "advice").inner_text()


def test_check_in_turns_the_open_page_into_the_tickets(scene, open_page):
    """R4.1: the page survives check-in, even while it is looked at."""
    appointment = scene.booked[0]
    page = open_page(f"/t/{appointment.token}/?lang=en")
    ticket = check_in(appointment_id=appointment.pk)
    expect(page.locator("#face")).to_have_attribute("data-number", ticket.label, timeout=2 * SOON)
    expect(page.locator('[data-when="waiting"]')).to_be_visible()


def test_a_worse_place_appears_with_its_reason(scene, open_page):
    """R4.12, live."""
    session = scene.sessions[2]
    missed = session.tickets.get(state="missed")
    ticket = session.tickets.filter(state="waiting").last()
    page = open_page(f"/t/{ticket.token}/?lang=en")
    put_back(ticket_id=missed.pk)
    expect(page.locator("li.worse").first).to_contain_text("came back", timeout=SOON)
    page.reload()
    expect(page.locator("li.worse")).to_have_count(1)


def test_the_script_says_what_the_server_said(scene, open_page, server):
    """Two programs write the page, one word for word like the other, of one state: a minute later words differ."""
    plain, live = open_page("/", java_script_enabled=False), open_page("/")
    live.route_web_socket("**", lambda socket: socket.close())
    live.route("**/live/**", lambda route: route.abort())
    for session in (scene.sessions[0], scene.sessions[3]):
        waiting = session.tickets.filter(state="waiting").order_by("arrived")
        for ticket in (waiting.first(), waiting.last()):
            answer = live.goto(f"{server.url}/t/{ticket.token}/?lang=en")
            expect(live.locator("#face")).to_have_attribute("data-last", "waiting")
            plain.set_content(answer.text())
            for name in ("before", "ahead", "range", "advice"):
                assert part(plain, name).text_content() == part(live, name).text_content(), name
            assert plain.locator(".strip i").count() == live.locator(".strip i").count()


def test_the_page_works_without_script(scene, open_page):
    ticket = scene.sessions[0].tickets.filter(state="waiting").last()
    page = open_page(f"/t/{ticket.token}/", java_script_enabled=False)
    page.get_by_role("button", name="English").click()
    expect(page.locator("html")).to_have_attribute("lang", "en")
    assert f"/t/{ticket.token}/" in page.url
    expect(part(page, "ahead")).to_be_visible()


def test_the_token_is_in_no_request_but_the_pages_own(scene, open_page, server):
    """R6.2: neither in a referrer nor in an address that anything else is fetched from."""
    ticket = scene.sessions[0].tickets.filter(state="waiting").last()
    page = open_page("/lookup/")
    requests = []
    page.on("request", lambda request: requests.append(request))
    page.goto(f"{server.url}/t/{ticket.token}/")
    page.get_by_role("button", name="English").click()
    expect(page.locator("html")).to_have_attribute("lang", "en")
    page.locator(".home").click()
    assert len(requests) > 5
    for request in requests:
        assert ticket.token not in request.all_headers().get("referer", "")
        if not request.is_navigation_request():
            assert ticket.token not in request.url
    assert ticket.token not in server.log.read_text()


# --- the board


def test_a_board_shows_a_call_at_once_and_reads_it_out(scene, open_page):
    session = scene.sessions[4]
    page = open_page(f"/board/{scene.board.slug}/?lang=en", "1080p")
    ticket = call_next(session_id=session.pk, room_id=room_of(session))
    row = page.locator(f'tr[data-session="{session.pk}"]')
    expect(row.locator('[data-put="now"]')).to_have_text(ticket.label, timeout=SOON)
    expect(page.locator("#heard")).to_contain_text(f"{ticket.label}, please go to Room 5", timeout=12 * SECOND)
    expect(part(page, "number")).to_have_text(ticket.label)
    assert page.faults == []


def test_calls_that_come_at_once_are_all_shown_each_for_eight_seconds(scene, open_page):
    """FACES: the others wait in line."""
    page = open_page(f"/board/{scene.board.slug}/?lang=en", "1080p")
    page.evaluate(
        """() => { window.shown = []; const number = document.querySelector('[data-put="number"]');
        new MutationObserver(() => window.shown.push([number.textContent, performance.now()]))
            .observe(number, { childList: true, characterData: true, subtree: true }); }"""
    )
    called = [call_next(session_id=s.pk, room_id=room_of(s)).label for s in (scene.sessions[0], scene.sessions[4])]
    shown = []
    for _ in range(100):  # the policy of the page forbids what the library would wait with
        shown = page.evaluate("window.shown")
        if {number for number, _at in shown} >= set(called):
            break
        page.wait_for_timeout(SECOND / 4)
    assert {number for number, _at in shown} >= set(called)
    times = [at for _number, at in shown]
    assert all(later - earlier >= 7900 for earlier, later in pairwise(times))


def test_a_recall_is_announced_again(scene, open_page):
    """PEERS: a recall that is silent is no recall."""
    session = scene.sessions[1]
    ticket = session.tickets.get(state="called")
    page = open_page(f"/board/{scene.board.slug}/?lang=en", "1080p")
    expect(part(page, "label")).to_have_text("Now calling")
    recall(ticket_id=ticket.pk)
    expect(part(page, "label")).to_have_text("Called again", timeout=12 * SECOND)


def test_a_board_keeps_its_state_through_a_restart_and_shows_calls_made_in_the_gap(scene, open_page, server):
    """R6.1: the last state stays, its age is told in words, and open calls of the gap are still announced."""
    session = scene.sessions[4]
    page = open_page(f"/board/{scene.board.slug}/?lang=en", "1080p")
    expect(page.locator("#age")).to_have_text("Up to date")
    server.stop()
    ticket = call_next(session_id=session.pk, room_id=room_of(session))
    expect(page.locator("#age")).to_contain_text("Not current", timeout=20 * SECOND)
    expect(page.locator("#rows tr")).to_have_count(5)
    server.start()
    expect(page.locator("#age")).to_have_text("Up to date", timeout=40 * SECOND)
    expect(part(page, "number")).to_have_text(ticket.label, timeout=20 * SECOND)


# --- the public pages


def test_one_queues_page_and_the_list_of_all_follow(scene, open_page):
    session = scene.sessions[0]
    one, all_queues = open_page(f"/q/{session.pk}/?lang=en"), open_page("/?lang=en")
    ticket = call_next(session_id=session.pk, room_id=room_of(session))
    expect(part(one, "busy")).to_contain_text(ticket.label, timeout=SOON)
    expect(all_queues.locator("#queues")).to_contain_text(ticket.label, timeout=8 * SECOND)
    assert one.faults == all_queues.faults == []


def test_the_look_up_leads_to_the_page(scene, open_page):
    mine = factories.patient(name="张晓明", phone="13912345678", id_number="ID-9876")
    ticket = register_walk_in(session_id=scene.sessions[0].pk, patient_id=mine.pk)
    page = open_page("/lookup/?lang=en")
    page.get_by_label("Phone number").fill("139 1234 5678")
    page.get_by_label("Last four characters of the ID").fill("9876")
    page.get_by_role("button", name="Find my page").click()
    expect(page).to_have_url(re.compile(f"/t/{ticket.token}/"))
