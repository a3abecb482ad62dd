"""Health for whoever watches the processes: alive, and able to serve."""

import redis
from django.conf import settings
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from redis.backoff import NoBackoff
from redis.retry import Retry

from queueboard.live import carriers


def healthz(request: HttpRequest) -> HttpResponse:
    """The process answers. (Under ASGI edge.py answers this ahead of Django.)"""
    return HttpResponse("ok", content_type="text/plain", headers={"Cache-Control": "no-store"})


def readyz(request: HttpRequest) -> JsonResponse:
    """Whether to send it visitors: 503 without the database. Without Redis it serves, up to 2 s later."""
    checks = {"database": _database(), "redis": _redis()}
    status = 200 if checks["database"] else 503
    return JsonResponse(checks, status=status, headers={"Cache-Control": "no-store"})


def _database() -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        return True
    except DatabaseError:
        return False


def _redis() -> bool:
    return all(_answers(url) for url in {settings.REDIS_URL, *carriers.urls()})


def _answers(url: str) -> bool:
    client = redis.Redis.from_url(url, socket_connect_timeout=0.2, socket_timeout=0.2, retry=Retry(NoBackoff(), 0))
    with client:
        try:
            return bool(client.ping())
        except redis.RedisError:
            return False
