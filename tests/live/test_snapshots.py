"""The snapshot of a queue: one consistent read, encoded for each audience (R4.11, R4.12, R5.1, R6.2)."""

import json
from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model

from booking.models import PastSession, PastVisit, Session
from queueboard import snapshots
from queueboard.services import arrivals, calls, lifecycle, returns, rooms
from tests import factories
from tests.factories import at
from tests.live import clinic

pytestmark = pytest.mark.django_db
PARTS = ("board", "phone", "desk")


def read(session: Session, audience: str = "desk", now: str = "08:05") -> dict:
    return json.loads(getattr(snapshots.build(session.pk, now=at(now)), audience))


def everything(value) -> str:
    return json.dumps(value, ensure_ascii=False)


def test_it_shows_who_is_called_who_waits_and_where_to_go():
    session = clinic.queue("张小明", "李四", "王五")
    called = clinic.call(session)
    shown = read(session)
    room = session.rooms.get().room
    [entry] = shown["called"]
    assert (entry["number"], entry["room"], entry["times"]) == (called.label, room.code, 1)
    assert entry["at"] == entry["first_at"] == at("08:05").isoformat(timespec="milliseconds")
    assert [waiting["number"] for waiting in shown["waiting"]] == ["A002", "A003"]
    assert shown["rooms"][0]["names"]["en"] == room.name_en
    assert (shown["session"], shown["state"], shown["done"]) == (session.pk, "running", 0)


def test_a_recall_keeps_the_time_of_the_first_call():
    session = clinic.queue("张小明")
    called = clinic.call(session)
    calls.recall(ticket_id=called.pk, now=at("08:06"))
    [entry] = read(session)["called"]
    assert entry["times"] == 2
    assert entry["first_at"] < entry["at"]


def test_names_are_masked_on_boards_and_absent_on_phones():
    """R6.2."""
    session = clinic.queue("张小明", "李大四", "John Smith")
    calls.start(ticket_id=clinic.call(session).pk, now=at("08:05"))
    clinic.call(session)
    board, phone = read(session, "board"), read(session, "phone")
    assert board["waiting"][0]["name"] == "J. S***"
    assert board["called"][0]["name"] == "李*四"
    assert not any("name" in entry for part in ("serving", "called", "waiting") for entry in phone[part])
    for audience in PARTS:
        text = everything(read(session, audience))
        for ticket in session.tickets.select_related("patient"):
            for secret in (ticket.patient.name, ticket.patient.phone, ticket.patient.id_number, ticket.token):
                assert secret not in text


def test_no_screen_tells_an_emergency_from_another_priority_but_the_desk():
    """R4.12."""
    session = clinic.queue("张小明", "李四", "王五")
    last, middle = session.tickets.order_by("-number")[:2]
    returns.set_priority(ticket_id=last.pk, priority="emergency", reason="chest pain", now=at("08:01"))
    returns.set_priority(ticket_id=middle.pk, priority="priority", reason="frail", now=at("08:02"))
    assert [entry["place"] for entry in read(session, "desk")["waiting"]] == ["emergency", "priority", "walk_in"]
    for audience in ("board", "phone"):
        assert [entry["place"] for entry in read(session, audience)["waiting"]] == ["priority", "priority", "walk_in"]
        text = everything(read(session, audience))
        assert "emergency" not in text
        assert "chest" not in text
        assert "frail" not in text


def test_who_was_overtaken_can_read_why():
    """R4.12: when, by how many, by which rule."""
    session = clinic.queue("张小明", "李四", "王五")
    last = session.tickets.latest("number")
    returns.set_priority(ticket_id=last.pk, priority="emergency", reason="chest pain", now=at("08:01"))
    shown = {entry["number"]: entry["worse"] for entry in read(session, "phone")["waiting"]}
    assert shown[last.label] == []
    [why] = shown["A001"]
    assert (why["by"], why["reason"]) == (1, "priority")
    assert why["at"] == at("08:01").isoformat(timespec="milliseconds")


def test_only_the_newest_three_reasons_are_kept():
    session = clinic.queue("张小明", "李四", "王五", "赵六", "孙七")
    for minute, ticket in enumerate(session.tickets.order_by("number")[1:5]):
        moment = at(f"08:0{minute}")
        returns.set_priority(ticket_id=ticket.pk, priority="emergency", reason="urgent", now=moment)
    shown = {entry["number"]: entry["worse"] for entry in read(session)["waiting"]}
    assert [why["at"] for why in shown["A001"]] == [
        at(f"08:0{minute}").isoformat(timespec="milliseconds") for minute in (3, 2, 1)
    ]


def test_a_booked_patient_at_home_sees_the_position_of_checking_in_now():
    """R5.1: it is the place that checking in then gives."""
    session = clinic.queue("张小明", "李四", "王五")
    booked = factories.appointment(session, 0)
    promised = read(session, "phone", "07:45")["joining"]
    assert [entry["slot"] for entry in promised] == [0, 1, 2, 3]
    ticket = arrivals.check_in(appointment_id=booked.pk, now=at("07:45"))
    line = [entry["number"] for entry in read(session)["waiting"]]
    assert line.index(ticket.label) == promised[0]["position"]


def test_who_would_be_late_and_passed_is_promised_the_end():
    """R5.1 with R4.7."""
    session = clinic.queue("张小明", "李四")
    booked = factories.appointment(session, 1)
    other = arrivals.check_in(appointment_id=booked.pk, now=at("08:55"))
    calls.call_ticket(ticket_id=other.pk, room_id=session.rooms.get().room_id, now=at("09:01"))
    late = read(session, "phone", "09:02")["joining"]
    assert late[0]["position"] == 2
    assert late[3]["position"] == 2


def test_waits_are_not_before_the_start_nor_before_the_pause_ends():
    session = clinic.queue("张小明", "李四")
    assert read(session, now="07:30")["waiting"][0]["median"] == 30.0
    assert read(session, now="08:00")["waiting"][0]["median"] == 0.0
    room = session.rooms.get().room_id
    rooms.pause(session_id=session.pk, room_id=room, until=at("08:20"), reason="ward round", now=at("08:00"))
    shown = read(session, now="08:05")
    assert shown["waiting"][0]["median"] == 15.0
    assert shown["notice"]["kind"] == "paused"
    assert shown["rooms"][0]["paused"]["reason"] == "ward round"


def test_waits_come_from_the_experts_past_visits_and_lean_on_the_departments_where_these_are_few():
    """R5.2: without a past, the department's stated mean; with some, in between; with many, the expert's own."""
    of = factories.department(default_visit_minutes=10.0)
    medians = []
    for visits in (0, 10, 200):
        session = clinic.queue("张小明", "李四", of=of)
        past = PastSession.objects.create(
            expert=session.expert, source="test", morning=True, starts_at=at("08:00") - timedelta(days=70),
            ends_at=at("12:00") - timedelta(days=70),
        )  # fmt: skip
        PastVisit.objects.bulk_create(PastVisit(past_session=past, position=n, seconds=240) for n in range(visits))
        medians.append(read(session, now="08:00")["waiting"][1]["median"])
    # A visit's median is 0.9 of its mean.
    none, few, many = medians
    assert none == pytest.approx(9.0, abs=0.3)
    assert many == pytest.approx(3.6, abs=0.3)
    assert many < few < none


def test_who_is_booked_and_not_here_yet_is_waited_for():
    """R5.2: with the chance that they come, where the rules would put them: before a walk-in of a later slot."""
    waits = []
    for booked in (0, 2):
        session = clinic.queue(split=((2, 0), (0, 9)))
        for _ in range(booked):
            factories.appointment(session, 0)
        arrivals.register_walk_in(session_id=session.pk, patient_id=factories.patient().pk, now=at("07:30"))
        waits.append(read(session, now="07:40")["waiting"][0]["p90"])
    assert waits[1] > waits[0] + 5


def test_a_visit_under_way_for_long_leaves_less_to_wait_for():
    session = clinic.queue("张小明", "李四", of=factories.department(default_visit_minutes=10.0))
    calls.start(ticket_id=clinic.call(session).pk, now=at("08:05"))
    [early] = read(session, now="08:06")["waiting"]
    [late] = read(session, now="08:12")["waiting"]
    assert 0 < late["median"] < early["median"]


def test_what_screens_show_stays_where_it_is_without_a_reason():
    """A minute later every figure is a little different; the time of day that is shown is the same."""
    session = clinic.queue("张小明", "李四", "王五", "赵六")
    clinic.call(session)
    before = snapshots.build(session.pk, now=at("08:06"))
    free = [entry["median"] for entry in read(session, now="08:07")["waiting"]]
    held = [
        entry["median"]
        for entry in json.loads(snapshots.build(session.pk, now=at("08:07"), shown=before).desk)["waiting"]
    ]
    was = [entry["median"] for entry in json.loads(before.desk)["waiting"]]
    assert held == pytest.approx([median - 1 for median in was], abs=0.05)
    assert free != pytest.approx(held, abs=0.05)


def test_what_who_is_at_home_is_shown_stays_where_it_is_too():
    """Of each slot by itself (R5.1): a patient of a later one can come behind others."""
    session = clinic.queue("张小明", "李四", "王五", "赵六")
    clinic.call(session)
    before = snapshots.build(session.pk, now=at("08:06"))
    was, free, held = (
        [(entry["median"], entry["p90"]) for entry in json.loads(built.phone)["joining"]]
        for built in (
            before,
            snapshots.build(session.pk, now=at("08:10")),
            snapshots.build(session.pk, now=at("08:10"), shown=before),
        )
    )
    assert held == [pytest.approx((median - 4, p90 - 4), abs=0.05) for median, p90 in was]
    assert free != held


def test_a_booked_patient_is_told_to_come_when_the_turn_can_come_and_before_being_late():
    """R5.3: not before the slot; later behind a full queue; never so late that the slot has ended."""
    idle = factories.session()
    assert snapshots.come_at(factories.appointment(idle, 1), now=at("07:30")) == at("09:00")
    busy = clinic.queue(*(f"张小{n}" for n in range(14)), split=((0, 20), (4, 0)), numbers=40)
    told = snapshots.come_at(factories.appointment(busy, 1), now=at("08:00"))
    assert at("09:00") < told <= at("09:50")


def test_a_stopped_session_says_so():
    session = clinic.queue("张小明")
    lifecycle.stop_early(session_id=session.pk, reason="called away", now=at("08:10"))
    assert read(session)["notice"] == {"kind": "stopped"}


def test_a_change_in_the_middle_of_the_read_is_seen_whole_or_not_at_all(monkeypatch):
    """A version and the rows of another one must never go out together."""
    session = clinic.queue("张小明", "李四")
    plain, changed = snapshots._read, []

    def read_while_somebody_calls(session_id):
        found = plain(session_id)
        if not changed:
            changed.append(clinic.call(session))
        return found

    monkeypatch.setattr(snapshots, "_read", read_while_somebody_calls)
    snapshot = snapshots.build(session.pk, now=at("08:05"))
    session.refresh_from_db()
    assert snapshot.version == session.version
    assert [entry["number"] for entry in json.loads(snapshot.desk)["called"]] == ["A001"]


def test_a_queue_that_never_rests_is_read_under_its_lock(monkeypatch):
    session = clinic.queue("张小明")
    plain, reads = snapshots._read, []

    def read_while_it_changes(session_id):
        found = plain(session_id)
        reads.append(found)
        if len(reads) <= snapshots.READS_BEFORE_LOCKING:
            Session.objects.filter(pk=session_id).update(version=found.session.version + 1)
        return found

    monkeypatch.setattr(snapshots, "_read", read_while_it_changes)
    snapshot = snapshots.build(session.pk)
    session.refresh_from_db()
    assert snapshot.version == session.version


def test_the_bytes_can_be_put_into_a_page():
    session = clinic.queue("张小明", of=factories.department(name="</script><b>"))
    for audience in PARTS:
        text = getattr(snapshots.build(session.pk), audience)
        assert b"<" not in text
        assert json.loads(text)["department"] == "</script><b>"


def test_a_planned_session_without_anybody_has_a_snapshot_too():
    session = factories.session(state="planned", rooms=2)
    shown = read(session, "phone", "06:00")
    assert shown["waiting"] == shown["called"] == shown["serving"] == []
    assert shown["version"] == 0


def test_reading_a_snapshot_costs_the_same_few_queries_however_long_the_queue(django_assert_max_num_queries):
    session = clinic.queue(*(f"张小{n}" for n in range(12)), split=((0, 20),))
    clinic.call(session)
    get_user_model()  # imported before counting
    with django_assert_max_num_queries(16):  # the expert's past, for ten minutes
        snapshots.build(session.pk)
    with django_assert_max_num_queries(9):
        snapshots.build(session.pk)
