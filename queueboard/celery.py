"""The Celery application; its timetable is in settings (CELERY_BEAT_SCHEDULE)."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "queueboard.settings")

app = Celery("queueboard")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
