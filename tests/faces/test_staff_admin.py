"""The admin: every page opens, a clerk sees the own departments only, nothing that a log or service owns is edited."""

from datetime import timedelta

import pytest
from django.contrib import admin
from django.urls import reverse
from django.utils import timezone

from booking.models import (
    Leave,
    Outbox,
    PastSession,
    PastVisit,
    Patient,
    QuotaPlan,
    SessionRoom,
    Suspension,
    Template,
    TemplateRoom,
)
from booking.services import quotas, sessions
from queueboard import board_keys
from queueboard.models import QueueEvent
from queueboard.services.arrivals import register_walk_in
from tests import factories
from tests.faces import staff

pytestmark = pytest.mark.django_db
ENGLISH = {"HTTP_ACCEPT_LANGUAGE": "en"}


@pytest.fixture
def mine(db):
    """A queue with somebody in it, begun half an hour ago."""
    began = timezone.localtime(timezone.now() - timedelta(minutes=30))
    session = factories.session(start=f"{began:%H:%M}", day=began)
    register_walk_in(session_id=session.pk, patient_id=factories.patient(name="赵一芳").pk)
    factories.appointment(session, slot_index=1, who=factories.patient(name="钱多多"))
    return session


@pytest.fixture
def theirs(db):
    """The same in another department."""
    began = timezone.localtime(timezone.now() - timedelta(minutes=30))
    session = factories.session(start=f"{began:%H:%M}", day=began)
    register_walk_in(session_id=session.pk, patient_id=factories.patient(name="吴小莉").pk)
    factories.appointment(session, slot_index=1, who=factories.patient(name="郑成功"))
    return session


@pytest.fixture
def planned(mine):
    """Sessions made ahead from a template, with their quotas and why."""
    template = Template.objects.create(
        department=mine.department, expert=mine.expert, weekday=(timezone.localdate() + timedelta(days=3)).weekday(),
        starts="08:00", ends="12:00", numbers=42,
    )  # fmt: skip
    TemplateRoom.objects.create(template=template, room=mine.rooms.get().room, expert=mine.expert)
    sessions.make_sessions(today=timezone.localdate())
    return template.sessions.order_by("date").first()


def names(response) -> list[object]:
    return list(response.context["cl"].result_list)


def listing(model: str) -> str:
    return reverse(f"admin:{model}_changelist")


def test_every_list_and_form_of_the_admin_opens(client, mine, planned, django_assert_max_num_queries):
    past = PastSession.objects.create(
        expert=mine.expert, source="test", starts_at=timezone.now(), ends_at=timezone.now(), morning=True
    )
    PastVisit.objects.create(past_session=past, position=1)
    Outbox.objects.create(kind="test", payload={}, key="test:1", made_at=timezone.now())
    client.force_login(staff.user("root"), backend=staff.BACKEND)
    opened = 0
    for model, model_admin in admin.site._registry.items():
        label = f"{model._meta.app_label}_{model._meta.model_name}"
        with django_assert_max_num_queries(60):
            assert client.get(listing(label)).status_code == 200, label
        row = model._default_manager.first()
        if row is not None:
            assert client.get(reverse(f"admin:{label}_change", args=[row.pk])).status_code == 200, label
        adds = client.get(reverse(f"admin:{label}_add")).status_code
        assert adds == (200 if model_admin.has_add_permission(_request_of(client)) else 403), label
        opened += 1
    assert opened >= 18


def _request_of(client):
    return client.get(reverse("admin:index")).wsgi_request


@pytest.mark.parametrize(
    "model",
    ["booking_session", "booking_appointment", "queueboard_ticket", "queueboard_queueevent", "booking_patient"],
)
def test_a_clerk_sees_only_the_own_departments_in_a_list(client, mine, theirs, model):
    client.force_login(staff.user("clerk", mine.department), backend=staff.BACKEND)
    rows = names(client.get(listing(model)))
    assert rows
    assert not any(_belongs(row, theirs) for row in rows)
    client.force_login(staff.user("manager"), backend=staff.BACKEND)
    assert any(_belongs(row, theirs) for row in names(client.get(listing(model))))


def _belongs(row, session) -> bool:
    if isinstance(row, Patient):
        return row.tickets.filter(session=session).exists() or row.appointments.filter(session=session).exists()
    return getattr(row, "session", row) == session


def test_another_departments_session_does_not_open_for_a_clerk(client, mine, theirs):
    client.force_login(staff.user("clerk", mine.department), backend=staff.BACKEND)
    assert client.get(reverse("admin:booking_session_change", args=[mine.pk])).status_code == 200
    other = client.get(reverse("admin:booking_session_change", args=[theirs.pk]))
    assert other.status_code == 302
    assert other["Location"] == reverse("admin:index")


def test_the_audit_log_says_who_did_what_when_and_cannot_be_edited(client, mine):
    """R6.3"""
    clerk = staff.user("clerk", mine.department, name="chen")
    register_walk_in(session_id=mine.pk, patient_id=factories.patient(name="孙大海").pk, actor=clerk)
    client.force_login(clerk, backend=staff.BACKEND)
    html = client.get(listing("queueboard_queueevent"), **ENGLISH).content.decode()
    assert "walk-in registered" in html
    assert "chen" in html
    assert "孙*海" in html
    assert "孙大海" not in html
    address = reverse("admin:queueboard_queueevent_change", args=[QueueEvent.objects.first().pk])
    assert client.post(address, {"reason": "no"}).status_code == 403


def test_a_patient_is_found_by_whole_id_phone_or_beginning_of_the_name_and_the_id_is_masked(client, mine):
    """R6.2"""
    found = factories.patient(name="欧阳晓雨", id_number="110101199003070337", phone="13900001111")
    factories.appointment(mine, slot_index=2, who=found)
    client.force_login(staff.user("clerk", mine.department), backend=staff.BACKEND)
    for text in ("110101199003070337", "139 0000 1111", "欧阳"):
        assert names(client.get(listing("booking_patient"), {"q": text})) == [found]
    assert not names(client.get(listing("booking_patient"), {"q": "11010119900307033"}))
    for address in (listing("booking_patient"), reverse("admin:booking_patient_change", args=[found.pk])):
        html = client.get(address).content.decode()
        assert "0337" in html
        assert "110101199003070337" not in html


def test_a_form_left_empty_keeps_the_patients_id_and_a_second_one_with_it_is_refused(client, mine):
    who = factories.patient(name="周杰", id_number="E1234567", id_type="passport")
    client.force_login(staff.user("manager"), backend=staff.BACKEND)
    sent = {"name": "周小杰", "language": "en", "id_type": "passport", "new_id_number": "", "new_phone": ""}
    client.post(reverse("admin:booking_patient_change", args=[who.pk]), sent)
    who.refresh_from_db()
    assert (who.name, who.id_number) == ("周小杰", "E1234567")
    again = client.post(reverse("admin:booking_patient_add"), sent | {"new_id_number": "e1234567"}, **ENGLISH)
    assert "Another patient has this ID number." in again.content.decode()


def test_why_this_split_is_a_readable_page(client, planned):
    """R2.5"""
    client.force_login(staff.user("manager"), backend=staff.BACKEND)
    html = client.get(reverse("admin:booking_session_why", args=[planned.pk]), **ENGLISH).content.decode()
    assert "08:00–09:00" in html
    assert "for 42 numbers" in html
    assert "walk-ins are expected" in html
    plan = QuotaPlan.objects.get(session=planned)
    assert sum(row["bookable"] + row["walk_in"] for row in plan.rows) == 42


def test_quotas_are_recalculated_by_a_post_alone_and_by_a_manager_alone(client, mine, planned):
    address = reverse("admin:booking_session_recalculate", args=[planned.pk])
    slot = planned.slots.order_by("index").last()
    quotas.lock_split(slot_id=slot.pk, bookable=0, actor=None)
    client.force_login(staff.user("manager"), backend=staff.BACKEND)
    assert client.get(address).status_code == 200
    assert QuotaPlan.objects.filter(session=planned).count() == 1
    assert client.post(address).status_code == 302
    assert QuotaPlan.objects.filter(session=planned).count() == 2
    client.force_login(staff.user("clerk", mine.department), backend=staff.BACKEND)
    assert client.post(address).status_code == 403


def test_a_manager_chooses_how_an_experts_numbers_are_split(client, mine):
    """R2.5: the study's rule until then."""
    client.force_login(staff.user("manager"), backend=staff.BACKEND)
    address = reverse("admin:booking_expert_change", args=[mine.expert.pk])
    form = client.get(address).context["adminform"].form
    assert form.initial["split_by"] == "study"
    kept = {name: value for name, value in form.initial.items() if value is not None}
    assert client.post(address, kept | {"split_by": "optimised"}).status_code == 302
    mine.expert.refresh_from_db()
    assert mine.expert.split_by == "optimised"


def test_a_session_is_stopped_with_a_reason_and_closed_from_the_admin(client, mine):
    """R1.4, R4.10"""
    manager = staff.user("manager")
    client.force_login(manager, backend=staff.BACKEND)
    stop = reverse("admin:booking_session_stop", args=[mine.pk])
    assert client.post(stop, {"reason": ""}).status_code == 200
    mine.refresh_from_db()
    assert not mine.stopped_early
    client.post(stop, {"reason": "ill"})
    client.post(reverse("admin:booking_session_close", args=[mine.pk]))
    mine.refresh_from_db()
    assert (mine.stopped_early, mine.state) == (True, "closed")
    assert QueueEvent.objects.get(session=mine, kind="stop_early").actor == manager


def test_a_suspension_is_lifted_by_a_manager_alone_and_with_a_reason(client, mine):
    """R3.6"""
    now = timezone.now()
    made = Suspension.objects.create(patient=factories.patient(), begins_at=now, until=now + timedelta(days=90))
    address = reverse("admin:booking_suspension_lift", args=[made.pk])
    client.force_login(staff.user("clerk", mine.department), backend=staff.BACKEND)
    assert client.post(address, {"reason": "no"}).status_code == 403
    manager = staff.user("manager")
    client.force_login(manager, backend=staff.BACKEND)
    client.post(address, {"reason": ""})
    made.refresh_from_db()
    assert made.ended_at is None
    client.post(address, {"reason": "The desk forgot her."})
    made.refresh_from_db()
    assert (made.lifted_by, made.lift_reason) == (manager, "The desk forgot her.")
    assert "The desk forgot her." in client.get(listing("booking_suspension")).content.decode()


@pytest.fixture
def ahead(mine):
    """The day after tomorrow, with two booked."""
    session = factories.session(
        of=mine.department, day=timezone.localtime() + timedelta(days=2), state="planned", pool_opened_at=None
    )
    for slot in (0, 1):
        factories.appointment(session, slot)
    return session


def events(session):
    return list(QueueEvent.objects.filter(session=session).values_list("kind", "reason", "actor__username"))


def test_numbers_are_added_by_a_manager_or_the_expert_of_the_session_and_logged(client, ahead):
    """R3.2b, R6.3"""
    address, slot = reverse("admin:booking_session_add_numbers", args=[ahead.pk]), ahead.slots.get(index=0)
    sent = {"slot": slot.pk, "count": 2, "reason": "two of a colleague's"}
    client.force_login(staff.user("clerk", ahead.department), backend=staff.BACKEND)
    assert client.post(address, sent).status_code == 403
    for who in (staff.user("manager", name="li"), staff.user("expert", name="chen")):
        if who.username == "chen":
            SessionRoom.objects.filter(session=ahead).update(expert=factories.expert(ahead.department, user=who))
        client.force_login(who, backend=staff.BACKEND)
        assert client.get(address).status_code == 200
        assert client.post(address, sent).status_code == 302
    assert ahead.slots.get(index=0).bookable == slot.bookable + 4
    reason = "two of a colleague's"
    assert events(ahead) == [("numbers_added", reason, "li"), ("numbers_added", reason, "chen")]


def test_a_substitute_and_a_cancellation_say_first_how_many_are_booked(client, ahead):
    """R3.2b, R1.3"""
    client.force_login(staff.user("manager", name="li"), backend=staff.BACKEND)
    other = factories.expert(ahead.department)
    steps = {
        "substitute": {"away": ahead.expert_id, "expert": other.pk, "reason": "ill"},
        "call_off": {"reason": "flood"},
    }
    for step, sent in steps.items():
        address = reverse(f"admin:booking_session_{step}", args=[ahead.pk])
        assert "2 patients are booked." in client.get(address, **ENGLISH).content.decode()
        assert client.post(address, {"reason": ""}).status_code == 200
        assert client.post(address, sent).status_code == 302
    ahead.refresh_from_db()
    assert (ahead.expert, ahead.state) == (other, "cancelled")
    assert events(ahead) == [("substituted", "ill", "li"), ("called_off", "flood", "li")]


def test_a_leave_shows_who_is_booked_and_cancels_after_confirmation_only(client, ahead):
    """R1.3"""
    client.force_login(staff.user("manager"), backend=staff.BACKEND)
    sent = {"expert": ahead.expert_id, "first_day": ahead.date, "last_day": ahead.date, "reason": "congress"}
    answer = client.post(reverse("admin:booking_leave_add"), sent)
    address = reverse("admin:booking_leave_sessions", args=[Leave.objects.get().pk])
    assert (answer.status_code, answer["Location"]) == (302, address)
    assert f"{ahead.date} 08:00: 2 patients are booked." in client.get(address, **ENGLISH).content.decode()
    ahead.refresh_from_db()
    assert ahead.state == "planned"
    for _press in range(2):
        assert client.post(address).status_code == 302
    assert set(ahead.appointments.values_list("state", flat=True)) == {"called_off"}
    assert Outbox.objects.filter(kind="appointment_called_off").count() == 2


def test_a_refusal_comes_back_as_a_sentence(client, mine):
    client.force_login(staff.user("manager"), backend=staff.BACKEND)
    address = reverse("admin:booking_session_recalculate", args=[mine.pk])
    answer = client.post(address, follow=True, **ENGLISH)
    assert "Registration is open: the split stays as it is." in answer.content.decode()


def test_the_numbers_of_a_slot_cannot_be_edited_by_hand(client, planned):
    """R2.7"""
    client.force_login(staff.user("root"), backend=staff.BACKEND)
    html = client.get(reverse("admin:booking_session_change", args=[planned.pk])).content.decode()
    assert 'name="slots-0-bookable"' not in html


def test_a_boards_new_key_is_shown_once_and_only_its_hash_is_kept(client, mine):
    from queueboard.models import Board

    board = Board.objects.create(slug="hall", title="厅")
    client.force_login(staff.user("manager"), backend=staff.BACKEND)
    address = reverse("admin:queueboard_board_new_key", args=[board.pk])
    client.get(address)
    board.refresh_from_db()
    assert board.key_hash == ""
    key = client.post(address).context["key"]
    board.refresh_from_db()
    assert board_keys.fits(board, key)
    assert key not in client.get(reverse("admin:queueboard_board_change", args=[board.pk])).content.decode()
    client.post(reverse("admin:queueboard_board_revoke_key", args=[board.pk]))
    board.refresh_from_db()
    assert not board_keys.fits(board, key)


@pytest.mark.parametrize("language", ["en", "zh-hans", "zh-hant"])
def test_the_admin_opens_in_each_language(client, mine, language):
    client.force_login(staff.user("manager"), backend=staff.BACKEND)
    html = client.get(reverse("admin:index"), HTTP_ACCEPT_LANGUAGE=language).content.decode()
    assert f'<html lang="{language}"' in html


def test_the_policy_is_relaxed_under_admin_and_strict_on_the_desk(client, mine):
    client.force_login(staff.user("clerk", mine.department), backend=staff.BACKEND)
    policies = {name: client.get(reverse(name))["Content-Security-Policy"] for name in ("admin:index", "desk", "home")}
    assert "unsafe-eval" in policies["admin:index"]
    assert "unsafe" not in policies["desk"]
    assert "unsafe" not in policies["home"]
