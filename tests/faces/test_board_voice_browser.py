"""R6.1: a board calls aloud, each call once and in order, never over one another, and a recall again.

Of the browser only its voices are made up, as a machine without loudspeakers has none: what is said is noted, with
when it begins and ends.
"""

from itertools import pairwise

import pytest
from playwright.sync_api import expect

from queueboard.services.calls import call_next, recall
from queueboard.services.undo import undo, undoable
from tests import browser as browsers
from tests.faces.scene import waiting_room

pytestmark = [pytest.mark.browser, pytest.mark.once]
SOON = 15_000  # milliseconds that a busy machine may take
HOLD = 8_000  # milliseconds that a call keeps the board for itself
VOICES = """
(() => {
  window.said = [];
  const voice = (lang, localService) => ({ lang, localService, name: lang });
  const voices = [voice("zh-CN", false), voice("zh-HK", true), voice("zh-TW", true), voice("zh-CN", true)];
  window.SpeechSynthesisUtterance = function Utterance(text) { this.text = text; };
  const speak = (each) => {
    const said = { text: each.text, lang: each.lang, begin: performance.now(), end: null, cut: false };
    window.said.push(said);
    const finish = (cut) => {
      if (said.end !== null) return;
      said.end = performance.now();
      said.cut = cut;
      each.onend();
    };
    setTimeout(finish, 700, false);
    window.cut = () => finish(true);
  };
  const cancel = () => { if (window.cut) window.cut(); };
  Object.defineProperty(window, "speechSynthesis", { value: { getVoices: () => voices, speak, cancel } });
})();
"""


@pytest.fixture
def scene(server):
    made = waiting_room()
    made.board.slug = f"voice-{made.board.pk}-{made.sessions[0].pk}"
    made.board.save()
    return made


@pytest.fixture
def open_board(scene, server, chromium):
    opened = []

    def go():
        context = browsers.context(chromium, "1080p")
        context.add_init_script(VOICES)
        page = context.new_page()
        page.clock.install()
        page.goto(f"{server.url}/board/{scene.board.slug}/?lang=zh-hans")
        opened.append(context)
        return page

    yield go
    for context in opened:
        context.close()


def call(session):
    return call_next(session_id=session.pk, room_id=session.rooms.get().room_id)


def said(page, times: int) -> list[dict]:
    """What was said, once it is so often, with the time run on from call to call."""
    for _ in range(20):
        found = page.evaluate("window.said")
        if len(found) >= times and all(each["end"] for each in found):
            return found
        page.clock.run_for(HOLD / 4)
        page.wait_for_timeout(300)
    raise AssertionError(page.evaluate("window.said"))


def words(ticket, room: int) -> str:
    digits = " ".join("零一二三四五六七八九"[int(each)] for each in ticket.label[1:])
    return f"请 {ticket.label[0]} {digits} 到{room} 诊室就诊"


def test_calls_are_said_once_each_in_order_and_a_recall_again(scene, open_board):
    page = open_board()
    hint = page.locator("#sound")
    expect(hint).to_be_visible()
    assert browsers.violations(page) == []
    page.keyboard.press("Enter")  # the remote control's OK
    expect(hint).to_be_hidden(timeout=SOON)
    first, second = call(scene.sessions[0]), call(scene.sessions[4])
    heard = said(page, 4)
    texts = [each["text"] for each in heard]
    assert list(dict.fromkeys(texts)) == [words(first, 1), words(second, 5)]
    assert {each["lang"] for each in heard} == {"zh-CN"}
    assert all(later["begin"] >= earlier["end"] for earlier, later in pairwise(heard))
    assert not any(each["cut"] for each in heard)
    recall(ticket_id=first.pk)
    again = said(page, len(heard) + 2)
    assert [each["text"] for each in again[len(heard) :]] == [words(first, 1)] * 2
    assert not any(each["cut"] for each in again)
    # Loaded anew, as for a new version of itself, it has said all this.
    page.reload()
    page.keyboard.press("Enter")
    expect(hint).to_be_hidden(timeout=SOON)
    third = call(scene.sessions[2])
    assert {each["text"] for each in said(page, 2)} == {words(third, 3)}


def test_a_sentence_that_ended_long_ago_cuts_no_later_one(open_board):
    page = open_board()
    page.evaluate("""async () => {
        const { Voice } = await import("/static/js/voice.js");
        const voice = new Voice("voice", "zh-hans", () => {});
        const speak = async () => { for (let n = 0; n < 9; n += 1) await voice.speak({ words: "再来" }); };
        window.spoken = speak();
    }""")
    page.clock.run_for(HOLD)
    page.evaluate("window.spoken")
    assert [each["cut"] for each in page.evaluate("window.said")] == [False] * 9


def test_the_room_is_said_as_the_server_would_say_it(open_board):
    script = """async () => {
        const { spokenRoom } = await import("/static/js/voice.js");
        return [spokenRoom("302诊室", "zh-hans"), spokenRoom("Room 302", "en"), spokenRoom("12诊室", "zh-hans")];
    }"""
    assert open_board().evaluate(script) == ["三 零 二 诊室", "Room 3 0 2", "12诊室"]


def test_a_call_that_was_taken_back_before_its_turn_is_not_said(scene, open_board):
    page = open_board()
    page.keyboard.press("Enter")
    expect(page.locator("#sound")).to_be_hidden(timeout=SOON)
    first, second, third = call(scene.sessions[0]), call(scene.sessions[4]), call(scene.sessions[2])
    undo(event_id=undoable(session_id=scene.sessions[4].pk).pk)
    row = page.locator(f'tr[data-session="{scene.sessions[4].pk}"] td.now')
    expect(row).not_to_contain_text(second.label, timeout=SOON)
    expect(page.locator(f'tr[data-session="{scene.sessions[2].pk}"] td.now')).to_contain_text(third.label, timeout=SOON)
    assert list(dict.fromkeys(each["text"] for each in said(page, 3))) == [words(first, 1), words(third, 3)]


FILES = """
(() => {
  window.said = [];
  const decode = AudioContext.prototype.decodeAudioData;
  AudioContext.prototype.decodeAudioData = function noted(bytes, done, failed) {
    return decode.call(this, bytes, (sound) => { window.lasts = sound.duration; done(sound); }, failed);
  };
  const start = AudioBufferSourceNode.prototype.start;
  AudioBufferSourceNode.prototype.start = function noted() {
    const said = { lasts: window.lasts, begin: performance.now(), end: null };
    window.said.push(said);
    this.addEventListener("ended", () => { said.end = performance.now(); });
    return start.call(this);
  };
})();
"""


def test_a_browser_without_a_voice_plays_the_servers_files_in_the_order_of_calls(scene, server, chromium):
    context = browsers.context(chromium, "1080p")
    context.add_init_script(FILES)
    page = context.new_page()
    asked = []
    page.on("response", lambda answer: asked.append((answer.url, answer.status)) if "/say/" in answer.url else None)
    page.goto(f"{server.url}/board/{scene.board.slug}/?lang=zh-hans")
    assert page.evaluate("speechSynthesis.getVoices().filter((each) => each.lang.startsWith('zh')).length") == 0
    page.keyboard.press("Enter")
    expect(page.locator("#sound")).to_be_hidden(timeout=SOON)
    first, second = call(scene.sessions[0]), call(scene.sessions[4])
    heard = []
    for _ in range(200):  # the policy of the page forbids what the library would wait with
        heard = [each for each in page.evaluate("window.said") if each["end"]]
        if len(heard) >= 3:
            break
        page.wait_for_timeout(250)
    assert len(heard) >= 3
    assert all(each["lasts"] > 2 for each in heard)
    assert all(later["begin"] >= earlier["end"] for earlier, later in pairwise(heard))
    place = f"{server.url}/board/{scene.board.slug}/say/zh-hans"
    wanted = [(f"{place}/{each.session_id}/{each.label}.wav", 200) for each in (first, second)]
    assert list(dict.fromkeys(asked))[:2] == wanted
    context.close()


def test_a_silent_board_asks_for_nothing_and_says_nothing(scene, open_board):
    scene.board.sound = "off"
    scene.board.save()
    page = open_board()
    page.keyboard.press("Enter")
    ticket = call(scene.sessions[0])
    page.clock.run_for(HOLD)
    expect(page.locator('[data-put="number"]').first).to_have_text(ticket.label, timeout=SOON)
    expect(page.locator("#sound")).to_be_hidden()
    page.clock.run_for(HOLD)
    assert page.evaluate("window.said") == []
