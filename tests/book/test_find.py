"""Finding an expert: by department, name, pinyin and day, the soonest free first, in few queries (R3.1)."""

import re
from datetime import timedelta

import pytest
from django.utils import timezone

from booking import search
from booking.models import Expert, Session
from tests import factories
from tests.book.conftest import ahead
from tests.booking.clinic import every, past

pytestmark = pytest.mark.django_db
FULL = ((0, 3),)


def names(client, query: str = "") -> list[str]:
    """Of who is listed, in their order."""
    context = client.get(f"/book/{query}", headers={"accept-language": "en"}).context
    return [offer.names["zh-hans"] for offer in context["offers"]]


def with_name(name: str, of=None, **fields) -> Expert:
    session = ahead(of=of or factories.department(), **fields)
    who = session.expert
    who.name = name
    who.save()
    return who


@pytest.mark.parametrize("typed", ["陈雅", "雅文", "chen yawen", "ChenYaWen", "yawen", "cyw", "yw", "文"])
def test_an_expert_is_found_by_characters_by_pinyin_and_by_its_initials(client, typed):
    with_name("陈雅文")
    with_name("李国栋")
    assert names(client, f"?q={typed}") == ["陈雅文"]


@pytest.mark.parametrize(
    ("name", "typed"),
    [("单雄信", "shan"), ("吕布", "lvbu"), ("吕布", "lyubu"), ("吕布", "lü"), ("曾国藩", "zengguofan")],
)
def test_a_surname_is_found_in_every_way_that_it_is_read(client, name, typed):
    with_name(name)
    assert names(client, f"?q={typed}") == [name]


@pytest.mark.parametrize("typed", ["Smith", "jane smith", "smith jane", "dr jane"])
def test_an_english_name_is_found_in_any_order(client, typed):
    who = with_name("王小明")
    who.name_en = "Dr. Jane Smith"
    who.save()
    assert names(client, f"?q={typed}") == ["王小明"]


def test_what_is_found_follows_a_change_of_the_name_and_of_the_department(client):
    who = with_name("陈雅文", of=factories.department(name="神经内科"))
    who.name = "李国栋"
    who.save(update_fields=["name"])
    assert names(client, "?q=陈雅文") == []
    assert names(client, "?q=lgd") == ["李国栋"]
    assert names(client, "?q=sjnk") == ["李国栋"]


def test_what_nobody_is_called_says_what_else_to_try(client):
    with_name("陈雅文")
    for typed in ("xyz", "!!!", "%25", " ", "a%00b", "%ff%fe", "x" * 9000):
        answer = client.get(f"/book/?q={typed}", headers={"accept-language": "en"})
        assert answer.status_code == 200
    assert "Try part of the name" in client.get("/book/?q=xyz", headers={"accept-language": "en"}).content.decode()


def test_the_soonest_free_comes_first_then_who_is_released_later_then_who_is_full(client):
    full = with_name("满", days=1, split=FULL)
    later = with_name("后", days=2, released_at=timezone.now() + timedelta(hours=5))
    third, first = with_name("三", days=3), with_name("一", days=1)
    assert names(client) == [each.name for each in (first, third, later, full)]


def test_a_row_says_the_next_free_day_and_how_many_are_left_or_when_numbers_appear(client):
    """R3.1: at a set time for all at once."""
    of, appear = factories.department(), timezone.localtime() + timedelta(hours=5)
    who = with_name("一", of=of, days=1, split=FULL)
    for days in (2, 3):
        Session.objects.filter(pk=ahead(days, of=of, split=((2, 1), (3, 0))).pk).update(expert=who)
    with_name("后", of=of, days=9, released_at=appear)
    html = client.get("/book/", headers={"accept-language": "en"}).content.decode()
    day = timezone.localdate() + timedelta(days=2)
    assert f"{day:%a}, {day:%B} {day.day}" in html
    assert "5 numbers left" in html
    assert f"Numbers appear on {appear:%B} {appear.day} at {appear:%H:%M}" in html


def test_the_list_is_narrowed_down_by_department_and_day_together(client):
    heart, head = factories.department(), factories.department()
    both, other_day, other = with_name("甲", of=heart), with_name("乙", of=heart, days=2), with_name("丙", of=head)
    assert names(client, f"?department={heart.slug}") == [both.name, other_day.name]
    tomorrow = timezone.localdate() + timedelta(days=1)
    assert set(names(client, f"?day={tomorrow}")) == {both.name, other.name}
    assert names(client, f"?department={heart.slug}&day={tomorrow}") == [both.name]


def test_only_who_can_be_booked_is_listed_and_by_name_also_who_has_no_session(client):
    gone, past = with_name("走"), with_name("过")
    Expert.objects.filter(pk=gone.pk).update(active=False)
    Session.objects.filter(expert=past).update(registration_opens_at=timezone.now())
    assert names(client) == []
    assert names(client, "?q=zou") == []
    assert names(client, "?q=guo") == [past.name]


def test_a_pooled_clinic_is_one_row_with_its_title_and_leads_to_its_days(client):
    of = factories.department()
    days = [ahead(days, of=of, expert=None, title="普通门诊", title_en="General Clinic") for days in (1, 2)]
    assert names(client) == ["普通门诊"]
    assert names(client, "?q=普通") == ["普通门诊"]
    html = client.get(f"/book/session/{days[0].pk}/").content.decode()
    for session in days:
        assert f"/book/slot/{session.slots.get(index=0).pk}/" in html


def test_a_page_of_many_leads_to_the_next_and_nobody_is_lost_or_shown_twice(client):
    of = factories.department()
    for _ in range(23):
        ahead(of=of, split=((1, 0),))
    seen = names(client) + names(client, "?page=2")
    assert len(seen) == len(set(seen)) == 23
    assert client.get("/book/?page=0").status_code == 404
    assert client.get("/book/?day=yesterday%00&department=no-such%00").status_code == 200


@pytest.mark.parametrize("experts", [1, 30])
def test_the_list_costs_as_many_queries_for_one_expert_as_for_many(
    client, experts, django_assert_max_num_queries
):  # fmt: skip
    of = factories.department()
    for _ in range(experts):
        ahead(of=of, split=((1, 0),))
    for query in ("", f"?department={of.slug}", "?q=zhuanjia"):
        with django_assert_max_num_queries(6):
            assert client.get(f"/book/{query}").status_code == 200


@pytest.mark.parametrize("days", [1, 14])
def test_an_experts_days_cost_as_many_queries_for_one_session_as_for_many(
    client, days, django_assert_max_num_queries
):  # fmt: skip
    of = factories.department()
    first = ahead(of=of)
    for day in range(2, days + 1):
        Session.objects.filter(pk=ahead(day, of=of).pk).update(expert=first.expert)
    client.get(f"/book/{first.expert.code}/")  # what is known of the expert is read once and kept for a while
    with django_assert_max_num_queries(4):
        assert client.get(f"/book/{first.expert.code}/").status_code == 200


def test_the_days_of_an_expert_say_what_is_left_what_is_full_and_what_is_not_released(client):
    of = factories.department(prepayment=2050)
    session = ahead(of=of, split=((2, 1), (0, 3)))
    who = session.expert
    appear = timezone.localtime() + timedelta(days=1)
    later, full = ahead(8, of=of, released_at=appear), ahead(2, of=of, split=FULL)
    Session.objects.filter(pk__in=[later.pk, full.pk]).update(expert=who)
    html = client.get(f"/book/{who.code}/", headers={"accept-language": "en"}).content.decode()
    free, taken = session.slots.get(index=0), session.slots.get(index=1)
    assert f"/book/slot/{free.pk}/" in html
    assert f"/book/slot/{taken.pk}/" not in html
    for words in ("2 left", "Taken;", "¥20.50", "No estimate of the wait yet", "The next numbers appear on"):
        assert words in html, words
    assert client.get("/book/nobody/").status_code == 404
    assert client.get("/book/session/0/").status_code == 404


def test_the_wait_to_expect_stands_beside_a_slot_once_something_is_known(client):
    """R5.2: of an expert with a past of 12 minutes a visit, six people in an hour wait no longer than the hour."""
    session = ahead(split=((3, 3), (3, 3)))
    for weeks in (1, 2, 3):
        day = timezone.localtime(session.starts_at) - timedelta(weeks=weeks)
        past(session.expert, day, *every(12, 720, count=10))
    html = client.get(f"/book/{session.expert.code}/", headers={"accept-language": "en"}).content.decode()
    told = [tuple(map(int, each)) for each in re.findall(r"wait (\d+)–(\d+) min", html)]
    assert len(told) == 2
    for first, last in told:
        assert 0 < first < last <= 75
        assert first % 5 == last % 5 == 0
    assert "nine of ten wait no longer" in html


def test_what_is_left_is_asked_for_again_each_time_and_no_session_is_begun(client):
    ahead()
    answer = client.get("/book/")
    assert {"no-cache", "private"} <= set(answer.headers["Cache-Control"].split(", "))
    assert "sessionid" not in answer.cookies


def test_keys_are_bounded_for_the_longest_name():
    assert len(search.keys(["单" * 60])) < 40_000
