"""How large a board's characters are on a television, and how a manager tries a look out.

The criterion is docs/boards.md's: a Latin capital of 5 mm, or a Chinese character of 6.25 mm, for each metre.
"""

from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from queueboard.models import Board
from queueboard.services.calls import call_next, recall
from queueboard.services.rooms import pause
from tests import browser as browsers
from tests.faces import staff
from tests.faces.scene import waiting_room

pytestmark = [pytest.mark.browser, pytest.mark.once]
SCREENS = {
    "720p": (1280, 720), "1080p": (1920, 1080), "4K": (3840, 2160),
    "720p upright": (720, 1280), "1080p upright": (1080, 1920), "4K upright": (2160, 3840),
}  # fmt: skip
LONG_SIDE = 951.9  # millimetres of a 16:9 screen of 43 inches
CAPITAL, CHARACTER = 5.0, 6.25  # millimetres for each metre
# The least metres from which number called, its room's digits and words, number now, next and room in a row are read
# on 43 inches.
LEAST = {
    ("full", 1): (16, 12.5, 6.5, 8.4, 8, 8),
    ("full", 5): (16, 12.5, 6.5, 8.4, 8, 8),
    ("full", 8): (16, 12.5, 6.5, 6, 5.8, 5.8),
    ("full", 12): (16, 12.5, 6.5, 4, 3.1, 3.8),
    ("large", 1): (16, 12.5, 6.5, 8.4, 8, 8),
    ("large", 6): (16, 12.5, 6.5, 8.4, 8, 8),
    ("large", 12): (16, 12.5, 6.5, 8.4, 8, 8),
}
UPRIGHT = {
    ("full", 1): (19, 14.5, 13.5, 8.4, 8, 8),
    ("full", 5): (19, 14.5, 13.5, 8.4, 8, 8),
    ("full", 8): (19, 14.5, 13.5, 6, 5.8, 5.8),
    ("full", 12): (19, 14.5, 13.5, 3.9, 3, 3.2),
    ("large", 1): (19, 14.5, 13.5, 10, 9.5, 9.5),
    ("large", 6): (19, 14.5, 13.5, 8.4, 8, 8),
    ("large", 12): (19, 14.5, 13.5, 8.4, 8, 8),
}
MEASURED = {
    "number": '.call [data-put="number"]', "room": '.call [data-put="room"] b', "word": '.call [data-put="room"]',
    "now": "#rows tr:not([data-away]) td.now b", "next": "#rows tr:not([data-away]) .one b",
    "row": "#rows tr:not([data-away]) .room",
}  # fmt: skip
HEIGHTS = """(selectors) => Object.fromEntries(Object.entries(selectors).map(([name, selector]) => {
    const element = document.querySelector(selector);
    const style = getComputedStyle(element);
    const pen = document.createElement("canvas").getContext("2d");
    pen.font = `${style.fontWeight} ${style.fontSize} ${style.fontFamily}`;
    const han = /[\\u3400-\\u9fff]/.test(element.textContent);
    const box = pen.measureText(han ? "国" : "H");
    return [name, [box.actualBoundingBoxAscent + (han ? box.actualBoundingBoxDescent : 0), han]];
}))"""
CUT = """() => {
    const cut = [...document.querySelectorAll("#rows td.now, #rows td.next, #rows .room, .call p, .top h1")]
        .filter((each) => each.offsetParent && each.scrollWidth > each.clientWidth + 1)
        .map((each) => each.textContent);
    for (const each of document.querySelectorAll("#rows td small, #rows .words, #rows .expert")) {
        const [words, row] = [each, each.closest("tr")].map((one) => one.getBoundingClientRect());
        if (each.offsetParent && (words.bottom > row.bottom + 1 || words.top < row.top - 1)) cut.push(each.textContent);
    }
    const box = (selector) => document.querySelector(selector).getBoundingClientRect();
    for (const row of document.querySelectorAll("#rows tr")) {
        if (row.getBoundingClientRect().bottom > box(".foot").top) cut.push("a row");
    }
    if (box(".foot p").bottom > innerHeight || box(".top h1").top < 0) cut.push("foot or head");
    const inside = box(".call");
    for (const each of document.querySelectorAll(".call p")) {
        const off = inside.bottom - each.getBoundingClientRect().bottom;
        if (each.textContent.trim() && off < innerHeight / 100) cut.push(`the call: ${off}`);
    }
    return cut;
}"""


@pytest.fixture
def scene(server):
    made = waiting_room(queues=12, patients=5)
    for number, session in enumerate(made.sessions, start=301):
        seat = session.rooms.get().room
        seat.code, seat.name, seat.name_en = str(number), f"{number} 诊室", f"Room {number}"
        seat.save()
    recall(ticket_id=made.sessions[1].tickets.get(state="called").pk)
    return made


def board(scene, layout: str, rows: int, language: str) -> Board:
    """A board of this many queues, the one that calls among them, under a name of its own."""
    made = Board.objects.create(
        slug=f"{layout}-{rows}-{language}-{scene.board.pk}-{scene.sessions[0].pk}", title="神经内科 · 三楼候诊区",
        title_en="Neurology, 3rd floor", public=True, layout=layout, language=language,
    )  # fmt: skip
    made.departments.set(scene.departments)
    made.rooms.set(session.rooms.get().room for session in [*scene.sessions[1:], scene.sessions[0]][:rows])
    return made


def metres(height: tuple[float, bool], pixels: int) -> float:
    """From how far characters of this height (pixels of the long side, and whether Chinese) are read on 43 inches."""
    return height[0] * LONG_SIDE / pixels / (CHARACTER if height[1] else CAPITAL)


def test_a_board_is_read_from_afar_and_nothing_is_cut(scene, chromium, server):
    # Without the motion of a new call, which draws it larger for a moment.
    context = chromium.new_context(locale="zh-CN", timezone_id="Asia/Shanghai", reduced_motion="reduce")
    page = context.new_page()
    short = []
    for (layout, rows), least in LEAST.items():
        for language in ("zh-hans", "en"):
            made = board(scene, layout, rows, language)
            page.goto(f"{server.url}/board/{made.slug}/")
            expect(page.locator("#rows tr")).to_have_count(rows)
            for name, (width, height) in SCREENS.items():
                page.set_viewport_size({"width": width, "height": height})
                page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
                long = max(width, height)
                found = page.evaluate(HEIGHTS, MEASURED)
                wanted = UPRIGHT[layout, rows] if height > width else least
                for part, need in zip(MEASURED, wanted, strict=True):
                    reads = metres(found[part], long)
                    if reads < need:
                        short.append((name, layout, rows, language, part, reads, need))
                short += [(name, layout, rows, language, cut) for cut in page.evaluate(CUT)]
    context.close()
    assert short == []


def test_of_more_than_six_queues_in_larger_type_the_others_follow_by_themselves(scene, chromium, server):
    made = board(scene, "large", 12, "en")
    context = chromium.new_context(timezone_id="Asia/Shanghai", viewport={"width": 1280, "height": 720})
    page = context.new_page()
    now = timezone.now()
    page.clock.install(time=now)
    page.goto(f"{server.url}/board/{made.slug}/")
    visible = page.locator("#rows tr:visible")
    expect(visible).to_have_count(6)
    page.clock.pause_at(now + timedelta(minutes=1))
    turns = {}
    for _each in range(2):
        shown = visible.evaluate_all("(rows) => rows.map((row) => row.dataset.session)")
        turns[page.locator("#turn").inner_text()] = shown
        page.clock.fast_forward(10_000)
    # Whose row is away is called on the panel all the same, as anybody else.
    away = page.locator("#rows tr[data-away]").first.get_attribute("data-session")
    seat = next(each for each in scene.sessions if str(each.pk) == away).rooms.get()
    called = call_next(session_id=seat.session_id, room_id=seat.room_id)
    page.clock.resume()
    expect(page.locator('#call [data-put="number"]')).to_have_text(called.label)
    context.close()
    assert sorted(turns) == ["1 / 2", "2 / 2"]
    assert sorted(turns["1 / 2"] + turns["2 / 2"]) == sorted(str(session.pk) for session in scene.sessions)


def test_while_it_is_on_a_board_says_a_reason_in_both_its_languages(scene, chromium, server):
    made = board(scene, "full", 1, "zh-hans")
    context = chromium.new_context(timezone_id="Asia/Shanghai", viewport={"width": 1280, "height": 720})
    page = context.new_page()
    page.goto(f"{server.url}/board/{made.slug}/")
    seat, later = scene.sessions[1].rooms.get(), timezone.now() + timedelta(minutes=9)
    for reason, first, second in (
        ("ward_round", "查房", "Ward round"),
        ("Lunch with the family", *["Lunch with the family"] * 2),
    ):
        pause(session_id=seat.session_id, room_id=seat.room_id, reason=reason, until=later)
        expect(page.locator("#rows .words span")).to_contain_text(first)
        expect(page.locator("#rows .words small")).to_contain_text(f"{second}, back at")
    context.close()


def test_a_new_board_is_seen_before_it_is_saved(scene, open_pages, server):
    page = open_pages(who=staff.user("manager"))
    page.goto(f"{server.url}/admin/queueboard/board/add/")
    inside = page.frame_locator("#board-preview iframe")
    expect(inside.locator("#empty")).to_be_visible()
    page.fill("#id_title", "门诊三楼")
    expect(inside.locator("h1")).to_contain_text("门诊三楼")
    page.locator(".field-departments .select2-selection").click()
    page.locator(".select2-results__option", has_text="Neurology").first.click()
    expect(inside.locator("#rows tr")).to_have_count(6)
    expect(inside.locator("#age")).to_contain_text("As of")
    assert not Board.objects.filter(title="门诊三楼").exists()


def test_a_manager_tries_a_look_out_before_saving(scene, open_pages, server):
    page = open_pages(who=staff.user("manager"))
    page.goto(f"{server.url}/admin/queueboard/board/{scene.board.pk}/change/")
    inside = page.frame_locator("#board-preview iframe")
    expect(inside.locator("#rows tr")).to_have_count(12)
    expect(inside.locator("body")).to_have_attribute("data-look", "dark")
    page.select_option("#id_look", "light")
    page.fill("#id_accent", "#9b1c2e")
    expect(inside.locator("body")).to_have_attribute("data-look", "light")
    expect(inside.locator(".top")).to_have_css("background-color", "rgb(155, 28, 46)")
    page.fill("#id_accent", "#ffc145")
    expect(inside.get_by_role("alert")).to_contain_text("hard to read")
    page.fill("#id_accent", "")
    page.get_by_role("button", name="Upright").click()
    assert inside.locator("body").evaluate("() => innerHeight") == 1920
    expect(inside.locator("#rows tr")).to_have_count(12)
    assert [fault for fault in browsers.violations(page) if "board-preview" in fault] == []
    scene.board.refresh_from_db()
    assert (scene.board.look, scene.board.accent) == ("dark", "")
