"""live.js in a real browser: websocket, polling where that is blocked, and how old the state is (R6.1)."""

import signal

import pytest
from playwright.sync_api import Page

from tests import browser
from tests.live import clinic
from tests.live.serving import Server, until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser, pytest.mark.once, pytest.mark.processes]

NO_WEBSOCKETS = """
window.tried = 0;
window.WebSocket = class {
  static OPEN = 1;
  constructor() { window.tried += 1; setTimeout(() => this.onclose({ code: 1006 })); }
  close() {}
};
"""
NO_SERVER = """
window.tried = 0;
window.away = true;
const Plain = WebSocket;
const ask = fetch;
class Refused {
  constructor() { window.tried += 1; setTimeout(() => this.onclose({ code: 1006 })); }
}
window.WebSocket = new Proxy(Plain, { construct: (_, [url]) => (window.away ? new Refused() : new Plain(url)) });
window.fetch = (...asked) => (window.away ? Promise.reject(new TypeError("no answer")) : ask(...asked));
"""
COUNT_WEBSOCKETS = """
window.opened = 0;
const Plain = WebSocket;
window.WebSocket = class extends Plain {
  constructor(url) { super(url); window.opened += 1; }
};
"""
BREAKS_OFF = """
const asks = fetch;
window.broken = 0;
window.fetch = async (...asked) => {
  const answer = await asks(...asked);
  if (answer.status === 200 && window.broken++ === 0) answer.json = () => Promise.reject(new TypeError("broke off"));
  return answer;
};
"""
SET_UP = """
window.setup = "aa";
window.fetch = () => Promise.resolve(
  new Response('{"version": 5}', { headers: { ETag: `W/"5-${window.setup}"`, "Queue-Age": "0.5" } }),
);
"""
FOLLOW = """async ([socket, poll, first]) => {
  const { connect } = await import("/static/js/live.js");
  window.versions = []; window.age = null; window.ages = [];
  window.connection = connect({
    socket, poll, first,
    onState: (state) => window.versions.push(state.version),
    onAge: (age) => { window.age = age; window.ages.push(age); },
  });
}"""


@pytest.fixture
def page(chromium):
    context = browser.context(chromium)
    yield context.new_page()
    context.close()


def follow(page: Page, server: Server, session_id: int, first: dict | None = None) -> None:
    page.goto(f"http://127.0.0.1:{server.port}/healthz")
    page.evaluate(FOLLOW, [f"/ws/queues/{session_id}/", f"/live/queues/{session_id}", first])


def test_states_come_by_websocket_and_only_newer_ones_are_shown(server, page):
    session = clinic.queue("张小明", "李四")
    follow(page, server, session.pk, {"version": session.version})
    assert page.evaluate("versions") == [session.version]
    for _ in range(2):
        clinic.call(session)
    page.wait_for_function(f"versions.at(-1) === {session.version + 2}", timeout=3000)
    shown = page.evaluate("versions")
    assert shown == sorted(set(shown))


def test_where_websockets_are_blocked_it_polls_with_the_etag(server, page):
    session = clinic.queue("张小明", "李四")
    page.add_init_script(NO_WEBSOCKETS)
    answers = []
    page.on("response", lambda response: answers.append(response.status) if "/live/" in response.url else None)
    follow(page, server, session.pk)
    page.wait_for_function("versions.length === 1", timeout=8000)
    assert page.evaluate("tried") == 2
    page.wait_for_event("response", lambda response: response.status == 304, timeout=8000)
    clinic.call(session)
    page.wait_for_function(f"versions.at(-1) === {session.version + 1}", timeout=8000)
    assert set(answers) == {200, 304}
    assert page.evaluate("age") is None


def test_a_poll_that_breaks_off_after_its_head_is_asked_again(server, page):
    """Else the state would be taken for the one that has the tag, and be called fresh."""
    session = clinic.queue("张小明")
    page.add_init_script(NO_WEBSOCKETS)
    page.add_init_script(BREAKS_OFF)
    follow(page, server, session.pk)
    page.wait_for_function("versions.length === 1", timeout=12_000)
    assert page.evaluate("broken") == 2


def test_a_page_that_polls_is_loaded_again_where_its_board_was_set_up_anew(server, page):
    page.add_init_script(NO_WEBSOCKETS)
    page.add_init_script(SET_UP)
    follow(page, server, 1)
    page.wait_for_function("versions.length === 1", timeout=12_000)
    with page.expect_event("domcontentloaded", timeout=12_000):
        page.evaluate("setup = 'bb'")


def test_without_word_for_10_s_it_says_how_old_the_state_is_and_recovers_by_itself(server, page):
    session = clinic.queue("张小明")
    follow(page, server, session.pk)
    page.wait_for_function("versions.length === 1", timeout=5000)
    server.process.send_signal(signal.SIGSTOP)
    try:
        page.wait_for_function("age >= 10", timeout=20_000)
    finally:
        server.process.send_signal(signal.SIGCONT)
    clinic.call(session)
    page.wait_for_function("age === null", timeout=20_000)
    page.wait_for_function(f"versions.at(-1) === {session.version + 1}", timeout=20_000)
    assert page.evaluate("ages")[0] == 10


def test_where_the_server_was_away_it_comes_back_to_the_websocket_soon(server, page):
    """Two websockets failed, as where they are blocked; but polls failed too."""
    session = clinic.queue("张小明")
    page.add_init_script(NO_SERVER)
    follow(page, server, session.pk)
    page.wait_for_function("tried === 2", timeout=15_000)
    page.evaluate("away = false")
    with page.expect_websocket(timeout=30_000):
        pass
    page.wait_for_function("versions.length === 1", timeout=5000)


def test_a_lid_closed_for_an_hour_shows_and_then_the_present_state(server, page):
    """The clock that timers run by stands still meanwhile; the wall clock does not."""
    session = clinic.queue("张小明", "李四")
    page.add_init_script(COUNT_WEBSOCKETS)
    follow(page, server, session.pk)
    page.wait_for_function("versions.length === 1", timeout=5000)
    # A heartbeat in the very second in which the lid opens is news: then it is closed once more.
    for _ in range(5):
        page.evaluate("() => { const now = Date.now; Date.now = () => now() + 3600_000; }")
        page.wait_for_timeout(2500)
        if page.evaluate("ages.some((age) => age >= 3600)"):
            break
    assert page.evaluate("ages.some((age) => age >= 3600)")
    page.wait_for_function("opened === 2 && age === null", timeout=15_000)
    clinic.call(session)
    page.wait_for_function(f"versions.at(-1) === {session.version + 1}", timeout=5000)


def test_a_refused_socket_is_not_tried_again(server, page):
    page.add_init_script(COUNT_WEBSOCKETS)
    requests = []
    page.on("request", lambda request: requests.append(request.url) if "/live/" in request.url else None)
    follow(page, server, 987654)
    until(lambda: page.evaluate("connection !== undefined && opened === 1"))
    page.wait_for_timeout(2500)
    assert page.evaluate("opened") == 1
    assert requests == []
    assert page.evaluate("versions") == []
