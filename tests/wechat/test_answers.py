"""What is answered: one's own place with the words of the phone page, and of others what a board shows (R5.4, R6.2)."""

import re
from datetime import timedelta

import pytest
from django.utils import timezone

from booking.models import Account, Appointment, Ballot, BallotEntry, FreedNumber, Member, WaitlistEntry
from queueboard.notify.models import Address
from queueboard.services.arrivals import register_walk_in
from queueboard.services.calls import call_next, miss, start
from queueboard.services.lifecycle import stop_early
from queueboard.services.returns import send_for_test
from tests import factories

pytestmark = pytest.mark.django_db
SITE = "https://queue.example.org"
NAME, PHONE = "张晓明", "13912345678"


def walk_in(session, name=NAME, phone=PHONE):
    return register_walk_in(session_id=session.pk, patient_id=factories.patient(name, phone=phone).pk)


def bound(**owner):
    """The patient's address, as a scan or a phone code leaves it."""
    return Address.objects.create(way="wechat", value="oPatient", made_at=timezone.now(), **owner)


def call(session):
    return call_next(session_id=session.pk, room_id=session.rooms.get().room_id)


# --- one's own --------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("language", "before", "around"),
    [("English", "A003 · 2 patients wait before you", "about"), ("简体中文", "A003 · 您前面有 2 位患者", "预计"),
     ("繁體中文", "A003 · 您前面有 2 位患者", "預計")],
)  # fmt: skip
def test_the_answer_has_the_words_of_the_phone_page_in_ones_language(patient, session, language, before, around):
    mine = [walk_in(session, phone=f"1370000000{n}") for n in range(3)][-1]
    bound(token=mine.token)
    patient.writes(language)
    answer = patient.writes("排队")
    page = patient.client.get(f"/t/{mine.token}/?lang={Address.objects.get().language}").content.decode()
    lines = answer.split("\n")
    assert before in answer
    for words in (lines[1].removeprefix("A003 · "), lines[3]):  # how many before, and what to do now
        assert words in page
    assert re.search(r"\d\d:\d\d – \d\d:\d\d", lines[2])
    assert around in answer
    assert f"{SITE}/t/{mine.token}/" in lines


def test_each_state_of_ones_ticket_is_told(patient, session):
    mine = walk_in(session)
    bound(token=mine.token)
    seat = session.rooms.get()
    assert "下一位就是您" in patient.writes("排队")
    call(session)
    assert f"请到 {seat.room.name}" in patient.writes("排队")
    start(ticket_id=mine.pk)
    assert "正在就诊" in patient.writes("排队")
    send_for_test(ticket_id=mine.pk)
    assert "检查" in patient.writes("排队")
    other = walk_in(session, phone="13700000000")
    bound(token=other.token)
    call(session)
    miss(ticket_id=other.pk)
    assert "请到分诊台" in patient.writes("排队")
    stop_early(session_id=session.pk, reason="ill")
    assert patient.writes("排队")


def test_a_booking_is_told_with_its_day_and_when_to_come(patient, session):
    booked = factories.appointment(session, slot_index=2)
    bound(token=booked.token)
    answer = patient.writes("排队")
    assert "建议到达时间" in answer
    assert "现在报到，前面有 0 位" in answer  # the place one would have now (R5.1)
    assert f"{SITE}/t/{booked.token}/" in answer


def test_who_has_told_how_long_the_way_takes_reads_when_to_set_out(patient, session):
    booked = factories.appointment(session, slot_index=3, way_minutes=30)
    bound(token=booked.token)
    assert "出发" in patient.writes("排队")


def test_a_held_a_called_off_and_a_lapsed_booking(patient, session):
    booked = factories.appointment(session, slot_index=2)
    bound(token=booked.token)
    made = Appointment.objects.filter(pk=booked.pk)
    made.update(state="held", held_until=timezone.now() + timedelta(minutes=10))
    assert "保留到" in patient.writes("排队")
    made.update(held_until=timezone.now())
    assert "没有排队号" in patient.writes("排队")
    made.update(state="called_off", held_until=None)
    assert "停诊" in patient.writes("排队")


def test_who_books_for_a_family_reads_whose_is_which_masked_as_on_a_board(patient, session):
    account = Account.objects.create(phone=PHONE, made_at=timezone.now())
    bound(account=account)
    for name in ("张晓明", "李小红"):
        Appointment.objects.filter(pk=factories.appointment(session, who=factories.patient(name, phone="")).pk).update(
            account=account
        )
    answer = patient.writes("排队")
    assert "张*明" in answer
    assert "李*红" in answer
    assert "张晓明" not in answer


def test_who_adds_somebody_to_a_family_is_told_nothing_of_what_others_booked_for_them(patient, session):
    """Whoever has read an ID card can add its owner."""
    theirs = walk_in(session, phone="13700000000")
    account = Account.objects.create(phone=PHONE, made_at=timezone.now())
    Member.objects.create(account=account, patient=theirs.patient, made_at=timezone.now())
    bound(account=account)
    assert "没有排队号" in patient.writes("排队")


def test_a_number_that_is_offered_comes_first_with_until_when_and_where_it_is_taken(patient, session):
    """R3.4: it is kept for a few minutes. Who waits for one, or asked in a draw, reads that too (R3.7)."""
    now = timezone.now()
    bound(account=Account.objects.create(phone=PHONE, made_at=now))
    mine = walk_in(session)
    who, coming = mine.patient, factories.session(state="planned", day=timezone.localtime() + timedelta(days=1))
    others = WaitlistEntry.objects.create(session=coming, patient=factories.patient(), joined_at=now)
    waits = WaitlistEntry.objects.create(session=coming, patient=who, joined_at=now)
    ballot = Ballot.objects.create(session=factories.session(state="planned"), minutes=10)
    asked = BallotEntry.objects.create(ballot=ballot, patient=who, asked_at=now)
    slot = coming.slots.get(index=2)
    freed = FreedNumber.objects.create(slot=slot, free_at=now)
    until = now + timedelta(minutes=10)

    answer = patient.writes("排队")
    assert "您前面候补人数：1" in answer
    pages = [("t", mine.token), ("w", waits.token), ("d", asked.token)]
    found = [answer.index(f"{SITE}/{page}/{token}/") for page, token in pages]
    assert found == sorted(found)
    assert others.token not in answer

    WaitlistEntry.objects.filter(pk=waits.pk).update(state="offered", freed=freed, offered_at=now, offered_until=until)
    answer = patient.writes("排队")
    assert answer.index(f"{SITE}/w/{waits.token}/") < answer.index(f"/t/{mine.token}/")
    assert f"为您保留到 {timezone.localtime(until):%H:%M}" in answer
    assert f"{timezone.localtime(slot.starts_at):%H:%M}–{timezone.localtime(slot.ends_at):%H:%M}" in answer
    assert len(answer.encode()) <= 2048

    WaitlistEntry.objects.filter(pk=waits.pk).update(offered_at=now - timedelta(minutes=10), offered_until=now)
    assert waits.token not in patient.writes("排队"), "it has gone to the next"


def test_many_visits_fit_into_one_answer(patient, session):
    account = Account.objects.create(phone=PHONE, made_at=timezone.now())
    bound(account=account)
    for _ in range(6):
        walk_in(session)
    answer = patient.writes("排队")
    assert answer.count("/t/") == 4
    assert "还有 2 个" in answer
    assert len(answer.encode()) <= 2048


def test_the_menu_answers_as_what_is_typed(patient, session):
    from tests.fakes import official_account as fake

    mine = walk_in(session)
    bound(token=mine.token)
    assert mine.label in patient.reads(fake.event("oPatient", "CLICK", "queue"))


# --- others' ----------------------------------------------------------------------------------------------------
def test_a_stranger_reads_of_a_number_what_a_board_shows(stranger, session):
    tickets = [walk_in(session, phone=f"1370000000{n}") for n in range(3)]
    answer = stranger.writes("a3")
    assert f"{tickets[2].label} 前面还有 2 位" in answer
    assert f"{SITE}/q/{session.pk}/" in answer
    for private in (NAME, "张*明", "1370000", *(ticket.token for ticket in tickets)):
        assert private not in answer


def test_each_state_of_a_number_is_told(stranger, session):
    mine = walk_in(session)
    assert f"{mine.label} 是下一位" in stranger.writes("1")
    call(session)
    assert "正在叫号" in stranger.writes("A1")
    start(ticket_id=mine.pk)
    assert f"{mine.label} 正在就诊" in stranger.writes("A1")
    send_for_test(ticket_id=mine.pk)
    assert "不在候诊队列" in stranger.writes("A1")
    call(session)
    missed = walk_in(session, phone="13700000000")
    call(session)
    miss(ticket_id=missed.pk)
    assert "未到" in stranger.writes("A2")
    assert "没有 A003 号" in stranger.writes("A3")


def test_a_number_of_several_queues_is_told_of_each_and_of_a_letter_of_its_own(stranger, session):
    walk_in(session)
    other = factories.session(day=timezone.localtime(), start=f"{timezone.localtime():%H:%M}", prefix="B")
    walk_in(other, phone="13700000000")
    both = stranger.writes("001")
    assert "A001" in both
    assert "B001" in both
    assert "B001" not in stranger.writes("A001")


@pytest.mark.parametrize("typed", ["王建华", "wangjianhua", "Wang Jianhua", "jianhua", "wjh", "王"])
def test_an_experts_queue_is_found_by_characters_pinyin_and_english(stranger, session, typed):
    for n in range(2):
        walk_in(session, phone=f"1370000000{n}")
    call(session)
    answer = stranger.writes(typed)
    assert answer.startswith("王建华")
    assert f"A001 {session.rooms.get().room.name}" in answer
    assert "候诊：1" in answer
    assert f"{SITE}/q/{session.pk}/" in answer
    assert "张" not in answer


def test_an_expert_who_is_not_here_is_told_with_the_next_clinic(stranger, session):
    type(session).objects.filter(pk=session.pk).update(
        state="planned", starts_at=timezone.now() + timedelta(hours=1), ends_at=timezone.now() + timedelta(hours=5)
    )
    answer = stranger.writes("王建华")
    assert "下次出诊" in answer
    assert f"{SITE}/book/{session.expert.code}/" in answer
    type(session).objects.filter(pk=session.pk).update(state="cancelled")
    assert "近期没有出诊" in stranger.writes("王建华")


def test_of_many_of_one_name_the_whole_name_is_asked_for(stranger, session):
    for n in "一二三四五":
        factories.expert(session.department, name=f"王{n}", name_en="")
    answer = stranger.writes("王")
    assert "全名" in answer
    assert "王三" in answer


def test_an_unknown_name_is_answered_with_what_can_be_written(stranger, session):
    for typed in ("孙悟空", "w", "%"):
        assert "您可以发送" in stranger.writes(typed)


@pytest.mark.parametrize(
    ("language", "help_words"), [("English", "You can write"), ("繁體", "您可以傳送"), ("中文", "您可以发送")]
)
def test_everything_is_said_in_the_chosen_language(patient, language, help_words):
    assert help_words in patient.writes(language)
    assert help_words in patient.writes("?")
    hints = [patient.writes(text) for text in ("排队", "bind", "解绑", "A999", "语言", "888888")]
    simplified, traditional = set("们号诊个时这请队"), set("們號診個時這請隊")
    text = "".join(hints[:4] + hints[5:])
    if language == "English":
        assert text.isascii() or not (simplified | traditional) & set(text)
    else:
        assert not (traditional if language == "中文" else simplified) & set(text)
