"""A connected kiosk in a real browser: two people one after the other, and nothing of the first left for the second."""

import re

import pytest
from playwright.sync_api import expect

from queueboard.models import Kiosk, Ticket
from queueboard.screens import pairing
from tests import browser as browsers
from tests.faces.scene import waiting_room

pytestmark = pytest.mark.browser
SOON = 15_000  # milliseconds that a busy machine may take
RESIDENT = "11010519491231002X"


@pytest.fixture
def scene(server):
    return waiting_room(queues=2)


@pytest.fixture
def kiosk(scene):
    made = Kiosk.objects.create(slug=f"hall-{scene.sessions[0].pk}", title="一楼大厅", title_en="Ground floor")
    made.departments.set(scene.departments)
    return made


@pytest.fixture
def machine(chromium, server, kiosk):
    """A browser that was connected by its code; its clock can be put forward."""
    context = browsers.context(chromium, "720p")
    page = context.new_page()
    page.clock.install()
    page.goto(f"{server.url}/kiosk/{kiosk.slug}/?lang=en")
    code = page.locator("#code")
    expect(code).to_have_text(re.compile(r"^\d{6}$"))
    pairing.connect(code=re.sub(r"\D", "", code.inner_text()), place=kiosk, name="hall", actor=None)
    expect(page.locator("h1")).to_have_text("Welcome. What can we do for you?", timeout=SOON)
    yield page
    context.close()


def says(page, words):
    expect(page.locator("h1")).to_have_text(words, timeout=SOON)
    assert browsers.violations(page) == [], words


def scanned(page, code):
    page.keyboard.type(code)
    page.keyboard.press("Enter")


def test_a_start_screen_renews_itself_and_nobodys_press_is_lost(machine, server, kiosk):
    """A newer version is loaded while nobody is there; what a board kept on this machine is gone."""
    page, address = machine, f"{server.url}/kiosk/{kiosk.slug}/?lang=en"

    def earlier(route):
        answer = route.fetch()
        route.fulfill(response=answer, body=re.sub(r'data-version="[0-9a-f]+"', 'data-version="0"', answer.text()))

    page.evaluate("localStorage.setItem('board', '{}')")
    page.route(address, earlier, times=1)
    with page.expect_response("**/screens/here/"):
        page.reload()
    expect(page.locator("body")).to_have_attribute("data-version", re.compile("^[0-9a-f]{12}$"), timeout=SOON)
    assert page.evaluate("localStorage.getItem('board')") is None

    held = []
    page.route(address, lambda route: held.append(route), times=1)
    with page.expect_request(address):
        page.clock.fast_forward("01:00")  # another code on site
    page.get_by_role("button", name="Check in").click()
    says(page, "Who is checking in?")
    held[0].continue_()
    says(page, "Who is checking in?")


def test_two_people_and_a_restart_between(machine, scene, server):
    """R4.1, R6.2"""
    page, booked = machine, scene.booked[0]
    says(page, "Welcome. What can we do for you?")
    scanned(page, f"https://hospital.example/t/{booked.token}/")
    says(page, "You are in the queue")
    first = Ticket.objects.get(appointment=booked).label
    expect(page.locator(".told .number")).to_have_text(first)
    page.clock.fast_forward("00:25")
    page.get_by_role("button", name="Stay longer").click()
    page.clock.fast_forward("00:25")
    says(page, "You are in the queue")
    page.clock.fast_forward("00:06")
    says(page, "Welcome. What can we do for you?")
    page.go_back()
    expect(page.locator("body")).not_to_contain_text(first)
    page.go_forward()
    says(page, "Welcome. What can we do for you?")
    expect(page.locator("body")).not_to_contain_text(first)

    page.get_by_role("button", name="Take a number").click()
    says(page, "Whom would you like to see?")
    expect(page.locator(".row .expect").first).to_contain_text("about")
    page.locator(".row").first.click()
    says(page, "Who is the number for?")
    scanned(page, RESIDENT)
    says(page, "Your name, as on the ID card")
    page.clock.fast_forward("00:26")
    expect(page.locator("#idle")).to_be_visible()
    page.get_by_role("button", name="I am still here").click()
    expect(page.locator("#idle")).to_be_hidden()
    scanned(page, "王小明")
    expect(page.locator(".offer")).to_contain_text("You would be called", timeout=SOON)
    assert browsers.violations(page) == []
    tickets = Ticket.objects.count()

    server.stop()
    page.get_by_role("button", name="Take this number").click()
    says(page, "One moment, please")
    expect(page.locator("body")).not_to_contain_text("王*明")
    server.start()
    page.clock.run_for(3000)
    expect(page.locator(".offer")).to_contain_text("王*明", timeout=SOON)
    page.get_by_role("button", name="Take this number").click()
    says(page, "You are in the queue")
    assert Ticket.objects.count() == tickets + 1
    page.get_by_role("button", name="Done").click()

    says(page, "Welcome. What can we do for you?")
    page.get_by_role("button", name="Check in").click()
    says(page, "Who is checking in?")
    scanned(page, "13900000000")
    says(page, "The last four characters of your ID")
    page.locator("[data-key='1']").click(click_count=4)
    page.get_by_role("button", name="Continue").click()
    says(page, "We found no visit of today")
    page.clock.fast_forward("00:46")
    says(page, "Welcome. What can we do for you?")
