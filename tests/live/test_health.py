"""Alive, and able to serve."""

import pytest
from django.db import OperationalError, connection

pytestmark = pytest.mark.django_db


def test_a_process_that_answers_is_alive_without_a_look_at_the_database(client, django_assert_num_queries):
    with django_assert_num_queries(0):
        assert client.get("/healthz").content == b"ok"


def test_it_is_ready_with_database_and_redis(client):
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()) == (200, {"database": True, "redis": True})


def test_without_redis_it_still_serves(client, settings):
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()) == (200, {"database": True, "redis": False})


def test_without_the_database_it_is_not_ready(client, monkeypatch):
    def refuse(*args):
        raise OperationalError("down")

    monkeypatch.setattr(connection, "cursor", refuse)
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["database"] is False
