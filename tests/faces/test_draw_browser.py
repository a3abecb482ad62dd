"""A draw and the waitlist in a real browser, in each language and without script (R3.4, R3.7)."""

from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from booking import draws
from booking.models import Appointment, Ballot, BallotEntry, Session, WaitlistEntry
from booking.services import appointments, ballots, endings
from tests import factories
from tests.faces.patients import ID, NAME, follow, heading, look, press, sign_in, somebody, words_of

pytestmark = [pytest.mark.browser, pytest.mark.once]
WORDS = {
    "name": "Name, as on the ID",
    "id": "ID number",
    "draw": "To the draw",
    "ask": "Ask for a number",
    "put": "Put me in the draw",
    "in_draw": "You are in the draw",
    "lost": "No number this time",
    "waitlist": "Your place on the waitlist",
    "offered": "A number is free for you",
    "take": "Take this number",
    "fair": "How can I check that it is fair?",
    "wait": "Wait for one",
    "join": "Put me on the list",
    "waiting": "You are on the waitlist",
    "stop": "I do not wait any longer",
    "stopped": "You wait no longer",
    "unreachable": "No connection",
}


@pytest.fixture
def session(server, settings) -> Session:
    """An expert of tomorrow whose one number is drawn, since a minute ago and for nine minutes more."""
    settings.QUIET_HOURS = ""  # in which nothing would be offered
    of = factories.department(name="神经内科", name_en="Neurology", name_zh_hant="神經內科")
    tomorrow = timezone.localtime() + timedelta(days=1)
    made = factories.session(day=tomorrow, of=of, split=((1, 1),), state="planned", pool_opened_at=None)
    made.expert.name, made.expert.title = "陈雅文", "主任医师"
    made.expert.save()
    return made


def drawn(session: Session, *, minutes_ago: float) -> Ballot:
    Session.objects.filter(pk=session.pk).update(released_at=timezone.now() - timedelta(minutes=minutes_ago))
    return Ballot.objects.get_or_create(session=session, defaults={"minutes": 10})[0]


def sign_in_and_say_who(page: Page, words: dict[str, str]) -> None:
    sign_in(page, words)
    page.get_by_label(words["name"]).fill(NAME)
    page.get_by_label(words["id"], exact=True).fill(ID)


@pytest.mark.parametrize("language", ["en", "zh-hans", "zh-hant"])
def test_somebody_asks_is_not_drawn_waits_is_offered_a_number_and_takes_it(session, server, chromium, language):
    """Each page is accessible and fits 320 pixels; what happens appears on the open page by itself."""
    words, faults = words_of(WORDS, language), []
    ballot = drawn(session, minutes_ago=1)
    page = somebody(chromium, server, language, size="320")
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.goto(f"{server.url}/book/")
    look(page)
    page.locator(f'a[href="/book/{session.expert.code}/"]').click()
    look(page)
    follow(page, words["draw"])
    page.get_by_text(words["fair"]).click()
    look(page)
    follow(page, words["ask"])
    sign_in_and_say_who(page, words)
    look(page)
    press(page, words["put"])
    heading(page, words["in_draw"])
    look(page)
    entry = BallotEntry.objects.get()
    # Somebody comes before it.
    while draws.order(ballot.seed, [each.code for each in ballot.entries.all()])[0] == entry.code:
        ballots.ask(session_id=session.pk, patient_id=factories.patient().pk)
    drawn(session, minutes_ago=10.1)
    ballots.draw_due()
    heading(page, words["lost"])
    look(page)
    page.goto(f"{server.url}/book/draws/{session.pk}/?code={entry.code}")
    look(page)
    page.go_back()
    follow(page, words["waitlist"])
    look(page)
    endings.cancel(appointment_id=Appointment.objects.get().pk)
    heading(page, words["offered"])
    bar = page.locator("progress")
    before = bar.evaluate("each => each.value")
    page.wait_for_timeout(2_100)
    assert bar.evaluate("each => each.value") < before
    look(page)
    page.get_by_role("button", name=words["take"]).dblclick()
    expect(page.locator(".code img")).to_be_visible()
    made = Appointment.objects.get(patient=entry.patient)
    assert (made.state, page.url) == ("booked", f"{server.url}/t/{made.token}/")
    assert faults == []
    page.context.close()


def test_without_script_somebody_joins_the_waitlist_and_leaves_it(session, server, chromium):
    appointments.book(patient_id=factories.patient().pk, slot_id=session.slots.get().pk)
    words = words_of(WORDS, "zh-hans")
    page = somebody(chromium, server, "zh-hans", java_script_enabled=False)
    page.goto(f"{server.url}/book/{session.expert.code}/")
    page.get_by_text(words["wait"], exact=True).click()
    sign_in_and_say_who(page, words)
    page.get_by_role("button", name=words["join"]).dblclick()
    heading(page, words["waiting"])
    assert WaitlistEntry.objects.get().state == "waiting"
    # It looks by itself, without script too.
    assert page.locator("noscript meta[http-equiv=refresh]").count() == 1
    press(page, words["stop"])
    heading(page, words["stopped"])
    assert WaitlistEntry.objects.get().state == "left"
    page.context.close()


def test_who_reads_on_is_not_thrown_back_by_a_request_that_comes_meanwhile(session, server, chromium):
    drawn(session, minutes_ago=1)
    page = somebody(chromium, server, "en")
    page.goto(f"{server.url}/book/draws/{session.pk}/")
    page.get_by_text(WORDS["fair"]).click()
    expect(page.get_by_text("requests so far: 0")).to_be_visible()
    ballots.ask(session_id=session.pk, patient_id=factories.patient().pk)
    page.locator("#waits").evaluate("() => { document.dispatchEvent(new Event('visibilitychange')); }")
    expect(page.get_by_text("requests so far: 1")).to_be_visible()
    assert page.locator("details").evaluate("each => each.open")
    bar = page.locator("progress")
    assert 0 < bar.evaluate("each => each.value") < bar.evaluate("each => each.max")
    page.context.close()


@pytest.mark.parametrize("public", [False, True])
def test_without_the_server_the_page_says_how_old_it_is(session, server, chromium, public):
    """R6.1, on one's own page and on the public one."""
    drawn(session, minutes_ago=1)
    entry = ballots.ask(session_id=session.pk, patient_id=factories.patient().pk)
    page = somebody(chromium, server, "en")
    page.goto(f"{server.url}/book/draws/{session.pk}/" if public else f"{server.url}/d/{entry.token}/")
    expect(page.locator("#waits")).to_contain_text("requests so far")
    if not public:
        heading(page, WORDS["in_draw"])
    server.stop()
    expect(page.locator("#unreachable")).to_contain_text(WORDS["unreachable"], timeout=20_000)
    server.start()
    expect(page.locator("#unreachable")).to_be_hidden(timeout=20_000)
    page.context.close()
