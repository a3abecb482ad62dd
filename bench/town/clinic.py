"""The clinic's end, in a process of its own: a command a line on standard input, an answer a line on standard output.

call      a patient is called once more in every queue; answers what the queues' versions are then, or the error
versions  the same without a call
breaches  what does not add up in the queues
"""

import json
import os
import sys


def main(queues: int, waiting: int) -> None:
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "queueboard.settings")
    django.setup()
    from django.core.management import call_command
    from django.db import DatabaseError, close_old_connections

    from bench import open_queue
    from booking.models import Session
    from queueboard import invariants as of_queues
    from queueboard.services import arrivals, calls
    from tests import factories

    call_command("migrate", verbosity=0)
    called = {}
    for _ in range(queues):
        session = open_queue.make(waiting)
        for _ in range(waiting):
            arrivals.register_walk_in(session_id=session.pk, patient_id=factories.patient().pk)
        called[session.pk] = calls.call_next(session_id=session.pk, room_id=session.rooms.get().room_id).pk

    def versions() -> dict[int, int]:
        return dict(Session.objects.filter(pk__in=called).values_list("pk", "version"))

    print(json.dumps(versions()), flush=True)
    for line in sys.stdin:
        close_old_connections()
        try:
            if line.strip() == "call":
                for ticket_id in called.values():
                    calls.recall(ticket_id=ticket_id)
            answer: object = versions() if line.strip() != "breaches" else list(of_queues.breaches())
        except DatabaseError as error:
            answer = {"error": type(error).__name__}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
