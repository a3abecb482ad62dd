"""How a board looks: its language, its colours, and the preview that a manager sees before saving."""

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from booking.models import Session
from queueboard.colours import contrast, readable_under_white
from queueboard.live import truth
from queueboard.models import Board, Device
from queueboard.templatetags.faces import digits_apart
from queueboard.views import board_face
from tests.faces import staff
from tests.faces.scene import waiting_room

pytestmark = pytest.mark.django_db
ENGLISH = {"HTTP_ACCEPT_LANGUAGE": "en"}


@pytest.fixture
def hall(db) -> Board:
    return waiting_room(queues=2, patients=4).board


@pytest.fixture
def manager(db) -> Client:
    made = Client()
    made.force_login(staff.user("manager"), backend=staff.BACKEND)
    return made


def shown(client: Client, address: str = "/board/hall/", **query: object) -> str:
    return client.get(address, query, **ENGLISH).content.decode()


# --- language


def test_a_board_speaks_its_own_language_whatever_the_television_asks_for(client, hall):
    Board.objects.update(language="zh-hant")
    html = shown(client)
    assert 'lang="zh-Hant"' in html
    assert "診室" in html
    assert "Now calling" in html  # the second language, beneath


def test_an_address_with_a_language_goes_before_the_boards(client, hall):
    Board.objects.update(language="zh-hant")
    assert 'html lang="en"' in shown(client, lang="en")


def test_without_a_second_language_nothing_is_said_twice(client, hall):
    Board.objects.update(language="zh-hans", second_language="")
    html = shown(client)
    assert "正在叫号" in html
    assert "Now calling" not in html
    assert "Neurology, 3rd floor" not in html.partition("<main")[0]


# --- colours


@pytest.mark.pure
def test_contrast_is_that_of_the_guideline():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.005)  # the grey that just fails
    assert contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.005)  # and the one that just passes


@pytest.mark.parametrize("colour", ["#777777", "#ffc145", "green", "#0a6b6", "#0a6b62;", "#０a6b62"])
def test_a_colour_on_which_white_cannot_be_read_is_refused(colour):
    with pytest.raises(ValidationError):
        readable_under_white(colour)


def test_the_refusal_says_what_is_wrong_and_what_helps(manager, hall):
    address = reverse("admin:queueboard_board_change", args=[hall.pk])
    given = {
        "slug": "hall",
        "title": "一",
        "departments": hall.departments.values_list("pk", flat=True),
        "sound": "off",
    }
    given |= {"look": "light", "layout": "full", "accent": "#ffc145"}
    html = manager.post(address, given, **ENGLISH).content.decode()
    assert "White words on this colour are hard to read: their contrast is 1.6, and 4.5 is the least." in html
    hall.refresh_from_db()
    assert (hall.accent, hall.look) == ("", "dark")
    assert manager.post(address, given | {"accent": "#9b1c2e"}, **ENGLISH).status_code == 302
    hall.refresh_from_db()
    assert (hall.accent, hall.look) == ("#9b1c2e", "light")


def test_the_hospitals_colour_is_on_the_board_and_high_contrast_has_its_own(client, hall):
    Board.objects.update(accent="#9b1c2e")
    assert "--band: #9b1c2e" in shown(client)
    Board.objects.update(look="contrast")
    assert "--band" not in shown(client)


@pytest.mark.parametrize("field", ["look", "layout"])
def test_the_database_knows_the_looks(hall, field):
    with pytest.raises(IntegrityError), transaction.atomic():
        Board.objects.update(**{field: "loud"})


@pytest.mark.parametrize(
    "changed", [{"look": "light"}, {"layout": "large"}, {"accent": "#9b1c2e"}, {"language": "en"}, {"sound": "off"}]
)
def test_a_screen_takes_over_a_changed_look(hall, changed):
    """What differs here makes the sockets of the board's screens load it anew."""
    before = truth.read_board("hall").identity
    Board.objects.update(**changed)
    assert truth.read_board("hall").identity != before


# --- preview


def test_a_preview_is_the_board_with_the_values_given_and_saves_nothing(manager, hall):
    address = reverse("board_preview", args=["hall"])
    html = shown(manager, address, look="light", accent="#9b1c2e", language="en", second_language="", layout="large")
    assert 'data-look="light"' in html
    assert 'data-layout="large"' in html
    assert "--band: #9b1c2e" in html
    assert 'html lang="en"' in html
    assert 'data-sound="off"' in html
    hall.refresh_from_db()
    assert (hall.look, hall.accent, hall.layout, hall.language) == ("dark", "", "full", "")
    assert 'data-look="dark"' in shown(manager, address)


def test_a_new_board_has_a_preview_with_what_is_chosen_so_far(manager, hall):
    address = reverse("new_board_preview")
    assert 'data-address="/boards/preview/"' in shown(manager, reverse("admin:queueboard_board_add"))
    assert "data-session" not in shown(manager, address).partition("<template")[0]
    first, second = hall.departments.order_by("pk")
    chosen = {"departments": first.pk, "title": "三楼", "look": "light", "layout": "large", "language": "zh-hans"}
    html = shown(manager, address, **chosen)
    assert ("三楼" in html, 'data-look="light"' in html, 'data-layout="large"' in html) == (True, True, True)
    assert html.count("<tr data-session") == 1 + 1  # and the template of the rows to come
    both = shown(manager, address, departments=[first.pk, second.pk])
    assert both.count("<tr data-session") == 2 + 1
    room = Session.objects.get(department=second).rooms.get().room_id
    assert shown(manager, address, departments=[first.pk, second.pk], rooms=room).count("<tr data-session") == 1 + 1
    assert "hard to read" in shown(manager, address, accent="#ffc145")
    assert Board.objects.count() == 1


def test_a_preview_says_what_is_wrong_with_a_colour(manager, hall):
    assert "hard to read" in shown(manager, reverse("board_preview", args=["hall"]), accent="#ffc145")


def test_only_the_preview_may_stand_in_a_frame_and_only_in_one_of_ours(manager, hall):
    framed = manager.get(reverse("board_preview", args=["hall"]))
    assert framed["X-Frame-Options"] == "SAMEORIGIN"
    assert "frame-ancestors 'self'" in framed["Content-Security-Policy"]
    board = manager.get("/board/hall/")
    assert board["X-Frame-Options"] == "DENY"
    assert "frame-ancestors 'none'" in board["Content-Security-Policy"]


@pytest.mark.parametrize("role", ["", "clerk", "expert"])
def test_who_may_not_manage_boards_sees_no_preview(hall, role):
    someone = Client()
    if role:
        someone.force_login(staff.user(role), backend=staff.BACKEND)
    for address in (reverse("board_preview", args=["hall"]), reverse("new_board_preview")):
        answer = someone.get(address, {"departments": hall.departments.values_list("pk", flat=True)})
        assert answer.status_code == 403
        assert "data-session" not in answer.content.decode()


def test_a_preview_is_no_screen(manager, hall):
    answer = manager.get(reverse("board_preview", args=["hall"]))
    assert "data-connected" not in answer.content.decode()
    assert "screen" not in answer.cookies
    assert not Device.objects.exists()


# --- many queues in larger type


@pytest.mark.pure
@pytest.mark.parametrize(("count", "pages"), [(0, [0]), (1, [1]), (6, [6]), (7, [4, 3]), (12, [6, 6]), (13, [5, 5, 3])])
def test_more_than_six_queues_in_larger_type_take_turns_and_none_is_left_out(count, pages):
    now = timezone.now()
    shown = []
    for n in range(len(pages)):
        turn = board_face.turn(count, "large", now + n * board_face.TURN)
        shown.append((turn.page, [index for index in range(count) if not turn.away(index)]))
    assert [len(each) for _page, each in sorted(shown)] == pages
    assert sorted(index for _page, each in shown for index in each) == list(range(count))


@pytest.mark.pure
def test_with_names_all_queues_stand_on_the_screen_at_once():
    turn = board_face.turn(12, "full", timezone.now())
    assert (turn.words, [turn.away(index) for index in range(12)]) == ("", [False] * 12)


@pytest.mark.pure
def test_digits_of_a_room_stand_apart_and_nothing_else_of_its_name_is_changed():
    assert digits_apart("302 诊室") == "<b>302</b> 诊室"
    assert digits_apart("Room <3B>") == "Room &lt;<b>3</b>B&gt;"
    assert digits_apart("内镜室") == "内镜室"
