"""Screens as devices: a code shown, typed once by a manager, and the secret that only that browser has."""

from datetime import timedelta
from functools import partial

import pytest
from django.contrib.admin.models import LogEntry
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from queueboard.errors import QueueError
from queueboard.models import Board, Device, Kiosk, ScreenCode
from queueboard.screens import cookie, pairing
from queueboard.tasks import forget_codes
from tests.booking.test_races import race
from tests.faces import staff
from tests.faces.scene import waiting_room

pytestmark = pytest.mark.django_db
ENGLISH = {"HTTP_ACCEPT_LANGUAGE": "en"}
ADD = "admin:queueboard_device_add"


@pytest.fixture
def hall(db) -> Board:
    """A board that is not public."""
    made = waiting_room(queues=1, patients=3).board
    made.public = False
    made.save()
    return made


@pytest.fixture
def manager(db) -> Client:
    made = Client()
    made.force_login(staff.user("manager"), backend=staff.BACKEND)
    return made


def code_on(screen: Client, address: str = "/board/hall/") -> str:
    return screen.get(address, **ENGLISH).context["waiting"].code


def typed(by: Client, code: str, board: Board, name: str = "3rd floor, left"):
    return by.post(reverse(ADD), {"code": code, "board": board.pk, "name": name}, **ENGLISH)


def connected(board: Board, name: str = "left") -> tuple[Client, Device]:
    """A screen that shows this board."""
    screen = Client()
    return screen, pairing.connect(code=code_on(screen), place=board, name=name, actor=None)


def test_a_screen_shows_a_code_and_the_board_once_a_manager_typed_it(client, hall, manager):
    shown = client.get("/board/hall/", **ENGLISH)
    html = shown.content.decode()
    assert "Give this code to the manager" in html
    assert "data-session" not in html
    code = shown.context["waiting"].code
    assert client.get("/screens/waiting/").json()["digits"] == code
    answer = typed(manager, f" {code[:3]} {code[3:]} ", hall)
    assert answer.status_code == 302
    assert client.get("/screens/waiting/").json() == {"shows": "/board/hall/"}
    assert "data-session" in client.get("/board/hall/", **ENGLISH).content.decode()
    device = Device.objects.get()
    assert (device.name, device.board, device.connected_by.groups.get().name) == ("3rd floor, left", hall, "manager")
    entry = LogEntry.objects.get()
    assert (entry.object_id, entry.user) == (str(device.pk), device.connected_by)


def test_a_screen_without_a_boards_name_is_sent_to_the_board_that_the_manager_chose(client, hall):
    code = code_on(client, "/board/")
    pairing.connect(code=code, place=hall, name="left", actor=None)
    assert client.get("/screens/waiting/").json() == {"shows": "/board/hall/"}
    assert client.get("/board/").headers["Location"] == "/board/hall/"


def test_the_secret_is_in_a_cookie_that_scripts_cannot_read_and_the_database_has_its_hash(client, hall):
    shown = client.get("/board/hall/")
    kept = shown.cookies[cookie.COOKIE]
    assert kept["httponly"]
    assert kept["samesite"] == "Lax"
    row = ScreenCode.objects.get()
    assert kept.value not in shown.content.decode() + row.secret_hash + row.code
    device = pairing.connect(code=row.code, place=hall, name="left", actor=None)
    assert device.secret_hash == cookie.hash_of(kept.value) == row.secret_hash
    assert kept.value not in client.get("/board/hall/").content.decode()


def test_only_the_browser_that_showed_the_code_gets_the_board(hall):
    screen, other = Client(), Client()
    code = code_on(screen)
    code_on(other)
    pairing.connect(code=code, place=hall, name="left", actor=None)
    assert "data-session" in screen.get("/board/hall/").content.decode()
    assert "data-session" not in other.get("/board/hall/").content.decode()


def test_a_screen_that_asks_while_it_is_being_connected_keeps_its_secret(client, hall):
    code = code_on(client)
    secret = client.cookies[cookie.COOKIE].value
    asked = []

    def typed_meanwhile(execute, sql, *rest):
        answer = execute(sql, *rest)
        if 'FROM "queueboard_device"' in sql and not asked:
            asked.append(sql)
            pairing.connect(code=code, place=hall, name="left", actor=None)
        return answer

    with connection.execute_wrapper(typed_meanwhile):
        answer = client.get("/screens/waiting/").json()
    assert asked
    assert client.cookies[cookie.COOKIE].value == secret
    assert client.get("/screens/waiting/").json() == {"shows": "/board/hall/"}
    with pytest.raises(QueueError) as refused:
        pairing.connect(code=answer["digits"], place=hall, name="again", actor=None)
    assert refused.value.code == "unknown_code"


def test_a_code_is_used_once(hall):
    code = code_on(Client())
    pairing.connect(code=code, place=hall, name="left", actor=None)
    with pytest.raises(QueueError) as refused:
        pairing.connect(code=code, place=hall, name="right", actor=None)
    assert refused.value.code == "unknown_code"
    assert Device.objects.count() == 1


def test_a_code_is_the_same_for_ten_minutes_and_then_another_one(client, hall):
    first = code_on(client)
    assert code_on(client) == first
    ScreenCode.objects.update(expires_at=timezone.now())
    assert code_on(client) != first
    with pytest.raises(QueueError):
        pairing.connect(code=first, place=hall, name="left", actor=None)


def test_codes_that_are_over_are_deleted(client, hall):
    code_on(client)
    assert forget_codes() == 0
    ScreenCode.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert forget_codes() == 1
    assert not ScreenCode.objects.exists()


def test_an_address_cannot_fill_the_table(hall):
    for _ in range(pairing.WAITING_PER_ADDRESS):
        code_on(Client())
    refused = Client().get("/board/hall/", **ENGLISH)
    assert refused.status_code == 200
    assert "Too many screens wait" in refused.content.decode()
    assert Client().get("/screens/waiting/").status_code == 429
    assert ScreenCode.objects.count() == pairing.WAITING_PER_ADDRESS
    elsewhere = Client(REMOTE_ADDR="10.9.9.9")
    assert code_on(elsewhere)


def test_one_digit_mistyped_is_never_the_code_of_another_screen(hall):
    codes = {code_on(Client()) for _ in range(pairing.WAITING_PER_ADDRESS)}
    for code in codes:
        for place in range(6):
            for digit in "0123456789":
                wrong = code[:place] + digit + code[place + 1 :]
                assert wrong == code or wrong not in codes


@pytest.mark.parametrize("wrong", ["000001", "12", "", "abcdef", "９９９９９９", "1234567"])
def test_a_wrong_code_connects_nothing_and_is_told(hall, manager, wrong):
    code_on(Client())
    answer = typed(manager, wrong, hall)
    assert answer.status_code == 200
    assert not Device.objects.exists()
    assert ScreenCode.objects.count() == 1
    if wrong:
        assert "No screen shows this code" in answer.content.decode()


def test_the_page_of_a_board_or_kiosk_leads_to_connecting_a_screen_to_it(hall, manager):
    for place in (hall, Kiosk.objects.create(slug="entrance", title="入口")):
        kind = place._meta.model_name
        address = manager.get(reverse(f"admin:queueboard_{kind}_connect_screen", args=[place.pk])).headers["Location"]
        form = manager.get(address).context["form"]
        assert str(form[kind].value()) == str(place.pk)


def test_only_a_manager_connects(hall):
    code = code_on(Client())
    for role in ("clerk", "expert", "board"):
        someone = Client()
        someone.force_login(staff.user(role), backend=staff.BACKEND)
        assert typed(someone, code, hall).status_code in (302, 403)
    assert typed(Client(), code, hall).status_code == 302  # to the login
    assert not Device.objects.exists()


def test_a_screen_that_is_disconnected_shows_a_new_code_and_the_others_stay(hall, manager):
    (left, device), (right, _other) = connected(hall), connected(hall, "right")
    old = left.cookies[cookie.COOKIE].value
    address = reverse("admin:queueboard_device_disconnect", args=[device.pk])
    assert manager.get(address).status_code == 200
    device.refresh_from_db()
    assert device.revoked_at is None  # a link alone changes nothing
    manager.post(address)
    manager.post(address)
    device.refresh_from_db()
    assert device.revoked_at is not None
    assert LogEntry.objects.count() == 1  # the second press did nothing
    assert code_on(left)
    assert left.cookies[cookie.COOKIE].value != old
    assert "data-session" in right.get("/board/hall/").content.decode()
    again = pairing.connect(code=code_on(left), place=hall, name="left again", actor=None)
    assert again.pk != device.pk
    assert "data-session" in left.get("/board/hall/").content.decode()


def test_a_screen_that_is_sent_elsewhere_goes_there(hall, manager):
    screen, device = connected(hall)
    other = Board.objects.create(slug="other", title="另一块")
    manager.post(
        reverse("admin:queueboard_device_change", args=[device.pk]), {"name": "4th floor", "board": other.pk}
    )  # fmt: skip
    assert screen.get("/board/hall/").headers["Location"] == "/board/other/"
    assert say_here(screen, page="/board/hall/").json()["shows"] == "/board/other/"
    device.refresh_from_db()
    assert device.name == "4th floor"


def test_a_machine_that_is_sent_elsewhere_goes_there_from_a_public_kiosk_too(hall):
    """As after a restart: its browser is started with the old address."""
    first, second = (Kiosk.objects.create(slug=slug, title=slug, public=True) for slug in ("first", "second"))
    screen = Client()
    device = pairing.connect(code=code_on(screen, "/board/"), place=first, name="left", actor=None)
    assert "data-connected" in screen.get("/kiosk/first/").content.decode()
    Device.objects.filter(pk=device.pk).update(kiosk=second)
    assert screen.get("/kiosk/first/").headers["Location"] == "/kiosk/second/"
    assert screen.post("/kiosk/first/", {"do": "start"}).headers["Location"] == "/kiosk/second/"
    Device.objects.filter(pk=device.pk).update(kiosk=None, board=hall)
    assert screen.get("/kiosk/second/").headers["Location"] == "/board/hall/"
    assert Client().get("/kiosk/first/").status_code == 200  # a public one is everybody's else
    staff_at_it = Client()
    staff_at_it.force_login(staff.user("manager"), backend=staff.BACKEND)
    staff_at_it.cookies[cookie.COOKIE] = screen.cookies[cookie.COOKIE].value
    assert staff_at_it.get("/kiosk/first/").status_code == 200


def test_a_machine_that_is_sent_to_another_kiosk_keeps_its_connection(hall):
    """Whatever of the old address is asked for before it has heard of that."""
    first, second = (Kiosk.objects.create(slug=slug, title=slug) for slug in ("first", "second"))
    screen = Client()
    device = pairing.connect(code=code_on(screen, "/kiosk/first/"), place=first, name="left", actor=None)
    assert "data-connected" in screen.get("/kiosk/first/").content.decode()
    secret = screen.cookies[cookie.COOKIE].value
    for place in ({"kiosk": second}, {"kiosk": None, "board": hall}):
        Device.objects.filter(pk=device.pk).update(**place)
        device.refresh_from_db()
        assert screen.get("/kiosk/first/").headers["Location"] == device.address
        assert screen.post("/kiosk/first/", {"do": "check_in"}).headers["Location"] == device.address
        assert screen.cookies[cookie.COOKIE].value == secret


def test_a_public_kiosk_that_is_a_screen_says_so_and_is_seen(client):
    """So that a manager sees whether it is on."""
    public = Kiosk.objects.create(slug="hall", title="大厅", public=True)
    assert "data-connected" not in client.get("/kiosk/hall/").content.decode()
    device = pairing.connect(code=code_on(client, "/board/"), place=public, name="left", actor=None)
    assert "data-connected" in client.get("/kiosk/hall/").content.decode()
    say_here(client, page="/kiosk/hall/")
    device.refresh_from_db()
    assert device.seen_at is not None


def test_the_cookie_of_one_board_does_not_open_another(hall):
    screen, _device = connected(hall)
    Board.objects.create(slug="other", title="另一块")
    assert screen.get("/board/other/").headers["Location"] == "/board/hall/"


def test_a_made_up_cookie_opens_nothing(client, hall):
    _screen, device = connected(hall)
    for made_up in (device.secret_hash, "", "x" * 43, str(device.pk)):
        client.cookies[cookie.COOKIE] = made_up
        assert "data-session" not in client.get("/board/hall/").content.decode()


def test_an_unknown_board_and_one_that_is_not_public_look_alike(hall):
    answers = [Client().get(f"/board/{slug}/", **ENGLISH) for slug in ("hall", "none")]
    pages = [each.content.decode().replace(each.context["waiting"].code, "") for each in answers]
    assert pages[0] == pages[1]
    assert answers[0].status_code == answers[1].status_code == 200
    assert set(answers[0].headers) == set(answers[1].headers)


def test_staff_who_may_view_boards_need_no_code(hall):
    watcher = Client()
    watcher.force_login(staff.user("board"), backend=staff.BACKEND)
    assert "data-session" in watcher.get("/board/hall/").content.decode()
    assert "data-session" not in _as("expert").get("/board/hall/").content.decode()


def _as(role: str) -> Client:
    made = Client()
    made.force_login(staff.user(role), backend=staff.BACKEND)
    return made


def test_a_public_board_needs_no_code_and_may_have_screens_too(client, hall):
    Board.objects.update(public=True)
    assert "data-session" in client.get("/board/hall/").content.decode()
    device = pairing.connect(code=code_on(client, "/board/"), place=hall, name="left", actor=None)
    assert "data-connected" in client.get("/board/hall/").content.decode()
    say_here(client)
    device.refresh_from_db()
    assert device.seen_at is not None


# --- what a screen says of itself


def say_here(screen: Client, **said):
    usual = {"page": "/board/hall/", "version": "0123456789ab", "width": 1920, "height": 1080}
    return screen.post("/screens/here/", usual | said, content_type="application/json")


def test_the_list_says_when_a_screen_was_last_seen_its_version_and_size(hall, manager):
    screen, device = connected(hall)
    html = manager.get(reverse("admin:queueboard_device_changelist"), **ENGLISH).content.decode()
    assert "not seen" not in html
    assert say_here(screen).json()["shows"] == "/board/hall/"
    html = manager.get(reverse("admin:queueboard_device_changelist"), **ENGLISH).content.decode()
    assert "1920 × 1080" in html
    assert "0123456789ab, older" in html
    assert "not seen" not in html
    Device.objects.update(seen_at=timezone.now() - timedelta(minutes=4))
    html = manager.get(reverse("admin:queueboard_device_changelist"), **ENGLISH).content.decode()
    assert "not seen for 4 minutes" in html
    device.refresh_from_db()
    assert device.silent(timezone.now())


def test_a_screen_learns_the_version_that_is_served(client, hall):
    version = client.get("/board/hall/").content.decode().count("data-version")
    assert version == 0  # a code has none
    screen, _device = connected(hall)
    served = say_here(screen).json()["version"]
    assert f'data-version="{served}"' in screen.get("/board/hall/").content.decode()


@pytest.mark.parametrize(
    "said", [{"width": 0}, {"height": "tall"}, {"width": True}, {"version": "<b>"}, {"version": "0" * 17}]
)
def test_what_no_screen_says_is_refused(hall, said):
    screen, device = connected(hall)
    assert say_here(screen, **said).status_code == 400
    assert screen.post("/screens/here/", "[", content_type="application/json").status_code == 400
    assert screen.post("/screens/here/", "x" * 2000, content_type="application/json").status_code == 400
    device.refresh_from_db()
    assert device.seen_at is None


def test_a_stranger_notes_nothing(client, hall):
    connected(hall)
    assert say_here(client).json()["shows"] is None
    assert Device.objects.get().seen_at is None


def test_a_device_without_a_place_is_refused_by_the_database(hall):
    with pytest.raises(IntegrityError, match="device_has_a_place"), transaction.atomic():
        Device.objects.create(name="x", secret_hash="0" * 64, connected_at=timezone.now())


# --- races


def _connect(**asked) -> str:
    return pairing.connect(actor=None, **asked).name


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_of_two_managers_who_type_one_code_one_connects_the_screen():
    hall = waiting_room(queues=1, patients=3).board
    for _ in range(10):
        code = code_on(Client(), "/board/")
        outcomes = race([partial(_connect, code=code, place=hall, name=str(n)) for n in range(4)])
        assert sorted(outcomes, key=len)[1:] == ["unknown_code"] * 3
    assert Device.objects.count() == 10


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_a_screen_that_asks_twice_in_one_moment_has_one_code():
    for _ in range(10):
        secret = cookie.new_secret()
        codes = race([partial(pairing.code_for, secret=secret, address="10.0.0.1")] * 4)
        assert len({each.code for each in codes}) == 1
    assert ScreenCode.objects.count() == 10
