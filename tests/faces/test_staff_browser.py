"""The desk and the expert's page in a browser, by the keyboard alone."""

import re
from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from booking.models import Suspension
from queueboard.models import QueueEvent, Ticket
from queueboard.services.arrivals import check_in, register_walk_in
from queueboard.services.calls import call_ticket
from tests import browser as browsers
from tests import factories
from tests.faces import staff

pytestmark = [pytest.mark.browser, pytest.mark.once]
SOON = 15_000  # milliseconds that a busy machine may take


@pytest.fixture
def queue(server):
    """Half an hour into a session: three wait, one who has booked is still to come."""
    began = timezone.localtime(timezone.now() - timedelta(minutes=30))
    department = factories.department(name="神经内科", name_en="Neurology")
    session = factories.session(start=f"{began:%H:%M}", day=began, of=department, state="running")
    first = factories.appointment(session, who=factories.patient(name="张晓明"))
    check_in(appointment_id=first.pk)
    for name in ("王芳", "John Smith"):
        register_walk_in(session_id=session.pk, patient_id=factories.patient(name=name).pk)
    factories.appointment(session, slot_index=1, who=factories.patient(name="欧阳晓雨", phone="13900001111"))
    return session


@pytest.fixture
def open_page(server, chromium):
    """Opens a page as somebody; what the browser complains about fails the test."""
    opened, complaints = [], []

    def go(who, address, size="720p", **options):
        context = browsers.context(chromium, size, locale="en-GB", **options)
        staff.log_in(context, server.url, who)
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(server.url + address)
        opened.append(context)
        return page

    go.complaints = complaints
    yield go
    for context in opened:
        context.close()


@pytest.fixture
def desk(queue, open_page):
    page = open_page(staff.user("clerk", queue.department), "/admin/desk/")
    expect(page.locator("#line li")).to_have_count(3, timeout=SOON)
    return page


@pytest.fixture
def expert(queue, open_page):
    doctor = staff.user("expert")
    queue.expert.user = doctor
    queue.expert.save()
    page = open_page(doctor, "/expert/", "390")
    expect(page.locator(".line ol li")).to_have_count(3, timeout=SOON)
    return page


def says(page, words, **options):
    expect(page.locator("#answer")).to_contain_text(words, timeout=SOON, **options)


def keys(page, *pressed):
    for key in pressed:
        page.keyboard.press(key)


# --- the desk


def test_a_booked_patient_is_checked_in_by_phone_without_a_mouse(desk, queue, open_page):
    """R4.1"""
    expect(desk.locator("#field")).to_be_focused()
    desk.keyboard.type("13900001111")
    keys(desk, "Enter")
    says(desk, "Enter checks in")
    keys(desk, "Enter")
    says(desk, "A004: 欧阳晓雨 is checked in")
    ticket = queue.tickets.get(number=4)
    assert (ticket.booked, ticket.state) == (True, "waiting")
    expect(desk.locator("#line li", has_text="A004")).to_have_count(1, timeout=SOON)
    expect(desk.locator("#field")).to_be_focused()
    expect(desk.locator("#field")).to_have_value("")
    assert not open_page.complaints


def test_a_scanned_code_checks_in_at_once(desk, queue):
    token = queue.appointments.get(state="booked").token
    desk.keyboard.type(f"https://example.org/t/{token}/")
    keys(desk, "Enter")
    says(desk, "is checked in")
    assert queue.tickets.filter(number=4, booked=True).exists()


def test_a_walk_in_is_registered_without_a_mouse_after_the_offer_was_shown(desk, queue, open_page):
    """R4.1: the expected time is seen before accepting."""
    keys(desk, "Alt+w")
    says(desk, "3 patients before them")
    says(desk, "min. Enter registers.")
    assert queue.tickets.count() == 3
    desk.keyboard.type("Anna Keller")
    keys(desk, "Enter", "ArrowDown", "Enter")  # a passport
    desk.keyboard.type("P1234567")
    keys(desk, "Enter")
    desk.keyboard.type("13912345678")
    keys(desk, "Enter", "Enter")
    says(desk, "A004: Anna Keller is registered")
    ticket = queue.tickets.get(number=4)
    assert (ticket.booked, ticket.patient.name, ticket.patient.phone) == (False, "Anna Keller", "13912345678")
    expect(desk.locator("#field")).to_be_focused()
    assert not open_page.complaints


def test_a_walk_in_who_is_known_takes_one_key_after_the_scan_with_another_queue_two(desk, queue):
    """R4.1: under four keystrokes, and the expected time is seen before accepting."""
    ids = ("110101199003070038", "110101199003070054")
    for name, number in zip(("李娜", "周杰"), ids, strict=True):
        factories.patient(name=name, id_type="resident", id_number=number)
    desk.keyboard.type(ids[0])
    keys(desk, "Enter")  # the scanner's
    says(desk, "李娜 is known, and has no visit here today.")
    says(desk, "3 patients before them, called in about")
    assert queue.tickets.count() == 3
    keys(desk, "Enter")
    says(desk, "A004: 李娜 is registered")
    began = timezone.localtime(queue.starts_at)
    other = factories.session(start=f"{began:%H:%M}", day=began, of=queue.department, prefix="B", state="running")
    desk.reload()
    expect(desk.locator(".tab")).to_have_count(2, timeout=SOON)
    desk.keyboard.type(f"周杰|男|汉|19900307|{ids[1]}")
    keys(desk, "Enter")
    says(desk, "4 patients before them")
    keys(desk, "Alt+2")
    says(desk, "0 patients before them")
    keys(desk, "Enter")
    says(desk, "B001: 周杰 is registered")
    assert other.tickets.get().patient.name == "周杰"


def test_who_is_new_is_registered_from_the_card_and_what_matters_is_warned_of(desk, queue):
    """R3.6, R4.6"""
    desk.keyboard.type("110101199003070011|李四|男")
    keys(desk, "Enter")
    says(desk, "李四 is new.")
    keys(desk, "Enter")
    says(desk, "A004: 李四 is registered")
    began = timezone.localtime(timezone.now() - timedelta(minutes=90))
    other = factories.session(start=f"{began:%H:%M}", day=began, of=queue.department, prefix="B", state="running")
    late = factories.appointment(other, 0, who=factories.patient(name="周杰", phone="13700001111"))
    Suspension.objects.create(patient=late.patient, begins_at=began, until=began + timedelta(days=90))
    desk.reload()
    expect(desk.locator(".tab")).to_have_count(2, timeout=SOON)
    chosen = desk.locator(".tab", has_text=queue.expert.name_en)
    chosen.click()
    desk.keyboard.type("13700001111")
    keys(desk, "Enter")
    says(desk, "late. 0 patients before them")
    expect(desk.locator("#answer-box")).to_have_attribute("data-warn", "")
    warnings = desk.locator("#warnings li")
    for words in ("Suspended from booking until", "Another queue: booked with", "Late: stands in the own slot"):
        expect(warnings.filter(has_text=words)).to_have_count(1)
    keys(desk, "Enter")
    says(desk, "B001: 周杰 is checked in")
    keys(desk, "?")
    expect(desk.locator("#help")).to_be_visible()
    shown = set(desk.locator("#help kbd").all_text_contents())
    assert {f"Alt {key}" for key in "WXCRMBPTLHNOZ"} <= shown


def test_an_id_number_with_a_wrong_digit_is_said_in_a_sentence(desk, queue):
    keys(desk, "Alt+w")
    says(desk, "min. Enter registers.")
    desk.keyboard.type("Anna Keller")
    keys(desk, "Enter", "Enter")
    desk.keyboard.type("110101199003070012")
    keys(desk, "Enter", "Enter", "Enter")
    says(desk, "This is not a resident ID number")
    assert queue.tickets.count() == 3


def test_the_last_step_is_named_and_taken_back_by_a_key(desk, queue):
    desk.keyboard.type("13900001111")
    keys(desk, "Enter")
    says(desk, "Enter checks in")
    keys(desk, "Enter")
    says(desk, "is checked in")
    expect(desk.locator("[data-do=undo]")).to_contain_text("Undo: checked in A004", timeout=SOON)
    keys(desk, "Alt+z")
    says(desk, "Taken back: checked in A004")
    assert queue.tickets.get(number=4).state == "left"
    assert queue.appointments.filter(state="booked").count() == 1


def test_a_chosen_patient_gets_priority_with_a_reason_and_is_called(desk, queue):
    """R4.9, R4.10"""
    keys(desk, "ArrowDown", "ArrowDown", "ArrowDown", "Alt+p")
    says(desk, "Priority of A003")
    keys(desk, "Enter")
    desk.keyboard.type("aged 80")
    keys(desk, "Enter")
    says(desk, "The priority of A003 is changed.")
    expect(desk.locator("#line li").first).to_contain_text("priority", timeout=SOON)
    keys(desk, "Alt+c")
    says(desk, "A003 is called")
    assert queue.tickets.get(number=3).state == "called"
    assert QueueEvent.objects.get(session=queue, kind="priority").reason == "aged 80"


def test_what_the_state_does_not_allow_is_a_sentence(desk, queue):
    keys(desk, "ArrowDown", "Alt+m")
    says(desk, "A001 is “waiting”: this cannot be done now.")
    expect(desk.locator("#answer-box")).to_have_attribute("data-bad", "")
    assert not queue.events.filter(kind="miss").exists()


def test_nobody_found_is_said_and_the_field_keeps_what_was_typed(desk):
    desk.keyboard.type("Nobody")
    keys(desk, "Enter")
    says(desk, "Nobody of today was found for “Nobody”.")
    expect(desk.locator("#field")).to_have_value("Nobody")
    keys(desk, "Escape")
    expect(desk.locator("#field")).to_have_value("")


def test_several_matches_are_chosen_with_the_arrow_keys(desk, queue):
    factories.appointment(queue, slot_index=1, who=factories.patient(name="欧阳山"))
    desk.keyboard.type("欧阳")
    keys(desk, "Enter")
    says(desk, "2 matches")
    second = desk.locator("#found li").nth(1).locator("b").text_content()
    keys(desk, "ArrowDown", "Enter")
    says(desk, second)
    keys(desk, "Enter")
    says(desk, f"A004: {second} is checked in")


def test_another_queue_is_shown_by_its_key_and_the_walk_in_goes_there(desk, queue):
    began = timezone.localtime(queue.starts_at)
    other = factories.session(start=f"{began:%H:%M}", day=began, of=queue.department, prefix="B", state="running")
    desk.reload()
    expect(desk.locator(".tab")).to_have_count(2, timeout=SOON)
    keys(desk, "Alt+2")
    expect(desk.locator(".tab").nth(1)).to_have_attribute("aria-pressed", "true")
    keys(desk, "Alt+w")
    says(desk, "0 patients before them")
    desk.keyboard.type("Li")
    keys(desk, "Enter", "Enter", "Enter", "Enter", "Enter")
    says(desk, "B001: Li is registered")
    assert other.tickets.get().patient.name == "Li"


def test_the_queues_are_printed_by_one_key_and_what_happened_on_paper_is_entered_by_keys(desk, queue):
    """R4.1: the code for check-in by phone is beside the queue; R4.10, R6.3"""
    expect(desk.locator("#on-site b")).to_have_text(re.compile(r"^\d{4}$"))
    with desk.context.expect_page() as opened:
        keys(desk, "Alt+q")
    sheets = opened.value
    for words in ("A001", "张晓明", "A004", "欧阳晓雨"):
        expect(sheets.locator(".sheet")).to_contain_text(words, timeout=SOON)
    assert queue.events.filter(kind="printed").count() == 1
    desk.context.set_offline(True)
    desk.evaluate("() => { window.print = () => { document.body.dataset.printed = 'yes'; }; }")
    keys(desk, "Alt+q")  # the page that is open prints what it has
    expect(desk.locator("body")).to_have_attribute("data-printed", "yes", timeout=SOON)
    desk.context.set_offline(False)

    keys(desk, "Alt+i")
    expect(desk.locator("h1")).to_contain_text("Enter what happened on paper", timeout=SOON)
    desk.locator("[name=n1-name]").focus()
    times = [timezone.localtime(timezone.now() - timedelta(minutes=ago)) for ago in (4, 3, 2, 1)]
    for written in ("李四", *(f"{each:%H%M}" for each in times)):
        desk.keyboard.type(written)
        keys(desk, "Enter")
    keys(desk, "Control+Enter")
    expect(desk.locator(".said")).to_contain_text("steps are entered", timeout=SOON)
    seen = queue.tickets.get(patient__name="李四")
    assert (seen.state, f"{timezone.localtime(seen.ended_at):%H%M}") == ("done", f"{times[-1]:%H%M}")


def test_what_others_do_shows_on_the_desk_by_itself(desk, queue):
    """R6.1"""
    register_walk_in(session_id=queue.pk, patient_id=factories.patient(name="孙大海").pk)
    expect(desk.locator("#line li")).to_have_count(4, timeout=SOON)


def test_a_clerk_of_another_department_sees_none_of_it(queue, open_page):
    page = open_page(staff.user("clerk", factories.department()), "/admin/desk/")
    expect(page.locator("body")).to_contain_text("No session of your departments")
    page.keyboard.type("张晓明")
    keys(page, "Enter")
    says(page, "Nobody of today was found")
    answers = page.evaluate(f"fetch('/api/v1/queues/{queue.pk}/staff/').then(answer => answer.status)")
    assert answers == 403


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_on_the_desk(queue, open_page, scheme):
    page = open_page(staff.user("clerk", queue.department), "/admin/desk/", color_scheme=scheme)
    expect(page.locator("#line li")).to_have_count(3, timeout=SOON)
    keys(page, "ArrowDown")
    assert browsers.violations(page) == []
    keys(page, "Alt+w")
    says(page, "Enter registers.")
    assert browsers.violations(page) == []


# --- the expert's page


def test_space_calls_the_next_by_name_and_number(expert, queue, open_page):
    """R4.4"""
    expect(expert.locator("#next")).to_contain_text("A001 张*明")
    keys(expert, "Space")
    says(expert, "A001 is called.")
    expect(expert.locator(".now .number")).to_have_text("A001", timeout=SOON)
    expect(expert.locator("#next")).to_contain_text("A002", timeout=SOON)
    assert queue.tickets.get(number=1).state == "called"
    assert not open_page.complaints


def test_a_double_press_of_space_calls_one(expert, queue):
    keys(expert, "Space", "Space")
    says(expert, "A001 is called.")
    expect(expert.locator(".now .number")).to_have_text("A001", timeout=SOON)
    keys(expert, "r")  # whatever the second press sent has been answered once this one is
    says(expert, "A001 is called again.")
    assert list(queue.tickets.filter(called_no__gt=0).values_list("number", flat=True)) == [1]


def test_m_marks_missed_and_z_takes_it_back(expert, queue):
    """R4.8, R4.10"""
    keys(expert, "Space")
    expect(expert.locator(".now .number")).to_have_text("A001", timeout=SOON)
    keys(expert, "m")
    says(expert, "A001 missed the call.")
    expect(expert.locator("[data-do=undo]")).to_contain_text("Undo: missed the call A001", timeout=SOON)
    assert queue.tickets.get(number=1).state == "missed"
    keys(expert, "z")
    says(expert, "Taken back: missed the call A001")
    expect(expert.locator(".now .number")).to_have_text("A001", timeout=SOON)
    assert queue.tickets.get(number=1).state == "called"


def test_a_visit_begins_goes_for_a_test_and_comes_back_as_a_return_visit(expert, queue):
    """R4.9"""
    keys(expert, "Space")
    expect(expert.locator(".now .number")).to_have_text("A001", timeout=SOON)
    keys(expert, "s")
    expect(expert.locator(".now h2")).to_have_text("In service", timeout=SOON)
    keys(expert, "b")
    says(expert, "A001 went for a test")
    expect(expert.get_by_role("button", name="Is back")).to_contain_text("1")
    keys(expert, "1")
    says(expert, "A001 is back")
    expect(expert.locator(".line ol li", has_text="return visit")).to_have_count(1, timeout=SOON)
    assert Ticket.objects.get(session=queue, number=1).returned is not None
    call_ticket(ticket_id=queue.tickets.get(number=1).pk, room_id=queue.rooms.get().room_id)
    expect(expert.locator(".now .of")).to_contain_text("return visit", timeout=SOON)


def test_a_pause_has_a_reason_and_a_time_and_space_ends_it(expert, queue):
    """R4.10"""
    keys(expert, "p")
    expect(expert.locator("#pause-dialog")).to_be_visible()
    keys(expert, "Enter")
    expect(expert.locator("#next")).to_contain_text("Short break · Back at", timeout=SOON)
    seat = queue.rooms.get()
    assert seat.pause_reason == "short_break"
    assert timedelta(minutes=9) < seat.paused_until - timezone.now() <= timedelta(minutes=10)
    keys(expert, "Space")
    says(expert, "Calls go on.")
    assert queue.rooms.get().paused_at is None


def test_the_expert_moves_to_a_free_room(expert, queue):
    free = factories.room(queue.department, name_en="Room 9")
    expert.reload()
    expect(expert.locator(".line ol li")).to_have_count(3, timeout=SOON)
    keys(expert, "t", "Enter")
    says(expert, "Room 9")
    expect(expert.locator("h1")).to_contain_text("Room 9", timeout=SOON)
    assert queue.rooms.get().room == free


def test_keys_can_be_switched_off(expert, queue):
    """A key without Alt or Ctrl must not trap who types by voice."""
    expert.locator("#keys").focus()
    keys(expert, "Space")
    expert.locator("body").click(position={"x": 2, "y": 2})
    keys(expert, "Space", "p")
    expect(expert.locator("#pause-dialog")).to_be_hidden()
    assert not queue.tickets.filter(called_no__gt=0).exists()
    expert.locator("#next").focus()
    keys(expert, "Enter")
    says(expert, "A001 is called.")


def test_next_is_the_largest_and_in_view_on_a_small_phone_and_every_key_stands_on_its_button(queue, open_page):
    page = open_page(staff.user("manager"), f"/expert/?session={queue.pk}", "320")
    expect(page.locator(".line ol li")).to_have_count(3, timeout=SOON)
    keys(page, "Space")
    expect(page.locator(".now .of")).to_have_text(
        re.compile(r"^张\*明 booked for \d\d:\d\d · first visit$"), timeout=SOON
    )
    expect(page.locator(".morning")).to_contain_text("min so far, planned until")
    expect(page.locator(".morning")).to_contain_text("all here seen: about")
    expect(page.locator(".counts")).to_have_text("Seen 0 / 42 · waiting 2 · to come 1")
    sizes = {each: page.locator(each).bounding_box() for each in (".next", ".now", ".actions button:first-child")}
    areas = {each: box["width"] * box["height"] for each, box in sizes.items()}
    assert max(areas, key=areas.get) == ".next"
    assert sizes[".next"]["y"] + sizes[".next"]["height"] < 640
    shown = page.locator("main button:visible:not([data-do=next]) kbd").all_text_contents()
    assert set(shown) == set("RMSBFPZTA")


def test_the_page_fits_the_narrowest_phone(queue, open_page):
    staff.foretold(queue, *range(10))
    page = open_page(staff.user("clerk", queue.department), f"/expert/?session={queue.pk}", "320")
    expect(page.locator(".line ol li")).to_have_count(3, timeout=SOON)
    expect(page.locator(".foretold")).to_be_visible()
    assert browsers.wider_than_screen(page) == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_on_the_experts_page(queue, open_page, scheme):
    staff.foretold(queue, *range(10))
    page = open_page(staff.user("clerk", queue.department), f"/expert/?session={queue.pk}", "390", color_scheme=scheme)
    expect(page.locator(".line ol li")).to_have_count(3, timeout=SOON)
    assert browsers.violations(page) == []
    keys(page, "Space")
    expect(page.locator(".now .number")).to_have_text("A001", timeout=SOON)
    assert browsers.violations(page) == []
