"""The button "tell me" and the service worker in a real Chromium (R5.4).

Its push service cannot be reached from a test: what a browser gets from it at a subscription comes from the fake one,
and what arrives there is handed to the real service worker over DevTools, as the service would.
"""

import json
import os
from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from booking.models import Ballot, BallotEntry, FreedNumber, Outbox, WaitlistEntry
from queueboard.notify.models import Address
from queueboard.services import arrivals, calls
from tests import browser as browsers
from tests import factories
from tests.notify.causes import cause, go_out
from tests.notify.conftest import VAPID

pytestmark = [pytest.mark.browser, pytest.mark.once]
SOON = 20_000  # ms: a service worker is installed on a machine that does other things too

# The browser's own part: whether it was asked for a permission, and the subscription that its service would give.
STAND_IN = """
window.asked = 0;
Notification.requestPermission = () => { window.asked += 1; return Promise.resolve(Notification.permission); };
const given = %s;
const plain = (text) => atob(text.replace(/-/g, "+").replace(/_/g, "/"));
const bytes = (text) => Uint8Array.from(plain(text), (each) => each.charCodeAt(0)).buffer;
const present = () => sessionStorage.getItem("subscribed") ? {
  endpoint: given.endpoint,
  options: { applicationServerKey: bytes(sessionStorage.getItem("subscribed")) },
  toJSON: () => given,
  unsubscribe: () => { sessionStorage.removeItem("subscribed"); return Promise.resolve(true); },
} : null;
PushManager.prototype.getSubscription = () => Promise.resolve(present());
PushManager.prototype.subscribe = (options) => {
  if (!options.userVisibleOnly) throw new Error("silent push");
  const key = btoa(String.fromCharCode(...options.applicationServerKey));
  sessionStorage.setItem("subscribed", key.replace(/\\+/g, "-").replace(/\\//g, "_").replace(/=+$/, ""));
  return Promise.resolve(present());
};
"""


@pytest.fixture(scope="module")
def chromium(playwright):
    browser = browsers.launch(playwright, whole=True)
    yield browser
    browser.close()


@pytest.fixture(scope="module")
def server(django_db_setup, tmp_path_factory, _push):
    with pytest.MonkeyPatch.context() as patched:
        patched.setitem(os.environ, "VAPID_PRIVATE_KEY", VAPID)
        patched.setitem(os.environ, "PUSH_SERVICES", _push.url)
        with browsers.serving(tmp_path_factory.mktemp("server") / "server.log") as running:
            yield running


@pytest.fixture
def ticket(server, push, transactional_db):
    session = factories.session()
    made = arrivals.register_walk_in(
        session_id=session.pk, patient_id=factories.patient().pk, now=session.registration_opens_at
    )
    yield made
    browsers.wait_until_quiet()


@pytest.fixture
def phone(chromium, server, push, ticket):
    """A phone that holds the link: its page, and the subscription that its service would give it."""
    contexts = []

    def opened(language: str, *, allowed: bool = True):
        context = browsers.context(chromium, "320")
        contexts.append(context)
        if allowed:
            context.grant_permissions(["notifications"], origin=server.url)
        browser = push.subscribe(push.key)
        context.add_init_script(STAND_IN % json.dumps(browser.to_json()))
        page = context.new_page()
        page.browser = browser
        page.goto(f"{server.url}/t/{ticket.token}/?lang={language}")
        return page

    yield opened
    for context in contexts:
        context.close()


def deliver(page, told: dict) -> None:
    """As the push service: to the worker of this page's browser."""
    devtools = page.context.new_cdp_session(page)
    registrations = []
    devtools.on("ServiceWorker.workerRegistrationUpdated", lambda event: registrations.extend(event["registrations"]))
    devtools.send("ServiceWorker.enable")
    while not registrations:
        page.evaluate("navigator.serviceWorker.getRegistration('/t/').then(() => true)")
    origin = page.evaluate("location.origin")
    devtools.send(
        "ServiceWorker.deliverPushMessage",
        {"origin": origin, "registrationId": registrations[0]["registrationId"], "data": json.dumps(told)},
    )


def shown(page, told: dict) -> list[dict]:
    """The notifications on the phone, once this one is among them."""
    listed = """async (id) => {
        const own = await navigator.serviceWorker.getRegistration("/t/");
        for (;;) {
            const all = await own.getNotifications();
            if (all.some((each) => each.data.id === id)) return all.map(({ title, data }) => ({ title, data }));
            await new Promise((again) => setTimeout(again, 20));
        }
    }"""
    # The page may load itself anew at that moment, as it does when its state has changed.
    return browsers.asked(page, lambda: page.evaluate(listed, told["id"]))


def test_a_phone_is_told_after_its_owner_pressed_and_no_more_once_told_to_stop(phone, push, ticket):
    page = phone("en")
    expect(page.get_by_role("button", name="Tell me on this phone")).to_be_visible()
    assert page.evaluate("window.asked") == 0, "nobody is asked unasked"
    assert not Address.objects.exists()
    page.get_by_role("button", name="Tell me on this phone").click()
    expect(page.get_by_role("heading", name="This phone tells you")).to_be_visible(timeout=SOON)
    address = Address.objects.get()
    assert (address.token, address.language) == (ticket.token, "en")

    Outbox.objects.update(made_at=timezone.now())
    go_out("push")
    calls.call_next(session_id=ticket.session_id, room_id=ticket.session.rooms.get().room_id)
    go_out("push")
    first, second = page.browser.got
    deliver(page, first)
    assert [each["title"] for each in shown(page, first)] == ["You are next"]
    for _again in range(2):
        deliver(page, second)
        (notice,) = shown(page, second)
    assert notice["title"].startswith("It is your turn: Room ")
    assert notice["data"]["url"] == f"/t/{ticket.token}/"

    page.reload()
    expect(page.locator("#tell")).to_be_hidden()  # a call takes the whole screen
    calls.start(ticket_id=ticket.pk)
    page.get_by_role("button", name="Do not tell me any more").click()
    # Not by wait_for_function, whose second look is an eval, which the page's policy forbids.
    page.evaluate("""async () => {
        while (sessionStorage.getItem("subscribed")) await new Promise((again) => setTimeout(again, 20));
    }""")
    assert not Address.objects.exists()


@pytest.mark.parametrize(
    ("page_of", "words"), [("w", "号只为您保留很短时间"), ("d", "抽签有结果时，这部手机可以提醒您")]
)
def test_whoever_waits_for_a_number_is_told_by_the_same_worker_and_led_back(
    chromium, server, push, transactional_db, page_of, words
):
    """Their pages do not lie beneath the worker's address, and share it."""
    now = timezone.now()
    session = factories.session(state="planned", day=timezone.localtime() + timedelta(days=1), released_at=now)
    waits = WaitlistEntry.objects.create(session=session, patient=factories.patient(), joined_at=now)
    ballot = Ballot.objects.create(session=session, minutes=10)
    asked = BallotEntry.objects.create(ballot=ballot, patient=factories.patient(), asked_at=now)
    entry = waits if page_of == "w" else asked
    context = browsers.context(chromium, "320")
    context.grant_permissions(["notifications"], origin=server.url)
    browser = push.subscribe(push.key)
    context.add_init_script(STAND_IN % json.dumps(browser.to_json()))
    page = context.new_page()
    page.goto(f"{server.url}/{page_of}/{entry.token}/?lang=zh-hans")
    expect(page.get_by_text(words)).to_be_visible()
    assert browsers.violations(page) == []
    assert browsers.wider_than_screen(page) <= 0
    page.get_by_role("button", name="在这部手机上提醒我").click()
    expect(page.get_by_role("button", name="不再提醒")).to_be_visible(timeout=SOON)
    assert Address.objects.get().token == entry.token
    if page_of == "w":
        freed = FreedNumber.objects.create(slot=session.slots.first(), free_at=now)
        offer = {"state": "offered", "freed": freed, "offered_at": now, "offered_until": now + timedelta(minutes=10)}
        WaitlistEntry.objects.filter(pk=entry.pk).update(**offer)
        cause("waitlist_offered", entry=entry.pk)
    else:
        lost = {"state": "lost", "place": 2, "lost_because": "none_left", "ended_at": now}
        BallotEntry.objects.filter(pk=entry.pk).update(**lost)
        cause("ballot_lost", entry=entry.pk)
    assert go_out("push") == [1]
    (told,) = browser.got
    deliver(page, told)
    (notice,) = shown(page, told)
    assert notice["data"]["url"] == f"/{page_of}/{entry.token}/"
    context.close()
    browsers.wait_until_quiet()


def test_the_button_speaks_chinese_is_accessible_and_fits_a_narrow_phone(phone, push, ticket):
    page = phone("zh-hans")
    expect(page.get_by_role("button", name="在这部手机上提醒我")).to_be_visible()
    assert browsers.violations(page) == []
    assert browsers.wider_than_screen(page) <= 0
    page.get_by_role("button", name="在这部手机上提醒我").click()
    expect(page.get_by_role("button", name="不再提醒")).to_be_visible(timeout=SOON)
    assert browsers.violations(page) == []


def test_who_does_not_allow_it_reads_that_the_page_shows_all_the_same(phone):
    page = phone("en", allowed=False)
    page.evaluate("() => { Notification.requestPermission = () => Promise.resolve('denied'); }")
    page.get_by_role("button", name="Tell me on this phone").click()
    expect(page.get_by_text("Notifications are blocked for this site")).to_be_visible()
    assert not Address.objects.exists()


def test_a_push_service_that_is_not_there_is_said_and_can_be_tried_again(phone):
    page = phone("en")
    page.evaluate("() => { PushManager.prototype.subscribe = () => Promise.reject(new Error('no service')); }")
    page.get_by_role("button", name="Tell me on this phone").click()
    expect(page.get_by_role("button", name="Try again")).to_be_enabled(timeout=SOON)
    assert not Address.objects.exists()
