"""R3.7: a number stays with the person that it was booked for; no way leads it to another."""

from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, User
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from drf_spectacular.generators import SchemaGenerator

from booking.models import Appointment, Patient
from booking.services import endings, patients
from queueboard.api.patient_shapes import MoveSerializer
from tests import factories
from tests.booking.clinic import refused

pytestmark = pytest.mark.django_db
ID = {"id_type": "other", "id_number": "ID00000001"}


@pytest.fixture
def session():
    tomorrow = timezone.localtime() + timedelta(days=1)
    return factories.session(day=tomorrow, state="planned", pool_opened_at=None)


@pytest.fixture
def booked(session):
    """Wang's appointment."""
    return factories.appointment(session, who=factories.patient(name="王小明", **ID))


def test_the_database_gives_an_appointment_to_nobody_else(booked):
    other = factories.patient()
    with pytest.raises(IntegrityError, match="an appointment stays with its patient"), transaction.atomic():
        Appointment.objects.filter(pk=booked.pk).update(patient=other)
    Appointment.objects.filter(pk=booked.pk).update(patient=booked.patient_id, state="arrived")


class TestByApiAndPages:
    def test_only_who_asks_for_a_number_says_who_comes_and_nothing_else_takes_a_name(self):
        schema = SchemaGenerator().get_schema(request=None, public=True)
        shapes = schema["components"]["schemas"]

        def fields(shape):
            for name, field in shape.get("properties", {}).items():
                yield name
                for each in (field, *field.get("allOf", ()), *field.get("oneOf", ())):
                    if "$ref" in each:
                        yield from fields(shapes[each["$ref"].rsplit("/", 1)[1]])

        naming = set()
        for path, operations in schema["paths"].items():
            assert not {"put", "patch"} & set(operations)
            for operation in operations.values():
                body = operation.get("requestBody", {}).get("content", {}).get("application/json")
                if body and {"name", "id_number", "patient"} & set(
                    fields(shapes[body["schema"]["$ref"].rsplit("/", 1)[1]])
                ):
                    naming.add(path)
        assert naming == {
            "/api/v1/appointments/", "/api/v1/queues/{session_id}/walk-ins/",
            "/api/v1/sessions/{session_id}/waitlist/", "/api/v1/draws/{session_id}/requests/",
        }  # fmt: skip

    def test_an_id_that_is_known_is_booked_for_in_its_name_only(self, booked):
        for way in (patients.find_or_make, patients.find_or_describe):
            with refused("name_differs"):
                way(name="李四", phone="13900000000", **ID)
        assert patients.find_or_make(name="王 小明", phone="", **ID) == booked.patient

    def test_who_works_at_the_desk_changes_a_phone_and_no_name(self, booked):
        with refused("name_differs"):
            patients.find_or_make(name="李四", by_staff=True, **ID)
        patients.find_or_make(name="王小明", phone="13911111111", by_staff=True, **ID)
        booked.patient.refresh_from_db()
        assert (booked.patient.name, booked.patient.phone) == ("王小明", "13911111111")

    def test_moving_takes_a_slot_and_leaves_the_patient(self, booked, client):
        there = booked.session.slots.get(index=1)
        body = {"slot": there.pk, "patient": {"name": "李四"} | ID, "patient_id": factories.patient().pk}
        assert set(MoveSerializer().fields) == {"slot"}
        address = f"/api/v1/appointments/{booked.token}/move/"
        assert client.post(address, body, content_type="application/json").status_code == 200
        assert Appointment.objects.get(pk=booked.pk).patient == booked.patient
        assert Patient.objects.get(pk=booked.patient_id).name == "王小明"


class TestInTheAdmin:
    def login(self, role, session):
        who = User.objects.create(username=role, is_staff=True)
        who.groups.add(Group.objects.get(name=role))
        session.department.staff.add(who)
        client = Client(headers={"accept-language": "en"})
        client.force_login(who, backend="django.contrib.auth.backends.ModelBackend")
        return client

    def change(self, client, patient, **fields):
        address = reverse("admin:booking_patient_change", args=[patient.pk])
        kept = {"name": patient.name, "id_type": patient.id_type, "language": patient.language}
        answer = client.post(address, kept | fields)
        patient.refresh_from_db()
        return answer

    @pytest.mark.parametrize(
        "wanted",
        [{"name": "李四"}, {"new_id_number": "ID99999999"}, {"id_type": "passport"}, {"name": "李四", "reason": "so"}],
    )
    @pytest.mark.parametrize("state", ["held", "booked", "arrived"])
    def test_a_clerk_is_refused_with_a_sentence(self, booked, wanted, state):
        until = timezone.now() + timedelta(minutes=15) if state == "held" else None
        Appointment.objects.filter(pk=booked.pk).update(state=state, held_until=until)
        answer = self.change(self.login("clerk", booked.session), booked.patient, **wanted)
        assert "it stays with this name and ID" in answer.content.decode()
        assert (booked.patient.name, booked.patient.id_number) == ("王小明", "ID00000001")
        assert not LogEntry.objects.exists()

    def test_a_clerk_may_change_the_phone_and_how_a_name_is_written(self, booked):
        answer = self.change(
            self.login("clerk", booked.session), booked.patient, name="王 小明", new_phone="13922222222"
        )
        assert answer.status_code == 302
        assert (booked.patient.name, booked.patient.phone) == ("王 小明", "13922222222")

    def test_a_clerk_may_correct_who_has_nothing_booked_any_more(self, booked):
        endings.cancel(appointment_id=booked.pk)
        assert self.change(self.login("clerk", booked.session), booked.patient, name="王晓明").status_code == 302
        assert booked.patient.name == "王晓明"

    def test_a_manager_corrects_with_a_reason_and_the_log_keeps_both(self, booked):
        manager = self.login("manager", booked.session)
        answer = self.change(manager, booked.patient, name="王晓明")
        assert "please give the reason" in answer.content.decode()
        assert booked.patient.name == "王小明"
        assert self.change(manager, booked.patient, name="王晓明", reason="as on the card").status_code == 302
        assert booked.patient.name == "王晓明"
        entry = LogEntry.objects.get()
        assert entry.user.username == "manager"
        for words in ("王*明", "as on the card", "Name"):
            assert words.lower() in entry.change_message.lower()

    def test_appointments_are_read_only(self, booked):
        manager = self.login("manager", booked.session)
        address = reverse("admin:booking_appointment_change", args=[booked.pk])
        assert manager.post(address, {"patient": factories.patient().pk}).status_code == 403
