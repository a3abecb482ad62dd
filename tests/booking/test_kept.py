"""Queries that are compiled once give what the ORM gives, and PostgreSQL plans them once."""

from datetime import timedelta

import pytest
from django.db import connection
from django.db.models import Exists, OuterRef
from django.test.utils import CaptureQueriesContext

from booking import kept
from booking.models import Appointment, Expert, Session
from tests import factories
from tests.booking.clinic import WEEK_BEFORE, book, planned

pytestmark = pytest.mark.django_db


def sessions(*, department_id, since):
    booked = Appointment.objects.filter(session=OuterRef("pk"), booked_at__gte=since, state="booked")
    found = Session.objects.select_related("expert", "template").filter(department=department_id)
    return found.filter(released_at__gte=since).annotate(booked=Exists(booked)).order_by("pk")


def test_a_kept_query_gives_the_rows_of_the_orm_with_their_relations_and_annotations():
    query = kept.Query(sessions, department_id=int, since=type(WEEK_BEFORE))
    of = factories.department()
    first, second = planned(of=of), planned(of=of, released_at=WEEK_BEFORE)
    book(second)
    for since in (first.released_at, WEEK_BEFORE, WEEK_BEFORE + timedelta(seconds=1)):
        expected = list(sessions(department_id=of.pk, since=since))
        with CaptureQueriesContext(connection) as sent:
            found = query.all(department_id=of.pk, since=since)
            assert [(each, each.expert, each.template, each.booked, each.released_at) for each in found] == [
                (each, each.expert, each.template, each.booked, each.released_at) for each in expected
            ]
        assert len(sent) == 1
    assert query.first(department_id=of.pk, since=WEEK_BEFORE + timedelta(seconds=1)) is None


def test_what_is_always_the_same_is_written_into_the_statement_as_it_is():
    factories.expert(factories.department(), name="100%s o'clock")
    query = kept.Query(lambda code: Expert.objects.filter(name="100%s o'clock", code=code), code=str)
    known = Expert.objects.get()
    assert query.all(code=known.code) == [known]
    assert query.all(code="another") == []


@pytest.mark.postgres
def test_postgresql_prepares_it():
    query = kept.Query(lambda code: Expert.objects.filter(code=code), code=str)
    for _ in range(6):
        query.all(code="nobody's")
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE '%FROM \"booking_expert\"%'")
        assert cursor.fetchone() == (1,)
