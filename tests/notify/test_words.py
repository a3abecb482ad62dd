"""What people read: in their language, with what they need to know, and nothing of anybody else."""

import re
from datetime import timedelta
from itertools import takewhile

import pytest
from django.conf import settings

from booking.models import (
    Ballot,
    BallotEntry,
    CountedNoShow,
    FreedNumber,
    Outbox,
    Payment,
    PhoneCode,
    Refund,
    Suspension,
    WaitlistEntry,
)
from queueboard.models import Ticket
from queueboard.notify.facts import Facts
from queueboard.notify.kinds import KINDS, compose, until
from queueboard.notify.sms.tencent import PARAMETERS
from tests import factories
from tests.factories import at

pytestmark = pytest.mark.django_db
LANGUAGES = [code for code, _name in settings.LANGUAGES]
PHONE, ID_NUMBER, NAME = "13812345678", "110101199003070732", "欧阳小明"


@pytest.fixture
def patient():
    return factories.patient(name=NAME, phone=PHONE, id_type="resident", id_number=ID_NUMBER)


def suspension(patient, appointment):
    made = Suspension.objects.create(patient=patient, begins_at=at("12:00"), until=at("12:00") + timedelta(days=90))
    CountedNoShow.objects.create(suspension=made, appointment=appointment)
    return made


def refund(appointment):
    payment = Payment.objects.create(
        appointment=appointment, provider="demo", amount=2000, balance=2000, state="refunding", number="1",
        provider_number="2", made_at=at("12:00"), until=at("12:15"),
    )  # fmt: skip
    return Refund.objects.create(payment=payment, amount=2000, reason="cancelled", made_at=at("12:00"))


def draws_and_waits(session, made):
    ballot = Ballot.objects.create(session=session, minutes=10, closed_at=at("12:00"))
    asked = {"ballot": ballot, "asked_at": at("12:00"), "ended_at": at("12:10")}
    won = BallotEntry.objects.create(
        patient=made.patient, state="won", place=1, appointment=made, slot=made.slot, **asked
    )
    lost = BallotEntry.objects.create(
        patient=factories.patient(name=NAME), state="lost", place=2, lost_because="none_left", **asked
    )
    freed = FreedNumber.objects.create(slot=made.slot, free_at=at("12:00"))
    waits = {"session": session, "joined_at": at("11:00"), "freed": freed, "offered_at": at("12:00")}
    waits["offered_until"] = at("12:30")
    offered = WaitlistEntry.objects.create(patient=factories.patient(name=NAME), state="offered", **waits)
    lapsed = WaitlistEntry.objects.create(
        patient=factories.patient(name=NAME), state="lapsed", ended_at=at("12:30"), **waits
    )
    return {
        "ballot_won": {"entry": won.pk, "appointment": made.pk},
        "ballot_lost": {"entry": lost.pk},
        "waitlist_offered": {"entry": offered.pk},
        "waitlist_lapsed": {"entry": lapsed.pk},
    }


@pytest.fixture
def everything(patient):
    """One cause of each kind, true at this moment."""
    session = factories.session()
    seat = session.rooms.get()
    seat.room.way, seat.room.way_en, seat.room.way_zh_hant = "二楼左转", "second floor, left", "二樓左轉"
    seat.room.save()
    booked = factories.appointment(session, who=patient)
    expired = factories.appointment(session, 1, who=factories.patient(name=NAME), state="expired")
    stopped = factories.appointment(
        factories.session(stopped_early=True), who=factories.patient(name=NAME), account=None
    )
    slot = session.slots.first()

    def ticket(number, **fields):
        who = factories.patient(name=NAME)
        return Ticket.objects.create(
            session=session, slot=slot, number=number, patient=who, booked=False, arrived=at("07:30"), **fields
        )

    waiting = ticket(1)
    for number in (3, 4, 5):
        Ticket.objects.filter(pk=ticket(number).pk).update(arrived=at("07:10"))
    called = ticket(2, state="called", room=seat.room, called_no=1)
    code = PhoneCode.objects.create(phone=PHONE, code="123456", made_at=at("12:00"), until=at("12:10"), language="en")
    mine = {"patient": patient.pk, "appointment": booked.pk}
    payloads = {
        "phone_code": {"code": code.pk},
        "appointment_booked": mine,
        "appointment_cancelled": mine,
        "appointment_moved": mine,
        "appointment_called_off": mine,
        "expert_substituted": mine | {"away": factories.expert(session.department).pk},
        "session_time_changed": mine | {"was": at("07:30").isoformat()},
        "session_room_changed": mine | {"room": seat.room_id},
        "hold_expired": {"appointment": expired.pk},
        "reminder": mine,
        "refund_done": {"refund": refund(booked).pk},
        "suspended": {"patient": patient.pk, "suspension": suspension(patient, booked).pk},
        "suspension_lifted": {"patient": patient.pk, "suspension": suspension(factories.patient(), stopped).pk},
        **draws_and_waits(session, stopped),
        "ahead": {"ticket": waiting.pk, "ahead": 3},
        "called": {"ticket": called.pk, "room": seat.room_id, "call": 1},
        "call_taken_back": {"ticket": waiting.pk},
        "room_changed": {"ticket": called.pk, "room": seat.room_id},
        "handed_over": {"ticket": waiting.pk},
        "turn_changed": {"ticket": waiting.pk, "turn": at("10:50").isoformat()},
        "time_changed": mine | {"come_at": at("09:20").isoformat()},
        "set_out": mine | {"come_at": at("09:20").isoformat()},
        "session_stopped": {"appointment": stopped.pk},
        "session_goes_on": mine,
    }
    return {
        kind: Outbox.objects.create(
            kind=kind, key=kind, payload=payload, made_at=at("12:00") - timedelta(days=kind == "reminder")
        )
        for kind, payload in payloads.items()
    }


def test_every_kind_says_something_in_every_language_and_names_nobody(everything, settings):
    settings.SITE_URL = "https://queue.example.org"
    assert set(everything) == set(KINDS)
    for kind, cause in everything.items():
        said = {language: compose(Facts(cause), language) for language in LANGUAGES}
        assert all(said.values()), kind
        texts = {language: notice.text for language, notice in said.items()}
        assert len(set(texts.values())) == len(LANGUAGES), kind
        for notice in said.values():
            whole = f"{notice.title} {notice.text} {dict(notice.values)}"
            assert not any(secret in whole for secret in (NAME, ID_NUMBER, PHONE)), kind
            assert "%(" not in whole, kind
            assert len(notice.text) <= 260, kind


def test_every_parameter_of_a_template_is_among_the_facts_of_its_kind(everything):
    assert set(PARAMETERS) == set(KINDS)
    for kind, cause in everything.items():
        notice = compose(Facts(cause), "zh-hans")
        assert set(PARAMETERS[kind]) <= set(notice.values), kind


@pytest.mark.parametrize(
    ("kind", "language", "text"),
    [
        ("called", "en", "A002: please go to Room {room} now. second floor, left"),
        ("called", "zh-hans", "A002 号，请现在到{room} 诊室就诊。二楼左转"),
        ("ahead", "zh-hant", "A001 號：{expert}處前面還有 3 位，請到候診區等候。"),
        ("time_changed", "en", "欧**明: the queue of {expert} does not run as planned today. Please come at 09:20."),
        (
            "refund_done",
            "en",
            "欧**明: 20.00 yuan for the appointment with {expert} on Monday, Nov. 16, 2026 have been",
        ),
    ],
)
def test_the_words(kind, language, text, everything):
    facts = Facts(everything[kind])
    notice = compose(facts, language)
    expert = facts.session.names[language]
    room = facts.room.code if facts.room else ""
    assert notice.text.startswith(text.format(expert=expert, room=room))


def test_the_link_leads_to_the_patients_own_page(everything, settings):
    settings.SITE_URL = "https://queue.example.org"
    facts = Facts(everything["called"])
    assert compose(facts, "en").url == f"https://queue.example.org/t/{facts.ticket.token}/"
    assert compose(Facts(everything["phone_code"]), "en").url == ""
    settings.SITE_URL = ""
    assert compose(facts, "en").url == ""


def test_of_who_is_ahead_so_many_are_said_as_there_are_by_now(everything):
    facts = Facts(everything["ahead"])
    facts.session.tickets.filter(number__in=(3, 4)).update(state="done")
    assert compose(facts, "en").text.startswith("A001: 1 patient is before you")
    facts.session.tickets.filter(number=5).update(state="done")
    assert compose(facts, "en").title == "You are next"
    facts.session.tickets.filter(number=1).update(state="away")
    assert compose(facts, "en") is None


def test_what_is_said_to_be_tomorrow_is(everything):
    reminder = everything["reminder"]
    assert until(reminder) == at("00:00")
    session = Facts(reminder).session
    type(session).objects.filter(pk=session.pk).update(date=session.date + timedelta(days=7))
    assert compose(Facts(reminder), "en") is None


def test_a_pause_is_said_with_the_new_time(everything):
    facts = Facts(everything["turn_changed"])
    facts.session.rooms.update(paused_at=at("09:00"), paused_until=at("10:20"))
    assert "is away and goes on at 10:20. Your turn is expected at about 10:50." in compose(facts, "en").text


@pytest.mark.parametrize(
    ("kind", "model", "state", "text"),
    [
        ("ballot_lost", BallotEntry, "called_off", "does not take place"),
        ("waitlist_lapsed", WaitlistEntry, "called_off", "does not take place"),
        ("waitlist_lapsed", WaitlistEntry, "ended", "The waitlist is closed"),
        ("waitlist_lapsed", WaitlistEntry, "lapsed", "went to the next"),
    ],
)
def test_how_a_draw_or_a_wait_ended_is_said(kind, model, state, text, everything):
    entry = model.objects.filter(pk=everything[kind].payload["entry"])
    entry.update(state=state, **({"lost_because": "", "place": None} if model is BallotEntry else {}))
    assert text in compose(Facts(everything[kind]), "en").text


def test_who_was_offered_a_number_when_the_list_closed_is_not_told_that_none_was_freed(everything):
    lapsed = everything["waitlist_lapsed"]
    entry = WaitlistEntry.objects.filter(pk=lapsed.payload["entry"])
    entry.update(state="ended")
    assert "was not taken in time. The waitlist is closed" in compose(Facts(lapsed), "en").text
    entry.update(freed=None, offered_at=None, offered_until=None)
    assert "was freed. The waitlist is closed" in compose(Facts(lapsed), "en").text


def test_a_number_that_is_drawn_and_not_paid_says_until_when(everything):
    facts = Facts(everything["ballot_won"])
    type(facts.appointment).objects.filter(pk=facts.appointment.pk).update(state="held", held_until=at("12:30"))
    assert "is held until 12:30: please pay by then." in compose(Facts(everything["ballot_won"]), "en").text


@pytest.mark.parametrize("kind", ["expert_substituted", "session_room_changed"])
def test_nothing_is_said_to_stay_that_may_have_changed_with_it(kind, everything):
    """A session that follows its template has another expert or room and another time at once (R3.2b)."""
    said = compose(Facts(everything[kind]), "en").text
    assert "Your number stays yours, your time is 08:00–09:00." in said or "Your time is 08:00–09:00." in said
    assert "time stays" not in said


def test_an_offer_that_is_over_is_not_told(everything):
    WaitlistEntry.objects.filter(state="offered").update(state="lapsed", ended_at=at("12:30"))
    assert compose(Facts(everything["waitlist_offered"]), "en") is None


def test_who_waits_or_asked_in_a_draw_is_led_to_its_page(everything, settings):
    settings.SITE_URL = "https://queue.example.org"
    for kind, address, model in (("waitlist_offered", "w", WaitlistEntry), ("ballot_lost", "d", BallotEntry)):
        facts = Facts(everything[kind])
        token = model.objects.get(pk=facts.entry.pk).token
        notice = compose(facts, "en")
        assert notice.page == f"/{address}/{token}/"
        assert notice.url == f"https://queue.example.org/{address}/{token}/"
        assert notice.values["token"] == token


def table(page: str, heading: str) -> dict[str, list[str]]:
    """Of a page of the docs: the cells of each row of the first table under a heading, by each name in its first."""
    lines = (settings.BASE_DIR / "docs" / page).read_text().partition(f"\n{heading}\n")[2].splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith("|")) + 2
    rows = [line.strip("|").split("|") for line in takewhile(lambda line: line.startswith("|"), lines[start:])]
    return {name: [cell.strip() for cell in cells] for first, *cells in rows for name in re.findall(r"`(\w+)`", first)}


def test_the_docs_have_every_kind_and_whether_it_waits_for_the_morning():
    told = table("notices.md", "## What is told")
    assert {kind: cells[-1] for kind, cells in told.items()} == {
        kind: "at once" if each.urgent else "waits, unless it is near" if each.changes else "waits"
        for kind, each in KINDS.items()
    }


def test_the_docs_have_the_variables_of_every_text_message_in_their_order():
    told = table("notices.md", "### SMS")
    assert {kind: tuple(re.findall(r"`(\w+)`", cells[0])) for kind, cells in told.items()} == PARAMETERS


def test_the_docs_have_every_fact_that_a_template_of_wechat_may_show(everything):
    told = table("wechat.md", "### Facts for templates")
    documented = {kind: set(re.findall(r"`(\w+)`", cells[0])) for kind, cells in told.items()}
    assert set(documented) <= set(KINDS)
    of_all = {"patient", "expert", "department", "date", "day", "start", "end", "number", "room", "way", "token"}
    otherwise = {"ballot_won": {"until"}, "turn_changed": {"until"}}  # to be paid; the expert is away
    for kind, cause in everything.items():
        facts = set(compose(Facts(cause), "zh-hans").values) - of_all
        assert documented.get(kind, set()) - of_all - otherwise.get(kind, set()) == facts, kind
