"""Lists in and out of the admin: who may, what leaves the house, and what an import says before it changes anything."""

import io

import pytest
from django.contrib.admin.models import LogEntry
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from openpyxl import load_workbook

from booking.models import Expert, Room, Template
from queueboard.admin import exchange
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


def test_a_code_whose_page_is_another_is_refused_in_a_file_too(manager, department):
    page = tried(manager, "booking_expert", "code,department,name\nmine,neuro,王建华\n")
    assert [row.number for row in page.context["result"].invalid_rows] == [1]
    assert page.context.get("confirm_form") is None


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


@pytest.fixture
def weekly(department):
    expert = factories.expert(department, code="wang")
    made = Template.objects.create(
        department=department, expert=expert, weekday=0, starts="08:00", ends="12:00", numbers=40
    )
    made.rooms.create(room=factories.room(department, code="201"), expert=expert)
    factories.room(department, code="202")
    factories.expert(department, code="li")
    return made


def test_weekly_templates_go_out_and_come_back_unchanged(manager, weekly):
    """R1.1"""
    out = exported(manager, "booking_template").decode("utf-8-sig")
    assert "neuro,wang,,,,mon,08:00,12:00,,40,A,201,1" in out
    page = tried(manager, "booking_template", out)
    assert page.context["result"].totals["skip"] == 1
    sheet = SimpleUploadedFile("table.xlsx", exported(manager, "booking_template", XLSX))
    page = manager.post(
        reverse("admin:booking_template_import"), {"format": XLSX, "import_file": sheet, "resource": ""}
    )
    assert page.context["result"].totals["skip"] == 1


def test_weekly_templates_come_in_with_their_rooms_and_what_does_not_fit_is_named(manager, weekly):
    """R1.1"""
    head = "department,expert,title,weekday,starts,ends,numbers,rooms,active\n"
    pooled = 'neuro,,General,tue,13:30,17:00,60,"201:wang, 202:li",1\n'
    page = tried(manager, "booking_template", f"{head}neuro,wang,,mon,08:00,12:00,44,202,1\n{pooled}")
    assert confirmed(manager, "booking_template", page).status_code == 302
    seats = {(t.numbers, f"{t.starts:%H:%M}"): str([(r.room.code, r.expert.code) for r in t.rooms.all()])
             for t in Template.objects.all()}  # fmt: skip
    assert seats == {
        (44, "08:00"): "[('202', 'wang')]", (60, "13:30"): "[('201', 'wang'), ('202', 'li')]",
    }  # fmt: skip
    for wrong in ("neuro,wang,,someday,08:00,12:00,40,201,1", "neuro,wang,,mon,08:00,12:00,40,999,1",
                  "neuro,wang,,mon,14:00,12:00,40,201,1", "neuro,,General,wed,08:00,12:00,40,201,1"):  # fmt: skip
        page = tried(manager, "booking_template", head + wrong)
        assert page.context["result"].has_errors() or page.context["result"].has_validation_errors(), wrong


def test_a_file_is_whole_or_refused_with_a_sentence(manager, department, monkeypatch):
    monkeypatch.setattr(exchange, "LARGEST", 2)
    for code in ("1", "2", "3"):
        factories.room(department, code=code)
    answer = manager.get(reverse("admin:booking_room_export"), follow=True, headers={"accept-language": "en"})
    assert "3 rows are too many for one file, which holds 2" in answer.content.decode()
    assert not LogEntry.objects.exists()
    Room.objects.filter(code="3").delete()
    assert exported(manager, "booking_room").decode().count("neuro") == 2


def test_the_log_says_who_exported_what_and_managers_alone_read_it(manager, department, client):
    """R6.3, R6.2: of a search only that there was one."""
    address = reverse("admin:queueboard_ticket_export") + "?state__exact=done&q=" + "张晓明"
    page = manager.get(address)
    sent = manager.post(address, {"format": CSV, "resource": "", **_all_fields(page)})
    assert sent.status_code == 200
    entry = LogEntry.objects.get()
    assert "0" in entry.change_message
    assert "state__exact=done, q" in entry.change_message
    assert "张晓明" not in entry.change_message
    assert "state__exact=done" in manager.get(reverse("admin:admin_logentry_changelist")).content.decode()
    client.force_login(staff.user("clerk", department), backend=staff.BACKEND)
    assert client.get(reverse("admin:admin_logentry_changelist")).status_code == 403


def test_a_clerk_neither_exports_visits_nor_imports_the_clinic(client, department):
    client.force_login(staff.user("clerk", department), backend=staff.BACKEND)
    for address in ("queueboard_ticket_export", "booking_appointment_export", "booking_expert_import"):
        assert client.get(reverse(f"admin:{address}")).status_code == 403
    for model in ("queueboard_ticket", "booking_appointment"):
        assert client.get(reverse(f"admin:{model}_changelist")).status_code == 200
