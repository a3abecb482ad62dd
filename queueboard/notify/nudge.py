"""What must go out at once is not left to the timetable: the worker is told as soon as it is committed.

By a thread of its own, so that no request waits for Redis; where that does not answer, the timetable sends it.
"""

import logging
import threading
from typing import Any

from django.db import transaction
from django.db.models.signals import post_save

from booking.models import Outbox

log = logging.getLogger(__name__)

PATIENCE = 2.0  # seconds of that thread
_wanted = threading.Event()
_lock = threading.Lock()
_thread: threading.Thread | None = None


def after_commit() -> None:
    """Inside the transaction that writes an outbox row."""
    transaction.on_commit(now)


def now() -> None:
    """Many at once are one."""
    global _thread
    _wanted.set()
    with _lock:
        if _thread is None or not _thread.is_alive():
            _thread = threading.Thread(target=_publish, name="nudge", daemon=True)
            _thread.start()


def _publish() -> None:
    from queueboard.celery import app

    options = {"socket_timeout": PATIENCE, "socket_connect_timeout": PATIENCE, "max_retries": 1}
    while _wanted.wait(PATIENCE):
        _wanted.clear()
        try:
            with app.connection_for_write(transport_options=app.conf.broker_transport_options | options) as broker:
                app.send_task("queueboard.send_outbox", connection=broker, retry=False, expires=5)
        except Exception as error:
            log.warning("the worker could not be nudged (%s): the timetable sends", type(error).__name__)


def _written(sender: type[Outbox], created: bool, **kwargs: Any) -> None:
    if created:
        after_commit()


post_save.connect(_written, sender=Outbox, dispatch_uid="nudge")
