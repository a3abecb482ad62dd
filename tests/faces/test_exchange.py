"""Lists in and out of the admin: who may, what leaves the house, and what an import says before it changes anything."""

import io

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from openpyxl import load_workbook

from booking.models import Expert, Room
from queueboard.services import arrivals
from tests import factories
from tests.faces import staff
from tests.factories import at

pytestmark = pytest.mark.django_db
CSV, XLSX = "0", "1"


@pytest.fixture
def department(db):
    return factories.department(slug="neuro", name="神经内科")


@pytest.fixture
def manager(client, department):
    client.force_login(staff.user("manager"), backend=staff.BACKEND)
    return client


def exported(client, model, form=CSV):
    address = reverse(f"admin:{model}_export")
    assert client.get(address).status_code == 200
    answer = client.post(address, {"format": form, "resource": "", **_all_fields(client.get(address))})
    assert answer.status_code == 200, answer.content[:500]
    return answer.content


def _all_fields(page):
    form = page.context["form"]
    return {name: "on" for name, field in form.fields.items() if name not in ("format", "resource", "export_items")}


def tried(client, model, text):
    sent = SimpleUploadedFile("table.csv", text.encode(), content_type="text/csv")
    return client.post(reverse(f"admin:{model}_import"), {"format": CSV, "import_file": sent, "resource": ""})


def confirmed(client, model, page):
    form = page.context["confirm_form"]
    return client.post(reverse(f"admin:{model}_process_import"), form.initial)


def test_experts_come_in_after_what_would_change_was_shown(manager, department):
    factories.expert(department, code="wang", name="王建华")
    table = "code,department,name,name_en,active\nwang,neuro,王建国,,1\nli,neuro,李秋萍,Li Qiuping,1\n"
    page = tried(manager, "booking_expert", table)
    assert page.status_code == 200
    assert not page.context["result"].has_errors()
    assert Expert.objects.get().name == "王建华"  # nothing yet
    assert confirmed(manager, "booking_expert", page).status_code == 302
    assert dict(Expert.objects.values_list("code", "name")) == {"wang": "王建国", "li": "李秋萍"}


def test_rows_that_do_not_fit_are_named_and_nothing_is_changed(manager, department):
    table = "code,department,name\n101,neuro,101 诊室\n102,nowhere,102 诊室\n103,neuro,\n"
    page = tried(manager, "booking_room", table)
    result = page.context["result"]
    wrong = [row.number for row in result.invalid_rows] + [number for number, _errors in result.row_errors()]
    assert sorted(wrong) == [2, 3]
    assert page.context.get("confirm_form") is None
    assert not Room.objects.exists()


@pytest.mark.parametrize("name", ["=1+1", "+cmd", "-2", "@SUM(A1)"])
def test_a_cell_that_a_spreadsheet_would_run_goes_out_harmless_and_comes_back_as_it_was(manager, department, name):
    factories.room(department, code="9", name=name)
    out = exported(manager, "booking_room").decode("utf-8-sig")
    assert f",'{name}," in out
    page = tried(manager, "booking_room", out)
    confirmed(manager, "booking_room", page)
    assert Room.objects.get().name == name
    (sheet,) = load_workbook(io.BytesIO(exported(manager, "booking_room", XLSX))).worksheets
    cells = [cell for row in sheet.iter_rows() for cell in row]
    assert f"'{name}" in [cell.value for cell in cells]
    assert not any(cell.data_type == "f" for cell in cells)


def test_visits_leave_the_house_masked(manager, department):
    """R6.2"""
    session = factories.session(of=department)
    who = factories.patient("张晓明", id_number="ID12345678", phone="13900001111")
    ticket = arrivals.register_walk_in(session_id=session.pk, patient_id=who.pk, now=at("07:30"))
    booked = factories.appointment(session, 1, who=factories.patient("王芳"))
    for model, token in (("queueboard_ticket", ticket.token), ("booking_appointment", booked.token)):
        out = exported(manager, model).decode("utf-8-sig")
        assert "*" in out
        assert not any(private in out for private in ("张晓明", "王芳", "ID12345678", "13900001111", token))


def test_a_clerk_neither_exports_visits_nor_imports_the_clinic(client, department):
    client.force_login(staff.user("clerk", department), backend=staff.BACKEND)
    for address in ("queueboard_ticket_export", "booking_appointment_export", "booking_expert_import"):
        assert client.get(reverse(f"admin:{address}")).status_code == 403
    for model in ("queueboard_ticket", "booking_appointment"):
        assert client.get(reverse(f"admin:{model}_changelist")).status_code == 200
