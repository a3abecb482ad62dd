"""The admin: every page opens, a clerk sees the own departments only, nothing that a log or service owns is edited."""

from datetime import timedelta
from urllib.parse import unquote

import pytest
from django.contrib import admin
from django.urls import reverse
from django.utils import timezone

from booking.models import (
    Outbox,
    PastSession,
    PastVisit,
    Patient,
    QuotaPlan,
    Suspension,
    Template,
    TemplateRoom,
)
from booking.services import quotas, sessions
from queueboard.models import QueueEvent
from queueboard.services.arrivals import register_walk_in
from tests import factories
from tests.faces import managers, staff

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


def searched(client, text: str):
    """The list of patients after a search, whose address does not say what was searched for."""
    answer = client.post(listing("booking_patient") + "?id_type__exact=other&p=2", {"q": text})
    address = answer.headers["Location"]
    assert text not in unquote(address)
    assert "p=2" not in address
    page = client.get(address)
    assert f'value="{text}"' in page.content.decode()
    return page


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
        assert names(searched(client, text)) == [found]
    assert not names(searched(client, "11010119900307033"))
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


def test_a_phone_that_staff_types_is_written_in_one_way_and_one_that_is_none_is_refused(client, mine):
    who = factories.patient(name="周杰")
    client.force_login(staff.user("manager"), backend=staff.BACKEND)
    address = reverse("admin:booking_patient_change", args=[who.pk])
    sent = {"name": "周杰", "language": "en", "id_type": "other", "new_id_number": "", "new_phone": "+86 137-0000-1111"}
    client.post(address, sent)
    who.refresh_from_db()
    assert who.phone == "13700001111"
    answer = client.post(address, sent | {"new_phone": "none"}, **ENGLISH)
    assert "This is not a phone number." in answer.content.decode()


def test_an_id_that_staff_types_is_of_its_kind_and_found_with_its_marks(client, mine):
    client.force_login(staff.user("manager"), backend=staff.BACKEND)
    sent = {"name": "陈大文", "language": "en", "id_type": "other", "new_id_number": "a123456(7)", "new_phone": ""}
    add = reverse("admin:booking_patient_add")
    client.post(add, sent)
    assert Patient.objects.get(name="陈大文").id_number == "A1234567"
    again = client.post(add, sent | {"new_id_number": "A1234567"}, **ENGLISH)
    assert "Another patient has this ID number." in again.content.decode()
    refused = client.post(add, sent | {"new_id_number": "110101199003070011"}, **ENGLISH)
    assert "This is a resident ID" in refused.content.decode()
    found = client.post(reverse("admin:booking_patient_changelist"), {"q": "A123456(7)"}, follow=True)
    assert "陈大文" in found.content.decode()


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


@pytest.mark.parametrize("code", ["mine", "sign-in", "sign-out", "erased", "chen-mine"])
def test_no_expert_has_the_address_of_another_page_for_a_code(client, mine, code):
    """Else their days would never be found under /book/<code>/."""
    client.force_login(staff.user("manager"), backend=staff.BACKEND)
    address = reverse("admin:booking_expert_change", args=[mine.expert.pk])
    initial = client.get(address).context["adminform"].form.initial
    kept = {name: value for name, value in initial.items() if value is not None}
    answer = client.post(address, kept | {"code": code}, **ENGLISH)
    mine.expert.refresh_from_db()
    free = code == "chen-mine"
    assert (mine.expert.code == code) == free
    assert free or f"/book/{code}/ cannot be the page of an expert" in answer.content.decode()
    assert client.get(f"/book/{mine.expert.code}/").status_code == 200


def test_a_session_is_stopped_with_a_reason_and_closed_from_the_admin(client, mine):
    """R1.4, R4.10"""
    manager = staff.user("manager")
    client.force_login(manager, backend=staff.BACKEND)
    stop = reverse("admin:booking_session_stop", args=[mine.pk])
    assert client.post(stop, {"reason": "", "waiting": "stay"}).status_code == 200
    managers.confirm(client, stop, {"reason": "ill", "waiting": "stay"})
    managers.confirm(client, reverse("admin:booking_session_close", args=[mine.pk]))
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
